using System;
using System.Collections.Generic;

namespace TunRTC.Client;

/// <summary>Something that a <see cref="TunRTCClient"/> tells.</summary>
public abstract record TunRTCEvent;

/// <summary>Somebody came in, or started anew. Those who were there before are in <see cref="TunRTCClient.Participants"/>.</summary>
/// <param name="Participant">Who.</param>
public sealed record UserJoinedEvent(Participant Participant) : TunRTCEvent
{
    /// <summary>The account.</summary>
    public string UserId => Participant.UserId;

    /// <summary>Its name.</summary>
    public string Username => Participant.Username;
}

/// <summary>Somebody is gone for good: left, removed, or not back in time.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Reason">Why.</param>
public sealed record UserLeftEvent(string UserId, string Username, LeaveReason Reason) : TunRTCEvent;

/// <summary>Somebody was muted, turned the camera off, or lost or regained the connection.</summary>
/// <param name="Participant">How they are now.</param>
public sealed record UserStatusUpdatedEvent(Participant Participant) : TunRTCEvent
{
    /// <summary>The account.</summary>
    public string UserId => Participant.UserId;

    /// <summary>Its name.</summary>
    public string Username => Participant.Username;

    /// <summary>Whether a connection is there.</summary>
    public ParticipantStatus Status => Participant.Status;

    /// <summary>Whether the microphone is off.</summary>
    public bool IsMuted => Participant.IsMuted;

    /// <summary>Whether the camera is on.</summary>
    public bool IsVideoEnabled => Participant.IsVideoEnabled;
}

/// <summary>Somebody's part in the session or permissions changed, one's own too.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Role">The part in the session now.</param>
/// <param name="Permissions">What is allowed now. What is not allowed should not be shown, and is refused by the server.</param>
public sealed record ParticipantUpdatedEvent(string UserId, string Username, Role Role, Permissions Permissions) : TunRTCEvent;

/// <summary>What somebody says of themselves changed, one's own too.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Attributes">All of it, as it is now.</param>
public sealed record AttributesChangedEvent(string UserId, string Username, IReadOnlyDictionary<string, string> Attributes) : TunRTCEvent;

/// <summary>Somebody raised a hand or took it down, oneself too.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="RaisedAt">Since when, by the server's clock, which puts hands in order; <c>null</c> where none is raised.</param>
public sealed record HandChangedEvent(string UserId, string Username, DateTimeOffset? RaisedAt) : TunRTCEvent;

/// <summary>Data that somebody sent, or the app's backend; each piece once.</summary>
/// <param name="FromUserId">Who sent it; <c>null</c> where the app's own backend did.</param>
/// <param name="FromUsername">The sender's name.</param>
/// <param name="Topic">What it is about.</param>
/// <param name="Payload">What was sent, at most 15 KiB of UTF-8.</param>
public sealed record DataEvent(string? FromUserId, string? FromUsername, string Topic, string Payload) : TunRTCEvent;

/// <summary>Somebody waits to be let in. Told to those who steer the session.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="WaitingSince">Since when.</param>
public sealed record ParticipantWaitingEvent(string UserId, string Username, DateTimeOffset WaitingSince) : TunRTCEvent;

/// <summary>Somebody who waited was let in. Told to those who steer the session.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
public sealed record AdmittedEvent(string UserId, string Username) : TunRTCEvent;

/// <summary>Somebody waits no more: turned away (<c>denied</c>), or gone (<c>left</c>, <c>timeout</c>). Told to those who steer the session.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Reason">Why.</param>
public sealed record DeniedEvent(string UserId, string Username, string Reason) : TunRTCEvent;

/// <summary>The session's settings changed.</summary>
/// <param name="Name">Its name now.</param>
/// <param name="MaxParticipants">Its number of seats.</param>
/// <param name="IsLocked">Whether nobody but hosts and cohosts may come in.</param>
/// <param name="Version">How often its settings were changed.</param>
public sealed record SessionUpdatedEvent(string Name, int MaxParticipants, bool IsLocked, int Version) : TunRTCEvent;

/// <summary>
/// Somebody who steers the session asks for a track of this client to be switched off. The app does that, and says so by
/// <see cref="TunRTCClient.UpdateStatusAsync"/>; nobody can switch a track on from afar.
/// </summary>
/// <param name="Kind">Which track.</param>
/// <param name="ByUserId">Who asks; <c>null</c> where the app's own backend does.</param>
public sealed record MuteRequestedEvent(MediaKind Kind, string? ByUserId) : TunRTCEvent;

/// <summary>A chat message, one's own too; each comes once.</summary>
/// <param name="Content">The message.</param>
public sealed record MessageEvent(ChatMessage Content) : TunRTCEvent
{
    /// <summary>Its identifier.</summary>
    public string MessageId => Content.MessageId;

    /// <summary>Who wrote it.</summary>
    public string FromUserId => Content.FromUserId;

    /// <summary>The writer's name.</summary>
    public string FromUsername => Content.FromUsername;

    /// <summary>The text.</summary>
    public string Message => Content.Message;

    /// <summary>When it was sent, by the server's clock.</summary>
    public DateTimeOffset Timestamp => Content.Timestamp;
}

/// <summary>What somebody says. One that is not final is replaced by the next of its speaker and name.</summary>
/// <param name="CaptionId">What the speaker's client calls the sentence.</param>
/// <param name="FromUserId">Who speaks.</param>
/// <param name="FromUsername">The speaker's name.</param>
/// <param name="Text">What was said of it until now.</param>
/// <param name="IsFinal">Whether that is all of it.</param>
/// <param name="Language">A BCP 47 tag.</param>
/// <param name="StartedAt">When it began, by the server's clock.</param>
public sealed record CaptionEvent(
    string CaptionId,
    string FromUserId,
    string FromUsername,
    string Text,
    bool IsFinal,
    string Language,
    DateTimeOffset StartedAt) : TunRTCEvent;

/// <summary>
/// An offer, an answer or candidates of somebody, in the order in which they sent them and each once. Told only where no
/// <see cref="TunRTCOptions.Media"/> takes them.
/// </summary>
/// <param name="FromUserId">Who sent it.</param>
/// <param name="FromUsername">The sender's name.</param>
/// <param name="Epoch">
/// Names one start of the sender; another one means that it has made a new peer connection, and so should this side.
/// </param>
public abstract record SignalEvent(string FromUserId, string FromUsername, string? Epoch) : TunRTCEvent;

/// <summary>An offer.</summary>
/// <param name="FromUserId">Who sent it.</param>
/// <param name="FromUsername">The sender's name.</param>
/// <param name="Epoch">Names one start of the sender.</param>
/// <param name="Sdp">The session description.</param>
public sealed record OfferEvent(string FromUserId, string FromUsername, string? Epoch, string Sdp)
    : SignalEvent(FromUserId, FromUsername, Epoch);

/// <summary>An answer.</summary>
/// <param name="FromUserId">Who sent it.</param>
/// <param name="FromUsername">The sender's name.</param>
/// <param name="Epoch">Names one start of the sender.</param>
/// <param name="Sdp">The session description.</param>
public sealed record AnswerEvent(string FromUserId, string FromUsername, string? Epoch, string Sdp)
    : SignalEvent(FromUserId, FromUsername, Epoch);

/// <summary>ICE candidates.</summary>
/// <param name="FromUserId">Who sent them.</param>
/// <param name="FromUsername">The sender's name.</param>
/// <param name="Epoch">Names one start of the sender.</param>
/// <param name="Candidates">The candidates.</param>
public sealed record IceCandidatesEvent(string FromUserId, string FromUsername, string? Epoch, IReadOnlyList<IceCandidate> Candidates)
    : SignalEvent(FromUserId, FromUsername, Epoch);

/// <summary>
/// Signals of somebody are lost for good: the peer connection with them should be made anew, after
/// <see cref="TunRTCClient.StartOverAsync"/>. Told only where no <see cref="TunRTCOptions.Media"/> does that.
/// </summary>
/// <param name="UserId">Whose.</param>
public sealed record SignalsLostEvent(string UserId) : TunRTCEvent;

/// <summary>The session is over for everybody.</summary>
/// <param name="Reason">Why.</param>
public sealed record SessionEndedEvent(EndReason Reason) : TunRTCEvent;

/// <summary>The signaling connection changed.</summary>
/// <param name="State">How it stands now.</param>
public sealed record ConnectionStateChangedEvent(ConnectionState State) : TunRTCEvent
{
    /// <summary>How it stands now.</summary>
    public ConnectionStatus Status => State.Status;
}

/// <summary>
/// The tokens are others now, or gone: an app that keeps the user signed in over a restart keeps these
/// (<see cref="TunRTCClient.Restore"/>).
/// </summary>
/// <param name="Auth">The tokens; <c>null</c> after a sign-out, or when the server revoked them.</param>
public sealed record TokensChangedEvent(Auth? Auth) : TunRTCEvent;

/// <summary>Something failed that nobody was waiting for.</summary>
/// <param name="Exception">What.</param>
public sealed record ErrorEvent(TunRTCException Exception) : TunRTCEvent
{
    /// <summary>The stable name of what went wrong.</summary>
    public string Code => Exception.Code;
}
