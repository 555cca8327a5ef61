using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>A call between the C# SDK with a media adapter and the TypeScript SDK with its own mesh, over the real server.</summary>
public sealed class MixedCallTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly FakeMedia _media = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private TunRTCClient? _sharp;
    private ScriptPeer? _script;

    [Test]
    public async Task Whoever_comes_first_the_two_describe_themselves_to_each_other()
    {
        foreach (var isSharpFirst in new[] { true, false })
        {
            await CallAsync(isSharpFirst);
            await TogetherAsync();
            Check.That(_media.With("alice")!.Local!.Contains(isSharpFirst ? "a=answer" : "a=offer", StringComparison.Ordinal), "the newcomer made the offer");
            await Check.EventuallyAsync(() => !_media.With("alice")!.Candidates.IsEmpty, "its candidates come");
            await UntilAsync(view => (int)view["candidates"]! == 3, "this side's candidates come");
            await EndAsync();
        }
    }

    [Test]
    public async Task Offers_that_cross_and_connections_made_anew_end_with_both_together()
    {
        await CallAsync(isSharpFirst: true);
        await TogetherAsync();
        for (var round = 0; round < 5; round++)
        {
            var before = _media.With("alice")!.Local;
            _media.With("alice")!.Change();
            await _script!.LookAsync(change: true);
            await Check.EventuallyAsync(() => _media.With("alice")!.Local != before, "there is another description");
            await TogetherAsync();
        }
        var old = _media.With("alice")!;
        old.Fail();
        await Check.EventuallyAsync(() => _media.With("alice") != old, "a new connection");
        await TogetherAsync();
        await EndAsync();
    }

    public async ValueTask DisposeAsync() => await EndAsync();

    private async Task CallAsync(bool isSharpFirst)
    {
        var server = await Server.SharedAsync();
        _sharp = await server.SignedInAsync("demo", new TunRTCOptions("") { Media = _media });
        _sharp.OnError += (_, data) => _errors.Enqueue($"{data.Code}: {data.Exception.Message}");
        var sessionId = (await _sharp.CreateSessionAsync("Mixed", visibility: Visibility.Unlisted)).SessionId;
        if (isSharpFirst)
        {
            await _sharp.JoinSessionAsync(sessionId);
        }
        _script = await ScriptPeer.JoinAsync(server.Url, "alice@tunrtc.com", "alice123", sessionId, "caller.mjs");
        if (!isSharpFirst)
        {
            await _sharp.JoinSessionAsync(sessionId);
        }
    }

    private Task TogetherAsync() => UntilAsync(
        view => _media.With("alice") is { Local: { } local, Remote: { } remote, IsDisposed: false } && (bool)view["isStable"]! && remote == (string)view["local"]! && local == (string)view["remote"]!,
        "each has what the other has made last");

    private async Task UntilAsync(Func<JsonNode, bool> holds, string what)
    {
        JsonNode? view = null;
        for (var watch = Stopwatch.StartNew(); view is null || !holds(view); view = await _script!.LookAsync())
        {
            Check.That(watch.Elapsed < Patience, $"never: {what}\nthere: {view}\nhere: {_media.With("alice")?.Local} / {_media.With("alice")?.Remote}");
            await Task.Delay(20);
        }
    }

    private async Task EndAsync()
    {
        if (_sharp is null || _script is null)
        {
            return;
        }
        Check.Equal(0, _errors.Count + _script.Said("failed").Length, $"{string.Join(", ", _errors)} {string.Join(", ", (object?[])_script.Said("failed"))}");
        _script.Dispose();
        await _sharp.DisposeAsync();
        (_sharp, _script) = (null, null);
    }
}
