using System;
using System.Collections.Generic;
using System.Linq;

namespace TunRTC.Client.Signaling;

/// <summary>Watches for signals that are missing in the middle of a sender's order, and asks for them.</summary>
/// <param name="surroundings">Time.</param>
/// <param name="inbox">What is watched.</param>
/// <param name="sync">
/// Asks the server for what was missed; <c>false</c> where there is nobody to ask. A server that is too busy to answer says
/// nothing about what is lost: then the callback is called, and the round does not count.
/// </param>
/// <param name="onSignal">Takes signals that waited for what will not come.</param>
/// <param name="onBroken">A sender's signals are lost for good.</param>
internal sealed class GapWatch(Surroundings surroundings, Inbox inbox, Func<Action, bool> sync, Action<Signal> onSignal, Action<string> onBroken)
{
    /// <summary>
    /// A missing signal is asked for after this, and after each of the following waits once more, in milliseconds. The server
    /// answers <c>sync</c> at most every 250 ms.
    /// </summary>
    private static readonly double[] Waits = { 500, 1_500, 4_000, 8_000, 16_000 };

    private readonly Timers<string> _timers = new(surroundings);

    /// <summary>How often each sender's gap was asked for.</summary>
    private readonly Dictionary<string, int> _rounds = new(StringComparer.Ordinal);

    /// <summary>Senders whose lost signals the server may not have any more.</summary>
    private readonly HashSet<string> _lossy = new(StringComparer.Ordinal);

    /// <summary>To be called after each signal.</summary>
    public void Look()
    {
        var gaps = inbox.Gaps();
        foreach (var sender in _rounds.Keys.Except(gaps).ToArray())
        {
            _rounds.Remove(sender);
            _timers.Disarm(sender);
        }
        foreach (var sender in gaps)
        {
            _rounds.TryAdd(sender, 0);
            if (!_timers.Has(sender))
            {
                _timers.Arm(sender, Waits[_rounds[sender]], () => Close(sender));
            }
        }
    }

    /// <summary>The absence was longer than the server could bridge: gaps of those known by now may never be filled.</summary>
    public void ExpectLoss() => _lossy.UnionWith(inbox.Senders());

    public void Stop() => _timers.Clear();

    private void Close(string sender)
    {
        var round = _rounds.GetValueOrDefault(sender);
        if (round > 0 && _lossy.Remove(sender))
        {
            foreach (var signal in inbox.Skip(sender))
            {
                onSignal(signal);
            }
        }
        else if (round == Waits.Length - 1)
        {
            inbox.Abandon(sender);
            onBroken(sender);
        }
        else if (sync(() => AgainAt(sender, round)))
        {
            _rounds[sender] = round + 1;
        }
        Look();
    }

    private void AgainAt(string sender, int round)
    {
        if (_rounds.ContainsKey(sender))
        {
            _rounds[sender] = round;
        }
    }
}
