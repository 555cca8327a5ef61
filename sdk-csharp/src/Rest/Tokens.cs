using System;
using System.Text.Json;
using System.Threading.Tasks;

namespace TunRTC.Client.Rest;

/// <summary>The tokens of this client: refreshed in time, and once for all who ask at the same time.</summary>
/// <param name="surroundings">Time.</param>
/// <param name="renew">Asks the server for new tokens.</param>
/// <param name="onChanged">The tokens are others now, or gone.</param>
internal sealed class Tokens(Surroundings surroundings, Func<string, Task<Auth>> renew, Action<Auth?> onChanged)
{
    /// <summary>A token is refreshed when this much of its life is left, in milliseconds.</summary>
    private const double RefreshMargin = 60_000;

    /// <summary>
    /// When a refresh is tried again whose answer was lost, in milliseconds. The server may have replaced the refresh token;
    /// the old one is taken again for 10 s, and revokes the sign-in after that.
    /// </summary>
    private static readonly double[] Retries = { 1_000, 2_000, 4_000 };

    private readonly Timers<string> _timers = new(surroundings);
    private volatile SignIn? _signIn;

    /// <summary>When the access token should not be used any more.</summary>
    private double _staleAt = double.PositiveInfinity;

    private Task? _refreshing;
    private int _retries;

    /// <summary>Sign-ins and sign-outs in the order in which they were asked for: an earlier one does not undo a later one.</summary>
    private int _asked;
    private int _done;

    /// <summary>The tokens and the user they belong to, while signed in. May be read from any thread.</summary>
    public Auth? Auth => _signIn?.Auth;

    /// <summary>To be called when a sign-in or a sign-out is asked for; its answer is given to <see cref="Keep(int, Client.Auth)"/> or <see cref="Forget"/>.</summary>
    public int Ask() => ++_asked;

    /// <summary>Keeps the tokens of a sign-in; <c>false</c> when a later one, or a sign-out, was first.</summary>
    public bool Keep(int order, Auth auth) => Keep(order, auth, TokenLife(auth));

    /// <summary>Keeps tokens of an earlier run. How old they are is unknown, so they are used until the server refuses them.</summary>
    public void Restore(Auth auth) => Keep(Ask(), auth, double.PositiveInfinity);

    public void Forget(int order)
    {
        if (order < _done)
        {
            return;
        }
        _done = order;
        _timers.Clear();
        if (_signIn is null)
        {
            return;
        }
        _signIn = null;
        onChanged(null);
    }

    /// <summary>Nothing is refreshed any more.</summary>
    public void Stop() => _timers.Clear();

    /// <summary>The access token, refreshed if its end is near.</summary>
    public async Task<string> FreshAsync()
    {
        if (_signIn is not null && surroundings.Now >= _staleAt)
        {
            await RefreshAsync();
        }
        return Current().Auth.Token;
    }

    /// <summary>Gets new tokens now; calls that come while it runs share the one request.</summary>
    public Task RefreshAsync()
    {
        return _refreshing ??= RunAsync();

        async Task RunAsync()
        {
            // What is started here must not end before it is remembered.
            await Task.Yield();
            try
            {
                await RefreshNowAsync();
            }
            finally
            {
                _refreshing = null;
            }
        }
    }

    private async Task RefreshNowAsync()
    {
        var signIn = Current();
        try
        {
            Renewed(signIn, await renew(signIn.Auth.RefreshToken));
        }
        catch (Exception thrown)
        {
            Failed(signIn, thrown);
            throw;
        }
    }

    private void Renewed(SignIn before, Auth auth)
    {
        if (_signIn != before)
        {
            throw new TunRTCException("closed", "The sign-in ended before its tokens were refreshed.");
        }
        Hold(auth, TokenLife(auth));
    }

    private void Failed(SignIn signIn, Exception thrown)
    {
        if (_signIn != signIn)
        {
            return;
        }
        if (thrown is TunRTCException { Code: "invalid_refresh_token" })
        {
            Forget(Ask());
        }
        else if (_retries < Retries.Length)
        {
            _timers.Arm("retry", Retries[_retries++], () => RefreshAsync().Forget());
        }
        else
        {
            _retries = 0;
        }
    }

    private SignIn Current() => _signIn ?? throw new TunRTCException("not_signed_in", "Sign in first.");

    private bool Keep(int order, Auth auth, double life)
    {
        if (order < _done)
        {
            return false;
        }
        _done = order;
        Hold(auth, life);
        return true;
    }

    private void Hold(Auth auth, double life)
    {
        _retries = 0;
        _timers.Clear();
        _signIn = new SignIn(auth);
        _staleAt = surroundings.Now + Math.Max(life - RefreshMargin, 0);
        onChanged(auth);
    }

    /// <summary>How long an access token lives, in milliseconds, by its own claims: this machine's clock may be wrong.</summary>
    private double TokenLife(Auth auth)
    {
        var claims = Claims(auth.Token);
        var (from, to) = (claims?.LongOrNull("iat"), claims?.LongOrNull("exp"));
        return to > from ? (to.Value - from.Value) * 1000.0 : (auth.ExpiresAt - surroundings.UtcNow).TotalMilliseconds;
    }

    /// <summary>What a token (RFC 7519) says of itself; <c>null</c> where it is opaque.</summary>
    private static JsonElement? Claims(string token)
    {
        var parts = token.Split('.');
        if (parts.Length != 3)
        {
            return null;
        }
        var base64 = parts[1].Replace('-', '+').Replace('_', '/');
        var bytes = new byte[base64.Length];
        var isText = Convert.TryFromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='), bytes, out var length);
        return isText ? Wire.Parse(bytes.AsSpan(0, length)) : null;
    }

    /// <summary>One set of tokens; compared by identity.</summary>
    private sealed class SignIn(Auth auth)
    {
        public Auth Auth => auth;
    }
}
