using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Net.Http;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Media;
using TunRTC.Client.Signaling;

namespace TunRTC.Client;

/// <summary>
/// A TunRTC client: accounts, sessions, chat, presence and WebRTC signaling.
/// <code>
/// var client = new TunRTCClient("http://localhost:5000");
/// await client.LoginAsync("demo@tunrtc.com", "demo123");
/// var session = await client.CreateSessionAsync("My Video Call", 10);
/// await client.JoinSessionAsync(session.SessionId);
/// client.OnMessage += (sender, data) => Console.WriteLine($"{data.FromUsername}: {data.Message}");
/// await client.SendMessageAsync("Hello everyone!");
/// </code>
/// </summary>
/// <remarks>
/// <para>Every member may be called from any thread, also from within a handler. What fails throws <see cref="TunRTCException"/>.</para>
/// <para>
/// Events come one after the other, on the thread pool or in <see cref="TunRTCOptions.EventContext"/>. One may subscribe after
/// the call that causes an event: what came meanwhile, up to 64 of a kind, is delivered then. What a handler throws is told by
/// <see cref="OnError"/>.
/// </para>
/// <para>
/// Calls that join and leave may overlap in any order: the last one wins. What it overtakes is undone, and fails with
/// <c>closed</c>.
/// </para>
/// <para>A cancelled call is not waited for any more; what the server was asked for may still happen.</para>
/// </remarks>
public sealed class TunRTCClient : IAsyncDisposable
{
    /// <summary>What comes after a leave waits so long for it, in milliseconds; the server frees the seat in any case.</summary>
    private const double LeaveTime = 5_000;

    /// <summary>No answer of a TunRTC server is longer.</summary>
    private const int LongestAnswer = 16 << 20;
    private static readonly TimeSpan RpcTimeout = TimeSpan.FromSeconds(15);

    private readonly TunRTCOptions _options;
    private readonly Loop _loop;
    private readonly Surroundings _surroundings;
    private readonly HttpClient _http;
    private readonly EventHub _hub;
    private readonly Heartbeat _heartbeat = new();

    /// <summary>Visits that are not over at the server yet.</summary>
    private readonly HashSet<Visit> _visits = new();

    /// <summary>Signing in and out, one after the other.</summary>
    private Task _account = Task.CompletedTask;

    /// <summary>Where the last call said this client should be.</summary>
    private volatile Visit? _visit;
    private readonly Procedures _procedures;
    private volatile ConnectionState _state = new(ConnectionStatus.Idle);
    private volatile Task? _disposing;

    /// <summary>Makes a client; it asks the server for nothing yet.</summary>
    /// <param name="url">Where the server is, e.g. <c>http://localhost:5000</c>.</param>
    /// <exception cref="ArgumentException">That is not the address of a server.</exception>
    public TunRTCClient(string url)
        : this(new TunRTCOptions(url))
    {
    }

    /// <summary>Makes a client; it asks the server for nothing yet.</summary>
    /// <param name="options">How to reach the server, and what to use on the way.</param>
    /// <exception cref="ArgumentException">The address is not that of a server.</exception>
    public TunRTCClient(TunRTCOptions options)
        : this(options, null)
    {
    }

    internal TunRTCClient(TunRTCOptions options, Action<Loop>? start)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException("The address of a server starts with http:// or https://.", nameof(options));
        }
        _options = options;
        _hub = new EventHub(this, options.EventContext);
        _loop = new Loop(thrown => _hub.Emit(new ErrorEvent(TunRTCException.From(thrown, "internal"))), start);
        _surroundings = new Surroundings(_loop, options.TimeProvider, options.Random, options.Transport ?? new WebSocketTransport());
        _procedures = new Procedures(_surroundings);
        _http = new HttpClient(options.HttpHandler ?? NewHandler(), disposeHandler: options.HttpHandler is null)
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = LongestAnswer,
        };
        Api = new TunRTCApi(options.Url, _surroundings, _http, auth => _hub.Emit(new TokensChangedEvent(auth)), options.GetToken);
    }

    /// <summary>Somebody came in. Those who were there before are in <see cref="Participants"/>.</summary>
    public event EventHandler<UserJoinedEvent>? OnUserJoined
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody is gone for good.</summary>
    public event EventHandler<UserLeftEvent>? OnUserLeft
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody was muted, turned the camera off, or lost or regained the connection.</summary>
    public event EventHandler<UserStatusUpdatedEvent>? OnUserStatusUpdated
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody's part in the session or permissions changed, one's own too.</summary>
    public event EventHandler<ParticipantUpdatedEvent>? OnParticipantUpdated
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>What somebody says of themselves changed, one's own too.</summary>
    public event EventHandler<AttributesChangedEvent>? OnAttributesChanged
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>What somebody says, as their own client wrote it down, one's own too.</summary>
    public event EventHandler<CaptionEvent>? OnCaption
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody raised a hand or took it down.</summary>
    public event EventHandler<HandChangedEvent>? OnHandChanged
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Data that somebody sent, or the app's backend; each piece once.</summary>
    public event EventHandler<DataEvent>? OnData
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody waits to be let in; for those who steer the session.</summary>
    public event EventHandler<ParticipantWaitingEvent>? OnParticipantWaiting
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody who waited was let in; for those who steer the session.</summary>
    public event EventHandler<AdmittedEvent>? OnAdmitted
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody waits no more; for those who steer the session.</summary>
    public event EventHandler<DeniedEvent>? OnDenied
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>The session's settings changed.</summary>
    public event EventHandler<SessionUpdatedEvent>? OnSessionUpdated
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Somebody who steers the session asks for a track of this client to be switched off.</summary>
    public event EventHandler<MuteRequestedEvent>? OnMuteRequested
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>A chat message, one's own too; each comes once.</summary>
    public event EventHandler<MessageEvent>? OnMessage
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>An offer, where no <see cref="TunRTCOptions.Media"/> takes it.</summary>
    public event EventHandler<OfferEvent>? OnOffer
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>An answer, where no <see cref="TunRTCOptions.Media"/> takes it.</summary>
    public event EventHandler<AnswerEvent>? OnAnswer
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>ICE candidates, where no <see cref="TunRTCOptions.Media"/> takes them.</summary>
    public event EventHandler<IceCandidatesEvent>? OnIceCandidates
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Signals of somebody are lost for good, where no <see cref="TunRTCOptions.Media"/> starts over.</summary>
    public event EventHandler<SignalsLostEvent>? OnSignalsLost
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>The session is over for everybody.</summary>
    public event EventHandler<SessionEndedEvent>? OnSessionEnded
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>The signaling connection changed.</summary>
    public event EventHandler<ConnectionStateChangedEvent>? OnConnectionStateChanged
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>The tokens are others now, or gone.</summary>
    public event EventHandler<TokensChangedEvent>? OnTokensChanged
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>Something failed that nobody was waiting for.</summary>
    public event EventHandler<ErrorEvent>? OnError
    {
        add => _hub.Add(value);
        remove => _hub.Remove(value);
    }

    /// <summary>The REST API, route by route.</summary>
    public TunRTCApi Api { get; }

    /// <summary>Who is signed in, if anybody.</summary>
    public User? User => Api.Auth is { } auth ? new User(auth.UserId, auth.Username, auth.Email) : null;

    /// <summary>The tokens, while signed in. For <see cref="Restore"/> in the next run of the app.</summary>
    public Auth? Auth => Api.Auth;

    /// <summary>The session that this client is in.</summary>
    public string? SessionId => Call?.SessionId;

    /// <summary>The others in the session, by user id, as they are at this moment.</summary>
    public IReadOnlyDictionary<string, Participant> Participants => Call?.Participants ?? ImmutableDictionary<string, Participant>.Empty;

    /// <summary>How signaling stands.</summary>
    public ConnectionState ConnectionState => _state;

    /// <summary>The call of the visit that counts.</summary>
    private Call? Call => _visit?.Call;

    /// <summary>
    /// Every event of a kind from now on, and those kept of it until now, in their order. Ends when the client is disposed;
    /// fails with <c>events_overflow</c> when it is read so slowly that it falls 16,384 events behind.
    /// </summary>
    /// <typeparam name="T">The kind; <see cref="TunRTCEvent"/> for all of them.</typeparam>
    /// <param name="cancellationToken">Ends it.</param>
    public IAsyncEnumerable<T> ReadEventsAsync<T>(CancellationToken cancellationToken = default)
        where T : TunRTCEvent => _hub.Read<T>(cancellationToken);

    /// <inheritdoc cref="ReadEventsAsync{T}"/>
    public IAsyncEnumerable<TunRTCEvent> ReadEventsAsync(CancellationToken cancellationToken = default) => _hub.Read<TunRTCEvent>(cancellationToken);

    /// <summary>Makes an account and signs in to it; the session that another user of this client is in is left.</summary>
    /// <param name="username">1 to 50 characters.</param>
    /// <param name="email">The address; unique without regard to case.</param>
    /// <param name="password">8 to 128 characters.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Auth> RegisterAsync(string username, string email, string password, CancellationToken cancellationToken = default) =>
        SignInAsync(() => Api.RegisterAsync(username, email, password, cancellationToken));

    /// <summary>Signs in; the session that another user of this client is in is left.</summary>
    /// <param name="email">The address.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Auth> LoginAsync(string email, string password, CancellationToken cancellationToken = default) =>
        SignInAsync(() => Api.LoginAsync(email, password, cancellationToken));

    /// <summary>Goes on with the tokens of an earlier run of the app; the server is not asked before something is wanted of it.</summary>
    /// <param name="auth">What <see cref="Auth"/> was, or the last <see cref="OnTokensChanged"/> told.</param>
    public void Restore(Auth auth)
    {
        ArgumentNullException.ThrowIfNull(auth);
        ThrowIfDisposed();
        Api.Restore(auth);
    }

    /// <summary>Leaves the session, if in one, and revokes the tokens. Here they are forgotten even if the server cannot be reached.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task LogoutAsync(CancellationToken cancellationToken = default) => Run(() =>
    {
        var left = PatientlyAsync(LeaveAsync());
        return InTurnAsync(async () =>
        {
            await left;
            await Api.LogoutAsync(cancellationToken);
            return true;
        });
    });

    /// <inheritdoc cref="TunRTCApi.GetMeAsync"/>
    public Task<Account> GetMeAsync(CancellationToken cancellationToken = default) => Run(() => Api.GetMeAsync(cancellationToken));

    /// <summary>Makes a session; it does not join it.</summary>
    /// <param name="name">1 to 100 characters.</param>
    /// <param name="maxParticipants">2 to 100.</param>
    /// <param name="type">What it is for.</param>
    /// <param name="visibility">Who can find it; <c>null</c> for what the operator set (<see cref="Account.DefaultVisibility"/>).</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<Session> CreateSessionAsync(
        string name,
        int maxParticipants = 10,
        SessionType type = SessionType.VideoCall,
        Visibility? visibility = null,
        CancellationToken cancellationToken = default) =>
        Run(() => Api.CreateSessionAsync(name, maxParticipants, type, visibility, null, cancellationToken));

    /// <summary>
    /// Takes a seat and connects. Leaves the session that this client was in before. Fails with <c>closed</c> as soon as a later
    /// call joins or leaves.
    /// </summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="cancellationToken">Undoes it, as leaving does.</param>
    public Task<SessionDetail> JoinSessionAsync(string sessionId, CancellationToken cancellationToken = default) =>
        Run(() => JoinAsync(sessionId, cancellationToken));

    /// <summary>
    /// Joins the room that the app's token is for; see <see cref="TunRTCOptions.GetToken"/>. Everything else is as with
    /// <see cref="JoinSessionAsync"/>.
    /// </summary>
    /// <param name="cancellationToken">Undoes it, as leaving does.</param>
    public Task<SessionDetail> JoinRoomAsync(CancellationToken cancellationToken = default) => Run(() => JoinAsync(null, cancellationToken));

    /// <summary>Leaves the session; does nothing outside a session. Here it is left at once.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task LeaveSessionAsync(CancellationToken cancellationToken = default) => Run(() => LeaveAsync().WaitAsync(cancellationToken));

    /// <summary>Leaves the session, if in one; the tokens stay.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task DisconnectAsync(CancellationToken cancellationToken = default) => LeaveSessionAsync(cancellationToken);

    /// <summary>Ends a session for everybody; only its creator may.</summary>
    /// <param name="sessionId">The session; <c>null</c> for the one that this client is in.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task EndSessionAsync(string? sessionId = null, CancellationToken cancellationToken = default) =>
        Run(() => Api.EndSessionAsync(sessionId ?? InCall().SessionId, cancellationToken));

    /// <summary>Public sessions that are active, newest first; the first 100. <see cref="TunRTCApi.ListSessionsAsync"/> has more pages.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<IReadOnlyList<Session>> ListSessionsAsync(CancellationToken cancellationToken = default) =>
        Run(async () => (await Api.ListSessionsAsync(100, null, cancellationToken)).Items);

    /// <inheritdoc cref="TunRTCApi.GetSessionAsync"/>
    public Task<SessionDetail> GetSessionAsync(string sessionId, CancellationToken cancellationToken = default) =>
        Run(() => Api.GetSessionAsync(sessionId, cancellationToken));

    /// <summary>The chat of the last 24 h, newest first; the first 100. <see cref="TunRTCApi.GetMessagesAsync"/> has more pages.</summary>
    /// <param name="sessionId">The session; <c>null</c> for the one that this client is in.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<IReadOnlyList<ChatMessage>> GetMessagesAsync(string? sessionId = null, CancellationToken cancellationToken = default) =>
        Run(async () => (await Api.GetMessagesAsync(sessionId ?? InCall().SessionId, 100, null, cancellationToken)).Items);

    /// <inheritdoc cref="TunRTCApi.GetIceServersAsync"/>
    public Task<IceServers> GetIceServersAsync(CancellationToken cancellationToken = default) => Run(() => Api.GetIceServersAsync(cancellationToken));

    /// <summary>
    /// Says something to everybody in the session; ends with the message's id once the server has it. It goes out once, even
    /// if the connection is lost meanwhile.
    /// </summary>
    /// <param name="message">1 to 4096 characters.</param>
    /// <param name="cancellationToken">Ends the wait, and takes the message back if it was not sent yet.</param>
    public Task<string> SendMessageAsync(string message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Run(() => InCall().Membership.SendMessageAsync(message, cancellationToken).WaitAsync(cancellationToken));
    }

    /// <summary>Tells the others how one's microphone and camera are: now, or as soon as there is a connection again.</summary>
    /// <param name="isMuted">Whether the microphone is off.</param>
    /// <param name="isVideoEnabled">Whether the camera is on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task UpdateStatusAsync(bool isMuted, bool isVideoEnabled, CancellationToken cancellationToken = default) =>
        Run(() => InCall().UpdateStatusAsync(isMuted, isVideoEnabled).WaitAsync(cancellationToken));

    /// <summary>
    /// Sends an offer; ends when the server has it safely. It reaches the other side in the order of one's signals to it, and
    /// once. Not with <see cref="TunRTCOptions.Media"/>, which sends its own.
    /// </summary>
    /// <param name="userId">For whom.</param>
    /// <param name="sdp">The session description.</param>
    /// <param name="cancellationToken">Ends the wait, and takes the offer back if it was not sent yet.</param>
    public Task SendOfferAsync(string userId, string sdp, CancellationToken cancellationToken = default) =>
        SignalAsync(userId, () => new Offer(Sdp.Pack(sdp)), cancellationToken);

    /// <summary>Sends an answer, as <see cref="SendOfferAsync"/> sends an offer.</summary>
    /// <param name="userId">For whom.</param>
    /// <param name="sdp">The session description.</param>
    /// <param name="cancellationToken">Ends the wait, and takes the answer back if it was not sent yet.</param>
    public Task SendAnswerAsync(string userId, string sdp, CancellationToken cancellationToken = default) =>
        SignalAsync(userId, () => new Answer(Sdp.Pack(sdp)), cancellationToken);

    /// <summary>Sends ICE candidates, as <see cref="SendOfferAsync"/> sends an offer. Several at once cost less than one by one.</summary>
    /// <param name="userId">For whom.</param>
    /// <param name="candidates">The candidates.</param>
    /// <param name="cancellationToken">Ends the wait, and takes them back if they were not sent yet.</param>
    public Task SendIceCandidatesAsync(string userId, IEnumerable<IceCandidate> candidates, CancellationToken cancellationToken = default)
    {
        var list = candidates.ToArray();
        return SignalAsync(userId, () => new Candidates(list), cancellationToken);
    }

    /// <summary>Sends one ICE candidate.</summary>
    /// <param name="userId">For whom.</param>
    /// <param name="candidate">The candidate.</param>
    /// <param name="cancellationToken">Ends the wait, and takes it back if it was not sent yet.</param>
    public Task SendIceCandidateAsync(string userId, IceCandidate candidate, CancellationToken cancellationToken = default) =>
        SendIceCandidatesAsync(userId, new[] { candidate }, cancellationToken);

    /// <summary>
    /// Sends data; ends once the server keeps it for all that it is for, like signals. Whoever is away for a moment gets it
    /// when they are back.
    /// </summary>
    /// <param name="topic">What it is about.</param>
    /// <param name="payload">At most 15 KiB of UTF-8.</param>
    /// <param name="to">For whom; <c>null</c> for everybody else.</param>
    /// <param name="cancellationToken">Ends the wait, and takes it back if it was not sent yet.</param>
    public Task SendDataAsync(string topic, string payload, IEnumerable<string>? to = null, CancellationToken cancellationToken = default)
    {
        var data = new JsonObject { ["topic"] = topic, ["payload"] = payload, ["dataId"] = Guid.NewGuid().ToString() };
        data.AddIfAny("to", to is null ? null : new JsonArray(to.Select(each => (JsonNode?)each).ToArray()));
        return SendAsync("sendData", data, cancellationToken);
    }

    /// <summary>
    /// Sends what one's own microphone heard of one sentence until now. A final one is kept for 24 hours, and may be sent again: the
    /// first one of its name counts. One that is not is replaced by the next.
    /// </summary>
    /// <param name="captionId">What the app calls the sentence, 1 to 64 characters.</param>
    /// <param name="text">1 to 1,000 characters.</param>
    /// <param name="isFinal">Whether that is all of it.</param>
    /// <param name="language">A BCP 47 tag.</param>
    /// <param name="startedAt">When it began, by the server's clock; at most 10 minutes ago.</param>
    /// <param name="cancellationToken">Ends the wait, and takes it back if it was not sent yet.</param>
    public Task SendCaptionAsync(string captionId, string text, bool isFinal, string language, DateTimeOffset startedAt, CancellationToken cancellationToken = default)
    {
        var caption = new JsonObject { ["captionId"] = captionId, ["text"] = text, ["final"] = isFinal, ["language"] = language, ["startedAt"] = Wire.ToText(startedAt) };
        return SendAsync("sendCaption", caption, cancellationToken);
    }

    /// <summary>Says something of oneself that all others see.</summary>
    /// <param name="changes">Attributes by name, 4 KiB with those that are there; <c>null</c> takes one away.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task UpdateAttributesAsync(IReadOnlyDictionary<string, string?> changes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        return SendAsync("updateAttributes", new JsonObject { ["attributes"] = Wire.ToJson(changes) }, cancellationToken);
    }

    /// <summary>Raises one's hand or takes it down. The server's time puts hands in order.</summary>
    /// <param name="isRaised">Whether it is raised.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RaiseHandAsync(bool isRaised, CancellationToken cancellationToken = default) =>
        SendAsync("raiseHand", new JsonObject { ["raised"] = isRaised }, cancellationToken);

    /// <summary>Calls a procedure that another participant offers. It survives a reconnect of either side.</summary>
    /// <param name="userId">Whose.</param>
    /// <param name="method">The procedure.</param>
    /// <param name="payload">What it is given, at most 15 KiB of UTF-8.</param>
    /// <param name="timeout">How long to wait for the answer; 15 s if not given.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What the procedure answers.</returns>
    /// <exception cref="RpcException">There is no answer, or the procedure failed.</exception>
    public Task<string> CallAsync(string userId, string method, string payload = "", TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Run(() => _procedures.CallAsync(InCall().Membership, userId, method, payload, timeout ?? RpcTimeout, cancellationToken));

    /// <summary>Offers a procedure to the others, in this session and in later ones; one that was offered under that name is replaced.</summary>
    /// <param name="method">Its name.</param>
    /// <param name="procedure">Answers a call, on the thread pool. What it throws as <see cref="RpcException"/> reaches the caller as it is.</param>
    public void OfferProcedure(string method, Func<RpcCall, Task<string>> procedure)
    {
        ArgumentNullException.ThrowIfNull(procedure);
        _loop.Post(() => _procedures.Offer(method, procedure));
    }

    /// <summary>Offers a procedure no longer.</summary>
    /// <param name="method">Its name.</param>
    public void WithdrawProcedure(string method) => _loop.Post(() => _procedures.Withdraw(method));

    /// <summary>
    /// To be called when the app makes a new peer connection to somebody in place of an old one: what was sent for the old one
    /// and is not there yet is void, and the other side can tell what belongs to which (<see cref="SignalEvent.Epoch"/>).
    /// </summary>
    /// <param name="userId">To whom.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task StartOverAsync(string userId, CancellationToken cancellationToken = default) => Run(() =>
    {
        InCall().Membership.Renew(userId);
        return Task.CompletedTask.WaitAsync(cancellationToken);
    });

    /// <summary>
    /// To be called when the network may have changed, or the app comes back to the foreground: a dead connection is found at
    /// once, and one that is waited for is tried at once.
    /// </summary>
    public void CheckConnection() => _loop.Post(() => Call?.Membership.Wake());

    /// <summary>How signaling does.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<SignalingStatistics> GetSignalingStatisticsAsync(CancellationToken cancellationToken = default) => Run(() =>
    {
        var signaling = Call?.Membership;
        var latency = signaling?.Latency is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : (TimeSpan?)null;
        return Task.FromResult(new SignalingStatistics(latency, signaling?.Reconnects ?? 0, signaling?.Unacknowledged ?? 0)).WaitAsync(cancellationToken);
    });

    /// <summary>
    /// Leaves the session, for which it waits up to 5 s, and ends every wait and every enumeration. The tokens stay valid:
    /// <see cref="LogoutAsync"/> revokes them. May be called in any state, more than once, and from within a handler.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_hub)
        {
            _disposing ??= _loop.Run(DisposeNowAsync);
        }
        return new ValueTask(_disposing);
    }

    private static SocketsHttpHandler NewHandler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        // So that a server that moved is found again.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    };

    private async Task DisposeNowAsync()
    {
        await PatientlyAsync(LeaveAsync());
        Api.Stop();
        _hub.Close();
        _http.Dispose();
    }

    private async Task<SessionDetail> JoinAsync(string? sessionId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var prepared = Task.WhenAll(PatientlyAsync(RetireAsync()), _account.Settled());
        Visit? visit = null;
        visit = new Visit(Api, sessionId, joined => Open(visit!, joined));
        _visit = visit;
        _visits.Add(visit);
        visit.Over.ContinueWith(_ => _loop.Post(() => _visits.Remove(visit)), TaskScheduler.Default).Forget();
        using var leaving = cancellationToken.Register(() => _loop.Post(() => Leave(visit)));
        visit.Start(prepared);
        try
        {
            return await visit.Joined;
        }
        catch (TunRTCException error)
        {
            End(visit, new ConnectionState(ConnectionStatus.Closed, true, 0, error.Code, error.Message));
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }
    }

    private Call Open(Visit visit, JoinedSession joined) => new(
        _surroundings,
        Api,
        joined.UserId ?? Api.Auth?.UserId ?? "",
        joined,
        _heartbeat,
        _options.Media,
        _procedures,
        state => StateChanged(visit, state),
        data => Tell(visit, data));

    private async Task LeaveAsync()
    {
        var visit = _visit;
        await RetireAsync();
        if (visit is not null)
        {
            await visit.Over;
        }
    }

    /// <summary>Ends what the last call wanted, here at once; ends when every visit has given its seat back, as far as that can be done.</summary>
    private Task RetireAsync()
    {
        var gone = _visits.Select(each => each.Over.Settled()).ToArray();
        if (_visit is { } visit)
        {
            Leave(visit);
        }
        _hub.DropHeld();
        return Task.WhenAll(gone);
    }

    private void Leave(Visit visit)
    {
        visit.LeaveAsync().Forget();
        End(visit, new ConnectionState(ConnectionStatus.Closed, true, 0, "closed", "The session was left."));
    }

    /// <summary>A visit is no longer what counts.</summary>
    private void End(Visit visit, ConnectionState state)
    {
        if (_visit == visit)
        {
            _visit = null;
            TellState(state);
        }
    }

    private void StateChanged(Visit visit, ConnectionState state)
    {
        if (_visit != visit)
        {
            return;
        }
        if (state.Status != ConnectionStatus.Closed)
        {
            TellState(state);
            return;
        }
        visit.Ended(new TunRTCException(state.Code ?? "", state.Reason ?? ""));
        End(visit, state);
    }

    private void TellState(ConnectionState state)
    {
        _state = state;
        _hub.Emit(new ConnectionStateChangedEvent(state));
    }

    private void Tell(Visit visit, TunRTCEvent data)
    {
        if (_visit == visit)
        {
            _hub.Emit(data);
        }
    }

    private Task<Auth> SignInAsync(Func<Task<Auth>> ask) => Run(() =>
    {
        var visit = _visit;
        return InTurnAsync(async () =>
        {
            var before = visit?.Call?.UserId ?? User?.UserId;
            var auth = await ask();
            // The seat is not this user's: a reconnect would take another one, in a call that takes itself for somebody else.
            if (visit is not null && visit == _visit && before is not null && before != auth.UserId)
            {
                LeaveAsync().Forget();
            }
            return auth;
        });
    });

    /// <summary>Signing in and out happens in the order of the calls, so that the last one wins.</summary>
    private Task<T> InTurnAsync<T>(Func<Task<T>> step)
    {
        var done = RunAsync(_account);
        _account = done.Settled();
        return done;

        async Task<T> RunAsync(Task before)
        {
            await before;
            return await step();
        }
    }

    /// <summary>A leave that does not reach the server must not keep this client from what comes next.</summary>
    private Task PatientlyAsync(Task leave) => _surroundings.Within(LeaveTime, leave).Settled();

    private Task SignalAsync(string userId, Func<SignalBody> body, CancellationToken cancellationToken) => Run(() =>
    {
        if (_options.Media is not null)
        {
            throw new InvalidOperationException("The media adapter of this client sends its own signals.");
        }
        return InCall().SignalAsync(userId, body(), cancellationToken).WaitAsync(cancellationToken);
    });

    private Task SendAsync(string action, JsonObject data, CancellationToken cancellationToken) =>
        Run(() => InCall().Membership.SendAsync(action, data, cancellationToken).WaitAsync(cancellationToken));

    private Call InCall() => Call ?? throw new TunRTCException("not_joined", "Join a session first.");

    private Task<T> Run<T>(Func<Task<T>> work)
    {
        ThrowIfDisposed();
        return _loop.Run(work);
    }

    private Task Run(Func<Task> work)
    {
        ThrowIfDisposed();
        return _loop.Run(work);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposing is not null, this);
}
