using System;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Rest;

/// <summary>The join token of an app's user. It is asked for at each join, and when the server says that it ran out.</summary>
/// <param name="getToken">Gets one from the app's own backend.</param>
internal sealed class AppToken(Func<CancellationToken, Task<string>> getToken) : IDisposable
{
    private readonly CancellationTokenSource _over = new();
    private Task<string>? _token;

    /// <summary>Whether another token may do better where the server answers this.</summary>
    public static bool IsRenewedBy(string code) => code is "unauthorized" or "token_expired" or "token_revoked" or "key_disabled";

    /// <summary>Has a new token got. What comes while it is under way waits for the same one.</summary>
    public Task<string> AskAsync() => _token = GetAsync();

    /// <summary>Sends a request with the token; once more with a new one when the server wants that.</summary>
    public async Task<T> WithAsync<T>(Func<string, Task<T>> request)
    {
        var asked = _token is { IsFaulted: false, IsCanceled: false } ? _token : AskAsync();
        var token = await asked;
        try
        {
            return await request(token);
        }
        catch (TunRTCException refused) when (IsRenewedBy(refused.Code))
        {
            // Another call may have asked meanwhile.
            var renewed = _token is { IsFaulted: false, IsCanceled: false } && _token != asked ? _token : AskAsync();
            return await request(await renewed);
        }
    }

    public void Dispose() => _over.Cancel();

    private async Task<string> GetAsync()
    {
        try
        {
            // An error page is a text too.
            if ((await getToken(_over.Token))?.Trim() is { } token && Regex.IsMatch(token, "^[A-Za-z0-9_.-]+$"))
            {
                return token;
            }
        }
        catch (Exception thrown)
        {
            throw new TunRTCException("no_token", "GetToken gave no token.", thrown);
        }
        throw new TunRTCException("no_token", "GetToken gave no token.");
    }
}
