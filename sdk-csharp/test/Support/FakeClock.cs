using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace TunRTC.Client.Tests.Support;

/// <summary>Time stands still until <see cref="Advance"/>; timers run in order, each after everything that the last one set off.</summary>
/// <param name="settle">Runs everything that can go on.</param>
internal sealed class FakeClock(Action settle) : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private readonly List<Alarm> _alarms = new();
    private TimeSpan _now;
    private long _count;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public double Now => _now.TotalMilliseconds;

    /// <summary>Timers that still run.</summary>
    public int Pending => _alarms.Count;

    public override long GetTimestamp() => _now.Ticks;

    public override DateTimeOffset GetUtcNow() => Start + _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var alarm = new Alarm(this, () => callback(state), _count++);
        alarm.Change(dueTime, period);
        return alarm;
    }

    /// <summary>Calls back once.</summary>
    public void After(double milliseconds, Action callback) =>
        CreateTimer(_ => callback(), null, TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);

    public void Advance(double milliseconds)
    {
        var end = _now + TimeSpan.FromMilliseconds(milliseconds);
        settle();
        while (_alarms.Where(alarm => alarm.At <= end).MinBy(alarm => (alarm.At, alarm.Order)) is { } next)
        {
            _alarms.Remove(next);
            _now = next.At > _now ? next.At : _now;
            next.Ring();
            settle();
        }
        _now = end;
    }

    private sealed class Alarm(FakeClock clock, Action ring, long order) : ITimer
    {
        public TimeSpan At { get; private set; }

        public long Order => order;

        public void Ring() => ring();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            clock._alarms.Remove(this);
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                At = clock._now + dueTime;
                clock._alarms.Add(this);
            }
            return true;
        }

        public void Dispose() => clock._alarms.Remove(this);

        public System.Threading.Tasks.ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
