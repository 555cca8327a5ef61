using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>Everything that reaches outside: time, chance and connections.</summary>
internal sealed class Surroundings(Loop loop, TimeProvider time, Func<double> random, ISignalingTransport transport)
{
    private readonly long _start = time.GetTimestamp();

    public Loop Loop => loop;

    public ISignalingTransport Transport => transport;

    /// <summary>Milliseconds on a clock that never jumps.</summary>
    public double Now => time.GetElapsedTime(_start).TotalMilliseconds;

    /// <summary>What the clock on the wall says.</summary>
    public DateTimeOffset UtcNow => time.GetUtcNow();

    /// <summary>In [0, 1).</summary>
    public double Random() => random();

    /// <summary>Calls back once in the loop, unless the answer is disposed before.</summary>
    public IDisposable After(double milliseconds, Action callback) => new Alarm(loop, time, milliseconds, callback);

    public Task Delay(double milliseconds, CancellationToken cancellationToken = default) =>
        Task.Delay(TimeSpan.FromMilliseconds(milliseconds), time, cancellationToken);

    /// <summary>What <paramref name="work"/> answers, if it does so in time; else throws <c>timeout</c>.</summary>
    public async Task<T> Within<T>(double milliseconds, Task<T> work)
    {
        var late = new Promise<T>(loop);
        using var timer = After(milliseconds, () => late.Reject(new TunRTCException("timeout", "The server did not answer in time.")));
        work.Forget();
        return await await Task.WhenAny(work, late.Task);
    }

    /// <inheritdoc cref="Within{T}"/>
    public Task Within(double milliseconds, Task work) => Within(milliseconds, work.With(true));

    private sealed class Alarm : IDisposable
    {
        private readonly ITimer _timer;
        private Action? _callback;

        public Alarm(Loop loop, TimeProvider time, double milliseconds, Action callback)
        {
            _callback = callback;
            var due = TimeSpan.FromMilliseconds(Math.Max(0, milliseconds));
            _timer = time.CreateTimer(_ => loop.Post(Ring), null, due, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _callback = null;
            _timer.Dispose();
        }

        private void Ring()
        {
            var callback = _callback;
            Dispose();
            callback?.Invoke();
        }
    }
}

/// <summary>Timers by name: at most one of each runs, and all of them end together.</summary>
internal sealed class Timers<TName>(Surroundings surroundings)
    where TName : notnull
{
    private readonly Dictionary<TName, IDisposable> _running = new();

    /// <summary>Calls back once; one of the same name that still runs is given up.</summary>
    public void Arm(TName name, double milliseconds, Action callback)
    {
        Disarm(name);
        _running[name] = surroundings.After(milliseconds, () =>
        {
            _running.Remove(name);
            callback();
        });
    }

    public void Disarm(TName name)
    {
        if (_running.Remove(name, out var timer))
        {
            timer.Dispose();
        }
    }

    /// <summary>Whether one of this name still runs.</summary>
    public bool Has(TName name) => _running.ContainsKey(name);

    /// <summary>Ends all of them.</summary>
    public void Clear()
    {
        foreach (var name in _running.Keys.ToArray())
        {
            Disarm(name);
        }
    }
}

/// <summary>
/// What will come of something. Who waits for it in the loop goes on in a step of its own, never within the one that settles
/// it. Its failure need not be looked at.
/// </summary>
internal sealed class Promise<T>
{
    private readonly Loop _loop;
    private readonly TaskCompletionSource<T> _source = new();

    public Promise(Loop loop)
    {
        _loop = loop;
        _source.Task.Forget();
    }

    public Task<T> Task => _source.Task;

    public void Resolve(T value) => _loop.Post(() => _source.TrySetResult(value));

    public void Reject(Exception cause) => _loop.Post(() => _source.TrySetException(cause));

    public void Cancel(CancellationToken cancellationToken) => _loop.Post(() => _source.TrySetCanceled(cancellationToken));
}

/// <summary>What is missing around tasks.</summary>
internal static class Tasks
{
    /// <summary>Nobody need wait for this: whoever has to know of its failure is told otherwise.</summary>
    public static void Forget(this Task task)
    {
        if (!task.IsCompletedSuccessfully)
        {
            task.ContinueWith(static done => done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>Answers this when the task has ended well.</summary>
    public static async Task<T> With<T>(this Task task, T answer)
    {
        await task;
        return answer;
    }

    /// <summary>Ends when the task does, and never throws.</summary>
    public static Task Settled(this Task task) =>
        task.ContinueWith(static done => done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
