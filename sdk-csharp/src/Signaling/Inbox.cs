using System;
using System.Collections.Generic;
using System.Linq;

namespace TunRTC.Client.Signaling;

/// <summary>A set that forgets its oldest members.</summary>
internal sealed class Recent
{
    /// <summary>Far more than one inbox window can hold.</summary>
    private const int Remembered = 2048;
    private readonly HashSet<string> _members = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    public bool Has(string member) => _members.Contains(member);

    /// <summary>Whether this is new; remembers it.</summary>
    public bool Add(string member)
    {
        if (!_members.Add(member))
        {
            return false;
        }
        _order.Enqueue(member);
        if (_order.Count > Remembered)
        {
            _members.Remove(_order.Dequeue());
        }
        return true;
    }
}

/// <summary>
/// Puts each sender's signals back in order and drops what was seen: by (sender, epoch, seq), or by signal id where a sender
/// gives no order. Pure bookkeeping; the owner watches <see cref="Gaps"/> and asks for a replay.
/// </summary>
internal sealed class Inbox
{
    private static readonly IReadOnlyList<Signal> None = Array.Empty<Signal>();
    private readonly Dictionary<string, Stream> _streams = new(StringComparer.Ordinal);
    private readonly Recent _seen = new();
    private readonly Recent _retired = new();

    /// <summary>Takes one signal as it arrives; answers those whose turn has come.</summary>
    public IReadOnlyList<Signal> Accept(Signal signal)
    {
        if (signal.Epoch is not { } epoch || signal.Seq is not { } seq)
        {
            return _seen.Add(signal.SignalId) ? new[] { signal } : None;
        }
        var stream = StreamOf(signal.FromUserId, epoch);
        return stream is not null && seq >= stream.Next && stream.Held.TryAdd(seq, signal) ? stream.Drain() : None;
    }

    /// <summary>Senders of whom a signal is missing.</summary>
    public string[] Gaps() => _streams.Where(each => each.Value.Held.Count > 0).Select(each => each.Key).ToArray();

    /// <summary>Everybody who has sent a signal with a place in an order.</summary>
    public string[] Senders() => _streams.Keys.ToArray();

    /// <summary>Gives up on what is missing from a sender and goes on with what was held; answers that.</summary>
    public IReadOnlyList<Signal> Skip(string sender)
    {
        if (!_streams.TryGetValue(sender, out var stream) || stream.Held.Count == 0)
        {
            return None;
        }
        var waiting = stream.Held.Values.ToArray();
        stream.Next = stream.Held.Keys.Last() + 1;
        stream.Held.Clear();
        return waiting;
    }

    /// <summary>Gives up on a sender's present epoch: nothing more of it is taken.</summary>
    public void Abandon(string sender)
    {
        if (_streams.TryGetValue(sender, out var stream))
        {
            Retire(sender, stream);
            stream.Held.Clear();
            stream.Next = long.MaxValue;
        }
    }

    private Stream? StreamOf(string sender, string epoch)
    {
        var present = _streams.GetValueOrDefault(sender);
        if (present?.Epoch == epoch)
        {
            return present;
        }
        if (IsOld(sender, epoch, present?.Epoch))
        {
            return null;
        }
        if (present is not null)
        {
            Retire(sender, present);
        }
        return _streams[sender] = new Stream(epoch);
    }

    private bool IsOld(string sender, string epoch, string? present) =>
        (present is null ? null : Epochs.Compare(epoch, present)) is { } order ? order < 0 : _retired.Has(Name(sender, epoch));

    private void Retire(string sender, Stream stream) => _retired.Add(Name(sender, stream.Epoch));

    private static string Name(string sender, string epoch) => $"{sender} {epoch}";

    /// <summary>One sender's signals in its present epoch.</summary>
    private sealed class Stream(string epoch)
    {
        public string Epoch => epoch;

        /// <summary>The <c>seq</c> that comes next.</summary>
        public long Next { get; set; } = 1;

        /// <summary>Arrived before their turn.</summary>
        public SortedDictionary<long, Signal> Held { get; } = new();

        /// <summary>Takes out what is in order by now.</summary>
        public IReadOnlyList<Signal> Drain()
        {
            var ready = new List<Signal>();
            for (; Held.Remove(Next, out var signal); Next++)
            {
                ready.Add(signal);
            }
            return ready;
        }
    }
}
