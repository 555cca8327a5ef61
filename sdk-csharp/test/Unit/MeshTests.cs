using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Media;
using TunRTC.Client.Signaling;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>What a mesh makes of signals that belong to another connection than the present one.</summary>
public sealed class MeshTests : IMeshOwner
{
    private readonly ConcurrentQueue<string> _sent = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly FakeMedia _media = new();
    private readonly Loop _loop;
    private readonly Mesh _mesh;

    public MeshTests()
    {
        _loop = new Loop(thrown => _errors.Enqueue(thrown.ToString()));
        _mesh = new Mesh(new Surroundings(_loop, TimeProvider.System, () => 0.5, new WebSocketTransport()), _media, "alice", this);
    }

    [Test]
    public async Task An_answer_to_the_connection_before_brings_a_new_one_and_nothing_more_of_its_epoch()
    {
        await OfferedAsync();
        Handle("a", new Answer(Remote));
        await Check.EventuallyAsync(() => _media.With("bob")!.Remote == Remote, "the answer is taken");
        var first = _media.With("bob")!;
        Handle("b", new Answer(Remote));
        await Check.EventuallyAsync(() => _media.With("bob") is { Local: not null } next && next != first, "a new connection, with an offer");
        Handle("b", new Answer(Remote));
        Handle("b", new Candidates(new[] { new IceCandidate("x") }));
        Handle("c", new Answer(Remote));
        await Check.EventuallyAsync(() => _media.With("bob")!.Remote == Remote, "the answer of the next epoch is taken");
        Check.Equal(2, _media.Made.Count, "there was no third connection");
        Check.Equal(0, _media.With("bob")!.Candidates.Count, "and no candidate of the epoch that was shunned");
        Check.Same(new[] { "renew bob" }, _sent.Where(each => each.StartsWith("renew", StringComparison.Ordinal)));
        Check.Equal(0, _errors.Count, string.Join(", ", _errors));
    }

    [Test]
    public async Task An_offer_of_another_epoch_is_met_with_a_new_connection()
    {
        await OfferedAsync();
        Handle("a", new Answer(Remote));
        Handle("b", new Offer(Remote));
        await Check.EventuallyAsync(() => _media.Made.Count == 2 && _media.With("bob")!.Local is { } local && local.Contains("a=answer", StringComparison.Ordinal), "it is answered");
        Check.Equal(0, _errors.Count, string.Join(", ", _errors));
    }

    [Test]
    public async Task A_connection_that_failed_makes_way_and_signaling_is_looked_after()
    {
        await OfferedAsync();
        _media.With("bob")!.Fail();
        await Check.EventuallyAsync(() => _sent.Count(each => each == "sendOffer bob") == 2, "the next one offers");
        Check.Same(new[] { "sendOffer bob", "sendIceCandidate bob", "probe", "renew bob", "sendOffer bob" }, _sent.Take(5));
    }

    [Test]
    public async Task After_the_end_no_connection_is_made()
    {
        await OfferedAsync();
        _loop.Post(_mesh.Close);
        Handle("b", new Offer(Remote));
        await _loop.Run(() => Task.CompletedTask);
        Check.Equal(1, _media.Made.Count);
        await Check.EventuallyAsync(() => _media.With("bob")!.IsDisposed, "the one that there was is closed");
    }

    Task IMeshOwner.SendAsync(string userId, SignalBody body)
    {
        _sent.Enqueue($"{body.Action} {userId}");
        return Task.CompletedTask;
    }

    void IMeshOwner.Renew(string userId) => _sent.Enqueue($"renew {userId}");

    void IMeshOwner.Probe() => _sent.Enqueue("probe");

    Participant? IMeshOwner.Find(string userId) => new(userId, userId, default, ParticipantStatus.Connected, false, true);

    void IMeshOwner.OnPeerError(string userId, TunRTCException error) => _errors.Enqueue($"{userId} {error}");

    private const string Remote = "v=0\r\na=ice-ufrag:bob\r\n";

    private async Task OfferedAsync()
    {
        _loop.Post(() => _mesh.Connect("bob", isInitiator: true));
        await Check.EventuallyAsync(() => _sent.Contains("sendOffer bob"), "there is an offer");
    }

    private void Handle(string epoch, SignalBody body) => _loop.Post(() => _mesh.Handle(new Signal("bob", "bob", "id", epoch, 1, default, body)));
}
