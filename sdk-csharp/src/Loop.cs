using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>
/// Where everything of one client happens, one step after the other and never on a caller's thread: so nothing in it needs
/// a lock, and what the application does in its own threads cannot hold it up. Continuations of an <c>await</c> in here
/// come back to it.
/// </summary>
/// <param name="onError">Hears of a step that threw, which none should.</param>
/// <param name="start">Runs <see cref="RunPending"/> soon; absent: on the thread pool.</param>
internal sealed class Loop(Action<Exception> onError, Action<Loop>? start = null) : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Step, object? State)> _steps = new();
    private readonly Action<Loop> _start = start ?? OnThreadPool;
    private bool _isRunning;

    public override void Post(SendOrPostCallback step, object? state)
    {
        lock (_steps)
        {
            _steps.Enqueue((step, state));
            if (_isRunning)
            {
                return;
            }
            _isRunning = true;
        }
        _start(this);
    }

    public void Post(Action step) => Post(static state => ((Action)state!)(), step);

    public override void Send(SendOrPostCallback step, object? state) =>
        throw new NotSupportedException("Nobody waits for a step of the loop.");

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Runs what is there, until nothing is.</summary>
    public void RunPending()
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            while (Next() is var (step, state) && step is not null)
            {
                RunStep(step, state);
            }
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Runs <paramref name="work"/> in here; what awaits the answer goes on elsewhere.</summary>
    public Task<T> Run<T>(Func<Task<T>> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(async () =>
        {
            try
            {
                done.SetResult(await work());
            }
            catch (OperationCanceledException thrown)
            {
                done.SetCanceled(thrown.CancellationToken);
            }
            catch (Exception thrown)
            {
                done.SetException(thrown);
            }
        });
        return done.Task;
    }

    /// <inheritdoc cref="Run{T}"/>
    public Task Run(Func<Task> work) => Run(async () =>
    {
        await work();
        return true;
    });

    private static void OnThreadPool(Loop loop) => ThreadPool.UnsafeQueueUserWorkItem(static loop => loop.RunPending(), loop, preferLocal: false);

    private void RunStep(SendOrPostCallback step, object? state)
    {
        try
        {
            step(state);
        }
        catch (Exception thrown)
        {
            onError(thrown);
        }
    }

    private (SendOrPostCallback? Step, object? State) Next()
    {
        lock (_steps)
        {
            _isRunning = _steps.TryDequeue(out var next);
            return next;
        }
    }
}
