using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using TunRTC.Client.Media;
using TunRTC.Client.Signaling;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>What the vectors cannot show of signaling's parts: any order, and the drawings in the documents.</summary>
public sealed class SignalingTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void An_inbox_restores_any_order_with_any_repetition()
    {
        for (var seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            var length = random.Next(1, 30);
            var frames = Enumerable.Range(1, length).Concat(Enumerable.Range(1, length).Where(_ => random.Next(3) == 0)).OrderBy(_ => random.Next());
            var inbox = new Inbox();
            Check.Same(Enumerable.Range(1, length).Select(seq => (long?)seq), frames.SelectMany(seq => inbox.Accept(Signal(seq))).Select(each => each.Seq), $"seed {seed}");
            Check.Equal(0, inbox.Gaps().Length);
        }
    }

    [Test]
    public void An_inbox_that_gave_up_on_an_epoch_takes_nothing_more_of_it()
    {
        var inbox = new Inbox();
        inbox.Accept(Signal(3));
        inbox.Abandon("bob");
        Check.Equal(0, inbox.Gaps().Length + inbox.Accept(Signal(1)).Count + inbox.Accept(Signal(2)).Count);
        Check.Equal(1, inbox.Accept(Signal(1, Epochs.Of(Epochs.NewRun(Noon, 0.5), 1))).Count);
    }

    [Test]
    public void Epochs_sort_by_time_and_then_by_number_and_fit_the_contract()
    {
        var (run, later) = (Epochs.NewRun(Noon, 0.9), Epochs.NewRun(Noon.AddSeconds(1), 0.1));
        Check.That(Epochs.Compare(Epochs.Of(run, 9), Epochs.Of(run, 10)) < 0, "9 is before 10");
        Check.That(Epochs.Compare(Epochs.Of(run, 99), Epochs.Of(later, 0)) < 0, "a later run is newer");
        Check.Equal(0, Epochs.Compare(Epochs.Of(run, 3), Epochs.Of(run, 3)));
        Check.Equal(null, Epochs.Compare("elsewhere", Epochs.Of(run, 0)));
        Check.That(Epochs.Compare(Epochs.Of(run, 1), $"{run}.99999999999999999999999999") < 0, "however large");
        Check.That(Epochs.Of(run, int.MaxValue).Length <= 64, "64 characters");
    }

    [Test]
    public void A_memory_of_what_was_recent_forgets_the_oldest()
    {
        var recent = new Recent();
        for (var member = 0; member < 5_000; member++)
        {
            Check.That(recent.Add($"{member}"), "it is new");
        }
        Check.That(!recent.Has("0") && recent.Has("4999") && !recent.Add("4999"), "the newest is known, the oldest is not");
    }

    [Test]
    public void A_roster_is_the_same_in_whatever_order_its_frames_come()
    {
        for (var seed = 1; seed <= 200; seed++)
        {
            var random = new Random(seed);
            var frames = new List<(DateTimeOffset At, Action<Roster, DateTimeOffset> Tell)>
            {
                (Noon.AddSeconds(1), (roster, at) => roster.Joined(Person("bob"), at)),
                (Noon.AddSeconds(2), (roster, at) => roster.Left("bob", at)),
                (Noon.AddSeconds(3), (roster, at) => roster.Joined(Person("bob"), at)),
                (Noon.AddSeconds(4), (roster, at) => roster.Joined(Person("carol"), at)),
                (Noon.AddSeconds(5), (roster, at) => roster.Left("carol", at)),
            };
            var roster = new Roster();
            foreach (var (at, tell) in frames.OrderBy(_ => random.Next()))
            {
                tell(roster, at);
            }
            Check.Same(new[] { "bob" }, roster.Members.Keys, $"seed {seed}");
        }
    }

    [Test]
    public void A_roster_that_comes_as_a_list_says_who_came_who_changed_and_who_is_gone()
    {
        var roster = new Roster();
        roster.List(new[] { Person("bob"), Person("carol") }, Noon);
        roster.Joined(Person("dave"), Noon.AddSeconds(5));
        var changes = roster.List(new[] { Person("bob") with { IsMuted = true }, Person("erin") }, Noon.AddSeconds(3));
        Check.Same(new[] { "erin" }, changes.Joined.Select(each => each.UserId));
        Check.Same(new[] { "bob" }, changes.Updated.Select(each => each.UserId));
        Check.Same(new[] { "carol" }, changes.Left.Select(each => each.UserId));
        Check.Same(new[] { "bob", "dave", "erin" }, roster.Members.Keys.Order(), "what is known since stays");
        Check.Equal(Judgement.Doubtful, roster.Joined(Person("frank"), Noon.AddSeconds(2)), "older than the list");
        Check.Equal(Judgement.Old, roster.Signalled("carol", Noon.AddSeconds(2)), "of somebody who is gone");
        Check.Equal(Judgement.Doubtful, roster.Signalled("frank", Noon.AddSeconds(9)), "of somebody who is not known");
    }

    [Test]
    public void A_list_leaves_what_somebody_says_of_themselves_for_as_long_as_they_stay()
    {
        var roster = new Roster();
        var attributes = new Dictionary<string, string> { ["mood"] = "good" };
        roster.List(new[] { Person("bob") }, Noon);
        roster.Updated("bob", known => known with { Attributes = attributes, HandRaisedAt = Noon }, Noon.AddSeconds(1));
        roster.List(new[] { Person("bob") }, Noon.AddSeconds(2));
        Check.Equal(("good", (DateTimeOffset?)Noon), (roster.Members["bob"].Attributes["mood"], roster.Members["bob"].HandRaisedAt));
        roster.List(new[] { Person("bob") with { JoinedAt = Noon.AddSeconds(3) } }, Noon.AddSeconds(4));
        Check.That(roster.Members["bob"] is { Attributes.Count: 0, HandRaisedAt: null }, "another stay");
    }

    [Test]
    public void A_visit_goes_the_ways_that_the_documents_draw()
    {
        var page = File.ReadAllText(Path.Combine(Server.Root, "docs/CLIENT.md"));
        var drawn = Regex.Matches(page, @"^  (\w+) --> (\w+): (.+)$", RegexOptions.Multiline)
            .SelectMany(line => line.Groups[3].Value.Split(", ").Select(name => $"{line.Groups[1].Value} {name} {line.Groups[2].Value}"))
            // Of pages: an app that goes away disposes its client.
            .Where(way => !way.Contains(" vanish ", StringComparison.Ordinal));
        var ways = from state in Enum.GetValues<VisitState>()
                   from happening in Enum.GetValues<VisitEvent>()
                   let next = Visit.Transition(state, happening)
                   where next != state
                   select $"{state} {happening} {next}".ToLowerInvariant();
        Check.Same(drawn.Order(StringComparer.Ordinal), ways.Order(StringComparer.Ordinal));
    }

    [Test]
    public void A_packed_description_comes_out_as_it_went_in_and_a_bomb_does_not()
    {
        var small = "v=0\r\n";
        Check.Equal(small, Sdp.Pack(small));
        var large = string.Concat(Enumerable.Range(0, 4_000).Select(number => $"a=ä{number}\r\n"));
        Check.That(Sdp.Pack(large).StartsWith("tunrtc-deflate:", StringComparison.Ordinal) && Sdp.Unpack(Sdp.Pack(large)) == large, "packed and unpacked");
        // As another program packs it.
        Check.Equal("v=0\r\nv=0\r\nv=0\r\n", Sdp.Unpack("tunrtc-deflate:K7M14OUqgxMA"));
        foreach (var bad in new[] { "tunrtc-deflate:???", "tunrtc-deflate:////", Sdp.Pack(new string('a', 2 << 20)) })
        {
            try
            {
                Sdp.Unpack(bad);
            }
            catch (TunRTCException thrown) when (thrown.Code == "invalid_response")
            {
                continue;
            }
            throw new CheckFailedException($"it should have been refused: {bad.Length} characters");
        }
    }

    [Test]
    public void What_comes_early_and_is_not_as_it_must_be_keeps_nothing_else_back()
    {
        var world = World.Play(JsonNode.Parse("""
            {"answers": [{"action": "joinSession", "after": 100}], "until": 1000, "script": [
              {"at": 0, "do": "join"},
              {"at": 20, "do": "receive", "frame": {"event": "receiveMessage", "data": {"message": 7}}},
              {"at": 21, "do": "receive", "frame": {"event": "receiveOffer", "data": {}}},
              {"at": 22, "do": "receive", "frame": {"event": "receiveMessage", "data": {"messageId": "m", "fromUserId": "bob", "fromUsername": "bob", "message": "hello"}}}]}
            """)!);
        Check.That(world.App.Contains("105 message m hello"), string.Join("\n", world.App));
        Check.Equal(0, world.Errors.Count, string.Join("\n", world.Errors));
    }

    [Test]
    public void The_heartbeat_learns_from_silences_that_killed_and_from_no_shorter_ones()
    {
        var heartbeat = new Heartbeat();
        heartbeat.Learn(24_999);
        Check.Equal(240_000, heartbeat.Interval(240_000));
        heartbeat.Learn(80_000);
        Check.Equal(40_000, heartbeat.Interval(240_000));
        heartbeat.Learn(100_000);
        Check.Equal(40_000, heartbeat.Interval(240_000), "it does not forget");
        heartbeat.Learn(30_000);
        Check.Equal(25_000, heartbeat.Interval(240_000), "nor does it get shorter than that");
    }

    private static Signal Signal(int seq, string? epoch = null) =>
        new("bob", "bob", $"signal-{epoch}-{seq}", epoch ?? Epochs.Of(Epochs.NewRun(Noon, 0.5), 0), seq, Noon, new Candidates(Array.Empty<IceCandidate>()));

    private static Participant Person(string name) => new(name, name, Noon, ParticipantStatus.Connected, false, true);
}
