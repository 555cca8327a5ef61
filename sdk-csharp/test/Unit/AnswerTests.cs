using System;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>Whatever answers, a call ends with what it means.</summary>
public sealed class AnswerTests
{
    private const string Session = """
        {"sessionId":"s","name":"n","type":"holodeck","status":"paused","visibility":"secret","maxParticipants":10,"currentParticipants":1,
        "createdAt":"2026-01-01T00:00:00.000Z","endedAt":null,"creatorId":"c","creatorUsername":"c","participants":[],"colour":"blue"}
        """;

    private readonly Desk _desk = new();

    public AnswerTests() => _desk.Finish(_desk.Client.LoginAsync("alice@example.org", "secret"));

    [Test]
    public void What_a_gateway_or_a_proxy_says_in_the_servers_place_is_typed()
    {
        foreach (var (status, body, code) in new[]
        {
            (400, "<html>", "invalid_request"), (403, "{\"message\":\"Forbidden\"}", "forbidden"), (404, "", "not_found"), (408, "", "timeout"),
            (413, "", "payload_too_large"), (429, "{\"message\":\"Too Many Requests\"}", "rate_limited"), (500, "oops", "unavailable"), (502, "", "unavailable"),
            (504, "", "timeout"), (302, "", "invalid_response"), (418, "", "invalid_response"), (200, "<html>", "invalid_response"), (200, "", "invalid_response"),
            (200, "7", "invalid_response"), (200, "{\"a\":1} {}", "invalid_response"),
        })
        {
            Answer(() => Desk.Json(status, body));
            var thrown = _desk.Fails(_desk.Client.GetSessionAsync("s"), code);
            Check.That(thrown.Status == status && thrown.IsForeign, $"{status} {body}");
        }
    }

    [Test]
    public void An_answer_without_what_it_must_hold_is_an_invalid_response()
    {
        foreach (var body in new[] { "{}", "[]", "{\"sessionId\":7}", Session.Replace("10", "\"many\""), Session.Replace("[]", "{}"), Session.Replace("2026-01-01T00:00:00.000Z", "today") })
        {
            Answer(() => Desk.Json(200, body));
            _desk.Fails(_desk.Client.GetSessionAsync("s"), "invalid_response");
            Answer(() => Desk.Json(200, body == "[]" ? "[7]" : body));
            _desk.Fails(_desk.Client.ListSessionsAsync(), "invalid_response");
        }
    }

    [Test]
    public void A_newer_server_may_say_more_than_this_client_knows()
    {
        Answer(() => Desk.Json(200, Session));
        var session = _desk.Finish(_desk.Client.GetSessionAsync("s"));
        Check.Equal((SessionType.Unknown, SessionStatus.Unknown, Visibility.Unknown), (session.Type, session.Status, session.Visibility));
        Answer(() => Desk.Problem(409, "from_the_future"));
        var refused = _desk.Fails(_desk.Client.GetSessionAsync("s"), "from_the_future");
        Check.Equal((409, "r-1", false, "refused: from_the_future"), (refused.Status!.Value, refused.RequestId!, refused.IsForeign, refused.Message));
    }

    [Test]
    public void How_long_to_wait_comes_as_a_number_or_as_a_date()
    {
        foreach (var (header, seconds) in new[] { ("7", 7.0), ("Sun, 22 Nov 2026 12:00:30 GMT", 30), ("Sun, 22 Nov 2026 11:00:00 GMT", 0) })
        {
            Answer(() =>
            {
                var refusal = Desk.Problem(429, "rate_limited");
                refusal.Headers.TryAddWithoutValidation("Retry-After", header);
                return refusal;
            });
            Check.Equal(TimeSpan.FromSeconds(seconds), _desk.Fails(_desk.Client.GetSessionAsync("s"), "rate_limited").RetryAfter);
        }
        Answer(() => Desk.Problem(503, "unavailable"));
        Check.Equal(null, _desk.Fails(_desk.Client.GetSessionAsync("s"), "unavailable").RetryAfter);
    }

    [Test]
    public void A_server_that_does_not_answer_is_given_up_after_twenty_seconds()
    {
        _desk.Delay = -1;
        var asking = _desk.Client.GetMeAsync();
        _desk.Clock.Advance(19_999);
        Check.That(!asking.IsCompleted, "it still waits");
        _desk.Clock.Advance(1);
        _desk.Fails(asking, "timeout");
        Check.Equal(0, _desk.Clock.Pending, "no timer is left");
    }

    [Test]
    public void A_join_is_tried_again_while_the_server_is_unavailable_and_given_up_after_five()
    {
        Answer(() => Desk.Problem(503, "unavailable"));
        var joining = _desk.Client.Api.JoinSessionAsync("s");
        foreach (var (wait, tries) in new[] { (0, 1), (250, 2), (500, 3), (1_000, 4), (2_000, 5), (60_000, 5) })
        {
            _desk.Clock.Advance(wait);
            Check.Equal(tries, _desk.Requests.Count(each => each.StartsWith("POST /api/session/join", StringComparison.Ordinal)));
        }
        _desk.Fails(joining, "unavailable");
    }

    [Test]
    public void An_identifier_cannot_break_out_of_its_path()
    {
        _desk.Fails(_desk.Client.GetSessionAsync("../auth/me?x=1#y"), "not_found");
        Check.Equal("GET /api/session/..%2Fauth%2Fme%3Fx%3D1%23y 1", _desk.Requests[^1]);
    }

    [Test]
    public void The_next_page_is_found_among_other_links()
    {
        Answer(() =>
        {
            var list = Desk.Json(200, "[]");
            list.Headers.TryAddWithoutValidation("Link", "</api/session/active?cursor=before>; rel=\"prev\", </api/session/active?limit=2&cursor=a%2Bb>; rel=\"next\"");
            return list;
        });
        Check.Equal("a+b", _desk.Finish(_desk.Client.Api.ListSessionsAsync(2, "first & last")).Cursor);
        Check.Equal("GET /api/session/active?limit=2&cursor=first%20%26%20last 1", _desk.Requests[^1]);
        Answer(() => Desk.Json(200, "[]"));
        Check.Equal(null, _desk.Finish(_desk.Client.Api.ListSessionsAsync()).Cursor);
    }

    private void Answer(Func<HttpResponseMessage> answer) => _desk.Answer = (path, _) => path.Contains("/auth/", StringComparison.Ordinal) ? null : answer();
}
