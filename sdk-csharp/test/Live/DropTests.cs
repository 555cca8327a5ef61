using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>The promise, between the two SDKs, over a network that breaks all the time.</summary>
public sealed class DropTests
{
    private const int Pairs = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>TUNRTC_DROPS=1000 for the whole of it.</summary>
    private static readonly int Drops = int.Parse(Environment.GetEnvironmentVariable("TUNRTC_DROPS") ?? "50");

    [Test]
    public async Task Nothing_is_lost_twice_or_out_of_order_between_the_two_SDKs_however_often_connections_drop()
    {
        await using var relay = new Relay();
        var port = Server.FreePort();
        var server = await Server.StartAsync("--port", $"{port}", "--public-url", relay.Url);
        relay.LeadTo(port);
        var pairs = await Task.WhenAll(Enumerable.Range(0, Pairs).Select(number => Pair.MeetAsync(relay.Url, number)));
        var random = new Random(7);
        var watch = Stopwatch.StartNew();
        var drops = 0;
        while (drops < Drops)
        {
            await Task.WhenAll(pairs.Select(pair => pair.TalkAsync(TimeSpan.FromMilliseconds(random.Next(50, 250)))));
            var before = await Task.WhenAll(pairs.Select(pair => pair.ReconnectsAsync()));
            relay.CutWebSockets();
            if (random.Next(4) == 0)
            {
                // Now and then in the middle of coming back, too.
                await Task.Delay(random.Next(100, 400));
                relay.CutWebSockets();
            }
            // On a busy machine nobody would get anywhere; and what is kept for those who are away has a bound.
            await Task.WhenAll(pairs.Zip(before, (pair, count) => pair.BackAsync(count)));
            drops += 2 * Pairs;
        }
        foreach (var pair in pairs)
        {
            await pair.CheckAsync();
        }
        var sent = pairs.Sum(pair => pair.Sent);
        Console.WriteLine($"       {drops} drops, {sent} signals each way, in {watch.Elapsed.TotalSeconds:F0} s");
        foreach (var pair in pairs)
        {
            await pair.DisposeAsync();
        }
        await server.KillAsync();
    }

    /// <summary>One on each SDK, in a session of their own, who tell each other numbers.</summary>
    private sealed class Pair(TunRTCClient sharp, ScriptPeer script) : IAsyncDisposable
    {
        private readonly ConcurrentQueue<string> _signals = new();
        private readonly ConcurrentQueue<(string Id, string Text)> _messages = new();
        private readonly List<Task> _sending = new();
        private int _chats;
        private bool _isBroken;

        public int Sent { get; private set; }

        public static async Task<Pair> MeetAsync(string url, int number)
        {
            var sharp = new TunRTCClient(url);
            await sharp.RegisterAsync($"sharp-{number}", $"sharp-{number}@example.org", "a long password");
            await using var account = new TunRTCClient(url);
            await account.RegisterAsync($"script-{number}", $"script-{number}@example.org", "a long password");
            var sessionId = (await sharp.CreateSessionAsync($"Pair {number}")).SessionId;
            await sharp.JoinSessionAsync(sessionId);
            var script = await ScriptPeer.JoinAsync(url, $"script-{number}@example.org", "a long password", sessionId);
            var pair = new Pair(sharp, script);
            sharp.OnIceCandidates += (_, data) => pair._signals.Enqueue(data.Candidates[0].Candidate);
            sharp.OnMessage += (_, data) => pair._messages.Enqueue((data.MessageId, data.Message));
            sharp.OnSignalsLost += (_, _) => pair._isBroken = true;
            return pair;
        }

        /// <summary>Says some things for a while.</summary>
        public async Task TalkAsync(TimeSpan time)
        {
            for (var part = 0; part < 2; part++)
            {
                var text = $"{Sent++}";
                _sending.Add(sharp.SendIceCandidateAsync(script.UserId, new IceCandidate(text)));
                script.Signal(sharp.User!.UserId, text);
                await Task.Delay(time / 2);
            }
            var chat = $"{_chats++}";
            _sending.Add(sharp.SendMessageAsync($"sharp {chat}"));
            script.Message($"script {chat}");
        }

        /// <summary>How often each of them came back.</summary>
        public async Task<(int Sharp, int Script)> ReconnectsAsync() =>
            ((await sharp.GetSignalingStatisticsAsync()).Reconnects, (await script.CountAsync()).Reconnects);

        /// <summary>Waits until both have come back since then.</summary>
        public async Task BackAsync((int Sharp, int Script) before)
        {
            for (var (now, watch) = (before, Stopwatch.StartNew()); now.Sharp <= before.Sharp || now.Script <= before.Script; now = await ReconnectsAsync())
            {
                Check.That(watch.Elapsed < Patience, "both come back");
                await Task.Delay(10);
            }
        }

        /// <summary>Everything was acknowledged, and all of it is there: once, and in order.</summary>
        public async Task CheckAsync()
        {
            await Task.WhenAll(_sending);
            await Check.EventuallyAsync(() => script.CountAsync().Result.Acknowledged == Sent + _chats, "the script's frames are acknowledged");
            var all = Enumerable.Range(0, Sent).Select(number => $"{number}").ToArray();
            await Check.EventuallyAsync(() => _signals.Count >= Sent && script.Said("signal").Length >= Sent, "all signals are there");
            await Check.EventuallyAsync(() => _messages.Count >= 2 * _chats && script.Said("message").Length >= 2 * _chats, "all messages are there");
            Check.Same(all, _signals, "signals to the C# SDK");
            Check.Same(all, script.Said("signal").Select(text => (string)text!), "signals to the TypeScript SDK");
            var theirs = script.Lines().Where(line => line["message"] is not null).Select(line => ((string)line["id"]!, (string)line["message"]!));
            foreach (var heard in new[] { _messages.ToArray(), theirs.ToArray() })
            {
                CheckChat(heard);
            }
            Check.That(!_isBroken && script.Said("broken").Length == 0 && script.Said("failed").Length == 0, "nobody had to start over");
        }

        public async ValueTask DisposeAsync()
        {
            script.Dispose();
            await sharp.DisposeAsync();
        }

        /// <summary>Chat has no promise of order on its way, but its ids sort: so it is compared sorted by them.</summary>
        private void CheckChat((string Id, string Text)[] heard)
        {
            Check.Equal(2 * _chats, heard.Length, "each message comes once");
            foreach (var who in new[] { "sharp", "script" })
            {
                var said = heard.OrderBy(each => each.Id, StringComparer.Ordinal).Select(each => each.Text).Where(text => text.StartsWith(who, StringComparison.Ordinal));
                Check.Same(Enumerable.Range(0, _chats).Select(number => $"{who} {number}"), said, $"chat of {who}");
            }
        }
    }
}
