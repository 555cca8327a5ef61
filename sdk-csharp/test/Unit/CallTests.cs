using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>Being in a session, on a clock and a server that the test holds: who is there, and what an absence leaves to be fetched.</summary>
public sealed class CallTests
{
    private readonly Line _line = new();
    private readonly Desk _desk;
    private readonly ConcurrentQueue<string> _heard = new();

    /// <summary>Who the server says is there, beside <c>alice</c>, who is this client.</summary>
    private readonly List<string> _others = new() { "bob" };
    private readonly List<(string Id, string Text)> _history = new();
    private bool _isRecovered = true;
    private bool _hasSeat = true;
    private bool _isMuted;
    private bool _isExpired;
    private bool _isRevoked;

    public CallTests()
    {
        _desk = new Desk(_line) { Answer = Answer };
        _line.Time = () => _desk.Clock.GetUtcNow();
        _line.Join = () => new JsonObject { ["session"] = JsonNode.Parse(Session()), ["recovered"] = _isRecovered, ["heartbeatSeconds"] = 240 };
        _desk.Client.OnUserJoined += (_, data) => _heard.Enqueue($"{data.Username} joined");
        _desk.Client.OnUserLeft += (_, data) => _heard.Enqueue($"{data.Username} left {data.Reason}");
        _desk.Client.OnUserStatusUpdated += (_, data) => _heard.Enqueue($"{data.Username} {data.Status} {data.IsMuted}");
        _desk.Client.OnMessage += (_, data) => _heard.Enqueue($"{data.MessageId} {data.Message}");
        _desk.Client.OnIceCandidates += (_, data) => _heard.Enqueue($"{data.FromUsername} {data.Candidates[0].Candidate}");
        _desk.Client.OnError += (_, data) => _heard.Enqueue($"error {data.Code}");
        _desk.Finish(_desk.Client.LoginAsync("alice@example.org", "secret"));
        _desk.Finish(_desk.Client.JoinSessionAsync("s"));
    }

    [Test]
    public async Task After_an_absence_that_could_not_be_bridged_chat_comes_from_the_history_in_order_and_once()
    {
        _desk.Clock.Advance(1_000);
        _line.Push("receiveMessage", Chat("m000", "heard"));
        _desk.Settle();
        _history.Add(("m000", "heard"));
        _history.AddRange(Enumerable.Range(1, 150).Select(number => ($"m{number:D3}", "missed")));
        _isRecovered = false;
        _line.Drop();
        _desk.Clock.Advance(5_000);
        await HearsAsync(Enumerable.Range(1, 150).Select(number => $"m{number:D3} missed").Prepend("m000 heard").ToArray());
        Check.Equal(2, _desk.Requests.Count(request => request.Contains("/messages", StringComparison.Ordinal)), "as many pages as it takes");
    }

    [Test]
    public async Task Somebody_who_is_not_known_to_be_there_is_asked_for_and_what_they_sent_waits()
    {
        _desk.Clock.Advance(1_000);
        _others.Add("carol");
        _line.Push("receiveIceCandidate", Signal("carol"));
        _line.Push("receiveIceCandidate", Signal("mallory"));
        _desk.Clock.Advance(499);
        Check.Equal(0, Asked());
        _desk.Clock.Advance(1);
        Settle();
        Check.Equal(1, Asked());
        await HearsAsync("carol joined", "carol from carol");
        Check.Same(new[] { "bob", "carol" }, _desk.Client.Participants.Keys.Order());
    }

    [Test]
    public async Task A_frame_that_explains_another_saves_the_question()
    {
        _desk.Clock.Advance(1_000);
        _line.Push("receiveIceCandidate", Signal("carol"), _line.Time().AddMilliseconds(50));
        _desk.Clock.Advance(100);
        _line.Push("userJoined", Joined("carol"), _line.Time().AddMilliseconds(-80));
        _desk.Clock.Advance(5_000);
        await HearsAsync("carol joined", "carol from carol");
        Check.Equal(0, Asked());
    }

    [Test]
    public async Task Who_came_and_went_during_an_absence_is_told_by_the_list()
    {
        _desk.Clock.Advance(1_000);
        _others[0] = "carol";
        _line.Drop();
        _desk.Clock.Advance(5_000);
        await HearsAsync("carol joined", "bob left Left");
        _line.Push("userLeft", """{"userId":"bob","username":"bob","reason":"timeout"}""");
        _line.Push("userLeft", """{"userId":"carol","username":"carol","reason":"timeout"}""");
        _desk.Settle();
        await HearsAsync("carol joined", "bob left Left", "carol left Timeout");
    }

    [Test]
    public void A_seat_that_was_lost_is_taken_anew_and_the_own_status_told_again()
    {
        _desk.Finish(_desk.Client.UpdateStatusAsync(isMuted: true, isVideoEnabled: false));
        _isMuted = true;
        _line.Drop();
        _desk.Clock.Advance(5_000);
        Check.Equal(1, _line.Frames.Count(frame => frame.StartsWith("updateStatus", StringComparison.Ordinal)), "the server knows it");
        (_hasSeat, _isMuted) = (false, false);
        _line.Drop();
        _desk.Clock.Advance(5_000);
        Settle();
        Check.Equal(ConnectionStatus.Connected, _desk.Client.ConnectionState.Status);
        Check.Equal(2, _desk.Requests.Count(request => request.StartsWith("POST /api/session/join", StringComparison.Ordinal)));
        Check.Equal(2, _line.Frames.Count(frame => frame == """updateStatus {"isMuted":true,"isVideoEnabled":false}"""), "to the new seat");
    }

    [Test]
    public void Tokens_that_ran_out_during_an_absence_are_refreshed_on_the_way_back()
    {
        _isExpired = true;
        _line.Drop();
        _desk.Clock.Advance(5_000);
        Settle();
        Check.Equal(ConnectionStatus.Connected, _desk.Client.ConnectionState.Status);
        Check.Same(
            new[] { "POST /api/session/ticket 1", "POST /api/auth/refresh", "POST /api/session/ticket 2" },
            _desk.Requests.TakeLast(3).Select(request => request.Split('{')[0].TrimEnd()));
    }

    [Test]
    public void A_sign_in_that_was_revoked_ends_the_call_and_says_why()
    {
        _isExpired = _isRevoked = true;
        _line.Drop();
        _desk.Clock.Advance(5_000);
        Settle();
        Check.Equal((ConnectionStatus.Closed, "invalid_refresh_token"), (_desk.Client.ConnectionState.Status, _desk.Client.ConnectionState.Code!));
        Check.Equal(0, _desk.Clock.Pending, "nothing is tried again");
    }

    [Test]
    public async Task Events_that_are_not_as_they_must_be_stop_nothing()
    {
        foreach (var (name, data) in new[] { ("userJoined", "{}"), ("userStatusUpdated", """{"userId":7}"""), ("receiveMessage", """{"message":null}"""), ("receiveOffer", """{"offer":"x"}"""), ("receiveIceCandidate", """{"candidates":{}}"""), ("userLeft", "{}"), ("participantUpdated", "{}"), ("sessionUpdated", "{}"), ("muteRequested", """{"kind":"smell"}""") })
        {
            _line.Push(name, data);
        }
        _line.Push("receiveIceCandidate", """{"fromUserId":"bob","fromUsername":"bob","signalId":"y","epoch":"e","seq":2,"candidates":[{"candidate":"behind it"}]}""");
        _line.Push("receiveOffer", """{"fromUserId":"bob","fromUsername":"bob","signalId":"x","epoch":"e","seq":1,"offer":{"type":"offer","sdp":"tunrtc-deflate:???"}}""");
        _line.Push("receiveMessage", Chat("m1", "still here"));
        _desk.Settle();
        await HearsAsync("error invalid_response", "bob behind it", "m1 still here");
        Check.Equal(ConnectionStatus.Connected, _desk.Client.ConnectionState.Status);
    }

    [Test]
    public async Task What_is_said_of_somebody_is_the_newest_by_its_version_in_whatever_order_it_comes()
    {
        var said = new ConcurrentQueue<string>();
        _desk.Client.OnAttributesChanged += (_, data) => said.Enqueue(data.Attributes["at"]);
        foreach (var version in new[] { 1, 3, 2, 4 })
        {
            var data = $$"""{"userId":"bob","username":"bob","role":"participant","attributes":{"at":"{{version}}"},"version":{{version}}}""";
            _line.Push("participantUpdated", data);
        }
        _desk.Settle();
        await Check.EventuallyAsync(() => said.Contains("4"), "the last one is told");
        Check.Same(new[] { "1", "3", "4" }, said);
    }

    private static string Chat(string id, string text) => $$"""{"messageId":"{{id}}","fromUserId":"bob","fromUsername":"bob","message":"{{text}}"}""";

    private static string Signal(string from) => $$"""{"fromUserId":"{{from}}","fromUsername":"{{from}}","signalId":"of-{{from}}","candidates":[{"candidate":"from {{from}}"}]}""";

    private string Joined(string name) => $$"""{"userId":"{{name}}","username":"{{name}}","joinedAt":"{{Wire.ToText(_line.Time())}}","isMuted":false,"isVideoEnabled":true}""";

    private HttpResponseMessage? Answer(string path, string body) => path switch
    {
        "POST /api/session/join" => Desk.Json(200, SessionWith(""","signaling":""" + Ticket(isNew: true) + ""","iceServers":[]""")),
        "POST /api/auth/refresh" => Refreshed(),
        "POST /api/session/ticket" when _isExpired => Desk.Problem(401, "unauthorized"),
        "POST /api/session/ticket" => _hasSeat ? Desk.Json(200, Ticket()) : Desk.Problem(404, "not_in_session"),
        "GET /api/session/s" => Desk.Json(200, Session()),
        _ => path.StartsWith("GET /api/session/s/messages", StringComparison.Ordinal) ? History(path) : null,
    };

    private HttpResponseMessage? Refreshed()
    {
        _isExpired = false;
        return _isRevoked ? Desk.Problem(401, "invalid_refresh_token") : null;
    }

    private HttpResponseMessage History(string path)
    {
        var start = path.Contains("cursor=", StringComparison.Ordinal) ? int.Parse(path.Split("cursor=")[1]) : 0;
        var lines = Enumerable.Reverse(_history).Skip(start).Take(100).Select(each => Chat(each.Id, each.Text).TrimEnd('}') + $$""","timestamp":"{{Wire.ToText(_line.Time())}}"}""");
        var page = Desk.Json(200, $"[{string.Join(',', lines)}]");
        if (start + 100 < _history.Count)
        {
            page.Headers.TryAddWithoutValidation("Link", $"</api/session/s/messages?cursor={start + 100}>; rel=\"next\"");
        }
        return page;
    }

    private string Ticket(bool isNew = false)
    {
        _hasSeat |= isNew;
        return $$"""{"url":"ws://server/ws","ticket":"t","expiresAt":"{{Wire.ToText(_line.Time().AddSeconds(60))}}"}""";
    }

    private string Session() => SessionWith("");

    private string SessionWith(string more)
    {
        var start = Wire.ToText(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));
        var seats = _others.Append("alice").Select(name => $$"""{"userId":"{{name}}","username":"{{name}}","joinedAt":"{{start}}","status":"connected","isMuted":{{(name == "alice" && _isMuted ? "true" : "false")}},"isVideoEnabled":{{(name == "alice" && _isMuted ? "false" : "true")}}}""");
        return $$"""{"sessionId":"s","name":"n","type":"videoCall","status":"active","visibility":"public","maxParticipants":10,"currentParticipants":2,"createdAt":"{{start}}","endedAt":null,"creatorId":"alice","creatorUsername":"alice","participants":[{{string.Join(',', seats)}}]{{more}}}""";
    }

    private int Asked() => _desk.Requests.Count(request => request.StartsWith("GET /api/session/s ", StringComparison.Ordinal));

    private void Settle() => _desk.Finish(_desk.Client.GetSignalingStatisticsAsync());

    private async Task HearsAsync(params string[] expected)
    {
        await Check.EventuallyAsync(
            () =>
            {
                _desk.Settle();
                return _heard.Count >= expected.Length;
            },
            () => $"{expected.Length} events, but {string.Join(", ", _heard)}");
        Check.Same(expected, _heard);
    }
}
