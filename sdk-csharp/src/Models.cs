using System;
using System.Collections.Generic;

namespace TunRTC.Client;

/// <summary>What a session is for. The numbers are the first TunRTC's.</summary>
public enum SessionType
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>Voices alone.</summary>
    AudioOnly = 0,

    /// <summary>Voices and pictures.</summary>
    VideoCall = 1,

    /// <summary>A screen that is shown.</summary>
    ScreenShare = 2,

    /// <summary>Anything.</summary>
    Mixed = 3,
}

/// <summary>Whether a session can be joined.</summary>
public enum SessionStatus
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>It can.</summary>
    Active,

    /// <summary>It is over.</summary>
    Ended,
}

/// <summary>Who can find a session.</summary>
public enum Visibility
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>Everybody with an account sees it in the list.</summary>
    Public,

    /// <summary>Only who is told its id.</summary>
    Unlisted,
}

/// <summary>Whether a participant's connection is there.</summary>
public enum ParticipantStatus
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>It is.</summary>
    Connected,

    /// <summary>It was lost, and may come back.</summary>
    Reconnecting,

    /// <summary>There was none yet.</summary>
    Disconnected,
}

/// <summary>Why somebody left.</summary>
public enum LeaveReason
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>They wanted to.</summary>
    Left,

    /// <summary>Their connection did not come back in time.</summary>
    Timeout,

    /// <summary>They were removed.</summary>
    Removed,
}

/// <summary>Why a session ended.</summary>
public enum EndReason
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>Its creator ended it.</summary>
    Ended,

    /// <summary>Nobody was there for long.</summary>
    Empty,

    /// <summary>Its creator's account was deleted.</summary>
    CreatorDeleted,

    /// <summary>Its longest time was over.</summary>
    MaxDuration,
}

/// <summary>What a sign-in gives. Whoever has these tokens is this user: keep them as a password is kept.</summary>
/// <param name="Token">The access token.</param>
/// <param name="ExpiresAt">When the access token runs out.</param>
/// <param name="RefreshToken">Exchanged for the next pair; good for one use.</param>
/// <param name="RefreshExpiresAt">When the refresh token runs out.</param>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Email">Its address.</param>
public sealed record Auth(
    string Token,
    DateTimeOffset ExpiresAt,
    string RefreshToken,
    DateTimeOffset RefreshExpiresAt,
    string UserId,
    string Username,
    string Email)
{
    /// <summary>Whose tokens these are; not the tokens, which must not get into a log.</summary>
    public override string ToString() => $"Auth {{ UserId = {UserId}, Username = {Username} }}";
}

/// <summary>The caller's account.</summary>
/// <param name="Id">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Email">Its address.</param>
/// <param name="CreatedAt">When it was registered.</param>
/// <param name="LastLoginAt">When it last signed in.</param>
/// <param name="DefaultVisibility">Who can find a session that it makes without saying so; the operator's choice.</param>
public sealed record Account(
    string Id, string Username, string Email, DateTimeOffset CreatedAt, DateTimeOffset? LastLoginAt, Visibility DefaultVisibility = Visibility.Public);

/// <summary>A session, or room.</summary>
/// <param name="SessionId">Its identifier.</param>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it is for.</param>
/// <param name="Status">Whether it can be joined.</param>
/// <param name="Visibility">Who can find it.</param>
/// <param name="MaxParticipants">Its number of seats.</param>
/// <param name="CurrentParticipants">How many of them are taken.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="CreatorId">Who created it.</param>
/// <param name="CreatorUsername">The creator's name.</param>
public record Session(
    string SessionId,
    string Name,
    SessionType Type,
    SessionStatus Status,
    Visibility Visibility,
    int MaxParticipants,
    int CurrentParticipants,
    DateTimeOffset CreatedAt,
    DateTimeOffset? EndedAt,
    string CreatorId,
    string CreatorUsername)
{
    /// <summary>Whether nobody but hosts and cohosts may join.</summary>
    public bool IsLocked { get; init; }

    /// <summary>Whether whoever joins waits until a host or a cohost admits them.</summary>
    public bool HasWaitingRoom { get; init; }

    /// <summary>How often its settings were changed.</summary>
    public long Version { get; init; }
}

/// <summary>A session with those who are there.</summary>
public record SessionDetail : Session
{
    internal SessionDetail(Session session, IReadOnlyList<Participant> participants)
        : base(session)
    {
        Participants = participants;
    }

    /// <summary>Who is believed to be there.</summary>
    public IReadOnlyList<Participant> Participants { get; }
}

/// <summary>The answer to taking a seat.</summary>
public sealed record JoinedSession : SessionDetail
{
    internal JoinedSession(SessionDetail detail, string? userId, SignalingTicket signaling, IReadOnlyList<IceServer> iceServers, int? videoLimit)
        : base(detail, detail.Participants)
    {
        UserId = userId;
        Signaling = signaling;
        IceServers = iceServers;
        VideoLimit = videoLimit;
    }

    /// <summary>Who took it; <c>null</c> where an older server does not say.</summary>
    public string? UserId { get; }

    /// <summary>How to connect.</summary>
    public SignalingTicket Signaling { get; }

    /// <summary>STUN and TURN servers.</summary>
    public IReadOnlyList<IceServer> IceServers { get; }

    /// <summary>
    /// How many people may show video at a time: in a mesh each of them sends to every other one. An app keeps it, since the camera
    /// is its own. Null with a server that knows no limit.
    /// </summary>
    public int? VideoLimit { get; }
}

/// <summary>Admits one connection of one user to one session, once.</summary>
/// <param name="Url">The complete address; <c>?ticket=</c> is the client's to add.</param>
/// <param name="Ticket">The ticket.</param>
/// <param name="ExpiresAt">When it runs out.</param>
public sealed record SignalingTicket(string Url, string Ticket, DateTimeOffset ExpiresAt)
{
    /// <summary>Where it leads; not the ticket, which must not get into a log.</summary>
    public override string ToString() => $"SignalingTicket {{ Url = {Url} }}";
}

/// <summary>A participant.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="JoinedAt">When the seat was taken.</param>
/// <param name="Status">Whether a connection is there.</param>
/// <param name="IsMuted">Whether the microphone is off.</param>
/// <param name="IsVideoEnabled">Whether the camera is on.</param>
public sealed record Participant(
    string UserId,
    string Username,
    DateTimeOffset JoinedAt,
    ParticipantStatus Status,
    bool IsMuted,
    bool IsVideoEnabled)
{
    /// <summary>The participant's part in the session.</summary>
    public Role Role { get; init; } = Role.Participant;

    /// <summary>What the participant may do.</summary>
    public Permissions Permissions { get; init; } = Permissions.Of(Role.Participant);

    /// <summary>What the participant says of itself; filled by <see cref="TunRTCApi.GetParticipantsAsync"/>, and once it changes.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();

    /// <summary>Since when a hand is raised, by the server's clock; filled as <see cref="Attributes"/> is.</summary>
    public DateTimeOffset? HandRaisedAt { get; init; }

    /// <summary>What the app keeps with the participant, as it was when <see cref="TunRTCApi.GetParticipantsAsync"/> asked.</summary>
    public string? Metadata { get; init; }
}

/// <summary>A participant's part in a session.</summary>
public enum Role
{
    /// <summary>A role that this version does not know.</summary>
    Unknown,

    /// <summary>Steers the session. Its creator always is one.</summary>
    Host,

    /// <summary>Steers the session too, but neither makes nor unmakes hosts and cohosts.</summary>
    Cohost,

    /// <summary>Takes part.</summary>
    Participant,

    /// <summary>Looks on, and may write.</summary>
    Viewer,
}

/// <summary>A kind of track.</summary>
public enum MediaKind
{
    /// <summary>The microphone.</summary>
    Audio,

    /// <summary>The camera.</summary>
    Video,

    /// <summary>The screen.</summary>
    Screen,
}

/// <summary>What a participant may do.</summary>
/// <param name="PublishAudio">Sending sound.</param>
/// <param name="PublishVideo">Sending a camera's picture.</param>
/// <param name="PublishScreen">Sending a screen's picture.</param>
/// <param name="Chat">Writing chat messages.</param>
/// <param name="Data">Sending data, and calling procedures of others.</param>
/// <param name="UpdateOwnAttributes">Changing the own attributes.</param>
/// <param name="Moderate">Steering the session and its participants.</param>
public sealed record Permissions(
    bool PublishAudio,
    bool PublishVideo,
    bool PublishScreen,
    bool Chat,
    bool Data,
    bool UpdateOwnAttributes,
    bool Moderate)
{
    /// <summary>What a role usually may.</summary>
    /// <param name="role">The role.</param>
    public static Permissions Of(Role role)
    {
        var (steers, publishes) = (role is Role.Host or Role.Cohost, role != Role.Viewer);
        return new(publishes, publishes, publishes, Chat: true, Data: publishes, UpdateOwnAttributes: true, Moderate: steers);
    }
}

/// <summary>Permissions that are given (<c>true</c>) or taken (<c>false</c>); the others stay as they are.</summary>
public sealed record PermissionsChange
{
    /// <summary>Sending sound.</summary>
    public bool? PublishAudio { get; init; }

    /// <summary>Sending a camera's picture.</summary>
    public bool? PublishVideo { get; init; }

    /// <summary>Sending a screen's picture.</summary>
    public bool? PublishScreen { get; init; }

    /// <summary>Writing chat messages.</summary>
    public bool? Chat { get; init; }

    /// <summary>Sending data, and calling procedures of others.</summary>
    public bool? Data { get; init; }

    /// <summary>Changing the own attributes.</summary>
    public bool? UpdateOwnAttributes { get; init; }

    /// <summary>Steering the session and its participants.</summary>
    public bool? Moderate { get; init; }
}

/// <summary>One chat message.</summary>
/// <param name="MessageId">Its identifier; these sort by time.</param>
/// <param name="FromUserId">Who wrote it.</param>
/// <param name="FromUsername">The writer's name.</param>
/// <param name="Message">The text.</param>
/// <param name="Timestamp">When it was sent, by the server's clock.</param>
/// <param name="ClientMessageId">What its writer's client calls it, if it gave it a name.</param>
public sealed record ChatMessage(
    string MessageId,
    string FromUserId,
    string FromUsername,
    string Message,
    DateTimeOffset Timestamp,
    string? ClientMessageId = null);

/// <summary>One sentence of a transcript.</summary>
/// <param name="CaptionId">What the speaker's client called it.</param>
/// <param name="FromUserId">Who spoke.</param>
/// <param name="FromUsername">The speaker's name.</param>
/// <param name="Text">What was said.</param>
/// <param name="Language">A BCP 47 tag.</param>
/// <param name="StartedAt">When it began, by the server's clock.</param>
/// <param name="EndedAt">When all of it was there, by the server's clock.</param>
public sealed record TranscriptEntry(
    string CaptionId,
    string FromUserId,
    string FromUsername,
    string Text,
    string Language,
    DateTimeOffset StartedAt,
    DateTimeOffset EndedAt);

/// <summary>One entry of what a peer connection wants as ICE servers.</summary>
/// <param name="Urls">STUN or TURN addresses.</param>
/// <param name="Username">For TURN: when the credential runs out, and whose it is.</param>
/// <param name="Credential">For TURN: proves the user name.</param>
public sealed record IceServer(IReadOnlyList<string> Urls, string? Username = null, string? Credential = null);

/// <summary>STUN and TURN servers.</summary>
/// <param name="Servers">What a peer connection wants.</param>
/// <param name="TimeToLive">How long the credentials are good for new allocations.</param>
public sealed record IceServers(IReadOnlyList<IceServer> Servers, TimeSpan TimeToLive);

/// <summary>A link that lets guests into a session, for its hosts.</summary>
/// <param name="InviteId">Its identifier, which is no secret; it stands in the identity of whoever came by it.</param>
/// <param name="SessionId">Where it leads.</param>
/// <param name="Role">What whoever comes by it may do.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="Code">What it carries; <c>null</c> but as it is made.</param>
/// <param name="Url">The link to the server's console; <c>null</c> but as it is made.</param>
public sealed record Invite(
    string InviteId,
    string SessionId,
    Role Role,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    string? Code = null,
    string? Url = null);

/// <summary>Where a link leads, for whoever has it.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="SessionName">Its name.</param>
/// <param name="HostUsername">Whose session it is.</param>
/// <param name="Role">What whoever comes by it may do.</param>
/// <param name="ExpiresAt">When the link ends.</param>
public sealed record Invitation(string SessionId, string SessionName, string HostUsername, Role Role, DateTimeOffset ExpiresAt);

/// <summary>Where what a microphone hears is written down by Amazon Transcribe.</summary>
/// <param name="Url">A signed <c>wss://</c> address.</param>
/// <param name="ExpiresAt">Until when it opens a line; one that is open goes on.</param>
public sealed record TranscribeLine(string Url, DateTimeOffset ExpiresAt);

/// <summary>Somebody who came by a link.</summary>
/// <param name="Token">Joins the session, by <see cref="TunRTCOptions.GetToken"/>.</param>
/// <param name="ExpiresAt">When the token ends.</param>
/// <param name="UserId">Who they are there.</param>
/// <param name="Identity">The same, as it stands in rosters: it begins with <c>guest:</c>.</param>
/// <param name="Username">What the others see.</param>
/// <param name="Invitation">Where they were invited.</param>
public sealed record Guest(
    string Token,
    DateTimeOffset ExpiresAt,
    string UserId,
    string Identity,
    string Username,
    Invitation Invitation);

/// <summary>The state of the service.</summary>
/// <param name="Status">Always <c>healthy</c>.</param>
/// <param name="Timestamp">The present moment there.</param>
/// <param name="Version">The version of TunRTC.</param>
public sealed record Health(string Status, DateTimeOffset Timestamp, string Version);

/// <summary>One page of a list.</summary>
/// <typeparam name="T">What it is a list of.</typeparam>
/// <param name="Items">What is on it.</param>
/// <param name="Cursor">Give it to the same call for the next page; <c>null</c> on the last one.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Cursor);

/// <summary>An ICE candidate, as WebRTC's <c>RTCIceCandidateInit</c> has it.</summary>
/// <param name="Candidate">The candidate's line; empty at the end of the candidates.</param>
/// <param name="SdpMid">The media section's name.</param>
/// <param name="SdpMLineIndex">The media section's place.</param>
/// <param name="UsernameFragment">Which description it belongs to.</param>
public sealed record IceCandidate(string Candidate, string? SdpMid = null, int? SdpMLineIndex = null, string? UsernameFragment = null);

/// <summary>How the signaling connection stands.</summary>
public enum ConnectionStatus
{
    /// <summary>No session was joined.</summary>
    Idle,

    /// <summary>Joining.</summary>
    Connecting,

    /// <summary>There is a connection.</summary>
    Connected,

    /// <summary>It was lost; what is sent now is sent when it is back.</summary>
    Reconnecting,

    /// <summary>The session is over for this client.</summary>
    Closed,
}

/// <summary>How the signaling connection stands, and why.</summary>
/// <param name="Status">How.</param>
/// <param name="Recovered">
/// In <see cref="ConnectionStatus.Connected"/>: <c>false</c> when something may have been missed; chat was then fetched
/// from the history, and peer connections should be negotiated anew.
/// </param>
/// <param name="Attempt">In <see cref="ConnectionStatus.Reconnecting"/>: how many tries failed.</param>
/// <param name="Code">Why it was lost or closed, as in <see cref="TunRTCException.Code"/>.</param>
/// <param name="Reason">The same for people.</param>
public sealed record ConnectionState(
    ConnectionStatus Status,
    bool Recovered = true,
    int Attempt = 0,
    string? Code = null,
    string? Reason = null);

/// <summary>How signaling does.</summary>
/// <param name="Latency">From a frame to its answer, lately.</param>
/// <param name="Reconnects">Times that the connection was lost and came back.</param>
/// <param name="Unacknowledged">Frames that wait for the server's acknowledgement.</param>
public sealed record SignalingStatistics(TimeSpan? Latency, int Reconnects, int Unacknowledged);

/// <summary>A signed-in user.</summary>
/// <param name="UserId">The account.</param>
/// <param name="Username">Its name.</param>
/// <param name="Email">Its address.</param>
public sealed record User(string UserId, string Username, string Email);
