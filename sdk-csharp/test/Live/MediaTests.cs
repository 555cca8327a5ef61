using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>Peer connections through an adapter, over the real server.</summary>
public sealed class MediaTests : IAsyncDisposable
{
    private readonly FakeMedia _demoMedia = new();
    private readonly FakeMedia _aliceMedia = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private TunRTCClient? _demo;
    private TunRTCClient? _alice;

    [Test]
    public async Task Who_joins_offers_and_candidates_follow_their_description()
    {
        await TogetherAsync();
        Check.That(_aliceMedia.With("demo")!.Local!.Contains("a=offer", StringComparison.Ordinal), "the newcomer made the offer");
        await Check.EventuallyAsync(() => _demoMedia.With("alice")!.Candidates.Count == 3 && _aliceMedia.With("demo")!.Candidates.Count == 3, "all candidates come");
        Check.Equal(0, _errors.Count, string.Join(", ", _errors));
    }

    [Test]
    public async Task Offers_that_cross_end_with_both_sides_together()
    {
        await TogetherAsync();
        for (var round = 0; round < 10; round++)
        {
            var before = _demoMedia.With("alice")!.Local;
            _demoMedia.With("alice")!.Change();
            _aliceMedia.With("demo")!.Change();
            await Check.EventuallyAsync(() => _demoMedia.With("alice")!.Local != before && AreTogether(), $"together again after round {round}");
        }
        Check.Equal(0, _errors.Count, string.Join(", ", _errors));
    }

    [Test]
    public async Task A_connection_that_failed_is_made_anew_on_both_sides()
    {
        await TogetherAsync();
        var (demos, alices) = (_demoMedia.With("alice")!, _aliceMedia.With("demo")!);
        demos.Fail();
        await Check.EventuallyAsync(() => _demoMedia.With("alice") != demos && _aliceMedia.With("demo") != alices && AreTogether(), "new connections, together");
        await Check.EventuallyAsync(() => demos.IsDisposed && alices.IsDisposed, "the old ones are closed");
        Check.Equal(0, _errors.Count, string.Join(", ", _errors));
    }

    [Test]
    public async Task Who_leaves_loses_the_connection_and_gets_a_new_one_on_coming_back()
    {
        var sessionId = await TogetherAsync();
        var first = _demoMedia.With("alice")!;
        await _alice!.LeaveSessionAsync();
        await Check.EventuallyAsync(() => first.IsDisposed, "demo closes the connection");
        await _alice.JoinSessionAsync(sessionId);
        await Check.EventuallyAsync(() => _demoMedia.With("alice") != first && AreTogether(), "together again");
        await Check.ThrowsAsync<InvalidOperationException>(() => _alice.SendOfferAsync(_demo!.User!.UserId, "mine"));
        Check.Equal(0, _errors.Count, string.Join(", ", _errors));
    }

    public async ValueTask DisposeAsync()
    {
        await (_demo?.DisposeAsync() ?? default);
        await (_alice?.DisposeAsync() ?? default);
        await Check.EventuallyAsync(() => _demoMedia.Made.Concat(_aliceMedia.Made).All(each => each.Connection.IsDisposed), "every connection is closed");
    }

    private bool AreTogether() => FakeConnection.AreTogether(_demoMedia.With("alice"), _aliceMedia.With("demo"));

    private async Task<string> TogetherAsync()
    {
        var server = await Server.SharedAsync();
        _demo = await server.SignedInAsync("demo", new TunRTCOptions("") { Media = _demoMedia });
        _alice = await server.SignedInAsync("alice", new TunRTCOptions("") { Media = _aliceMedia });
        foreach (var client in new[] { _demo, _alice })
        {
            client.OnError += (_, data) => _errors.Enqueue($"{client.User?.Username}: {data.Code}: {data.Exception.Message}");
        }
        var sessionId = (await _demo.CreateSessionAsync("Media", visibility: Visibility.Unlisted)).SessionId;
        await _demo.JoinSessionAsync(sessionId);
        await _alice.JoinSessionAsync(sessionId);
        await Check.EventuallyAsync(AreTogether, "both are described");
        return sessionId;
    }
}
