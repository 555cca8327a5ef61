using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>Being in a session, against the real server.</summary>
public sealed class SessionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Test]
    public async Task Two_talk_and_see_each_other_come_change_and_go()
    {
        var (server, sessionId) = await SessionAsync();
        await using var demo = await server.SignedInAsync("demo");
        await using var alice = await server.SignedInAsync("alice");
        var seen = new ConcurrentQueue<string>();
        demo.OnUserJoined += (_, data) => seen.Enqueue($"{data.Username} joined");
        demo.OnUserStatusUpdated += (_, data) => seen.Enqueue($"{data.Username} {data.IsMuted} {data.IsVideoEnabled}");
        demo.OnUserLeft += (_, data) => seen.Enqueue($"{data.Username} {data.Reason}");
        await demo.JoinSessionAsync(sessionId);
        var session = await alice.JoinSessionAsync(sessionId);
        Check.Same(new[] { "alice", "demo" }, session.Participants.Select(each => each.Username).Order());
        Check.Same(new[] { "demo" }, alice.Participants.Values.Select(each => each.Username));
        await alice.UpdateStatusAsync(isMuted: true, isVideoEnabled: false);
        var id = await demo.SendMessageAsync("Hello");
        Check.Same(new[] { id }, (await alice.GetMessagesAsync()).Select(each => each.MessageId));
        await alice.LeaveSessionAsync();
        await Check.EventuallyAsync(() => seen.Count == 3, () => $"three events: {string.Join(", ", seen)}");
        Check.Same(new[] { "alice joined", "alice True False", "alice Left" }, seen);
        await Check.FailsAsync(alice.SendMessageAsync("too late"), "not_joined");
        Check.That(demo.Participants.Count == 0, "nobody else is left");
    }

    [Test]
    public async Task Everybody_hears_how_a_session_is_steered_and_a_mute_is_asked_for()
    {
        await using var pair = await PairAsync();
        var (sessionId, demo, alice) = pair;
        var heard = new ConcurrentQueue<TunRTCEvent>();
        demo.OnParticipantUpdated += (_, data) => heard.Enqueue(data);
        alice.OnParticipantUpdated += (_, data) => heard.Enqueue(data);
        alice.OnSessionUpdated += (_, data) => heard.Enqueue(data);
        alice.OnMuteRequested += (_, data) => heard.Enqueue(data);
        var (host, guest) = (demo.User!.UserId, alice.User!.UserId);
        Check.Equal(Role.Host, alice.Participants[host].Role);
        await demo.Api.UpdateParticipantAsync(sessionId, guest, permissions: new PermissionsChange { Chat = false });
        await Check.EventuallyAsync(() => heard.Count == 2, () => $"both hear it: {string.Join(", ", heard)}");
        Check.That(heard.OfType<ParticipantUpdatedEvent>().All(each => each.UserId == guest && !each.Permissions.Chat), "what was taken");
        await Check.EventuallyAsync(() => !demo.Participants[guest].Permissions.Chat, "the roster knows");
        await Check.FailsAsync(alice.SendMessageAsync("no more"), "forbidden");
        await alice.UpdateStatusAsync(isMuted: true, isVideoEnabled: false);
        await Check.EventuallyAsync(() => demo.Participants[guest].IsMuted, "a status is told");
        Check.That(!demo.Participants[guest].Permissions.Chat, "and takes no permission back");
        await demo.Api.UpdateSessionAsync(sessionId, isLocked: true);
        await demo.Api.MuteParticipantAsync(sessionId, guest, MediaKind.Audio);
        await Check.EventuallyAsync(() => heard.Count == 4, () => $"lock and mute: {string.Join(", ", heard)}");
        Check.That(heard.OfType<SessionUpdatedEvent>().Single().IsLocked, "locked");
        Check.Equal(new MuteRequestedEvent(MediaKind.Audio, host), heard.OfType<MuteRequestedEvent>().Single());
    }

    [Test]
    public async Task Data_hands_attributes_and_procedures_reach_the_other_side()
    {
        await using var pair = await PairAsync();
        var (sessionId, demo, alice) = pair;
        var heard = new ConcurrentQueue<TunRTCEvent>();
        demo.OnData += (_, data) => heard.Enqueue(data);
        demo.OnHandChanged += (_, data) => heard.Enqueue(data);
        demo.OnAttributesChanged += (_, data) => heard.Enqueue(data);
        var (host, guest) = (demo.User!.UserId, alice.User!.UserId);
        await alice.SendDataAsync("cursor", "3,4");
        await alice.RaiseHandAsync(true);
        await alice.UpdateAttributesAsync(new Dictionary<string, string?> { ["mood"] = "good" });
        await Check.EventuallyAsync(() => heard.Count == 3, () => $"three events: {string.Join(", ", heard)}");
        Check.Equal(new DataEvent(guest, "alice", "cursor", "3,4"), heard.OfType<DataEvent>().Single());
        Check.That(heard.OfType<HandChangedEvent>().Single().RaisedAt is not null && demo.Participants[guest].HandRaisedAt is not null, "the hand is up");
        Check.Equal("good", demo.Participants[guest].Attributes["mood"]);
        Check.Equal("good", (await demo.Api.GetParticipantsAsync(sessionId)).Single(each => each.UserId == guest).Attributes["mood"]);

        var captions = new ConcurrentQueue<CaptionEvent>();
        demo.OnCaption += (_, caption) => captions.Enqueue(caption);
        var began = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        await alice.SendCaptionAsync("c1", "hel", false, "en", began);
        await alice.SendCaptionAsync("c1", "hello", true, "en", began);
        await alice.SendCaptionAsync("c1", "hello", true, "en", began);
        await alice.SendCaptionAsync("c2", "bye", true, "en", began);
        await Check.EventuallyAsync(() => captions.Count == 3, () => $"a final one once: {string.Join(", ", captions)}");
        Check.Equal(new CaptionEvent("c1", guest, "alice", "hel", false, "en", began), captions.First());
        var transcript = (await demo.Api.GetTranscriptAsync(sessionId)).Items;
        Check.Same(new[] { "hello", "bye" }, transcript.Select(each => each.Text));
        Check.Equal((guest, began), (transcript[0].FromUserId, transcript[0].StartedAt));

        demo.OfferProcedure("add", call => Task.FromResult($"{call.FromUsername} {call.Payload.Split(',').Sum(int.Parse)}"));
        demo.OfferProcedure("refuse", _ => throw new RpcException(2_000, "not today", "monday"));
        demo.OfferProcedure("break", _ => throw new InvalidOperationException("of no interest to others"));
        Check.Equal("alice 7", await alice.CallAsync(host, "add", "3,4"));
        var failures = new List<string>();
        foreach (var method in new[] { "refuse", "break", "missing" })
        {
            try
            {
                await alice.CallAsync(host, method);
            }
            catch (RpcException failed)
            {
                failures.Add($"{failed.Code} {failed.Message} {failed.ErrorData}");
            }
        }
        Check.Same(new[] { "2000 not today monday", "1500 The procedure failed. ", "1400 There is no such procedure. " }, failures);
    }

    [Test]
    public async Task Whoever_knocks_is_seen_by_the_host_and_let_in_or_not()
    {
        var (server, sessionId) = await SessionAsync();
        await using var demo = await server.SignedInAsync("demo");
        await using var alice = await server.SignedInAsync("alice");
        var heard = new ConcurrentQueue<TunRTCEvent>();
        demo.OnParticipantWaiting += (_, data) => heard.Enqueue(data);
        demo.OnAdmitted += (_, data) => heard.Enqueue(data);
        await demo.JoinSessionAsync(sessionId);
        await demo.Api.UpdateSessionAsync(sessionId, hasWaitingRoom: true);
        var joining = alice.JoinSessionAsync(sessionId);
        await Check.EventuallyAsync(() => !heard.IsEmpty, "somebody waits");
        await demo.Api.AdmitParticipantAsync(sessionId, alice.User!.UserId);
        await joining.WaitAsync(Patience);
        Check.Same(new[] { nameof(ParticipantWaitingEvent), nameof(AdmittedEvent) }, heard.Select(each => each.GetType().Name));
    }

    [Test]
    public async Task Whoever_was_taken_out_is_told_so_does_not_come_back_and_can_be_kept_out()
    {
        var (server, sessionId) = await SessionAsync();
        await using var demo = await server.SignedInAsync("demo");
        await using var alice = await server.SignedInAsync("alice");
        var closed = new TaskCompletionSource<ConnectionState>(TaskCreationOptions.RunContinuationsAsynchronously);
        alice.OnConnectionStateChanged += (_, data) => _ = data.State.Status == ConnectionStatus.Closed && closed.TrySetResult(data.State);
        await demo.JoinSessionAsync(sessionId);
        await alice.JoinSessionAsync(sessionId);
        await demo.Api.RemoveParticipantAsync(sessionId, alice.User!.UserId, TimeSpan.FromHours(1));
        Check.Equal("removed", (await closed.Task.WaitAsync(Patience)).Code);
        await Check.EventuallyAsync(() => demo.Participants.Count == 0, "the seat is free");
        await Check.FailsAsync(alice.JoinSessionAsync(sessionId), "banned");
    }

    [Test]
    public async Task Signals_arrive_in_order_and_large_descriptions_in_one_piece()
    {
        await using var pair = await PairAsync();
        var (sessionId, demo, alice) = pair;
        var large = "v=0\r\n" + string.Concat(Enumerable.Range(0, 4_000).Select(number => $"a=line:{number}\r\n"));
        var (from, to) = (demo.User!.UserId, alice.User!.UserId);
        var sending = new List<Task> { demo.SendOfferAsync(to, large), demo.SendIceCandidateAsync(to, new IceCandidate("one", "0", 0, "frag")) };
        sending.AddRange(Enumerable.Range(0, 100).Select(number => demo.SendIceCandidatesAsync(to, new[] { new IceCandidate($"{number}") })));
        var received = new List<SignalEvent>();
        await foreach (var signal in alice.ReadEventsAsync<SignalEvent>())
        {
            received.Add(signal);
            if (received.Count == 102)
            {
                break;
            }
        }
        await Task.WhenAll(sending);
        Check.Equal(large, ((OfferEvent)received[0]).Sdp);
        Check.Equal(new IceCandidate("one", "0", 0, "frag"), ((IceCandidatesEvent)received[1]).Candidates[0]);
        Check.Same(Enumerable.Range(0, 100).Select(number => $"{number}"), received.Skip(2).Select(each => ((IceCandidatesEvent)each).Candidates[0].Candidate));
        Check.That(received.All(each => each.FromUserId == from && each.Epoch == received[0].Epoch), "of one sender, in one epoch");
        await demo.StartOverAsync(to);
        await demo.SendAnswerAsync(to, "another");
        var next = await FirstAsync(alice.ReadEventsAsync<AnswerEvent>());
        Check.That(next.Sdp == "another" && next.Epoch != received[0].Epoch, "after a new start the epoch is another one");
        await Check.FailsAsync(demo.SendAnswerAsync(Guid.NewGuid().ToString(), "x"), "peer_not_found");
        var noise = new Random(1);
        var incompressible = string.Concat(Enumerable.Range(0, 60_000).Select(_ => (char)('a' + noise.Next(26))));
        await Check.FailsAsync(demo.SendOfferAsync(to, incompressible), "payload_too_large");
    }

    [Test]
    public async Task A_second_device_of_the_same_user_takes_over_and_the_first_is_told()
    {
        var (server, sessionId) = await SessionAsync();
        await using var watcher = await server.SignedInAsync("bob");
        await using var phone = await server.SignedInAsync("alice");
        await using var laptop = await server.SignedInAsync("alice");
        await watcher.JoinSessionAsync(sessionId);
        await phone.JoinSessionAsync(sessionId);
        var closed = new TaskCompletionSource<ConnectionState>();
        phone.OnConnectionStateChanged += (_, data) => (data.Status == ConnectionStatus.Closed ? closed : new()).TrySetResult(data.State);
        await laptop.JoinSessionAsync(sessionId);
        Check.Equal("replaced", (await closed.Task.WaitAsync(Patience)).Code);
        await Check.FailsAsync(phone.SendMessageAsync("x"), "not_joined");
        await laptop.SendMessageAsync("from the laptop");
        Check.Equal("from the laptop", (await FirstAsync(watcher.ReadEventsAsync<MessageEvent>())).Message);
        Check.Equal(2, (await watcher.GetSessionAsync(sessionId)).CurrentParticipants, "one seat for a user");
    }

    [Test]
    public async Task Handlers_that_throw_block_or_await_requests_hold_nothing_up()
    {
        var (server, sessionId) = await SessionAsync();
        await using var demo = await server.SignedInAsync("demo");
        await using var alice = await server.SignedInAsync("alice");
        var errors = new ConcurrentQueue<string>();
        var heard = new ConcurrentQueue<string>();
        demo.OnError += (_, data) => errors.Enqueue($"{data.Code}: {data.Exception.InnerException?.Message}");
        demo.OnMessage += (_, data) => throw new InvalidOperationException($"thrown at {data.Message}");
        demo.OnMessage += async (_, data) =>
        {
            await demo.UpdateStatusAsync(isMuted: true, isVideoEnabled: true);
            throw new InvalidOperationException($"thrown later at {data.Message}");
        };
        demo.OnMessage += (_, data) =>
        {
            // A handler that blocks on the client's own requests.
            heard.Enqueue($"{data.Message} {demo.GetMeAsync().Result.Username}");
            if (data.Message == "1")
            {
                demo.SendMessageAsync("2").Wait();
            }
        };
        await demo.JoinSessionAsync(sessionId);
        await alice.JoinSessionAsync(sessionId);
        await alice.SendMessageAsync("1");
        await Check.EventuallyAsync(() => heard.Count == 2 && errors.Count == 4, () => $"heard {string.Join(", ", heard)}; errors {string.Join(", ", errors)}");
        Check.Same(new[] { "1 demo", "2 demo" }, heard);
        Check.Same(
            new[] { "handler_failed: thrown at 1", "handler_failed: thrown at 2", "handler_failed: thrown later at 1", "handler_failed: thrown later at 2" },
            errors.Order(StringComparer.Ordinal));
        Check.Equal(ConnectionStatus.Connected, demo.ConnectionState.Status);
    }

    [Test]
    public async Task A_killed_server_that_comes_back_with_its_data_is_rejoined_and_nothing_acknowledged_is_lost()
    {
        var folder = Directory.CreateTempSubdirectory("tunrtc-csharp-");
        await using var relay = new Relay();
        var port = Server.FreePort();
        var options = new[] { "--data", Path.Combine(folder.FullName, "data.db"), "--public-url", relay.Url, "--port", $"{port}" };
        var server = await Server.StartAsync(options);
        relay.LeadTo(port);
        await using var alice = new TunRTCClient(relay.Url);
        await using var bob = new TunRTCClient(relay.Url);
        await alice.RegisterAsync("alice", "alice@example.org", "a long password");
        await bob.RegisterAsync("bob", "bob@example.org", "a long password");
        var sessionId = (await alice.CreateSessionAsync("Killed")).SessionId;
        await alice.JoinSessionAsync(sessionId);
        await bob.JoinSessionAsync(sessionId);
        var heard = new ConcurrentQueue<string>();
        bob.OnMessage += (_, data) => heard.Enqueue(data.Message);
        await alice.SendMessageAsync("before");
        relay.IsDown = true;
        var said = alice.SendMessageAsync("while it is dead");
        await server.KillAsync();
        await Check.EventuallyAsync(() => alice.ConnectionState.Status == ConnectionStatus.Reconnecting, "the death is noticed");
        server = await Server.StartAsync(options);
        relay.IsDown = false;
        await said.WaitAsync(Patience);
        await alice.SendMessageAsync("after");
        await Check.EventuallyAsync(() => heard.Count == 3, () => $"all of it: {string.Join(", ", heard)}");
        Check.Same(new[] { "before", "while it is dead", "after" }, heard);
        await server.KillAsync();
        folder.Delete(recursive: true);
    }

    [Test]
    public async Task A_client_is_disposed_in_every_state()
    {
        var (server, sessionId) = await SessionAsync();
        await new TunRTCClient(server.Url).DisposeAsync();
        foreach (var moment in new[] { "signing in", "joining", "joined", "sending", "leaving", "lost" })
        {
            await using var relay = new Relay();
            relay.LeadTo(new Uri(server.Url).Port);
            var client = new TunRTCClient(new TunRTCOptions(relay.Url) { Transport = new Detour(relay.Url) });
            var enumeration = DrainAsync(client.ReadEventsAsync());
            var pending = await ReachAsync(client, moment, sessionId, relay);
            await client.DisposeAsync().AsTask().WaitAsync(Patience);
            await client.DisposeAsync();
            await enumeration.WaitAsync(Patience);
            await pending.Settled().WaitAsync(Patience);
            await Check.ThrowsAsync<ObjectDisposedException>(() => client.SendMessageAsync("x"));
            await Check.EventuallyAsync(() => relay.WebSockets == 0, $"no connection is left: {moment}");
        }
    }

    [Test]
    public async Task A_client_is_disposed_from_within_a_handler()
    {
        var (server, sessionId) = await SessionAsync();
        var demo = await server.SignedInAsync("demo");
        var isDone = new TaskCompletionSource();
        demo.OnMessage += async (_, _) =>
        {
            await demo.DisposeAsync();
            isDone.SetResult();
        };
        await demo.JoinSessionAsync(sessionId);
        await demo.SendMessageAsync("the last one");
        await isDone.Task.WaitAsync(Patience);
        await using var watcher = await server.SignedInAsync("alice");
        Check.Equal(0, (await watcher.GetSessionAsync(sessionId)).CurrentParticipants, "the seat was given back");
    }

    [Test]
    public async Task Of_joins_and_leaves_that_overlap_the_last_one_wins()
    {
        var (server, first) = await SessionAsync();
        var (_, second) = await SessionAsync();
        await using var client = await server.SignedInAsync("bob");
        var overtaken = client.JoinSessionAsync(first);
        var joined = await client.JoinSessionAsync(second);
        await Check.FailsAsync(overtaken, "closed");
        Check.Equal(second, joined.SessionId);
        Check.Equal(second, client.SessionId);
        var left = client.JoinSessionAsync(first);
        await client.LeaveSessionAsync();
        await Check.FailsAsync(left, "closed");
        using var cancel = new CancellationTokenSource();
        var cancelled = client.JoinSessionAsync(first, cancel.Token);
        cancel.Cancel();
        await Check.ThrowsAsync<OperationCanceledException>(() => cancelled);
        await client.LeaveSessionAsync();
        foreach (var sessionId in new[] { first, second })
        {
            var session = await client.GetSessionAsync(sessionId);
            Check.Equal(0, session.CurrentParticipants, "every seat was given back");
        }
    }

    [Test]
    public async Task Signing_in_as_somebody_else_leaves_the_session()
    {
        var (server, sessionId) = await SessionAsync();
        await using var client = await server.SignedInAsync("demo");
        await client.JoinSessionAsync(sessionId);
        await client.LoginAsync("bob@tunrtc.com", "bob123");
        await Check.EventuallyAsync(() => client.SessionId is null, "the session of the user before is left");
        await client.LogoutAsync();
        Check.That(client.User is null, "nobody is signed in");
    }

    /// <summary>Two who are in a session that the first has made.</summary>
    private static async Task<Pair> PairAsync()
    {
        var (server, sessionId) = await SessionAsync();
        var pair = new Pair(sessionId, await server.SignedInAsync("demo"), await server.SignedInAsync("alice"));
        await pair.Demo.JoinSessionAsync(sessionId);
        await pair.Alice.JoinSessionAsync(sessionId);
        return pair;
    }

    private static async Task<(Server Server, string SessionId)> SessionAsync()
    {
        var server = await Server.SharedAsync();
        await using var owner = await server.SignedInAsync("demo");
        return (server, (await owner.CreateSessionAsync("Test", visibility: Visibility.Unlisted)).SessionId);
    }

    private static async Task<T> FirstAsync<T>(IAsyncEnumerable<T> events)
    {
        using var late = new CancellationTokenSource(Patience);
        await foreach (var data in events.WithCancellation(late.Token))
        {
            return data;
        }
        throw new CheckFailedException("the events ended");
    }

    private static async Task DrainAsync(IAsyncEnumerable<TunRTCEvent> events)
    {
        await foreach (var _ in events)
        {
        }
    }

    /// <summary>Brings a client to some point of its life; answers what is under way then.</summary>
    private static async Task<Task> ReachAsync(TunRTCClient client, string moment, string sessionId, Relay relay)
    {
        var signingIn = client.LoginAsync("alice@tunrtc.com", "alice123");
        if (moment == "signing in")
        {
            return signingIn;
        }
        await signingIn;
        var joining = client.JoinSessionAsync(sessionId);
        if (moment == "joining")
        {
            return joining;
        }
        await joining;
        switch (moment)
        {
            case "sending":
                return client.SendMessageAsync("x");
            case "leaving":
                return client.LeaveSessionAsync();
            case "lost":
                relay.IsDown = true;
                relay.CutWebSockets();
                return client.SendMessageAsync("x");
            default:
                return Task.CompletedTask;
        }
    }

    private sealed record Pair(string SessionId, TunRTCClient Demo, TunRTCClient Alice) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Alice.DisposeAsync();
            await Demo.DisposeAsync();
        }
    }
}
