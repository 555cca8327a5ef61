using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Media;
using TunRTC.Client.Signaling;

namespace TunRTC.Client;

/// <summary>Being in one session: who is there, and signaling. All times are in milliseconds.</summary>
internal sealed class Call : IMembershipOwner, IMeshOwner
{
    /// <summary>ICE credentials are renewed when this share of their life has gone by.</summary>
    private const double IceRenewal = 0.5;
    private const double IceRetry = 60_000;

    /// <summary>A frame of somebody who is not known to be there has this long to be explained by another, before the server is asked.</summary>
    private const double DoubtTime = 500;
    private const double DoubtRetry = 5_000;

    /// <summary>After an absence that the server could not bridge, as much chat is fetched as a replay would have brought: 2,000 messages.</summary>
    private const int HistoryPages = 20;
    private const int HistoryPage = 100;

    /// <summary>Frames that are kept of somebody until it is clear whether they are there.</summary>
    private const int Held = 256;

    private readonly TunRTCApi _api;
    private readonly JoinedSession _joined;
    private readonly Action<ConnectionState> _onState;
    private readonly Action<TunRTCEvent> _tell;
    private readonly Roster _roster = new();
    private readonly Timers<string> _timers;
    private readonly Mesh? _mesh;
    private readonly Procedures _procedures;

    /// <summary>What was last told of what this side says of itself; of the others the roster knows it.</summary>
    private About _own = About.Nothing;
    private readonly Dictionary<string, long> _versions = new();

    /// <summary>Data comes again when its sender's connection was lost before the acknowledgement.</summary>
    private readonly Recent _data = new();
    private readonly Recent _captions = new();

    /// <summary>When a participant was last heard of over signaling, and since when what it sends is of its present run.</summary>
    private readonly Dictionary<string, DateTimeOffset> _heard = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _runs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Doubt> _doubts = new(StringComparer.Ordinal);

    /// <summary>What the app wants the others to see; <c>null</c> until it says so.</summary>
    private Status? _status;
    private Task? _telling;

    /// <summary>A new seat that the server was asked for.</summary>
    private Task? _seating;
    private TunRTCException? _closed;

    public Call(
        Surroundings surroundings,
        TunRTCApi api,
        string userId,
        JoinedSession joined,
        Heartbeat heartbeat,
        IMediaAdapter? media,
        Procedures procedures,
        Action<ConnectionState> onState,
        Action<TunRTCEvent> tell)
    {
        _api = api;
        _joined = joined;
        _onState = onState;
        _tell = tell;
        _procedures = procedures;
        UserId = userId;
        _timers = new Timers<string>(surroundings);
        Membership = new Membership(surroundings, joined.SessionId, userId, heartbeat, this);
        if (media is not null)
        {
            _mesh = new Mesh(surroundings, media, userId, this) { IceServers = joined.IceServers };
            RenewIceServersIn(CredentialLife(joined) * IceRenewal);
        }
    }

    public string SessionId => _joined.SessionId;

    /// <summary>Whose seat it is.</summary>
    public string UserId { get; }

    public Membership Membership { get; }

    /// <summary>The others, by user id. May be read from any thread.</summary>
    public IReadOnlyDictionary<string, Participant> Participants => _roster.Members;

    public async Task<SessionDetail> StartAsync() => (await Membership.JoinAsync(_joined.Participants, _joined.Signaling)).Session;

    /// <summary>Tells the others, by the next connection if there is none; of several statuses the last one is told last.</summary>
    public Task UpdateStatusAsync(bool isMuted, bool isVideoEnabled)
    {
        if (_closed is not null)
        {
            return Task.FromException(_closed);
        }
        _status = new Status(isMuted, isVideoEnabled);
        return TellStatusAsync();
    }

    public Task SignalAsync(string userId, SignalBody body, CancellationToken cancellationToken) =>
        _closed is null ? Membership.SignalAsync(userId, body, cancellationToken) : Task.FromException(_closed);

    /// <summary>Ends everything but the connection to the server, which <see cref="LeaveAsync"/> may still need.</summary>
    public void HangUp(TunRTCException cause)
    {
        _closed ??= cause;
        _timers.Clear();
        _doubts.Clear();
        _mesh?.Close();
        _procedures.Abandon();
    }

    /// <summary>Gives the seat back, over whatever reaches the server.</summary>
    public async Task LeaveAsync()
    {
        var cause = new TunRTCException("closed", "The session was left.");
        HangUp(cause);
        var isTold = await Membership.LeaveAsync();
        Membership.Close(cause);
        if (isTold)
        {
            return;
        }
        if (_seating is { } seating)
        {
            await seating.Settled();
        }
        await _api.LeaveSessionAsync(SessionId);
    }

    public void Close(TunRTCException cause)
    {
        HangUp(cause);
        Membership.Close(cause);
    }

    /// <summary>A fresh ticket; if the seat was lost meanwhile, a new seat.</summary>
    async Task<SignalingTicket> IMembershipOwner.AdmitAsync(CancellationToken abandoned)
    {
        // While the seat is given back the connection still serves, but no other one is wanted.
        if (_closed is not null)
        {
            throw _closed;
        }
        try
        {
            return await _api.GetTicketAsync(SessionId);
        }
        catch (TunRTCException refused) when (refused.Code == "not_in_session" && _closed is null && !abandoned.IsCancellationRequested)
        {
            var joining = _api.TakeSeatAsync(SessionId, () => abandoned.IsCancellationRequested);
            _seating = joining;
            return (await joining).Signaling;
        }
    }

    async Task IMembershipOwner.OnJoinedAsync(Arrival arrival)
    {
        if (_closed is not null)
        {
            return;
        }
        var (ack, at, isResumed, since) = arrival;
        var changes = _roster.List(ack.Session.Participants.Where(each => each.UserId != UserId).ToArray(), at);
        TellChanges(changes, isResumed);
        // At the first join everybody who is connected gets an offer; later, newcomers make theirs.
        foreach (var participant in changes.Present.Where(each => each.Status != ParticipantStatus.Disconnected))
        {
            _mesh?.Connect(participant.UserId, isInitiator: !isResumed);
        }
        SettleDoubts(at);
        var own = ack.Session.Participants.FirstOrDefault(each => each.UserId == UserId);
        if (_status is { } status && (own is null || own.IsMuted != status.IsMuted || own.IsVideoEnabled != status.IsVideoEnabled))
        {
            ReportFailure(TellStatusAsync());
        }
        if (since is null || ack.Recovered)
        {
            return;
        }
        if (isResumed)
        {
            _mesh?.Renegotiate();
        }
        await CatchUpAsync();
    }

    void IMembershipOwner.OnState(ConnectionState state)
    {
        if (state.Status == ConnectionStatus.Closed)
        {
            HangUp(new TunRTCException(state.Code ?? "", state.Reason ?? ""));
        }
        _onState(state);
    }

    void IMembershipOwner.OnSignal(Signal signal) => OnSignal(signal);

    void IMembershipOwner.OnMessage(ChatMessage message)
    {
        if (_closed is null)
        {
            _tell(new MessageEvent(message));
        }
    }

    void IMembershipOwner.OnEvent(EventFrame frame)
    {
        if (_closed is null)
        {
            OnEvent(frame.Event, frame.Data, frame.Timestamp);
        }
    }

    void IMembershipOwner.OnBroken(string userId)
    {
        if (_mesh is null)
        {
            _tell(new SignalsLostEvent(userId));
        }
        else if (Participants.ContainsKey(userId))
        {
            _mesh.Reset(userId, isInitiator: true);
        }
    }

    void IMembershipOwner.OnError(TunRTCException error) => Report(error);

    Task IMeshOwner.SendAsync(string userId, SignalBody body) => Membership.SignalAsync(userId, body);

    void IMeshOwner.Renew(string userId) => Membership.Renew(userId);

    void IMeshOwner.Probe() => Membership.Probe();

    Participant? IMeshOwner.Find(string userId) => _roster.Members.GetValueOrDefault(userId);

    void IMeshOwner.OnPeerError(string userId, TunRTCException error)
    {
        // They left, and that has not been told here yet; or they came back, and it has.
        if (error.Code == "peer_not_found")
        {
            OnDoubt(userId, DateTimeOffset.MinValue, null);
        }
        else
        {
            Report(error);
        }
    }

    private void TellChanges(Comparison changes, bool isResumed)
    {
        foreach (var participant in changes.Left)
        {
            _procedures.Abandon(participant.UserId);
            _mesh?.Remove(participant.UserId);
        }
        foreach (var participant in isResumed ? changes.Joined : Array.Empty<Participant>())
        {
            _tell(new UserJoinedEvent(participant));
        }
        foreach (var participant in changes.Updated)
        {
            _tell(new UserStatusUpdatedEvent(participant));
        }
        foreach (var participant in changes.Left)
        {
            _tell(new UserLeftEvent(participant.UserId, participant.Username, LeaveReason.Left));
        }
    }

    private Task TellStatusAsync()
    {
        return _telling ??= RunAsync();

        async Task RunAsync()
        {
            // What is started here must not end before it is remembered.
            await Task.Yield();
            try
            {
                for (Status? told = null; told != _status;)
                {
                    told = _status!;
                    await Membership.SendAsync("updateStatus", told.ToJson());
                }
            }
            finally
            {
                _telling = null;
            }
        }
    }

    /// <summary>Messages that the replay could not bring are in the history, the newest first; it is read back to what is known.</summary>
    private async Task CatchUpAsync()
    {
        try
        {
            var missed = new List<ChatMessage>();
            string? cursor = null;
            for (var pages = 0; pages < HistoryPages; pages++)
            {
                var page = await _api.GetMessagesAsync(SessionId, HistoryPage, cursor);
                missed.AddRange(page.Items);
                cursor = page.Cursor;
                if (cursor is null || !page.Items.All(Membership.IsNews))
                {
                    break;
                }
            }
            foreach (var message in Enumerable.Reverse(missed))
            {
                Membership.Ingest(message);
            }
        }
        catch (TunRTCException thrown)
        {
            Report(thrown);
        }
    }

    private void OnEvent(string name, JsonElement data, DateTimeOffset at)
    {
        switch (name)
        {
            case "userJoined":
                UserJoined(Newcomer(data), at);
                break;
            case "userLeft":
                UserLeft(data.Text("userId"), Wire.LeaveReason(data.Text("reason")), at);
                break;
            case "userStatusUpdated":
                var (status, isMuted, isVideoEnabled) =
                    (Wire.ParticipantStatus(data.Text("status")), data.Flag("isMuted"), data.Flag("isVideoEnabled"));
                Updated(data.Text("userId"), known => known with { Status = status, IsMuted = isMuted, IsVideoEnabled = isVideoEnabled }, at);
                break;
            case "participantUpdated":
                ParticipantUpdated(data, at);
                break;
            case "receiveData":
                DataReceived(data);
                break;
            case "receiveCaption":
                CaptionReceived(Wire.Caption(data));
                break;
            case "receiveRpc":
                ReportFailure(_procedures.ServeAsync(Membership, data));
                break;
            case "receiveRpcAnswer":
                _procedures.OnAnswer(data);
                break;
            case "participantWaiting":
                _tell(new ParticipantWaitingEvent(data.Text("userId"), data.Text("username"), data.Time("waitingSince")));
                break;
            case "admitted":
                _tell(new AdmittedEvent(data.Text("userId"), data.Text("username")));
                break;
            case "denied":
                _tell(new DeniedEvent(data.Text("userId"), data.Text("username"), data.Text("reason")));
                break;
            case "sessionUpdated":
                _tell(new SessionUpdatedEvent(data.Text("name"), data.Number("maxParticipants"), data.Flag("locked"), data.Number("version")));
                break;
            case "muteRequested" when Wire.MediaKind(data.Text("kind")) is { } kind:
                _tell(new MuteRequestedEvent(kind, data.TextOrNull("byUserId")));
                break;
            case "sessionEnded":
                _tell(new SessionEndedEvent(Wire.EndReason(data.Text("reason"))));
                break;
        }
    }

    private static Participant Newcomer(JsonElement data) => new(
        data.Text("userId"),
        data.Text("username"),
        data.Time("joinedAt"),
        ParticipantStatus.Connected,
        data.Flag("isMuted"),
        data.Flag("isVideoEnabled"))
    {
        Role = Wire.Role(data),
        Permissions = Wire.Permissions(data),
    };

    private void ParticipantUpdated(JsonElement data, DateTimeOffset at)
    {
        var (userId, username, role, permissions) = (data.Text("userId"), data.Text("username"), Wire.Role(data), Wire.Permissions(data));
        Updated(userId, known => known with { Username = username, Role = role, Permissions = permissions }, at);
        if (Wire.Attributes(data) is { } attributes)
        {
            AboutChanged(userId, username, new About(attributes, data.TimeOrNull("handRaisedAt")), data.LongOrNull("version") ?? 0, at);
        }
        else
        {
            _tell(new ParticipantUpdatedEvent(userId, username, role, permissions));
        }
    }

    /// <summary>A frame has all that somebody says of themselves, whatever changed of it. Frames of overlapping changes come in any order:
    /// the version says which is older, and is dropped.</summary>
    private void AboutChanged(string userId, string username, About about, long version, DateTimeOffset at)
    {
        if (version < _versions.GetValueOrDefault(userId))
        {
            return;
        }
        _versions[userId] = version;
        var before = userId == UserId ? _own : _roster.Members.TryGetValue(userId, out var known) ? new About(known.Attributes, known.HandRaisedAt) : About.Nothing;
        _own = userId == UserId ? about : _own;
        Updated(userId, member => member with { Attributes = about.Attributes, HandRaisedAt = about.HandRaisedAt }, at);
        if (before.HandRaisedAt != about.HandRaisedAt)
        {
            _tell(new HandChangedEvent(userId, username, about.HandRaisedAt));
        }
        if (before.Attributes.Count != about.Attributes.Count || before.Attributes.Except(about.Attributes).Any())
        {
            _tell(new AttributesChangedEvent(userId, username, about.Attributes));
        }
    }

    private void DataReceived(JsonElement data)
    {
        var (from, id) = (data.TextOrNull("fromUserId"), data.Text("dataId"));
        var told = new DataEvent(from, data.TextOrNull("fromUsername"), data.Text("topic"), data.Text("payload"));
        if (_data.Add($"{from}/{id}"))
        {
            _tell(told);
        }
    }

    /// <summary>What comes of a sentence after it was final is old, or told again.</summary>
    private void CaptionReceived(CaptionEvent caption)
    {
        var sentence = $"{caption.FromUserId}/{caption.CaptionId}";
        if (caption.IsFinal ? _captions.Add(sentence) : !_captions.Has(sentence))
        {
            _tell(caption);
        }
    }

    private void UserJoined(Participant participant, DateTimeOffset at)
    {
        if (participant.UserId == UserId)
        {
            return;
        }
        var judgement = _roster.Joined(participant, at);
        if (judgement == Judgement.Doubtful)
        {
            OnDoubt(participant.UserId, at, null);
        }
        if (judgement == Judgement.News)
        {
            Arrived(participant, at);
        }
    }

    /// <summary>A fresh start of a participant, known before or not: what an earlier run of it sent is void from here on.</summary>
    private void Arrived(Participant participant, DateTimeOffset at)
    {
        if (!_heard.TryGetValue(participant.UserId, out var heard) || heard < at)
        {
            _runs[participant.UserId] = at;
            _mesh?.Reset(participant.UserId, isInitiator: false);
        }
        _tell(new UserJoinedEvent(participant));
        HandOn(participant.UserId);
    }

    private void UserLeft(string userId, LeaveReason reason, DateTimeOffset at)
    {
        var participant = _roster.Members.GetValueOrDefault(userId);
        var judgement = _roster.Left(userId, at);
        if (judgement == Judgement.Doubtful)
        {
            OnDoubt(userId, at, null);
        }
        if (judgement == Judgement.News && participant is not null)
        {
            Departed(participant, reason);
        }
    }

    private void Departed(Participant participant, LeaveReason reason)
    {
        _mesh?.Remove(participant.UserId);
        _procedures.Abandon(participant.UserId);
        _tell(new UserLeftEvent(participant.UserId, participant.Username, reason));
    }

    /// <param name="userId">Whose.</param>
    /// <param name="change">What is different of them.</param>
    /// <param name="at">Since when.</param>
    private void Updated(string userId, Func<Participant, Participant> change, DateTimeOffset at)
    {
        if (userId == UserId)
        {
            return;
        }
        var judgement = _roster.Updated(userId, change, at);
        var participant = _roster.Members.GetValueOrDefault(userId);
        if (judgement == Judgement.Doubtful)
        {
            OnDoubt(userId, at, participant is null ? () => Updated(userId, change, at) : null);
        }
        if (judgement == Judgement.News && participant is not null)
        {
            _doubts.Remove(userId);
            _tell(new UserStatusUpdatedEvent(participant));
        }
    }

    private void OnSignal(Signal signal)
    {
        if (_closed is not null || (_runs.TryGetValue(signal.FromUserId, out var run) && signal.Timestamp < run))
        {
            return;
        }
        var judgement = _roster.Signalled(signal.FromUserId, signal.Timestamp);
        if (judgement == Judgement.Doubtful)
        {
            OnDoubt(signal.FromUserId, signal.Timestamp, () => OnSignal(signal));
        }
        if (judgement != Judgement.News)
        {
            return;
        }
        _heard[signal.FromUserId] = signal.Timestamp;
        if (_mesh is not null)
        {
            _mesh.Handle(signal);
        }
        else
        {
            TellSignal(signal);
        }
    }

    /// <summary>A description that nobody can read is told as an error: those that follow it are handed on all the same.</summary>
    private void TellSignal(Signal signal)
    {
        try
        {
            _tell(ToEvent(signal));
        }
        catch (TunRTCException thrown)
        {
            Report(thrown);
        }
    }

    private static TunRTCEvent ToEvent(Signal signal) => signal.Body switch
    {
        Offer offer => new OfferEvent(signal.FromUserId, signal.FromUsername, signal.Epoch, Sdp.Unpack(offer.Sdp)),
        Answer answer => new AnswerEvent(signal.FromUserId, signal.FromUsername, signal.Epoch, Sdp.Unpack(answer.Sdp)),
        Candidates candidates => new IceCandidatesEvent(signal.FromUserId, signal.FromUsername, signal.Epoch, candidates.List),
        _ => throw new InvalidOperationException("A signal is an offer, an answer or candidates."),
    };

    /// <summary>Somebody may be there or not: another frame will tell, or the server does when it is asked.</summary>
    private void OnDoubt(string userId, DateTimeOffset at, Action? again)
    {
        if (_closed is not null)
        {
            return;
        }
        if (!_doubts.TryGetValue(userId, out var doubt))
        {
            _doubts[userId] = doubt = new Doubt(at);
        }
        doubt.At = at > doubt.At ? at : doubt.At;
        if (again is not null && doubt.Waiting.Count < Held)
        {
            doubt.Waiting.Add(again);
        }
        if (!_timers.Has("doubt"))
        {
            _timers.Arm("doubt", DoubtTime, Ask);
        }
    }

    private async void Ask()
    {
        var asked = _doubts.ToArray();
        if (asked.Length == 0)
        {
            return;
        }
        try
        {
            var session = await _api.GetSessionAsync(SessionId);
            foreach (var (userId, doubt) in asked)
            {
                // Frames that came meanwhile may have told.
                if (_doubts.GetValueOrDefault(userId) == doubt)
                {
                    SettleDoubt(userId, doubt, session.Participants.FirstOrDefault(each => each.UserId == userId));
                }
            }
        }
        catch (TunRTCException)
        {
            if (_closed is null)
            {
                _timers.Arm("doubt", DoubtRetry, Ask);
            }
        }
    }

    private void SettleDoubt(string userId, Doubt doubt, Participant? participant)
    {
        var known = _roster.Members.GetValueOrDefault(userId);
        var isNew = _roster.Settle(userId, participant, doubt.At);
        if (isNew && participant is not null)
        {
            _tell(known is null ? new UserJoinedEvent(participant) : new UserStatusUpdatedEvent(participant));
        }
        if (participant is not null)
        {
            _mesh?.Connect(userId, isInitiator: false);
        }
        else if (known is not null)
        {
            Departed(known, LeaveReason.Left);
        }
        HandOn(userId);
    }

    /// <summary>A complete list has come: what it says of those in doubt holds, if it is newer than the doubt.</summary>
    private void SettleDoubts(DateTimeOffset listedAt)
    {
        foreach (var (userId, doubt) in _doubts.ToArray())
        {
            if (doubt.At < listedAt || _roster.Members.ContainsKey(userId))
            {
                HandOn(userId);
            }
        }
    }

    /// <summary>Hands on what waited for somebody to be there; if they are not, it is dropped.</summary>
    private void HandOn(string userId)
    {
        if (!_doubts.Remove(userId, out var doubt) || !_roster.Members.ContainsKey(userId))
        {
            return;
        }
        foreach (var again in doubt.Waiting)
        {
            again();
        }
    }

    private void RenewIceServersIn(double milliseconds)
    {
        if (_closed is null && milliseconds > 0)
        {
            _timers.Arm("ice", milliseconds, RenewIceServers);
        }
    }

    private async void RenewIceServers()
    {
        try
        {
            var fresh = await _api.GetIceServersAsync();
            _mesh!.IceServers = fresh.Servers;
            RenewIceServersIn(fresh.TimeToLive.TotalMilliseconds * IceRenewal);
        }
        catch (TunRTCException)
        {
            RenewIceServersIn(IceRetry);
        }
    }

    /// <summary>
    /// How long TURN credentials hold; 0 without any. Their user name starts with the Unix time of their end, and the ticket
    /// tells what the server's clock says.
    /// </summary>
    private static double CredentialLife(JoinedSession joined)
    {
        var ends = joined.IceServers.Select(each => each.Username?.Split(':')[0]).Select(Seconds).Where(end => end > 0).ToArray();
        var madeAt = Tickets.MadeAt(joined.Signaling).ToUnixTimeMilliseconds();
        return ends.Length == 0 ? 0 : Math.Max((ends.Min() * 1000.0) - madeAt, IceRetry);
    }

    private static long Seconds(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : 0;

    private async void ReportFailure(Task task)
    {
        try
        {
            await task;
        }
        catch (TunRTCException thrown)
        {
            Report(thrown);
        }
    }

    private void Report(TunRTCException error)
    {
        if (_closed is null && error.Code != "closed")
        {
            _tell(new ErrorEvent(error));
        }
    }

    private sealed record Status(bool IsMuted, bool IsVideoEnabled)
    {
        public JsonObject ToJson() => new() { ["isMuted"] = IsMuted, ["isVideoEnabled"] = IsVideoEnabled };
    }

    private sealed record About(IReadOnlyDictionary<string, string> Attributes, DateTimeOffset? HandRaisedAt)
    {
        public static About Nothing { get; } = new(new Dictionary<string, string>(), null);
    }

    /// <summary>Frames that another one explains, or only the server; until then they wait.</summary>
    private sealed class Doubt(DateTimeOffset at)
    {
        public DateTimeOffset At { get; set; } = at;

        public List<Action> Waiting { get; } = new();
    }
}
