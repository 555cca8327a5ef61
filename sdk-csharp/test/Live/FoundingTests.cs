using System;
using System.Collections.Concurrent;
using System.Threading.Tasks;
using TunRTC.Client;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>The interface that TunRTC was founded with, word for word.</summary>
public sealed class FoundingTests
{
    [Test]
    public async Task The_founding_sample_compiles_and_runs()
    {
        var url = (await Server.SharedAsync()).Url;
        var seen = new ConcurrentQueue<string>();

        var client = new TunRTCClient(url);
        await client.LoginAsync("demo@tunrtc.com", "demo123");
        var session = await client.CreateSessionAsync("My Video Call", 10);
        await client.JoinSessionAsync(session.SessionId);
        // What happens before anybody subscribes is kept.
        var alice = await (await Server.SharedAsync()).SignedInAsync("alice");
        await alice.JoinSessionAsync(session.SessionId);
        await alice.SendMessageAsync("Hello demo! \U0001F44B");
        client.OnUserJoined += (sender, data) => seen.Enqueue($"{data.Username} joined");
        client.OnMessage += (sender, data) => seen.Enqueue($"{data.FromUsername}: {data.Message}");
        await client.SendMessageAsync("Hello everyone!");

        await Check.EventuallyAsync(() => seen.Count == 3, () => $"three events: {string.Join(", ", seen)}");
        Check.Same(new[] { "alice joined", "alice: Hello demo! \U0001F44B", "demo: Hello everyone!" }, seen);
        await client.DisposeAsync();
        await alice.DisposeAsync();
    }
}
