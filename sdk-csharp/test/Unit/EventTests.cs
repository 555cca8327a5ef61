using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>Events: kept until somebody listens, one after the other, and never lost in silence.</summary>
public sealed class EventTests
{
    private readonly EventHub _hub = new(new object(), null);
    private readonly ConcurrentQueue<string> _heard = new();

    [Test]
    public async Task The_first_listener_gets_what_came_before_it_in_order_and_a_second_one_does_not()
    {
        Say(0, 100);
        _hub.Add<MessageEvent>((_, data) => _heard.Enqueue(data.Message));
        _hub.Add<MessageEvent>((_, data) => _heard.Enqueue($"second {data.Message}"));
        Say(100, 1);
        await HearsAsync(66);
        Check.Same(Enumerable.Range(36, 65).Select(number => $"{number}").Append("second 100"), _heard, "64 of a kind are kept");
    }

    [Test]
    public async Task A_listener_that_was_taken_away_hears_nothing_more()
    {
        EventHandler<MessageEvent> once = (_, _) => { };
        once = (_, data) =>
        {
            _heard.Enqueue(data.Message);
            _hub.Remove(once);
        };
        _hub.Add(once);
        Say(0, 10);
        var isDone = new TaskCompletionSource();
        _hub.Add<SessionEndedEvent>((_, _) => isDone.SetResult());
        _hub.Emit(new SessionEndedEvent(EndReason.Ended));
        await isDone.Task;
        Check.Same(new[] { "0" }, _heard);
    }

    [Test]
    public async Task Handlers_run_where_the_app_says()
    {
        var context = new CountingContext();
        var hub = new EventHub(this, context);
        hub.Add<MessageEvent>((sender, data) => _heard.Enqueue($"{ReferenceEquals(sender, this)} {ReferenceEquals(SynchronizationContext.Current, context)} {data.Message}"));
        hub.Emit(Message(1));
        await HearsAsync(1);
        Check.Same(new[] { "True True 1" }, _heard);
    }

    [Test]
    public async Task A_stream_has_all_kinds_in_their_order_and_ends_with_the_client()
    {
        Say(0, 2);
        _hub.Emit(new SessionEndedEvent(EndReason.Empty));
        Say(2, 1);
        var reading = ReadAsync(_hub.Read<TunRTCEvent>(default));
        Say(3, 1);
        _hub.Close();
        Say(4, 1);
        Check.Same(new[] { "0", "1", "SessionEndedEvent", "2", "3" }, await reading);
        Check.Same(Array.Empty<string>(), await ReadAsync(_hub.Read<TunRTCEvent>(default)), "a later stream is empty");
    }

    [Test]
    public async Task A_stream_is_cancelled_and_one_that_falls_behind_is_told_so()
    {
        using var cancel = new CancellationTokenSource();
        var reading = ReadAsync(_hub.Read<MessageEvent>(cancel.Token));
        cancel.Cancel();
        await Check.ThrowsAsync<OperationCanceledException>(() => reading);
        await using var slow = _hub.Read<MessageEvent>(default).GetAsyncEnumerator();
        var first = slow.MoveNextAsync();
        Say(0, 20_000);
        await first;
        var count = 1;
        await Check.FailsAsync(CountAsync(), "events_overflow");
        Check.That(count is >= 16_384 and < 20_000, $"{count} were there to read");

        async Task CountAsync()
        {
            while (await slow.MoveNextAsync())
            {
                count++;
            }
        }
    }

    [Test]
    public async Task Many_threads_that_subscribe_and_leave_lose_nobody_an_event()
    {
        _hub.Add<MessageEvent>((_, data) => _heard.Enqueue(data.Message));
        var others = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var round = 0; round < 500; round++)
            {
                EventHandler<MessageEvent> passing = (_, _) => { };
                _hub.Add(passing);
                _hub.Remove(passing);
            }
        }));
        Say(0, 2_000);
        await Task.WhenAll(others);
        await HearsAsync(2_000);
        Check.Same(Enumerable.Range(0, 2_000).Select(number => $"{number}"), _heard);
    }

    private static MessageEvent Message(int number) => new(new ChatMessage($"{number}", "a", "a", $"{number}", default));

    private static async Task<List<string>> ReadAsync<T>(IAsyncEnumerable<T> events)
        where T : TunRTCEvent
    {
        var read = new List<string>();
        await foreach (var data in events)
        {
            read.Add(data is MessageEvent message ? message.Message : data.GetType().Name);
        }
        return read;
    }

    private void Say(int from, int count)
    {
        for (var number = from; number < from + count; number++)
        {
            _hub.Emit(Message(number));
        }
    }

    private Task HearsAsync(int count) => Check.EventuallyAsync(() => _heard.Count >= count, () => $"{count} events, not {_heard.Count}");

    private sealed class CountingContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback step, object? state) => Task.Run(() =>
        {
            SetSynchronizationContext(this);
            step(state);
        });
    }
}
