using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>
/// Hands events on to the application: one after the other, away from the loop, so that a handler may take its time, wait
/// for requests of the same client, or throw. An event that nobody listens to yet is kept, and its first listener gets it:
/// so it does not matter whether one subscribes before or after the call that causes it.
/// </summary>
/// <param name="sender">What handlers are told as sender.</param>
/// <param name="context">Where handlers run; absent: on the thread pool.</param>
internal sealed class EventHub(object sender, SynchronizationContext? context)
{
    /// <summary>Events kept of each kind for a listener that is still to come.</summary>
    private const int Held = 64;

    /// <summary>So far a reader may fall behind.</summary>
    private const int ReaderCapacity = 16_384;

    private readonly object _lock = new();
    private readonly Dictionary<Type, List<Handler>> _handlers = new();
    private readonly Dictionary<Type, Queue<(long Number, TunRTCEvent Data)>> _held = new();
    private readonly List<Reader> _readers = new();
    private readonly Queue<Action> _deliveries = new();
    private long _count;
    private bool _isDelivering;
    private bool _isClosed;

    public void Add<T>(EventHandler<T>? handler)
        where T : TunRTCEvent
    {
        if (handler is null)
        {
            return;
        }
        var added = new Handler(handler, data => handler(sender, (T)data));
        lock (_lock)
        {
            HandlersOf(typeof(T)).Add(added);
            foreach (var data in TakeHeld(typeof(T)))
            {
                Deliver(() => CallIfStill(added, data));
            }
        }
    }

    public void Remove<T>(EventHandler<T>? handler)
        where T : TunRTCEvent
    {
        lock (_lock)
        {
            if (handler is not null && _handlers.TryGetValue(typeof(T), out var handlers))
            {
                var place = handlers.FindLastIndex(each => each.Given.Equals(handler));
                if (place >= 0)
                {
                    handlers.RemoveAt(place);
                }
            }
        }
    }

    public void Emit(TunRTCEvent data)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }
            var isHeard = _handlers.TryGetValue(data.GetType(), out var handlers);
            foreach (var handler in handlers?.ToArray() ?? Array.Empty<Handler>())
            {
                Deliver(() => CallIfStill(handler, data));
            }
            foreach (var reader in _readers.Where(reader => reader.Wants(data)))
            {
                isHeard = true;
                reader.Give(data);
            }
            if (isHeard)
            {
                return;
            }
            Hold(data);
            if (data is ErrorEvent error)
            {
                // Nothing fails silently.
                Trace.TraceWarning("TunRTC: {0}: {1}", error.Code, error.Exception.Message);
            }
        }
    }

    /// <summary>Forgets what was kept of a session for listeners that never came.</summary>
    public void DropHeld()
    {
        lock (_lock)
        {
            foreach (var kind in _held.Keys.Where(kind => kind != typeof(TokensChangedEvent) && kind != typeof(ErrorEvent)).ToArray())
            {
                _held.Remove(kind);
            }
        }
    }

    /// <summary>Nothing more will come: readers end.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            foreach (var reader in _readers)
            {
                reader.End(null);
            }
        }
    }

    /// <summary>Every event of a kind from now on, and those kept of it, until the client is disposed.</summary>
    public async IAsyncEnumerable<T> Read<T>([EnumeratorCancellation] CancellationToken cancellationToken)
        where T : TunRTCEvent
    {
        var reader = new Reader(typeof(T));
        Open(reader);
        try
        {
            await foreach (var data in reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return (T)data;
            }
        }
        finally
        {
            lock (_lock)
            {
                _readers.Remove(reader);
            }
        }
    }

    private void Open(Reader reader)
    {
        lock (_lock)
        {
            foreach (var data in TakeHeld(reader.Kind))
            {
                reader.Give(data);
            }
            _readers.Add(reader);
            if (_isClosed)
            {
                reader.End(null);
            }
        }
    }

    /// <summary>What was kept of a kind, or of those that are of it, in order. Nothing is kept of it any more.</summary>
    private TunRTCEvent[] TakeHeld(Type kind)
    {
        var kinds = _held.Keys.Where(kind.IsAssignableFrom).ToArray();
        var taken = kinds.SelectMany(each => _held[each]).OrderBy(each => each.Number).Select(each => each.Data).ToArray();
        foreach (var each in kinds)
        {
            _held.Remove(each);
        }
        return taken;
    }

    private void Hold(TunRTCEvent data)
    {
        if (!_held.TryGetValue(data.GetType(), out var held))
        {
            _held[data.GetType()] = held = new();
        }
        held.Enqueue((_count++, data));
        if (held.Count > Held)
        {
            held.Dequeue();
        }
    }

    private List<Handler> HandlersOf(Type kind)
    {
        if (!_handlers.TryGetValue(kind, out var handlers))
        {
            _handlers[kind] = handlers = new();
        }
        return handlers;
    }

    private void Deliver(Action delivery)
    {
        _deliveries.Enqueue(delivery);
        if (_isDelivering)
        {
            return;
        }
        _isDelivering = true;
        if (context is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static hub => hub.DeliverAll(), this, preferLocal: false);
        }
        else
        {
            context.Post(static hub => ((EventHub)hub!).DeliverAll(), this);
        }
    }

    private void DeliverAll()
    {
        while (true)
        {
            Action? delivery;
            lock (_lock)
            {
                _isDelivering = _deliveries.TryDequeue(out delivery);
            }
            if (delivery is null)
            {
                return;
            }
            delivery();
        }
    }

    /// <summary>A handler that was taken away meanwhile is not called any more.</summary>
    private void CallIfStill(Handler handler, TunRTCEvent data)
    {
        bool isThere;
        lock (_lock)
        {
            isThere = _handlers[data.GetType()].Contains(handler);
        }
        if (isThere)
        {
            Call(handler, data);
        }
    }

    /// <summary>What a handler throws must not keep others from hearing: it is told as an error, also where the handler is async.</summary>
    private void Call(Handler handler, TunRTCEvent data)
    {
        var before = SynchronizationContext.Current;
        if (context is null)
        {
            SynchronizationContext.SetSynchronizationContext(new HandlerContext(this));
        }
        try
        {
            handler.Call(data);
        }
        catch (Exception thrown)
        {
            Failed(thrown);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private void Failed(Exception thrown)
    {
        // A handler of errors that fails has nobody left to tell.
        if (thrown is not TunRTCException { Code: "handler_failed" })
        {
            Emit(new ErrorEvent(new TunRTCException("handler_failed", $"A handler threw: {thrown.Message}", thrown)));
        }
    }

    /// <summary>
    /// What an async handler does after its first <c>await</c> runs on the thread pool, beside later events; what it throws
    /// then would end the process.
    /// </summary>
    private sealed class HandlerContext(EventHub hub) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback step, object? state) => ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                SetSynchronizationContext(this);
                try
                {
                    step(state);
                }
                catch (Exception thrown)
                {
                    hub.Failed(thrown);
                }
                finally
                {
                    SetSynchronizationContext(null);
                }
            },
            null);

        public override SynchronizationContext CreateCopy() => this;
    }

    /// <summary>One subscription; compared by identity.</summary>
    private sealed class Handler(Delegate given, Action<TunRTCEvent> call)
    {
        public Delegate Given => given;

        public void Call(TunRTCEvent data) => call(data);
    }

    private sealed class Reader(Type kind)
    {
        private readonly Channel<TunRTCEvent> _events = Channel.CreateBounded<TunRTCEvent>(ReaderCapacity);

        public Type Kind => kind;

        public bool Wants(TunRTCEvent data) => kind.IsInstanceOfType(data);

        public void Give(TunRTCEvent data)
        {
            if (!_events.Writer.TryWrite(data))
            {
                End(new TunRTCException("events_overflow", $"The reader of events is {ReaderCapacity} behind."));
            }
        }

        public void End(Exception? cause) => _events.Writer.TryComplete(cause);

        public IAsyncEnumerable<TunRTCEvent> ReadAllAsync(CancellationToken cancellationToken) => _events.Reader.ReadAllAsync(cancellationToken);
    }
}
