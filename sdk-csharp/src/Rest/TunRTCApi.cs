using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Rest;

namespace TunRTC.Client;

/// <summary>
/// The REST API, one method per route (docs/API.md). Tokens are refreshed in time, once for all callers; a request that is
/// refused for its token is sent again with a fresh one. Everything throws <see cref="TunRTCException"/>.
/// </summary>
public sealed class TunRTCApi
{
    /// <summary>An answer that takes longer than this is given up, in milliseconds.</summary>
    private const double RequestTimeout = 20_000;

    /// <summary>
    /// That to a refresh sooner: a lost answer can be asked for again for 10 s. That to a ticket too: a seat whose connection
    /// is lost is kept for 30 s, and within that another try must fit.
    /// </summary>
    private const double ShortTimeout = 8_000;

    /// <summary>Many who join at once keep each other from their seats for a moment: so often a join is tried, with such waits.</summary>
    private const int JoinTries = 5;
    private const double JoinRetry = 500;

    /// <summary>Whoever waits to be admitted asks again after so many milliseconds; the server gives up whoever was silent for a minute.</summary>
    private const double WaitingRetry = 5_000;

    /// <summary>A server that asks for a longer wait than this is not waited for, in seconds.</summary>
    private const double LongestWait = 10;

    private const string IdempotencyKey = "Idempotency-Key";

    private readonly string _url;
    private readonly Surroundings _surroundings;
    private readonly HttpClient _http;
    private readonly Tokens _tokens;
    private readonly AppToken? _app;

    /// <summary>The client was disposed.</summary>
    private readonly CancellationTokenSource _over = new();

    internal TunRTCApi(string url, Surroundings surroundings, HttpClient http, Action<Auth?> onTokens, Func<CancellationToken, Task<string>>? getToken = null)
    {
        _url = url.TrimEnd('/');
        _surroundings = surroundings;
        _http = http;
        _tokens = new Tokens(surroundings, RenewAsync, onTokens);
        _app = getToken is null ? null : new AppToken(getToken);
    }

    /// <summary>The tokens and the user they belong to, while signed in.</summary>
    public Auth? Auth => _tokens.Auth;

    private Loop Loop => _surroundings.Loop;

    /// <summary>Makes an account and signs in to it.</summary>
    /// <param name="username">1 to 50 characters.</param>
    /// <param name="email">The address; unique without regard to case.</param>
    /// <param name="password">8 to 128 characters.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Auth> RegisterAsync(string username, string email, string password, CancellationToken cancellationToken = default) =>
        SignInAsync("/api/auth/register", new JsonObject { ["username"] = username, ["email"] = email, ["password"] = password }, cancellationToken);

    /// <summary>Signs in.</summary>
    /// <param name="email">The address.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Auth> LoginAsync(string email, string password, CancellationToken cancellationToken = default) =>
        SignInAsync("/api/auth/login", new JsonObject { ["email"] = email, ["password"] = password }, cancellationToken);

    /// <summary>Gets new tokens now. They are refreshed in time without this.</summary>
    /// <param name="cancellationToken">Ends the wait; what was asked for goes on.</param>
    public Task RefreshAsync(CancellationToken cancellationToken = default) =>
        Loop.Run(() => _tokens.RefreshAsync().WaitAsync(cancellationToken));

    /// <summary>Revokes the refresh tokens. The tokens are forgotten here even if the server cannot be reached.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task LogoutAsync(CancellationToken cancellationToken = default) => Loop.Run(async () =>
    {
        var refreshToken = Auth?.RefreshToken;
        _tokens.Forget(_tokens.Ask());
        if (refreshToken is not null)
        {
            await RevokeAsync(refreshToken, cancellationToken);
        }
    });

    /// <summary>The caller's account.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Account> GetMeAsync(CancellationToken cancellationToken = default) =>
        GetAsync("/api/auth/me", Wire.Account, cancellationToken);

    /// <summary>Changes the password; every other sign-in of the user ends.</summary>
    /// <param name="currentPassword">The password so far.</param>
    /// <param name="newPassword">The password from now on: 8 to 128 characters.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Auth> ChangePasswordAsync(string currentPassword, string newPassword, CancellationToken cancellationToken = default) => Loop.Run(async () =>
    {
        var order = _tokens.Ask();
        var body = new JsonObject { ["currentPassword"] = currentPassword, ["newPassword"] = newPassword };
        return Keep(order, Wire.Auth((await WithTokenAsync(new Request(HttpMethod.Post, "/api/auth/password", body), cancellationToken)).Body));
    });

    /// <summary>Deletes the account, its sessions and its messages.</summary>
    /// <param name="password">The account's password.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task DeleteAccountAsync(string password, CancellationToken cancellationToken = default) => Loop.Run(async () =>
    {
        var order = _tokens.Ask();
        await WithTokenAsync(new Request(HttpMethod.Delete, "/api/auth/me", new JsonObject { ["password"] = password }), cancellationToken);
        _tokens.Forget(order);
    });

    /// <summary>Makes a session; it does not join it.</summary>
    /// <param name="name">1 to 100 characters.</param>
    /// <param name="maxParticipants">2 to 100.</param>
    /// <param name="type">What it is for.</param>
    /// <param name="visibility">Who can find it; <c>null</c> for what the operator set (<see cref="Account.DefaultVisibility"/>).</param>
    /// <param name="idempotencyKey">
    /// Names this wish: sent again under the same name, it leads to the same session. Without one each call makes another.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Session> CreateSessionAsync(
        string name,
        int maxParticipants = 10,
        SessionType type = SessionType.VideoCall,
        Visibility? visibility = null,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default)
    {
        var body = new JsonObject
        {
            ["name"] = name,
            ["maxParticipants"] = maxParticipants,
            ["type"] = Wire.ToText(type),
        };
        if (visibility is { } said) body["visibility"] = Wire.ToText(said);
        return AskAsync(new Request(HttpMethod.Post, "/api/session/create", body) { IdempotencyKey = idempotencyKey }, Wire.Session, cancellationToken);
    }

    /// <summary>
    /// Takes a seat, or keeps the one that is held; does not connect (<see cref="TunRTCClient.JoinSessionAsync"/> does). Tried
    /// again a few times while the server is <c>unavailable</c>.
    /// </summary>
    /// <param name="sessionId">The session; <c>null</c> for the room that the app's token is for (<see cref="TunRTCOptions.GetToken"/>).</param>
    /// <param name="cancellationToken">Ends the tries.</param>
    public Task<JoinedSession> JoinSessionAsync(string? sessionId, CancellationToken cancellationToken = default) =>
        TakeSeatAsync(sessionId, () => cancellationToken.IsCancellationRequested, cancellationToken);

    /// <summary>A fresh ticket, for another connection to a session that this user has a seat in.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<SignalingTicket> GetTicketAsync(string sessionId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, "/api/session/ticket", Naming(sessionId)) { Timeout = ShortTimeout }, Wire.Ticket, cancellationToken);

    /// <summary>Gives the seat back.</summary>
    /// <param name="sessionId">The session; <c>null</c> for the room that the app's token is for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task LeaveSessionAsync(string? sessionId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, "/api/session/leave", Naming(sessionId)), _ => true, cancellationToken);

    /// <summary>Ends a session for everybody; only its creator may.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task EndSessionAsync(string sessionId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, "/api/session/end", Naming(sessionId)), _ => true, cancellationToken);

    /// <summary>Public sessions that are active, newest first.</summary>
    /// <param name="limit">1 to 100 on a page.</param>
    /// <param name="cursor">Of the page before; <c>null</c> for the first one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Page<Session>> ListSessionsAsync(int limit = 50, string? cursor = null, CancellationToken cancellationToken = default) =>
        PageAsync("/api/session/active", limit, cursor, Wire.Session, cancellationToken);

    /// <summary>A session with those who are there.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<SessionDetail> GetSessionAsync(string sessionId, CancellationToken cancellationToken = default) =>
        GetAsync($"/api/session/{Uri.EscapeDataString(sessionId)}", Wire.SessionDetail, cancellationToken);

    /// <summary>The chat of the last 24 h, newest first; for participants.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="limit">1 to 100 on a page.</param>
    /// <param name="cursor">Of the page before; <c>null</c> for the first one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Page<ChatMessage>> GetMessagesAsync(string sessionId, int limit = 50, string? cursor = null, CancellationToken cancellationToken = default) =>
        PageAsync($"/api/session/{Uri.EscapeDataString(sessionId)}/messages", limit, cursor, each => Wire.ChatMessage(each), cancellationToken);

    /// <summary>What was said in the last 24 h and captioned, oldest first; for participants.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="limit">1 to 1,000 on a page.</param>
    /// <param name="cursor">Of the page before; <c>null</c> for the first one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Page<TranscriptEntry>> GetTranscriptAsync(string sessionId, int limit = 1_000, string? cursor = null, CancellationToken cancellationToken = default) =>
        PageAsync($"/api/session/{Uri.EscapeDataString(sessionId)}/transcript", limit, cursor, Wire.TranscriptEntry, cancellationToken);

    /// <summary>Changes a session's settings, for those who steer it; the others hear of it. What is <c>null</c> stays.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="name">1 to 100 characters.</param>
    /// <param name="maxParticipants">2 to 100. Nobody loses their seat.</param>
    /// <param name="isLocked">Whether nobody but hosts and cohosts may join.</param>
    /// <param name="hasWaitingRoom">Whether whoever joins waits until a host or a cohost admits them.</param>
    /// <param name="seenVersion">Refused with <c>version_mismatch</c> if the session has another <see cref="Session.Version"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Session> UpdateSessionAsync(
        string sessionId,
        string? name = null,
        int? maxParticipants = null,
        bool? isLocked = null,
        bool? hasWaitingRoom = null,
        long? seenVersion = null,
        CancellationToken cancellationToken = default)
    {
        var body = new JsonObject();
        body.AddIfAny("name", name);
        body.AddIfAny("maxParticipants", maxParticipants);
        body.AddIfAny("locked", isLocked);
        body.AddIfAny("waitingRoom", hasWaitingRoom);
        var seen = seenVersion is { } version ? FormattableString.Invariant($"\"{version}\"") : null;
        return AskAsync(new Request(HttpMethod.Patch, Of(sessionId), body) { IfMatch = seen }, Wire.Session, cancellationToken);
    }

    /// <summary>Who takes part, and what they may do; for participants and those who steer the session.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<IReadOnlyList<Participant>> GetParticipantsAsync(string sessionId, CancellationToken cancellationToken = default) =>
        GetAsync($"{Of(sessionId)}/participants", Wire.Participants, cancellationToken);

    /// <summary>One participant.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Who.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Participant> GetParticipantAsync(string sessionId, string userId, CancellationToken cancellationToken = default) =>
        GetAsync(Of(sessionId, userId), Wire.Participant, cancellationToken);

    /// <summary>Changes somebody's role, permissions, name, attributes or metadata; everybody hears of it.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Whose.</param>
    /// <param name="role">The new role, with its usual permissions; <c>null</c> to keep it.</param>
    /// <param name="permissions">Single permissions, whatever the role says.</param>
    /// <param name="username">Another name, for as long as they stay.</param>
    /// <param name="attributes">Attributes by name, merged with those that are there; <c>null</c> takes one away.</param>
    /// <param name="metadata">What the app keeps with them, at most 4 KiB; an empty text for nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Participant> UpdateParticipantAsync(
        string sessionId,
        string userId,
        Role? role = null,
        PermissionsChange? permissions = null,
        string? username = null,
        IReadOnlyDictionary<string, string?>? attributes = null,
        string? metadata = null,
        CancellationToken cancellationToken = default)
    {
        var body = new JsonObject();
        body.AddIfAny("username", username);
        body.AddIfAny("attributes", attributes is null ? null : Wire.ToJson(attributes));
        body.AddIfAny("metadata", metadata);
        body.AddIfAny("role", role is { } given ? Wire.ToText(given) : null);
        body.AddIfAny("permissions", permissions is null ? null : Wire.ToJson(permissions));
        return AskAsync(new Request(HttpMethod.Patch, Of(sessionId, userId), body), Wire.Participant, cancellationToken);
    }

    /// <summary>Takes somebody out of a session, also somebody who is not there.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Who.</param>
    /// <param name="ban">For how long they are kept out, 1 s to 30 days; <c>null</c> lets them come back at once. <c>TimeSpan.Zero</c> takes nobody out, and lifts a ban.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RemoveParticipantAsync(string sessionId, string userId, TimeSpan? ban = null, CancellationToken cancellationToken = default)
    {
        var query = ban is { } length ? FormattableString.Invariant($"?banSeconds={(long)Math.Ceiling(length.TotalSeconds)}") : "";
        return AskAsync(new Request(HttpMethod.Delete, Of(sessionId, userId) + query), _ => true, cancellationToken);
    }

    /// <summary>Asks somebody to switch a track off. It is a request: their client obeys it.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Whom.</param>
    /// <param name="kind">Which track.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task MuteParticipantAsync(string sessionId, string userId, MediaKind kind, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId, userId)}/mute", new JsonObject { ["kind"] = Wire.ToText(kind) }), _ => true, cancellationToken);

    /// <summary>Lets somebody in who waits in the waiting room.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Who.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task AdmitParticipantAsync(string sessionId, string userId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId, userId)}/admit"), _ => true, cancellationToken);

    /// <summary>Turns somebody away who waits in the waiting room. They may knock again after a minute.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Who.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task DenyParticipantAsync(string sessionId, string userId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId, userId)}/deny"), _ => true, cancellationToken);

    /// <summary>Asks everybody but the caller, the hosts and some to switch a track off.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="kind">Which track.</param>
    /// <param name="except">Whom not.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task MuteAllAsync(string sessionId, MediaKind kind, IEnumerable<string>? except = null, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["kind"] = Wire.ToText(kind) };
        body.AddIfAny("except", except is null ? null : new JsonArray(except.Select(each => (JsonNode?)each).ToArray()));
        return AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId)}/mute", body), _ => true, cancellationToken);
    }

    /// <summary>Writes into the chat, for those who steer the session; they need no seat.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="message">1 to 4096 characters.</param>
    /// <param name="clientMessageId">Names this message: sent again under the same name, it is the same one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<ChatMessage> PostMessageAsync(string sessionId, string message, string? clientMessageId = null, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["message"] = message };
        body.AddIfAny("clientMessageId", clientMessageId);
        return AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId)}/messages", body), each => Wire.ChatMessage(each), cancellationToken);
    }

    /// <summary>Sends data, for those who steer the session; they need no seat. Whoever is away for a moment gets it when they are back.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="topic">What it is about.</param>
    /// <param name="payload">At most 15 KiB of UTF-8.</param>
    /// <param name="to">For whom; <c>null</c> for everybody else.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task SendDataAsync(string sessionId, string topic, string payload, IEnumerable<string>? to = null, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["topic"] = topic, ["payload"] = payload, ["dataId"] = Guid.NewGuid().ToString() };
        body.AddIfAny("to", to is null ? null : new JsonArray(to.Select(each => (JsonNode?)each).ToArray()));
        return AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId)}/data", body), _ => true, cancellationToken);
    }

    /// <summary>
    /// Tells what this client saw of a call in one minute, also after leaving. One report is taken in 5 s, and a last one beside it
    /// (<c>rate_limited</c>). Where the server does not keep quality, nothing comes of it.
    /// </summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="report">What was seen.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task ReportStatsAsync(string sessionId, CallReport report, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId)}/stats", QualityWire.ToJson(report)), _ => true, cancellationToken);

    /// <summary>
    /// An address that opens one line to Amazon Transcribe within five minutes, for 16-bit sound with 16,000 samples a second: 60 of them a
    /// minute (<c>rate_limited</c>). <c>not_offered</c> where the server has none.
    /// </summary>
    /// <param name="sessionId">The session that the caller speaks in.</param>
    /// <param name="language">What is spoken, with its region: <c>de-DE</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<TranscribeLine> GetTranscribeLineAsync(string sessionId, string language, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId)}/transcribe", new JsonObject { ["language"] = language }), Wire.TranscribeLine, cancellationToken);

    /// <summary>The calls that this account hosted, or those that an app's token is for, with their quality; the newest session first.</summary>
    /// <param name="from">Sessions that were created from then on; <c>null</c> for 7 days before <paramref name="to"/>.</param>
    /// <param name="to">And before then, at most 31 days later; <c>null</c> for now.</param>
    /// <param name="minScore">Whose worst minute's score is at least that, 1 to 5.</param>
    /// <param name="maxScore">Whose worst minute's score is at most that.</param>
    /// <param name="limit">1 to 100 on a page.</param>
    /// <param name="cursor">Of the page before, together with the same other wishes; <c>null</c> for the first one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Page<ListedCall>> ListCallsAsync(
        DateTimeOffset? from = null,
        DateTimeOffset? to = null,
        double? minScore = null,
        double? maxScore = null,
        int limit = 50,
        string? cursor = null,
        CancellationToken cancellationToken = default)
    {
        var asked = QualityWire.Query(("from", Text(from)), ("to", Text(to)), ("minScore", Text(minScore)), ("maxScore", Text(maxScore)));
        return PageAsync($"/api/analytics/sessions{asked}", limit, cursor, QualityWire.Listed, cancellationToken);
    }

    /// <summary>One call with what happened in it, for its host.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<CallDetail> GetCallAsync(string sessionId, CancellationToken cancellationToken = default) =>
        GetAsync($"/api/analytics/sessions/{Uri.EscapeDataString(sessionId)}", QualityWire.Detail, cancellationToken);

    /// <summary>What one participant's client saw of a call, minute by minute.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="userId">Whose client.</param>
    /// <param name="metric">What: <c>score</c>, <c>mos</c>, <c>rttMs</c>, <c>audioLossPercent</c> and so on; the API document has them all.</param>
    /// <param name="peerUserId">Of which peer; <c>null</c> for each.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<CallSeries> GetCallSeriesAsync(string sessionId, string userId, string metric, string? peerUserId = null, CancellationToken cancellationToken = default)
    {
        var asked = QualityWire.Query(("userId", userId), ("metric", metric), ("peerUserId", peerUserId));
        return GetAsync($"/api/analytics/sessions/{Uri.EscapeDataString(sessionId)}/series{asked}", QualityWire.Series, cancellationToken);
    }

    /// <summary>What the calls of a span come to together.</summary>
    /// <param name="from">Sessions that were created from then on; <c>null</c> for 7 days before <paramref name="to"/>.</param>
    /// <param name="to">And before then, at most 31 days later; <c>null</c> for now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<CallOverview> GetCallOverviewAsync(DateTimeOffset? from = null, DateTimeOffset? to = null, CancellationToken cancellationToken = default) =>
        GetAsync($"/api/analytics/overview{QualityWire.Query(("from", Text(from)), ("to", Text(to)))}", QualityWire.Overview, cancellationToken);

    /// <summary>Begins to record oneself. Chunks are stored by the addresses that are given; the server puts them together.</summary>
    /// <param name="sessionId">The session, in which this client has a seat.</param>
    /// <param name="kind">What is recorded.</param>
    /// <param name="mimeType">As what: <c>audio</c> or <c>video</c>, <c>/mp4</c> or <c>/webm</c>, with codecs behind a semicolon.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<StartedRecording> StartRecordingAsync(string sessionId, RecordingKind kind, string mimeType, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["sessionId"] = sessionId, ["kind"] = RecordingWire.ToText(kind), ["mimeType"] = mimeType };
        return AskAsync(new Request(HttpMethod.Post, "/api/session/recording/start", body), RecordingWire.Started, cancellationToken);
    }

    /// <summary>Where more chunks of one's own recording are stored, and which are there.</summary>
    /// <param name="recordingId">The recording.</param>
    /// <param name="fromSeq">Addresses are wanted from that chunk on.</param>
    /// <param name="segmentStartedAt">When the segment began that begins with that chunk, by the server's clock; <c>null</c> where none does.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<RecordingUploads> GetUploadsAsync(string recordingId, int fromSeq, DateTimeOffset? segmentStartedAt = null, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["recordingId"] = recordingId, ["fromSeq"] = fromSeq };
        body.AddIfAny("segmentStartedAt", segmentStartedAt?.ToUnixTimeMilliseconds());
        return AskAsync(new Request(HttpMethod.Post, "/api/session/recording/uploads", body), RecordingWire.Uploads, cancellationToken);
    }

    /// <summary>Ends one's own recording, to be put together. The same again changes nothing.</summary>
    /// <param name="recordingId">The recording.</param>
    /// <param name="lastSeq">Its last chunk.</param>
    /// <param name="duration">How long it recorded; <c>null</c> where that is not known.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<RecordingStatus> FinishRecordingAsync(string recordingId, int lastSeq, TimeSpan? duration = null, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["recordingId"] = recordingId, ["lastSeq"] = lastSeq };
        body.AddIfAny("durationMs", duration is { } length ? (long)length.TotalMilliseconds : null);
        return AskAsync(new Request(HttpMethod.Post, "/api/session/recording/finish", body), RecordingWire.Status, cancellationToken);
    }

    /// <summary>Asks everybody to record themselves, or not to any more, for hosts. Each of them may refuse.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="isWanted">Whether they are to record.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RequestRecordingAsync(string sessionId, bool isWanted, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["sessionId"] = sessionId, ["recording"] = isWanted };
        return AskAsync(new Request(HttpMethod.Post, "/api/session/recording/request", body), _ => true, cancellationToken);
    }

    /// <summary>The recordings of a session, newest first, for those who took part and its host.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="limit">1 to 100 on a page.</param>
    /// <param name="cursor">Of the page before; <c>null</c> for the first one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Page<Recording>> ListRecordingsAsync(string sessionId, int limit = 50, string? cursor = null, CancellationToken cancellationToken = default) =>
        PageAsync($"{Of(sessionId)}/recordings", limit, cursor, RecordingWire.Recording, cancellationToken);

    /// <summary>A recording, with addresses of its files that are good for an hour.</summary>
    /// <param name="recordingId">The recording.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Recording> GetRecordingAsync(string recordingId, CancellationToken cancellationToken = default) =>
        GetAsync($"/api/recordings/{Uri.EscapeDataString(recordingId)}", RecordingWire.Recording, cancellationToken);

    /// <summary>Deletes a recording with its files, for whoever recorded it and the session's host.</summary>
    /// <param name="recordingId">The recording.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task DeleteRecordingAsync(string recordingId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Delete, $"/api/recordings/{Uri.EscapeDataString(recordingId)}"), _ => true, cancellationToken);

    /// <summary>Makes a link that lets guests into a session, for its hosts.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="role">What whoever comes by it may do: <see cref="Role.Participant"/> or <see cref="Role.Viewer"/>.</param>
    /// <param name="lifetime">How long it is good, a minute to a week; a day when <c>null</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Invite> CreateInviteAsync(string sessionId, Role role = Role.Participant, TimeSpan? lifetime = null, CancellationToken cancellationToken = default)
    {
        var body = new JsonObject { ["role"] = Wire.ToText(role) };
        body.AddIfAny("expiresInSeconds", lifetime is { } length ? (long)Math.Ceiling(length.TotalSeconds) : null);
        return AskAsync(new Request(HttpMethod.Post, $"{Of(sessionId)}/invites", body), Wire.Invite, cancellationToken);
    }

    /// <summary>The links of a session that are good, the oldest first, for its hosts. Nobody learns their codes any more.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<IReadOnlyList<Invite>> ListInvitesAsync(string sessionId, CancellationToken cancellationToken = default) =>
        GetAsync($"{Of(sessionId)}/invites", Wire.Invites, cancellationToken);

    /// <summary>Takes a link back: nobody takes a seat by it any more. Guests who have one keep it.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="inviteId">The link.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RevokeInviteAsync(string sessionId, string inviteId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Delete, $"{Of(sessionId)}/invites/{Uri.EscapeDataString(inviteId)}"), _ => true, cancellationToken);

    /// <summary>Takes all links of a session back.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RevokeInvitesAsync(string sessionId, CancellationToken cancellationToken = default) =>
        AskAsync(new Request(HttpMethod.Delete, $"{Of(sessionId)}/invites"), _ => true, cancellationToken);

    /// <summary>Where the code of a link leads; needs no sign-in.</summary>
    /// <param name="code">What stands behind <c>#/join/</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Invitation> LookUpInviteAsync(string code, CancellationToken cancellationToken = default) => Loop.Run(async () =>
    {
        var request = new Request(HttpMethod.Post, "/api/invites/lookup", new JsonObject { ["code"] = code });
        return Wire.Invitation((await SendAsync(request, null, cancellationToken)).Body);
    });

    /// <summary>
    /// Makes a guest of whoever has the code of a link; needs no sign-in. Another client joins with
    /// <see cref="Guest.Token"/>, by <see cref="TunRTCOptions.GetToken"/>.
    /// </summary>
    /// <param name="code">What stands behind <c>#/join/</c>.</param>
    /// <param name="name">1 to 50 characters; the others see it with <c> (guest)</c> behind it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Guest> RedeemInviteAsync(string code, string name, CancellationToken cancellationToken = default) => Loop.Run(async () =>
    {
        var request = new Request(HttpMethod.Post, "/api/invites/redeem", new JsonObject { ["code"] = code, ["name"] = name });
        return Wire.Guest((await SendAsync(request, null, cancellationToken)).Body);
    });

    /// <summary>STUN and TURN servers, with credentials that end.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<IceServers> GetIceServersAsync(CancellationToken cancellationToken = default) =>
        GetAsync("/api/iceservers", Wire.IceServers, cancellationToken);

    /// <summary>The state of the service; needs no sign-in.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Health> GetHealthAsync(CancellationToken cancellationToken = default) =>
        Loop.Run(async () => Wire.Health((await SendAsync(new Request(HttpMethod.Get, "/health"), null, cancellationToken)).Body));

    /// <summary>As <see cref="JoinSessionAsync"/>; a try that is under way is not given up, because it may lead to a seat.</summary>
    /// <param name="sessionId">The session; <c>null</c> for the room that the app's token is for.</param>
    /// <param name="isEnough">Asked before another try.</param>
    /// <param name="cancellationToken">Ends the try that is under way, too.</param>
    internal Task<JoinedSession> TakeSeatAsync(string? sessionId, Func<bool> isEnough, CancellationToken cancellationToken = default) => Loop.Run(async () =>
    {
        if (_app is not null)
        {
            await _app.AskAsync();
        }
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var request = new Request(HttpMethod.Post, "/api/session/join", Naming(sessionId));
                var body = (await WithTokenAsync(request, cancellationToken)).Body;
                if (!Wire.IsWaiting(body))
                {
                    return Wire.Joined(body);
                }
                // Each join is a sign of life of somebody who waits to be admitted.
                attempt = -1;
                await _surroundings.Delay(WaitingRetry, cancellationToken);
                if (isEnough())
                {
                    throw new TunRTCException("closed", "The session was left before anybody let this user in.");
                }
            }
            catch (TunRTCException refused) when (!isEnough() && JoinDelay(refused, attempt) is { } delay)
            {
                await _surroundings.Delay(delay, cancellationToken);
                if (isEnough())
                {
                    throw;
                }
            }
        }
    });

    internal void Restore(Auth auth) => Loop.Post(() => _tokens.Restore(auth));

    /// <summary>Ends every request that is under way, and makes no other.</summary>
    internal void Stop()
    {
        _tokens.Stop();
        _app?.Dispose();
        _over.Cancel();
    }

    private static string Of(string sessionId) => $"/api/session/{Uri.EscapeDataString(sessionId)}";

    private static string Of(string sessionId, string userId) => $"{Of(sessionId)}/participants/{Uri.EscapeDataString(userId)}";

    private static JsonObject Naming(string? sessionId) => sessionId is null ? new() : new() { ["sessionId"] = sessionId };

    private Task<Auth> SignInAsync(string path, JsonObject body, CancellationToken cancellationToken) => Loop.Run(async () =>
    {
        var order = _tokens.Ask();
        return Keep(order, Wire.Auth((await SendAsync(new Request(HttpMethod.Post, path, body), null, cancellationToken)).Body));
    });

    private static string? Text(DateTimeOffset? time) => time is { } given ? Wire.ToText(given) : null;

    private static string? Text(double? number) => number?.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private Auth Keep(int order, Auth auth)
    {
        if (_tokens.Keep(order, auth))
        {
            return auth;
        }
        // Nobody will use these: they are given back, as far as the server can be reached.
        RevokeAsync(auth.RefreshToken, CancellationToken.None).Forget();
        throw new TunRTCException("closed", "Another sign-in or sign-out came after this one.");
    }

    private async Task<Auth> RenewAsync(string refreshToken)
    {
        var request = new Request(HttpMethod.Post, "/api/auth/refresh", new JsonObject { ["refreshToken"] = refreshToken }) { Timeout = ShortTimeout };
        return Wire.Auth((await SendAsync(request, null, CancellationToken.None)).Body);
    }

    private async Task RevokeAsync(string refreshToken, CancellationToken cancellationToken) =>
        await SendAsync(new Request(HttpMethod.Post, "/api/auth/logout", new JsonObject { ["refreshToken"] = refreshToken }), null, cancellationToken);

    private Task<T> GetAsync<T>(string path, Func<JsonElement, T> read, CancellationToken cancellationToken) =>
        AskAsync(new Request(HttpMethod.Get, path), read, cancellationToken);

    private Task<T> AskAsync<T>(Request request, Func<JsonElement, T> read, CancellationToken cancellationToken) =>
        Loop.Run(async () => read((await WithTokenAsync(request, cancellationToken)).Body));

    private Task<Page<T>> PageAsync<T>(string path, int limit, string? cursor, Func<JsonElement, T> read, CancellationToken cancellationToken) => Loop.Run(async () =>
    {
        var begin = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        var query = FormattableString.Invariant($"{begin}limit={limit}") + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}");
        var (body, headers) = await WithTokenAsync(new Request(HttpMethod.Get, path + query), cancellationToken);
        if (body.ValueKind != JsonValueKind.Array)
        {
            throw new TunRTCException("invalid_response", "The answer is not a list.");
        }
        return new Page<T>(body.EnumerateArray().Select(read).ToArray(), Links.NextCursor(headers));
    });

    private async Task<Answer> WithTokenAsync(Request request, CancellationToken cancellationToken)
    {
        if (_app is not null)
        {
            return await _app.WithAsync(token => SendAsync(request, token, cancellationToken));
        }
        var bearer = await _tokens.FreshAsync();
        var userId = Auth?.UserId;
        try
        {
            return await SendAsync(request, bearer, cancellationToken);
        }
        catch (TunRTCException refused) when (refused.Code == "unauthorized")
        {
            // Another call may have refreshed meanwhile.
            if (Auth?.Token == bearer)
            {
                await _tokens.RefreshAsync();
            }
            var token = await _tokens.FreshAsync();
            // What one user asked for is not done in the name of another.
            if (Auth?.UserId != userId)
            {
                throw;
            }
            return await SendAsync(request, token, cancellationToken);
        }
    }

    private async Task<Answer> SendAsync(Request request, string? bearer, CancellationToken cancellationToken)
    {
        using var givenUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _over.Token);
        var isLate = false;
        if (_over.IsCancellationRequested)
        {
            throw GivenUp(isLate, new ObjectDisposedException(nameof(TunRTCClient)));
        }
        using var timer = _surroundings.After(request.Timeout, () =>
        {
            isLate = true;
            givenUp.Cancel();
        });
        try
        {
            using var message = request.ToMessage(_url, bearer);
            using var response = await _http.SendAsync(message, givenUp.Token);
            var content = await response.Content.ReadAsByteArrayAsync(givenUp.Token);
            return new Answer(Answers.Read(response, content, _surroundings.UtcNow), response.Headers);
        }
        catch (OperationCanceledException thrown) when (!cancellationToken.IsCancellationRequested)
        {
            throw GivenUp(isLate, thrown);
        }
        catch (HttpRequestException thrown)
        {
            throw new TunRTCException("network_error", $"The server could not be reached: {thrown.Message}", thrown);
        }
    }

    private TunRTCException GivenUp(bool isLate, Exception cause)
    {
        if (_over.IsCancellationRequested)
        {
            return new TunRTCException("closed", "The client was disposed.", cause);
        }
        return isLate
            ? new TunRTCException("timeout", "The server did not answer in time.", cause)
            : new TunRTCException("network_error", "The request was given up on its way.", cause);
    }

    /// <summary>How long to wait before a join is tried again, in milliseconds; <c>null</c> when it is not.</summary>
    private double? JoinDelay(TunRTCException refused, int attempt)
    {
        var wait = refused.RetryAfter?.TotalSeconds ?? 0;
        return refused.Code != "unavailable" || attempt + 1 >= JoinTries || wait > LongestWait
            ? null
            : (wait * 1000) + (_surroundings.Random() * JoinRetry * Math.Pow(2, attempt));
    }

    private readonly record struct Answer(JsonElement Body, HttpResponseHeaders Headers);

    private sealed record Request(HttpMethod Method, string Path, JsonObject? Body = null)
    {
        public double Timeout { get; init; } = RequestTimeout;

        public string? IdempotencyKey { get; init; }

        public string? IfMatch { get; init; }

        public HttpRequestMessage ToMessage(string url, string? bearer)
        {
            var message = new HttpRequestMessage(Method, url + Path);
            if (bearer is not null)
            {
                message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
            }
            if (IdempotencyKey is not null)
            {
                message.Headers.Add(TunRTCApi.IdempotencyKey, IdempotencyKey);
            }
            if (IfMatch is not null)
            {
                message.Headers.Add("If-Match", IfMatch);
            }
            if (Body is not null)
            {
                message.Content = new ByteArrayContent(Wire.ToBytes(Body));
                message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }
            return message;
        }
    }
}
