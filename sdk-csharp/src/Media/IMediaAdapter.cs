using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>
/// Makes peer connections over whichever WebRTC library the app uses (README.md shows SIPSorcery). Who offers, what happens
/// when two offers cross, when candidates are sent and when a connection is made anew is decided by the client, as the
/// TypeScript SDK does it: the two understand each other.
/// </summary>
public interface IMediaAdapter
{
    /// <summary>Makes a connection to a participant: with the local tracks in it, and nothing negotiated yet. May be called on any thread.</summary>
    /// <param name="participant">Who.</param>
    /// <param name="iceServers">STUN and TURN servers.</param>
    IMediaConnection Connect(Participant participant, IReadOnlyList<IceServer> iceServers);
}

/// <summary>
/// One peer connection. Its methods are called one after the other, on any thread; its events may be raised on any thread, too. A connection for
/// which nothing can be done any more throws, and is then made anew.
/// </summary>
public interface IMediaConnection : IDisposable
{
    /// <summary>A local candidate was found.</summary>
    event Action<IceCandidate>? CandidateFound;

    /// <summary>Tracks changed: an offer is needed.</summary>
    event Action? NegotiationNeeded;

    /// <summary>No path works any more: the connection is to be made anew.</summary>
    event Action? Failed;

    /// <summary>Makes an offer, sets it as the local description and answers its SDP.</summary>
    Task<string> CreateOfferAsync();

    /// <summary>Sets the remote offer, makes an answer, sets it as the local description and answers its SDP. Never called while an own offer is out.</summary>
    /// <param name="sdp">The offer.</param>
    Task<string> AcceptOfferAsync(string sdp);

    /// <summary>Sets the remote answer.</summary>
    /// <param name="sdp">The answer.</param>
    Task AcceptAnswerAsync(string sdp);

    /// <summary>Adds a remote candidate; only after a remote description. One that cannot be used may throw.</summary>
    /// <param name="candidate">The candidate.</param>
    Task AddIceCandidateAsync(IceCandidate candidate);
}
