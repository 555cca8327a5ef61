using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Signaling;

/// <summary>How a connection ended.</summary>
/// <param name="Cause">Why.</param>
/// <param name="Silence">For how many milliseconds nothing had been said when the connection died without a word; else 0.</param>
/// <param name="Dismissed">Whether the server closed it on purpose.</param>
internal readonly record struct Ending(TunRTCException Cause, double Silence = 0, bool Dismissed = false);

/// <summary>What a <see cref="Socket"/> tells its owner.</summary>
internal interface ISocketOwner
{
    void OnEvent(Socket socket, EventFrame frame);

    /// <summary>Any frame's time, by the server's clock.</summary>
    void OnTimestamp(Socket socket, DateTimeOffset timestamp);

    void OnClose(Socket socket, Ending ending);
}

/// <summary>One WebSocket: frames with their answers, and a watch for silence. Knows nothing of sessions.</summary>
internal sealed class Socket
{
    /// <summary>A handshake that takes longer is given up, in milliseconds.</summary>
    private const double OpenTimeout = 10_000;

    /// <summary>A connection on which nothing at all comes for this long after a frame was sent is dead, in milliseconds.</summary>
    private const double SilenceLimit = 10_000;

    /// <summary>With this code the server closes a connection that it has no more use for.</summary>
    private const int NormalClosure = 1000;

    /// <summary>What a WebSocket says when its network ended without a word.</summary>
    private const int AbnormalClosure = 1006;

    /// <summary>What is being sent when a connection is closed has this long to go out, by the real clock: it is the network's.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly Surroundings _surroundings;
    private readonly ISignalingConnection _connection;
    private readonly Timers<string> _timers;
    private readonly Dictionary<string, Pending> _pending = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _over = new();
    private ISocketOwner? _owner;
    private Task _sending = Task.CompletedTask;
    private int _nextId = 1;

    /// <summary>When the last frame went either way, and how long nothing had when the one that is unanswered was sent.</summary>
    private double _lastTraffic;
    private double _quietBefore;

    private Socket(Surroundings surroundings, ISignalingConnection connection, ISocketOwner owner)
    {
        _surroundings = surroundings;
        _connection = connection;
        _owner = owner;
        _timers = new Timers<string>(surroundings);
        LastSent = _lastTraffic = surroundings.Now;
    }

    /// <summary>Why it ended, once it has.</summary>
    public TunRTCException? Closed { get; private set; }

    /// <summary>When the last frame was sent.</summary>
    public double LastSent { get; private set; }

    /// <summary>Milliseconds from the last answered frame to its answer.</summary>
    public double? Latency { get; private set; }

    /// <summary>Opens a connection; throws when the handshake is refused, takes too long, or <paramref name="abandoned"/> gives it up.</summary>
    public static async Task<Socket> OpenAsync(Surroundings surroundings, Uri address, ISocketOwner owner, CancellationToken abandoned)
    {
        using var givenUp = CancellationTokenSource.CreateLinkedTokenSource(abandoned);
        using var timer = surroundings.After(OpenTimeout, givenUp.Cancel);
        // Not every transport gives up when it is told to.
        var end = new Promise<ISignalingConnection>(surroundings.Loop);
        using var ending = givenUp.Token.Register(() => end.Cancel(givenUp.Token));
        var opening = surroundings.Transport.ConnectAsync(address, givenUp.Token);
        try
        {
            var connection = await await Task.WhenAny(opening, end.Task);
            var socket = new Socket(surroundings, connection, owner);
            socket.ReceiveAllAsync().Forget();
            return socket;
        }
        catch (Exception thrown)
        {
            DiscardLate(opening);
            throw Refused(thrown, abandoned.IsCancellationRequested, givenUp.IsCancellationRequested);
        }
    }

    /// <summary>Sends a frame and waits for its answer; throws with the server's code, or <c>connection_lost</c>.</summary>
    public Task<Ack> RequestAsync(string action, JsonObject data)
    {
        if (Closed is not null)
        {
            return Task.FromException<Ack>(Closed);
        }
        var id = (_nextId++).ToString(CultureInfo.InvariantCulture);
        var sentAt = _surroundings.Now;
        if (!_timers.Has("silence"))
        {
            _quietBefore = sentAt - _lastTraffic;
            _timers.Arm("silence", SilenceLimit, FellSilent);
        }
        LastSent = _lastTraffic = sentAt;
        var pending = _pending[id] = new Pending(sentAt, new Promise<Ack>(_surroundings.Loop));
        // The data may be sent again over another connection: a node belongs to one frame at a time.
        var frame = new JsonObject { ["action"] = action, ["id"] = id, ["data"] = data.DeepClone() };
        _sending = SendAsync(_sending, Wire.ToText(frame));
        return pending.Answer.Task;
    }

    /// <summary>Asks for a sign of life, to be given within so many milliseconds; without one the connection counts as lost.</summary>
    public async Task ProbeAsync(double milliseconds)
    {
        using var timer = _surroundings.After(milliseconds, FellSilent);
        await RequestAsync("ping", new JsonObject());
    }

    /// <summary>Closes without telling the owner.</summary>
    public void Close()
    {
        _owner = null;
        End(new Ending(new TunRTCException("connection_lost", "The signaling connection was closed.")), isPolite: true);
    }

    private static TunRTCException Refused(Exception thrown, bool isAbandoned, bool isLate)
    {
        if (isAbandoned)
        {
            return new TunRTCException("closed", "The signaling connection is not wanted any more.", thrown);
        }
        return isLate
            ? new TunRTCException("timeout", "The signaling connection did not open in time.", thrown)
            : new TunRTCException("network_error", "The signaling connection was refused.", thrown);
    }

    /// <summary>What opens when nobody waits for it any more is closed.</summary>
    private static void DiscardLate(Task<ISignalingConnection> opening) => opening.ContinueWith(
        static done =>
        {
            if (done.IsCompletedSuccessfully)
            {
                done.Result.Dispose();
            }
            return done.Exception;
        },
        CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    /// <summary>One after the other: a WebSocket takes one message at a time.</summary>
    private async Task SendAsync(Task before, string text)
    {
        await before;
        if (Closed is not null)
        {
            return;
        }
        try
        {
            await _connection.SendAsync(text, _over.Token);
        }
        catch (Exception thrown)
        {
            End(new Ending(new TunRTCException("connection_lost", $"The signaling connection failed: {thrown.Message}", thrown)));
        }
    }

    private async Task ReceiveAllAsync()
    {
        // Whoever opened it is to know it before the first frame comes.
        await Task.Yield();
        while (Closed is null)
        {
            var text = await NextAsync();
            if (text is null)
            {
                Closing();
                return;
            }
            if (Closed is null)
            {
                Receive(text);
            }
            // What an answer sets off comes before the next frame.
            await Task.Yield();
        }
    }

    private async Task<string?> NextAsync()
    {
        try
        {
            return await _connection.ReceiveAsync(_over.Token);
        }
        catch (Exception)
        {
            return null;
        }
    }

    private void Closing()
    {
        if (Closed is not null)
        {
            return;
        }
        var (code, reason) = (_connection.CloseCode, _connection.CloseReason);
        var cause = new TunRTCException("connection_lost", reason.Length > 0 ? reason : $"The signaling connection closed ({code}).");
        End(new Ending(cause, code == AbnormalClosure ? Silence() : 0, code == NormalClosure));
    }

    private void Receive(string text)
    {
        // Whatever came, it shows that the connection lives.
        _timers.Disarm("silence");
        _lastTraffic = _surroundings.Now;
        // An API gateway sends frames of its own when a function failed.
        if (Wire.Parse(Encoding.UTF8.GetBytes(text)) is not { } frame || frame.TextOrNull("event") is not { } name)
        {
            return;
        }
        if (frame.Field("data") is not { ValueKind: JsonValueKind.Object } data || frame.TimeOrNull("timestamp") is not { } timestamp)
        {
            return;
        }
        _owner?.OnTimestamp(this, timestamp);
        if (name is "ack" or "error")
        {
            Answered(frame.TextOrNull("id") ?? "", name == "ack", data, timestamp);
        }
        else
        {
            _owner?.OnEvent(this, new EventFrame(name, timestamp, data));
        }
    }

    private void Answered(string id, bool isAck, JsonElement data, DateTimeOffset timestamp)
    {
        if (!_pending.Remove(id, out var pending))
        {
            return;
        }
        Latency = _surroundings.Now - pending.SentAt;
        if (isAck)
        {
            pending.Answer.Resolve(new Ack(data, timestamp));
        }
        else
        {
            pending.Answer.Reject(new TunRTCException(data.TextOrNull("code") ?? "internal", data.TextOrNull("message") ?? "The frame was refused."));
        }
    }

    /// <summary>How long nothing had been said before the connection was found dead.</summary>
    private double Silence() => _timers.Has("silence") ? _quietBefore : _surroundings.Now - _lastTraffic;

    private void FellSilent() =>
        End(new Ending(new TunRTCException("connection_lost", "The signaling connection fell silent."), _quietBefore));

    private void End(Ending ending, bool isPolite = false)
    {
        if (Closed is not null)
        {
            return;
        }
        Closed = ending.Cause;
        _timers.Clear();
        ShutAsync(isPolite).Forget();
        foreach (var pending in _pending.Values)
        {
            pending.Answer.Reject(ending.Cause);
        }
        _pending.Clear();
        _owner?.OnClose(this, ending);
    }

    /// <summary>A connection that does not answer is given up without a good-bye.</summary>
    private async Task ShutAsync(bool isPolite)
    {
        if (isPolite)
        {
            await _sending.WaitAsync(Farewell).Settled();
            await _connection.CloseAsync();
        }
        _over.Cancel();
        _connection.Dispose();
    }

    private sealed record Pending(double SentAt, Promise<Ack> Answer);
}
