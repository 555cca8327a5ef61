using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Signaling;

/// <summary>A frame that may safely arrive twice.</summary>
/// <param name="Action">What it asks of the server.</param>
/// <param name="Topic">What it belongs to: frames of one topic keep their order, and <see cref="Outbox.Drop"/> takes them together.</param>
/// <param name="Data">Its data, asked for once, when it is sent for the first time.</param>
/// <param name="IsReplaceable">Whether one of the same topic that comes later makes it void, as long as it was never sent.</param>
internal sealed record Frame(string Action, string Topic, Func<JsonObject> Data, bool IsReplaceable = false);

/// <summary>
/// Frames that were not answered yet. Each is sent again, unchanged, after a reconnect, else further and further apart, until
/// the server acknowledges or finally refuses it. Only for frames that the receiver can tell from their repetition.
/// </summary>
/// <param name="surroundings">Time and chance.</param>
/// <param name="onRefused">Hears of every refusal, final or not.</param>
internal sealed class Outbox(Surroundings surroundings, Action<TunRTCException> onRefused)
{
    /// <summary>At most so many frames are sent and not acknowledged; the others wait their turn.</summary>
    private const int Window = 64;

    private readonly LinkedList<Entry> _entries = new();
    private Socket? _socket;
    private TunRTCException? _closed;

    private enum Phase
    {
        Waiting,
        UnderWay,

        /// <summary>Refused for a passing reason, and not to be sent before its timer runs out.</summary>
        Resting,
    }

    /// <summary>Frames that wait for their acknowledgement.</summary>
    public int Size => _entries.Count;

    /// <summary>Sends as soon as there is a connection and room in the window; ends with the acknowledgement.</summary>
    /// <param name="frame">What is sent.</param>
    /// <param name="cancellationToken">Takes it back, if it was never sent.</param>
    public Task<Ack> SendAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        if (_closed is not null)
        {
            return Task.FromException<Ack>(_closed);
        }
        if (frame.IsReplaceable && Unsent(frame.Topic) is { } older)
        {
            // In its place: what follows may build on it.
            older.Frame = frame;
            return older.Answer.Task;
        }
        var entry = new Entry(frame, new Promise<Ack>(surroundings.Loop));
        _entries.AddLast(entry.Place);
        entry.Taking = cancellationToken.Register(() => surroundings.Loop.Post(() => TakeBack(entry, cancellationToken)));
        Pump();
        return entry.Answer.Task;
    }

    /// <summary>Uses this connection from now on, and sends everything that waits over it, oldest first.</summary>
    public void Attach(Socket socket)
    {
        Detach();
        _socket = socket;
        Pump();
    }

    /// <summary>There is no connection for now.</summary>
    public void Detach()
    {
        _socket = null;
        foreach (var entry in _entries)
        {
            Rest(entry, Phase.Waiting);
        }
    }

    /// <summary>Gives up on what belongs to <paramref name="topic"/>.</summary>
    public void Drop(TunRTCException cause, string topic)
    {
        foreach (var entry in _entries.Where(entry => entry.Frame.Topic == topic).ToArray())
        {
            Settle(entry, () => entry.Answer.Reject(cause));
        }
    }

    /// <summary>Gives up on everything, and takes nothing more.</summary>
    public void Close(TunRTCException cause)
    {
        _closed = cause;
        _socket = null;
        foreach (var entry in _entries.ToArray())
        {
            Settle(entry, () => entry.Answer.Reject(cause));
        }
    }

    private void TakeBack(Entry entry, CancellationToken cancellationToken)
    {
        if (entry.Data is null)
        {
            Settle(entry, () => entry.Answer.Cancel(cancellationToken));
        }
    }

    /// <summary>Sends what may be sent now. Nothing overtakes a frame of its own topic that was refused.</summary>
    private void Pump()
    {
        var blocked = new HashSet<string>(StringComparer.Ordinal);
        var unanswered = 0;
        for (var place = _entries.First; place is not null && _socket is { } socket && unanswered < Window; place = place.Next)
        {
            var entry = place.Value;
            if (entry.Phase == Phase.Waiting && !blocked.Contains(entry.Frame.Topic))
            {
                TransmitAsync(entry, socket);
            }
            if (entry.Phase == Phase.Resting)
            {
                blocked.Add(entry.Frame.Topic);
            }
            if (entry.Phase != Phase.Waiting)
            {
                unanswered++;
            }
        }
    }

    private async void TransmitAsync(Entry entry, Socket socket)
    {
        entry.Phase = Phase.UnderWay;
        entry.Data ??= entry.Frame.Data();
        Arm(entry, Backoff.Resend(entry.Sent++, surroundings.Random()), () => TransmitAsync(entry, socket));
        try
        {
            var ack = await socket.RequestAsync(entry.Frame.Action, entry.Data);
            Settle(entry, () => entry.Answer.Resolve(ack));
        }
        catch (TunRTCException refused)
        {
            Refused(entry, socket, refused);
        }
    }

    private void Refused(Entry entry, Socket socket, TunRTCException cause)
    {
        if (!Backoff.IsTransient(cause.Code) && !Backoff.IsOfConnection(cause.Code))
        {
            Settle(entry, () => entry.Answer.Reject(cause));
        }
        else if (socket == _socket && entry.Place.List is not null)
        {
            BackOff(entry, cause);
        }
        onRefused(cause);
    }

    /// <summary>The next try waits as long as one without an answer would have, and no shorter than the server asks.</summary>
    private void BackOff(Entry entry, TunRTCException cause)
    {
        var delay = Backoff.Resend(entry.Sent - 1, surroundings.Random());
        Rest(entry, Phase.Resting);
        Arm(entry, Math.Max(delay, cause.RetryAfter?.TotalMilliseconds ?? 0), () =>
        {
            entry.Phase = Phase.Waiting;
            Pump();
        });
    }

    private void Arm(Entry entry, double milliseconds, Action callback)
    {
        entry.Timer?.Dispose();
        entry.Timer = surroundings.After(milliseconds, callback);
    }

    private static void Rest(Entry entry, Phase phase)
    {
        entry.Timer?.Dispose();
        entry.Phase = phase;
    }

    private void Settle(Entry entry, Action report)
    {
        if (entry.Place.List is null)
        {
            return;
        }
        _entries.Remove(entry.Place);
        entry.Timer?.Dispose();
        entry.Taking.Dispose();
        report();
        Pump();
    }

    /// <summary>A replaceable frame of this topic that was never sent.</summary>
    private Entry? Unsent(string topic) =>
        _entries.FirstOrDefault(entry => entry.Frame.Topic == topic && entry.Frame.IsReplaceable && entry.Data is null);

    private sealed class Entry
    {
        public Entry(Frame frame, Promise<Ack> answer)
        {
            Frame = frame;
            Answer = answer;
            Place = new LinkedListNode<Entry>(this);
        }

        /// <summary>Where it stands among the others; in no list once it is settled.</summary>
        public LinkedListNode<Entry> Place { get; }

        public Frame Frame { get; set; }

        public Phase Phase { get; set; }

        public JsonObject? Data { get; set; }

        /// <summary>How often it was sent.</summary>
        public int Sent { get; set; }

        public IDisposable? Timer { get; set; }

        /// <summary>Waits for its caller to take it back.</summary>
        public CancellationTokenRegistration Taking { get; set; }

        public Promise<Ack> Answer { get; }
    }
}
