using System.Collections.Concurrent;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>Tokens: refreshed in time, once, and not lost with an answer.</summary>
public sealed class TokenTests
{
    private const double Minute = 60_000;
    private readonly Desk _desk = new();

    [Test]
    public void They_are_refreshed_a_minute_before_they_end_by_their_own_claims_and_once_for_all()
    {
        SignIn();
        _desk.Clock.Advance(58 * Minute);
        _desk.Finish(_desk.Client.GetMeAsync());
        Check.Equal(0, Refreshes());
        _desk.Clock.Advance(Minute);
        _desk.Finish(Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _desk.Client.GetMeAsync())));
        Check.Equal(1, Refreshes());
        Check.Equal("refresh-2", _desk.Client.Auth?.RefreshToken);
        Check.Equal(5, _desk.Requests.Count(request => request == "GET /api/auth/me 2"));
    }

    [Test]
    public void A_lost_answer_to_a_refresh_is_asked_for_again_within_seconds()
    {
        SignIn();
        _desk.Answer = (path, _) => path == "POST /api/auth/refresh" ? throw new HttpRequestException("lost") : null;
        _desk.Clock.Advance(59 * Minute);
        _desk.Fails(_desk.Client.GetMeAsync(), "network_error");
        Check.That(_desk.Client.Auth is not null, "the sign-in is not over");
        _desk.Clock.Advance(1_000);
        _desk.Answer = (_, _) => null;
        Check.Equal(2, Refreshes());
        _desk.Clock.Advance(2_000);
        Check.Equal(3, Refreshes());
        Check.That(_desk.Requests.Where(each => each.Contains("refresh", System.StringComparison.Ordinal)).All(each => each.Contains("refresh-1", System.StringComparison.Ordinal)), "with the token that it has");
        Check.Equal("refresh-2", _desk.Client.Auth?.RefreshToken);
        _desk.Clock.Advance(30_000);
        Check.Equal(3, Refreshes());
    }

    [Test]
    public async Task A_refused_refresh_ends_the_sign_in_and_is_told()
    {
        var told = new ConcurrentQueue<string>();
        _desk.Client.OnTokensChanged += (_, data) => told.Enqueue(data.Auth?.RefreshToken ?? "none");
        SignIn();
        _desk.Answer = (path, _) => path == "POST /api/auth/refresh" ? Desk.Problem(401, "invalid_refresh_token") : null;
        _desk.Fails(_desk.Client.Api.RefreshAsync(), "invalid_refresh_token");
        _desk.Fails(_desk.Client.GetMeAsync(), "not_signed_in");
        await Check.EventuallyAsync(() => told.Count == 2, "both are told");
        Check.Same(new[] { "refresh-1", "none" }, told);
        Check.Equal(0, _desk.Clock.Pending, "no timer is left");
    }

    [Test]
    public void A_sign_in_that_is_answered_after_a_sign_out_is_given_back()
    {
        _desk.Delay = 1_000;
        var signingIn = _desk.Client.Api.LoginAsync("alice@example.org", "secret");
        _desk.Settle();
        _desk.Delay = 0;
        _desk.Finish(_desk.Client.Api.LogoutAsync());
        _desk.Clock.Advance(1_000);
        _desk.Fails(signingIn, "closed");
        Check.Equal("POST /api/auth/logout {\"refreshToken\":\"refresh-1\"}", _desk.Requests[^1]);
        Check.That(_desk.Client.User is null, "nobody is signed in");
    }

    [Test]
    public void What_one_user_asked_for_is_not_done_in_the_name_of_another()
    {
        SignIn();
        _desk.Answer = (path, _) => path switch
        {
            "GET /api/auth/me" => Desk.Problem(401, "unauthorized"),
            "POST /api/auth/login" => Desk.Json(200, _desk.NewAuth("bob")),
            _ => null,
        };
        _desk.Delay = 500;
        var asking = _desk.Client.GetMeAsync();
        _desk.Settle();
        _desk.Delay = 0;
        _desk.Finish(_desk.Client.LoginAsync("bob@example.org", "secret"));
        _desk.Clock.Advance(500);
        _desk.Fails(asking, "unauthorized");
        Check.Equal(1, _desk.Requests.Count(request => request.StartsWith("GET /api/auth/me", System.StringComparison.Ordinal)));
    }

    [Test]
    public void Restored_tokens_are_used_until_the_server_refuses_them()
    {
        SignIn();
        var next = new Desk();
        next.Client.Restore(_desk.Client.Auth!);
        next.Clock.Advance(100 * Minute);
        next.Finish(next.Client.GetMeAsync());
        Check.Same(new[] { "GET /api/auth/me 1" }, next.Requests);
    }

    private void SignIn() => _desk.Finish(_desk.Client.LoginAsync("alice@example.org", "secret"));

    private int Refreshes() => _desk.Requests.Count(request => request.StartsWith("POST /api/auth/refresh", System.StringComparison.Ordinal));
}
