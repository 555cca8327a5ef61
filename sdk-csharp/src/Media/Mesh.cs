using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Signaling;

namespace TunRTC.Client.Media;

/// <summary>What a <see cref="Mesh"/> needs, and whom it tells.</summary>
internal interface IMeshOwner
{
    /// <summary>Sends a signal; ends when the server has it.</summary>
    Task SendAsync(string userId, SignalBody body);

    /// <summary>The connection to a peer is made anew: what was sent for the old one is void.</summary>
    void Renew(string userId);

    /// <summary>What is known of a participant; <c>null</c> when they are gone.</summary>
    Participant? Find(string userId);

    /// <summary>A connection failed. The same trouble may have cut signaling off; a dead connection is found sooner by asking.</summary>
    void Probe();

    /// <summary>Something failed between this participant and another.</summary>
    void OnPeerError(string userId, TunRTCException error);
}

/// <summary>A connection to each other participant. The newcomer offers; of two offers that cross, the lower user id gives way.</summary>
internal sealed class Mesh(Surroundings surroundings, IMediaAdapter adapter, string userId, IMeshOwner owner)
{
    private readonly Dictionary<string, Peer> _peers = new(StringComparer.Ordinal);
    private bool _isClosed;

    /// <summary>The ICE servers that the next connections are made with.</summary>
    public IReadOnlyList<IceServer> IceServers { get; set; } = Array.Empty<IceServer>();

    /// <summary>Sees to it that there is a connection to a participant.</summary>
    public void Connect(string peerId, bool isInitiator)
    {
        if (!_peers.ContainsKey(peerId))
        {
            Create(peerId, isInitiator);
        }
    }

    /// <summary>Closes the connection to a participant, if there is one, and makes a new one.</summary>
    public void Reset(string peerId, bool isInitiator)
    {
        Remove(peerId);
        Create(peerId, isInitiator);
    }

    public void Remove(string peerId)
    {
        if (_peers.Remove(peerId, out var peer))
        {
            peer.Close();
            owner.Renew(peerId);
        }
    }

    public void Handle(Signal signal)
    {
        Connect(signal.FromUserId, isInitiator: false);
        _peers.GetValueOrDefault(signal.FromUserId)?.Handle(signal);
    }

    /// <summary>Signals may have been lost: connections are described again.</summary>
    public void Renegotiate()
    {
        foreach (var (peerId, peer) in _peers.ToArray())
        {
            if (peer.IsNegotiated)
            {
                peer.Negotiate();
            }
            else
            {
                Reset(peerId, isInitiator: true);
            }
        }
    }

    public void Close()
    {
        _isClosed = true;
        foreach (var peer in _peers.Values)
        {
            peer.Close();
        }
        _peers.Clear();
    }

    private void Create(string peerId, bool isInitiator)
    {
        if (_isClosed || owner.Find(peerId) is not { } participant)
        {
            return;
        }
        var peer = new Peer(surroundings, isPolite: string.CompareOrdinal(userId, peerId) < 0)
        {
            SendAsync = body => owner.SendAsync(peerId, body),
            OnError = error => owner.OnPeerError(peerId, error),
        };
        peer.OnBroken = () => Again(peerId, peer);
        peer.OnStray = signal => Stray(peerId, peer, signal);
        _peers[peerId] = peer;
        var iceServers = IceServers;
        peer.Open(() => adapter.Connect(participant, iceServers), isInitiator);
    }

    private void Again(string peerId, Peer peer)
    {
        if (_peers.GetValueOrDefault(peerId) == peer)
        {
            owner.Probe();
            Reset(peerId, isInitiator: true);
        }
    }

    /// <summary>The other side has a new connection: meet it with a new one, or, if its offer was missed, ask for another.</summary>
    private void Stray(string peerId, Peer peer, Signal signal)
    {
        var isOffer = signal.Body is Offer;
        var isPresent = _peers.GetValueOrDefault(peerId) == peer;
        if (isPresent)
        {
            Reset(peerId, isInitiator: !isOffer);
        }
        var present = _peers.GetValueOrDefault(peerId);
        if (!isPresent || isOffer)
        {
            present?.Handle(signal);
        }
        else if (signal.Body is Answer)
        {
            present?.Shun(signal.Epoch);
        }
    }
}
