using System;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Signaling;

/// <summary>How a membership was joined, or resumed.</summary>
/// <param name="Ack">What the server answered.</param>
/// <param name="JoinedAt">When the server began to join, by its clock.</param>
/// <param name="Resumed">Whether this goes on with what an earlier connection began.</param>
/// <param name="Since">From when on the server was asked for what was missed; <c>null</c> when it was not.</param>
internal sealed record Arrival(JoinAck Ack, DateTimeOffset JoinedAt, bool Resumed, DateTimeOffset? Since);

/// <summary>What a <see cref="Link"/> needs, and whom it tells.</summary>
internal interface ILinkOwner
{
    /// <summary>Gets a fresh ticket; called before every connection but the first.</summary>
    Task<SignalingTicket> AdmitAsync(CancellationToken abandoned);

    void OnState(ConnectionState state);

    /// <summary>There is a connection: the first, or another one.</summary>
    void OnJoined(Socket socket, Arrival arrival);

    /// <summary>There is none.</summary>
    void OnLost();

    /// <param name="frame">The event.</param>
    /// <param name="isEarly">It came on a connection on which <c>joinSession</c> is not answered yet, so a replay may still be under way.</param>
    void OnEvent(EventFrame frame, bool isEarly);
}

/// <summary>
/// The connection of one membership, over as many WebSockets as it takes: reconnects with a fresh ticket, rolls over before
/// the server's limit, shows that it lives. What it does follows from <see cref="LinkState"/> alone. All times are in
/// milliseconds.
/// </summary>
internal sealed class Link(Surroundings surroundings, string sessionId, Heartbeat heartbeat, ILinkOwner owner) : ISocketOwner
{
    /// <summary>The server lets no connection live longer than 2 h; ours is replaced between these ages.</summary>
    private const double EarliestRollover = 105 * 60_000;
    private const double LatestRollover = 115 * 60_000;
    private const double RolloverRetry = 30_000;

    /// <summary>Where frames are refused for their connection, a new one is made at most this often.</summary>
    private const double MoveAgain = 2_000;

    /// <summary>The server's answer to <c>joinSession</c> may take this long, and that to <c>leaveSession</c>.</summary>
    private const double JoinTimeout = 10_000;
    private const double LeaveTimeout = 3_000;

    /// <summary>After a hint that the network changed, the connection has this long to show that it lives.</summary>
    private const double ProbeTime = 4_000;

    /// <summary>A connection that lived this long, longer than one that was dismissed stays away, was not lost in a fight of two.</summary>
    private const double Steady = 150_000;

    private readonly Timers<string> _timers = new(surroundings);
    private readonly Promise<JoinAck> _outcome = new(surroundings.Loop);
    private LinkState _state = new LinkState.Idle();

    /// <summary>The try that is under way, and its end.</summary>
    private CancellationTokenSource? _attempt;
    private Task _trying = Task.CompletedTask;

    /// <summary>A connection on which <c>joinSession</c> is not answered yet, while another may still serve.</summary>
    private Socket? _next;

    /// <summary>The latest time that the server told on a connection before it answered <c>joinSession</c>.</summary>
    private (Socket? Socket, DateTimeOffset? Told) _early;

    /// <summary>Whether a <c>joinSession</c> was given up unanswered: it may still take over, and that is no other device's doing.</summary>
    private bool _isUnsettled;

    /// <summary>Whether <c>joinSession</c> was ever answered.</summary>
    private bool _isMember;
    private DateTimeOffset _begunAt;
    private double _joinedAt;
    private double _heartbeatInterval;

    /// <summary>When the connection was last replaced because it was refused frames.</summary>
    private double _movedAt = double.NegativeInfinity;

    /// <summary>How quiet it had been when the last connection died.</summary>
    private double _silence;

    /// <summary>How often in a row the server closed a young connection on purpose.</summary>
    private int _dismissals;

    public ConnectionState State => _state.Describe();

    /// <summary>The connection that serves, if one does.</summary>
    public Socket? Socket => _state.Connection;

    /// <summary>The latest time that the server has told; unset until <c>joinSession</c> is sent for the first time.</summary>
    public DateTimeOffset? Since { get; private set; }

    public bool IsClosed => _state is LinkState.Closed;

    /// <summary>Times that the connection was lost and came back.</summary>
    public int Reconnects { get; private set; }

    /// <summary>Joins with a ticket that is at hand; after a failure, a few more times with fresh ones.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="begunAt">Nothing that concerns this membership is older, by the server's clock.</param>
    public Task<JoinAck> JoinAsync(SignalingTicket ticket, DateTimeOffset begunAt)
    {
        _begunAt = begunAt;
        Become(_state.OnJoin(), ticket);
        return _outcome.Task;
    }

    /// <summary>
    /// Tells the server that this participant leaves, if there is a connection to tell it over. Else it waits for the try
    /// that is under way: what that asked of the server must not arrive after the leave that follows over REST.
    /// </summary>
    public async Task<bool> LeaveAsync()
    {
        var socket = Socket;
        _timers.Disarm("pause");
        _attempt?.Cancel();
        try
        {
            await surroundings.Within(LeaveTimeout, socket is null ? _trying : socket.RequestAsync("leaveSession", new JsonObject()));
            return socket is not null;
        }
        catch (TunRTCException)
        {
            return false;
        }
    }

    /// <summary>Looks for a dead connection when something suggests one, say a peer's silence.</summary>
    public void Probe()
    {
        if (Socket is { } socket)
        {
            Watch(socket.ProbeAsync(ProbeTime));
        }
    }

    /// <summary>The network may have changed: checks at once that the connection lives, or hastens the next try to get one.</summary>
    public void Wake()
    {
        if (_timers.Has("pause"))
        {
            _timers.Disarm("pause");
            Start(null);
        }
        Probe();
    }

    public void Close(TunRTCException cause) => Become(_state.OnClose(cause));

    /// <summary>A frame was refused: where the server does not know this connection any more, or its access ran out, a new one helps.</summary>
    public void Refused(TunRTCException cause)
    {
        if (cause.Code == "session_ended")
        {
            Close(new TunRTCException(cause.Code, "The session ended."));
        }
        if (Socket is not null && cause.Code is "unauthorized" or "not_joined")
        {
            MoveSoon();
        }
    }

    void ISocketOwner.OnEvent(Socket socket, EventFrame frame)
    {
        if (frame.Event == "replaced")
        {
            Replaced(socket);
        }
        else
        {
            owner.OnEvent(frame, socket != Socket);
        }
    }

    /// <summary>
    /// What is heard before the answer to <c>joinSession</c> counts only once that has come: a replay may still be under way,
    /// and if this connection is lost before its end, the next one has to ask for all of it again.
    /// </summary>
    void ISocketOwner.OnTimestamp(Socket socket, DateTimeOffset timestamp)
    {
        if (socket == Socket)
        {
            Advance(timestamp);
        }
        else if (_early.Socket != socket || timestamp > _early.Told)
        {
            _early = (socket, timestamp);
        }
    }

    void ISocketOwner.OnClose(Socket socket, Ending ending)
    {
        _silence = ending.Silence;
        Become(_state.OnLost(socket, ending.Dismissed && _next is null ? Dismissed(ending.Cause) : ending.Cause));
    }

    /// <summary>Not at once if the last one was made for the same: a server that refuses every connection is not stormed.</summary>
    private void MoveSoon()
    {
        var wait = _movedAt + MoveAgain - surroundings.Now;
        if (wait > 0)
        {
            _timers.Arm("rollover", wait, MoveSoon);
            return;
        }
        _movedAt = surroundings.Now;
        Become(_state.OnMove());
    }

    private void Become(LinkState state, SignalingTicket? ticket = null)
    {
        var before = _state;
        if (ReferenceEquals(state, before))
        {
            return;
        }
        _state = state;
        var (old, connection) = (before.Connection, state.Connection);
        if (old is not null && old != connection)
        {
            Drop(old, isLast: connection is null);
        }
        if (state is LinkState.Closed closed)
        {
            End(closed.Cause);
        }
        // Moving shows only once it is done.
        if (old is null || old != connection)
        {
            owner.OnState(state.Describe());
        }
        if (!ReferenceEquals(state, _state))
        {
            return;
        }
        if (state.IsTrying && _attempt is null)
        {
            TryLater(state, ticket);
        }
        if (state is LinkState.Connected && old == connection)
        {
            RollOverIn(RolloverRetry);
        }
    }

    private void Drop(Socket old, bool isLast)
    {
        _timers.Disarm("heartbeat");
        _timers.Disarm("rollover");
        old.Close();
        if (isLast)
        {
            owner.OnLost();
        }
    }

    private void End(TunRTCException cause)
    {
        _timers.Clear();
        _attempt?.Cancel();
        _next?.Close();
        _outcome.Reject(cause);
    }

    /// <summary>The first try, and one that moves, need not wait.</summary>
    private void TryLater(LinkState state, SignalingTicket? ticket)
    {
        var (attempt, cause) = state switch
        {
            LinkState.Connecting connecting => (connecting.Attempt, connecting.Cause),
            LinkState.Reconnecting reconnecting => (reconnecting.Attempt, reconnecting.Cause),
            _ => (0, null),
        };
        if (cause is null)
        {
            Start(ticket);
            return;
        }
        _timers.Arm("pause", Backoff.Reconnect(attempt, cause, surroundings.Random()) ?? 0, () => Start(null));
    }

    private void Start(SignalingTicket? ticket) => _trying = TryAsync(ticket);

    private async Task TryAsync(SignalingTicket? first)
    {
        var attempt = _attempt = new CancellationTokenSource();
        Opened? opened = null;
        TunRTCException? failure = null;
        try
        {
            opened = await OpenAsync(first, attempt.Token);
        }
        catch (Exception thrown)
        {
            failure = TunRTCException.From(thrown, "network_error");
        }
        // Never within the call that started it, which has more to do.
        await Task.Yield();
        if (attempt.IsCancellationRequested)
        {
            opened?.Socket.Close();
            return;
        }
        _attempt = null;
        // Its end may have come right behind the answer to the join, when nobody looked.
        if ((failure ?? opened?.Socket.Closed) is { } cause)
        {
            Become(_state.OnFailed(cause));
        }
        else
        {
            Adopt(opened!);
        }
    }

    /// <summary>Opens a connection and joins, or resumes, over it. Asks for nothing more once it is given up.</summary>
    private async Task<Opened> OpenAsync(SignalingTicket? first, CancellationToken abandoned)
    {
        if (Socket is { } serving)
        {
            // A fresh `since`: a quiet session may not have told the time for longer than the inbox reaches back.
            await surroundings.Within(ProbeTime, serving.RequestAsync("ping", new JsonObject())).Settled();
        }
        abandoned.ThrowIfCancellationRequested();
        var ticket = first ?? await owner.AdmitAsync(abandoned);
        abandoned.ThrowIfCancellationRequested();
        var socket = await Signaling.Socket.OpenAsync(surroundings, Address(ticket), this, abandoned);
        if (abandoned.IsCancellationRequested)
        {
            socket.Close();
        }
        var since = Since;
        var (ack, joinedAt) = await JoinOverAsync(socket);
        return new Opened(socket, new Arrival(ack, joinedAt, _isMember, since));
    }

    private static Uri Address(SignalingTicket ticket)
    {
        var address = new UriBuilder(ticket.Url);
        var query = address.Query.TrimStart('?');
        address.Query = (query.Length > 0 ? query + "&" : "") + "ticket=" + Uri.EscapeDataString(ticket.Ticket);
        return address.Uri;
    }

    private async Task<(JoinAck Ack, DateTimeOffset JoinedAt)> JoinOverAsync(Socket socket)
    {
        _next = socket;
        try
        {
            var data = new JsonObject { ["sessionId"] = sessionId };
            data.AddIfAny("since", Since is { } since ? Wire.ToText(since) : null);
            var join = socket.RequestAsync("joinSession", data);
            // From here on others may send something to this participant, whether or not the answer arrives.
            Since ??= _begunAt;
            var ack = await surroundings.Within(JoinTimeout, join);
            return (JoinAck.Read(ack.Data), ack.Timestamp);
        }
        catch (Exception)
        {
            _isUnsettled = true;
            socket.Close();
            throw;
        }
        finally
        {
            if (_next == socket)
            {
                _next = null;
            }
        }
    }

    private void Adopt(Opened opened)
    {
        var (socket, arrival) = opened;
        if (_state is LinkState.Reconnecting before)
        {
            Reconnects++;
            // Where the first try succeeds the network was not gone: it was the silence that the connection died of.
            if (before.Attempt == 0)
            {
                heartbeat.Learn(_silence);
            }
        }
        _isUnsettled = false;
        _isMember = true;
        _joinedAt = surroundings.Now;
        Advance(arrival.JoinedAt);
        if (_early.Socket == socket && _early.Told is { } told)
        {
            Advance(told);
        }
        _early = default;
        Become(_state.OnJoined(socket, !arrival.Resumed || arrival.Ack.Recovered));
        // Whoever was told of the new state may have closed this by now.
        if (socket != Socket)
        {
            socket.Close();
            return;
        }
        _heartbeatInterval = heartbeat.Interval(arrival.Ack.HeartbeatSeconds * 1000);
        Beat();
        RollOverIn(EarliestRollover + (surroundings.Random() * (LatestRollover - EarliestRollover)));
        owner.OnJoined(socket, arrival);
        _outcome.Resolve(arrival.Ack);
    }

    /// <summary>While this client itself moves to a new connection, the old one is told the same.</summary>
    private void Replaced(Socket socket)
    {
        if (_isUnsettled && socket == Socket)
        {
            var cause = new TunRTCException("network_error", "An attempt of our own that was given up came through late.");
            Become(_state.OnLost(socket, cause));
        }
        else if (socket == _next || _next is null)
        {
            Close(new TunRTCException("replaced", "A newer connection of the same user took over."));
        }
    }

    /// <summary>Closed on purpose without a word why: the next try waits, longer each time that this happens in a row.</summary>
    private TunRTCException Dismissed(TunRTCException cause)
    {
        if (surroundings.Now - _joinedAt >= Steady)
        {
            _dismissals = 0;
        }
        return new TunRTCException(cause.Code, cause.Message) { RetryAfter = Backoff.Dismissed(_dismissals++) };
    }

    private void RollOverIn(double milliseconds) => _timers.Arm("rollover", milliseconds, () => Become(_state.OnMove()));

    /// <summary>Pings when nothing else was sent for the length of a heartbeat: that renews the seat's lease.</summary>
    private void Beat()
    {
        if (Socket is not { } socket)
        {
            return;
        }
        var idle = surroundings.Now - socket.LastSent;
        var isDue = idle >= _heartbeatInterval;
        if (isDue)
        {
            Watch(socket.RequestAsync("ping", new JsonObject()));
        }
        _timers.Arm("heartbeat", isDue ? _heartbeatInterval : _heartbeatInterval - idle, Beat);
    }

    /// <summary>Nobody waits for this; its refusal tells something of the connection.</summary>
    private async void Watch(Task request)
    {
        try
        {
            await request;
        }
        catch (TunRTCException refused)
        {
            Refused(refused);
        }
    }

    private void Advance(DateTimeOffset timestamp)
    {
        if (Since is null || timestamp > Since)
        {
            Since = timestamp;
        }
    }

    /// <summary>A connection on which <c>joinSession</c> was answered.</summary>
    private sealed record Opened(Socket Socket, Arrival Arrival);
}
