using System;
using System.Collections.Generic;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Signaling;

/// <summary>What a <see cref="Membership"/> needs, and whom it tells.</summary>
internal interface IMembershipOwner
{
    /// <summary>Gets a fresh ticket; once <paramref name="abandoned"/> is cancelled nothing more may be asked of the server.</summary>
    Task<SignalingTicket> AdmitAsync(CancellationToken abandoned);

    /// <summary>After each <c>joinSession</c> that was answered: the first, and every resume.</summary>
    Task OnJoinedAsync(Arrival arrival);

    void OnState(ConnectionState state);

    /// <summary>A signal in its sender's order, exactly once.</summary>
    void OnSignal(Signal signal);

    /// <summary>A chat message, exactly once.</summary>
    void OnMessage(ChatMessage message);

    /// <summary>Every other event.</summary>
    void OnEvent(EventFrame frame);

    /// <summary>A sender's signals are lost for good: the two have to start over.</summary>
    void OnBroken(string userId);

    /// <summary><see cref="OnJoinedAsync"/> failed.</summary>
    void OnError(TunRTCException error);
}

/// <summary>
/// One membership of one session: keeps unacknowledged frames over however many connections it takes, and hands signals on in
/// order and once.
/// </summary>
internal sealed class Membership : ILinkOwner
{
    /// <summary>The server answers <c>sync</c> at most every 250 ms: one that was sent so lately answers for another. In milliseconds.</summary>
    private const double SyncEvery = 300;

    private readonly Surroundings _surroundings;
    private readonly string _userId;
    private readonly IMembershipOwner _owner;
    private readonly Link _link;
    private readonly Outbox _outbox;
    private readonly Chat _chat;
    private readonly Inbox _inbox = new();
    private readonly GapWatch _gaps;
    private readonly Dictionary<string, Course> _courses = new(StringComparer.Ordinal);

    /// <summary>Events that came before the first join was answered.</summary>
    private readonly List<EventFrame> _early = new();

    private readonly double _chance;

    /// <summary>When this run began, by the server's clock; signals from before were meant for an earlier run.</summary>
    private DateTimeOffset _begunAt;

    /// <summary>Names this run of the client; empty before the first join.</summary>
    private string _run = "";
    private double _syncedAt = double.NegativeInfinity;

    public Membership(Surroundings surroundings, string sessionId, string userId, Heartbeat heartbeat, IMembershipOwner owner)
    {
        _surroundings = surroundings;
        _userId = userId;
        _owner = owner;
        _chance = surroundings.Random();
        _link = new Link(surroundings, sessionId, heartbeat, this);
        _outbox = new Outbox(surroundings, _link.Refused);
        _chat = new Chat(surroundings.Loop, _outbox, owner.OnMessage);
        _gaps = new GapWatch(surroundings, _inbox, Sync, owner.OnSignal, owner.OnBroken);
    }

    public ConnectionState State => _link.State;

    /// <summary>Milliseconds from a frame to its answer, lately.</summary>
    public double? Latency => _link.Socket?.Latency;

    /// <summary>Times that the connection was lost and came back.</summary>
    public int Reconnects => _link.Reconnects;

    /// <summary>Frames that wait for their acknowledgement.</summary>
    public int Unacknowledged => _outbox.Size;

    /// <summary>Joins with the ticket that came with the seat; after a failure, a few more times with fresh ones.</summary>
    public Task<JoinAck> JoinAsync(IReadOnlyList<Participant> participants, SignalingTicket ticket) =>
        _link.JoinAsync(ticket, Tickets.BegunAt(participants, ticket, _userId));

    /// <summary>
    /// Sends a signal; ends when the server has it safely, whatever happens to connections meanwhile. A description that was
    /// not sent yet when the next one comes is void: that one goes out in its place.
    /// </summary>
    public Task SignalAsync(string targetUserId, SignalBody body, CancellationToken cancellationToken = default)
    {
        var course = CourseOf(targetUserId);
        return _outbox.SendAsync(new Frame(body.Action, targetUserId, Data, body.IsReplaceable), cancellationToken);

        JsonObject Data()
        {
            var data = new JsonObject { ["targetUserId"] = targetUserId };
            body.Write(data);
            data["epoch"] = Epochs.Of(course.Run ?? _run, course.Generation);
            data["seq"] = ++course.Seq;
            return data;
        }
    }

    /// <summary>Starts a new epoch towards a target: what was sent to it before is void.</summary>
    public void Renew(string targetUserId)
    {
        var course = CourseOf(targetUserId);
        if (course.Seq > 0)
        {
            // Something was sent, so there was a join, and the server has told the time.
            _courses[targetUserId] = new Course(Epochs.NewRun(_link.Since!.Value, _chance), course.Generation + 1);
        }
        _outbox.Drop(new TunRTCException("closed", "The peer started over."), targetUserId);
    }

    /// <summary>Sends a frame that may arrive twice without harm.</summary>
    public Task SendAsync(string action, JsonObject data, CancellationToken cancellationToken = default) =>
        _outbox.SendAsync(new Frame(action, action, () => data), cancellationToken);

    /// <summary>Sends a chat message once, even if the connection is lost before the answer; ends with its id.</summary>
    public Task<string> SendMessageAsync(string message, CancellationToken cancellationToken = default) => _chat.SendAsync(message, cancellationToken);

    /// <summary>Takes a chat message from the history, unless it was handed on already or is from before joining.</summary>
    public void Ingest(ChatMessage message) => _chat.Receive(message);

    /// <summary>Whether <see cref="Ingest"/> would hand this on.</summary>
    public bool IsNews(ChatMessage message) => _chat.IsNews(message);

    /// <summary>Tells the server that this participant leaves, if there is a connection to tell it over; nothing else is sent any more.</summary>
    public Task<bool> LeaveAsync()
    {
        _gaps.Stop();
        _outbox.Detach();
        return _link.LeaveAsync();
    }

    /// <inheritdoc cref="Link.Probe"/>
    public void Probe() => _link.Probe();

    /// <inheritdoc cref="Link.Wake"/>
    public void Wake() => _link.Wake();

    /// <summary>Ends the membership here; everything that waits fails with <paramref name="cause"/>.</summary>
    public void Close(TunRTCException cause) => _link.Close(cause);

    Task<SignalingTicket> ILinkOwner.AdmitAsync(CancellationToken abandoned) => _owner.AdmitAsync(abandoned);

    void ILinkOwner.OnLost() => _outbox.Detach();

    void ILinkOwner.OnState(ConnectionState state)
    {
        if (state.Status == ConnectionStatus.Closed)
        {
            _gaps.Stop();
            _chat.Release();
            _outbox.Close(new TunRTCException(state.Code ?? "", state.Reason ?? ""));
        }
        _owner.OnState(state);
    }

    void ILinkOwner.OnJoined(Socket socket, Arrival arrival)
    {
        if (!arrival.Resumed)
        {
            // Where an earlier try was not answered, it may be that one by which this participant is there.
            Begin(arrival.JoinedAt, arrival.Since ?? arrival.JoinedAt);
        }
        else if (!arrival.Ack.Recovered)
        {
            _gaps.ExpectLoss();
        }
        _outbox.Attach(socket);
        AfterJoin(arrival);
    }

    void ILinkOwner.OnEvent(EventFrame frame, bool isEarly) => Receive(frame, isEarly);

    /// <summary>The first join: from here on this run has a name, and what came early can be judged.</summary>
    private void Begin(DateTimeOffset joinedAt, DateTimeOffset begunAt)
    {
        _begunAt = begunAt;
        _run = Epochs.NewRun(joinedAt, _chance);
        _chat.Begin(_run, begunAt);
    }

    private async void AfterJoin(Arrival arrival)
    {
        try
        {
            var told = _owner.OnJoinedAsync(arrival);
            var early = _early.ToArray();
            _early.Clear();
            foreach (var frame in early)
            {
                Receive(frame, isEarly: true);
            }
            _chat.Release();
            await told;
        }
        catch (Exception thrown)
        {
            _owner.OnError(TunRTCException.From(thrown, "internal"));
        }
    }

    private void Receive(EventFrame frame, bool isEarly)
    {
        if (_link.IsClosed)
        {
            return;
        }
        if (_run.Length == 0)
        {
            _early.Add(frame);
            return;
        }
        try
        {
            Take(frame, isEarly);
        }
        catch (TunRTCException thrown) when (thrown.Code == "invalid_response")
        {
            // An event that is not what the contract says is no reason to hear no other one.
        }
    }

    private void Take(EventFrame frame, bool isEarly)
    {
        if (SignalBody.Read(frame.Event, frame.Data) is { } body)
        {
            Receive(Signal.Read(frame.Data, frame.Timestamp, body));
            return;
        }
        if (frame.Event == "receiveMessage")
        {
            _chat.Receive(Wire.ChatMessage(frame.Data, frame.Timestamp), isEarly);
            return;
        }
        _owner.OnEvent(frame);
        if (frame.Event == "sessionEnded")
        {
            Close(new TunRTCException("session_ended", $"The session ended ({frame.Data.TextOrNull("reason")})."));
        }
        if (frame.Event == "removed")
        {
            // Whoever was taken out does not come back by itself.
            Close(new TunRTCException("removed", "Somebody who steers the session took this participant out of it."));
        }
    }

    private void Receive(Signal signal)
    {
        if (signal.Timestamp < _begunAt)
        {
            return;
        }
        foreach (var each in _inbox.Accept(signal))
        {
            _owner.OnSignal(each);
        }
        _gaps.Look();
    }

    private bool Sync(Action onFailed)
    {
        if (_link.Socket is not { } socket || _link.Since is not { } since)
        {
            return false;
        }
        var now = _surroundings.Now;
        if (now - _syncedAt < SyncEvery)
        {
            return true;
        }
        _syncedAt = now;
        Ask(socket, since, onFailed);
        return true;
    }

    private async void Ask(Socket socket, DateTimeOffset since, Action onFailed)
    {
        try
        {
            await socket.RequestAsync("sync", new JsonObject { ["since"] = Wire.ToText(since) });
        }
        catch (TunRTCException refused)
        {
            onFailed();
            _link.Refused(refused);
        }
    }

    private Course CourseOf(string targetUserId)
    {
        if (!_courses.TryGetValue(targetUserId, out var course))
        {
            _courses[targetUserId] = course = new Course(null, 0);
        }
        return course;
    }

    /// <summary>Where the next signal to one target stands.</summary>
    /// <param name="run">Absent until this run has started over with the target.</param>
    /// <param name="generation">How often it has.</param>
    private sealed class Course(string? run, int generation)
    {
        public string? Run => run;

        public int Generation => generation;

        public long Seq { get; set; }
    }
}
