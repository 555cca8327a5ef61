using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>Every route, against the real server.</summary>
public sealed class ApiTests
{
    [Test]
    public async Task Accounts_work_from_registration_to_deletion()
    {
        await using var client = new TunRTCClient((await Server.SharedAsync()).Url);
        var name = $"sharp-{Guid.NewGuid():N}";
        var auth = await client.RegisterAsync(name, $"{name}@example.org", "a long password");
        Check.Equal(auth.UserId, (await client.GetMeAsync()).Id);
        Check.Equal(name, client.User?.Username);
        await client.Api.RefreshAsync();
        Check.That(client.Auth!.RefreshToken != auth.RefreshToken, "a refresh brings other tokens");
        var again = await Check.FailsAsync(client.RegisterAsync(name, $"{name}@example.org", "a long password"), "user_exists");
        Check.Equal(409, again.Status);
        await client.Api.ChangePasswordAsync("a long password", "a longer password");
        await Check.FailsAsync(client.Api.DeleteAccountAsync("another password"), "invalid_credentials");
        await client.Api.DeleteAccountAsync("a longer password");
        await Check.FailsAsync(client.LoginAsync($"{name}@example.org", "a longer password"), "invalid_credentials");
        await Check.FailsAsync(client.GetMeAsync(), "not_signed_in");
    }

    [Test]
    public async Task Sessions_are_made_shown_ended_and_then_gone()
    {
        await using var client = await (await Server.SharedAsync()).SignedInAsync("demo");
        var session = await client.CreateSessionAsync("From C#", 4, SessionType.AudioOnly, Visibility.Unlisted);
        Check.That((await client.ListSessionsAsync()).All(each => each.SessionId != session.SessionId), "an unlisted session is not listed");
        var detail = await client.GetSessionAsync(session.SessionId);
        Check.Equal(Visibility.Public, (await client.GetMeAsync()).DefaultVisibility);
        Check.Equal(Visibility.Public, (await client.CreateSessionAsync("As usual")).Visibility);
        Check.Equal((SessionType.AudioOnly, Visibility.Unlisted, 4, SessionStatus.Active, 0), (detail.Type, detail.Visibility, detail.MaxParticipants, detail.Status, detail.Participants.Count));
        Check.Equal(6, (await client.Api.JoinSessionAsync(session.SessionId)).VideoLimit);
        await client.EndSessionAsync(session.SessionId);
        var ended = await Check.FailsAsync(client.JoinSessionAsync(session.SessionId), "session_ended");
        Check.Equal(410, ended.Status);
        Check.Equal(ConnectionStatus.Closed, client.ConnectionState.Status);
        await Check.FailsAsync(client.GetSessionAsync("no such session"), "session_not_found");
        Check.Equal("healthy", (await client.Api.GetHealthAsync()).Status);
        Check.That((await client.GetIceServersAsync()).TimeToLive > TimeSpan.Zero, "credentials live for a while");
    }

    [Test]
    public async Task A_host_sees_what_clients_reported_of_a_call()
    {
        var server = await Server.SharedAsync();
        await using var client = new TunRTCClient(server.Url);
        var name = $"host-{Guid.NewGuid():N}";
        var host = await client.RegisterAsync(name, $"{name}@example.org", "a long password");
        var session = await client.CreateSessionAsync("Measured", visibility: Visibility.Unlisted);
        await client.Api.JoinSessionAsync(session.SessionId);
        var now = DateTimeOffset.UtcNow;
        var minute = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMinute));
        var report = new CallReport(minute, "run", new CallSummary(minute, 1, CallOutcome.Connected) { Score = 4.5, WorstScore = 3.25, JoinTime = TimeSpan.FromMilliseconds(420) })
        {
            Score = 3.25,
            Details = new System.Text.Json.Nodes.JsonObject
            {
                ["events"] = new System.Text.Json.Nodes.JsonArray(new System.Text.Json.Nodes.JsonObject { ["at"] = minute.ToString("O"), ["kind"] = "muted" }),
            },
        };
        await client.Api.ReportStatsAsync(session.SessionId, report);
        var again = await Check.FailsAsync(client.Api.ReportStatsAsync(session.SessionId, report), "rate_limited");
        Check.Equal(TimeSpan.FromSeconds(5), again.RetryAfter);
        await client.Api.ReportStatsAsync(session.SessionId, report with { IsFinal = true });

        var page = await client.Api.ListCallsAsync(maxScore: 3.5, limit: 10);
        var listed = page.Items.Single();
        Check.Equal((session.SessionId, "Measured", 3.25, TimeSpan.FromMilliseconds(420), 1), (listed.Facts.SessionId, listed.Facts.Name, listed.Facts.WorstScore, listed.Facts.JoinTime, listed.Participants));
        Check.Equal(0, (await client.Api.ListCallsAsync(minScore: 4)).Items.Count);
        var detail = await client.Api.GetCallAsync(session.SessionId);
        var participant = detail.Participants.Single();
        Check.Equal((host.UserId, name, true, CallOutcome.Connected), (participant.UserId, participant.Username, participant.Runs.Single().IsFinal, participant.Runs.Single().Summary.Outcome));
        Check.Same(new[] { "muted" }, detail.Timeline.Select(each => each.Kind));
        var series = await client.Api.GetCallSeriesAsync(session.SessionId, host.UserId, "score");
        Check.Equal((minute, 3.25), (series.Points.Single().Minute, series.Points.Single().Value));
        var sums = await client.Api.GetCallOverviewAsync(from: now.AddDays(-1));
        Check.Equal((1, 1, 4.5, 1.0), (sums.Calls, sums.Participants, sums.MeanScore, sums.JoinSuccess));
        await Check.FailsAsync(client.Api.GetCallAsync(Guid.NewGuid().ToString()), "session_not_found");
    }

    [Test]
    public async Task A_refused_request_tells_every_bad_field()
    {
        await using var client = await (await Server.SharedAsync()).SignedInAsync("demo");
        var refused = await Check.FailsAsync(client.CreateSessionAsync("", 1000), "invalid_request");
        Check.Same(new[] { "maxParticipants", "name" }, refused.Errors.Select(each => each.Field).Order());
        Check.Equal(400, refused.Status);
        Check.That(refused.RequestId is { Length: > 0 } && !refused.IsForeign, "the server names the request");
    }

    [Test]
    public async Task The_same_wish_makes_one_session_however_often_it_is_sent()
    {
        await using var client = await (await Server.SharedAsync()).SignedInAsync("demo");
        var key = Guid.NewGuid().ToString();
        var first = await client.Api.CreateSessionAsync("Once", visibility: Visibility.Unlisted, idempotencyKey: key);
        var second = await client.Api.CreateSessionAsync("Once", visibility: Visibility.Unlisted, idempotencyKey: key);
        Check.Equal(first.SessionId, second.SessionId);
    }

    [Test]
    public async Task Lists_come_in_pages()
    {
        await using var client = await (await Server.SharedAsync()).SignedInAsync("bob");
        var made = new List<string>();
        for (var number = 0; number < 5; number++)
        {
            made.Insert(0, (await client.CreateSessionAsync($"page {number}")).SessionId);
        }
        var found = new List<string>();
        for (string? cursor = null; ;)
        {
            var page = await client.Api.ListSessionsAsync(2, cursor);
            found.AddRange(page.Items.Select(each => each.SessionId));
            if ((cursor = page.Cursor) is null)
            {
                break;
            }
        }
        Check.Same(made, found.Where(made.Contains));
        await Check.FailsAsync(client.Api.ListSessionsAsync(101), "invalid_request");
        await Task.WhenAll(made.Select(each => client.EndSessionAsync(each)));
    }

    [Test]
    public async Task Tokens_that_the_server_refuses_are_refreshed_once_for_all_who_ask()
    {
        var server = await Server.SharedAsync();
        await using var first = await server.SignedInAsync("alice");
        await using var next = new TunRTCClient(server.Url);
        var changes = 0;
        next.OnTokensChanged += (_, data) => changes += data.Auth is null ? 100 : 1;
        next.Restore(first.Auth! with { Token = "expired" });
        var accounts = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => next.GetMeAsync()));
        Check.That(accounts.All(each => each.Username == "alice"), "everybody is answered");
        Check.That(next.Auth!.RefreshToken != first.Auth!.RefreshToken, "the tokens are new");
        await Check.EventuallyAsync(() => changes == 2, "restored once, refreshed once");
    }

    [Test]
    public async Task A_sign_in_that_was_revoked_ends_and_is_told()
    {
        var server = await Server.SharedAsync();
        await using var first = await server.SignedInAsync("alice");
        await using var second = new TunRTCClient(server.Url);
        var isGone = new TaskCompletionSource();
        second.Restore(first.Auth! with { Token = "expired" });
        second.OnTokensChanged += (_, data) => (data.Auth is null ? isGone : new TaskCompletionSource()).TrySetResult();
        await first.LogoutAsync();
        await Check.FailsAsync(second.GetMeAsync(), "invalid_refresh_token");
        await isGone.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await Check.FailsAsync(second.GetMeAsync(), "not_signed_in");
    }

    [Test]
    public async Task A_server_that_is_not_there_is_a_network_error_and_a_cancelled_call_is_cancelled()
    {
        await using var client = new TunRTCClient("http://localhost:1");
        await Check.FailsAsync(client.LoginAsync("demo@tunrtc.com", "demo123"), "network_error");
        await using var other = new TunRTCClient((await Server.SharedAsync()).Url);
        await Check.ThrowsAsync<OperationCanceledException>(() => other.LoginAsync("demo@tunrtc.com", "demo123", new CancellationToken(canceled: true)));
        await Check.FailsAsync(new TunRTCClient($"{(await Server.SharedAsync()).Url}/elsewhere").LoginAsync("a", "b"), "not_found");
    }

    [Test]
    public async Task An_address_that_is_none_is_refused_at_once()
    {
        foreach (var url in new[] { "", "localhost:5000", "ftp://localhost", "/api" })
        {
            await Check.ThrowsAsync<ArgumentException>(() => Task.FromResult(new TunRTCClient(url)));
        }
    }
}
