using System;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Signaling;

namespace TunRTC.Client;

/// <summary>The life of a visit to a session, as docs/CLIENT.md draws it.</summary>
internal enum VisitState
{
    /// <summary>Earlier visits give their seats back.</summary>
    Preparing,

    /// <summary>The server is asked for a seat.</summary>
    Seating,

    /// <summary>There is a seat; signaling connects.</summary>
    Connecting,

    /// <summary>In the session.</summary>
    Inside,

    /// <summary>Left while the server was asked for a seat: its answer tells whether there is one to give back.</summary>
    Unseating,

    /// <summary>The seat is being given back.</summary>
    Leaving,
    Over,
}

internal enum VisitEvent
{
    Prepared,
    Seated,

    /// <summary>The server gives no seat.</summary>
    Refused,
    Connected,

    /// <summary>It did not work, and there may be a seat all the same.</summary>
    Failed,

    /// <summary>The server, or another connection of the same user, ended it: there is no seat of ours to give back.</summary>
    Ended,
    Leave,

    /// <summary>The seat is given back, as far as that was possible.</summary>
    Returned,
}

/// <summary>
/// One visit to a session, from the wish to join to the seat given back. It can be left at any time: then <see cref="Joined"/>
/// fails with <c>closed</c> at once, and what the server was asked for meanwhile is given back when its answer comes.
/// </summary>
internal sealed class Visit
{
    private readonly TunRTCApi _api;
    private readonly Func<JoinedSession, Call> _open;
    private readonly CancellationTokenSource _abandoned = new();
    private readonly TaskCompletionSource<SessionDetail> _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile VisitState _state = VisitState.Preparing;
    private volatile Call? _call;
    private TunRTCException? _unreturned;

    /// <param name="api">Asks for the seat.</param>
    /// <param name="sessionId">The session; <c>null</c> for the room that the app's token is for.</param>
    /// <param name="open">There is a seat: makes the call.</param>
    public Visit(TunRTCApi api, string? sessionId, Func<JoinedSession, Call> open)
    {
        _api = api;
        _open = open;
        SessionId = sessionId;
        _joined.Task.Forget();
        _over.Task.Forget();
    }

    public string? SessionId { get; }

    /// <summary>Ends when this client is in the session.</summary>
    public Task<SessionDetail> Joined => _joined.Task;

    /// <summary>Ends when nothing is left of the visit, at the server either; fails when the server could not be told.</summary>
    public Task Over => _over.Task;

    /// <summary>The call, while there is one to speak in.</summary>
    public Call? Call => _state is VisitState.Connecting or VisitState.Inside ? _call : null;

    /// <summary>The state after an event; the same where the event means nothing any more.</summary>
    public static VisitState Transition(VisitState state, VisitEvent happening) => (state, happening) switch
    {
        (VisitState.Preparing, VisitEvent.Prepared) => VisitState.Seating,
        (VisitState.Preparing, VisitEvent.Failed or VisitEvent.Leave) => VisitState.Over,
        (VisitState.Seating, VisitEvent.Seated) => VisitState.Connecting,
        (VisitState.Seating, VisitEvent.Refused) => VisitState.Over,
        (VisitState.Seating, VisitEvent.Failed) => VisitState.Leaving,
        (VisitState.Seating, VisitEvent.Leave) => VisitState.Unseating,
        (VisitState.Connecting, VisitEvent.Connected) => VisitState.Inside,
        (VisitState.Connecting, VisitEvent.Failed or VisitEvent.Leave) => VisitState.Leaving,
        (VisitState.Connecting, VisitEvent.Ended) => VisitState.Over,
        (VisitState.Inside, VisitEvent.Ended) => VisitState.Over,
        (VisitState.Inside, VisitEvent.Leave) => VisitState.Leaving,
        (VisitState.Unseating, VisitEvent.Seated or VisitEvent.Failed) => VisitState.Leaving,
        (VisitState.Unseating, VisitEvent.Refused) => VisitState.Over,
        (VisitState.Leaving, VisitEvent.Returned) => VisitState.Over,
        _ => state,
    };

    /// <summary>Begins it.</summary>
    /// <param name="prepared">What comes before the seat.</param>
    public async void Start(Task prepared)
    {
        try
        {
            await prepared;
            var joined = await SeatAsync();
            _call = _open(joined);
            var session = await StartCallAsync(_call);
            GoOn(VisitEvent.Connected, VisitState.Inside);
            _joined.TrySetResult(session);
        }
        catch (Exception thrown)
        {
            _joined.TrySetException(TunRTCException.From(thrown, "internal"));
        }
    }

    /// <summary>Leaves: here at once, at the server as soon as it can be told. Answers <see cref="Over"/>.</summary>
    public Task LeaveAsync()
    {
        On(VisitEvent.Leave);
        _joined.TrySetException(Left());
        _abandoned.Cancel();
        return Over;
    }

    /// <summary>Signaling ended by itself.</summary>
    public void Ended(TunRTCException cause)
    {
        if (_state == VisitState.Inside || Backoff.IsFinal(cause))
        {
            On(VisitEvent.Ended);
        }
    }

    private async Task<SessionDetail> StartCallAsync(Call call)
    {
        try
        {
            return await call.StartAsync();
        }
        catch (TunRTCException thrown)
        {
            On(Backoff.IsFinal(thrown) ? VisitEvent.Ended : VisitEvent.Failed);
            throw;
        }
    }

    private async Task<JoinedSession> SeatAsync()
    {
        GoOn(VisitEvent.Prepared, VisitState.Seating);
        JoinedSession joined;
        try
        {
            joined = await _api.TakeSeatAsync(SessionId, () => _abandoned.IsCancellationRequested);
        }
        catch (Exception thrown)
        {
            On(IsUnanswered(TunRTCException.From(thrown, "internal")) ? VisitEvent.Failed : VisitEvent.Refused);
            throw;
        }
        GoOn(VisitEvent.Seated, VisitState.Connecting);
        return joined;
    }

    /// <summary>A step on the way in; throws when the visit goes elsewhere by now.</summary>
    private void GoOn(VisitEvent happening, VisitState expected)
    {
        On(happening);
        if (_state != expected)
        {
            throw Left();
        }
    }

    private void On(VisitEvent happening)
    {
        var before = _state;
        _state = Transition(before, happening);
        if (_state == before)
        {
            return;
        }
        if (_state == VisitState.Leaving)
        {
            GiveBack();
        }
        if (_state == VisitState.Over)
        {
            End();
        }
    }

    private void End()
    {
        if (_unreturned is null)
        {
            _over.TrySetResult();
        }
        else
        {
            _over.TrySetException(_unreturned);
        }
    }

    private async void GiveBack()
    {
        try
        {
            await (_call is null ? _api.LeaveSessionAsync(SessionId) : _call.LeaveAsync());
        }
        catch (Exception thrown)
        {
            var error = TunRTCException.From(thrown, "internal");
            // The seat may be free by now: the answer over signaling was lost, or the session is over.
            if (error.Code is not ("not_in_session" or "session_ended" or "session_not_found"))
            {
                _unreturned = error;
            }
        }
        On(VisitEvent.Returned);
    }

    /// <summary>A request that ended so may have been carried out all the same.</summary>
    private static bool IsUnanswered(TunRTCException cause) =>
        cause.Code is "network_error" or "timeout" or "unavailable" or "internal" or "invalid_response";

    private static TunRTCException Left() => new("closed", "The session was left.");
}
