using System;

namespace TunRTC.Client.Signaling;

/// <summary>
/// How often a client shows that it lives. The server says how often it needs that; a proxy on the way may end quiet
/// connections sooner. A connection that died in a silence shows it: from then on this client is never quiet for so long
/// again. Who has no such proxy pays nothing.
/// </summary>
internal sealed class Heartbeat
{
    /// <summary>No connection is expected to need more than this: the shortest heartbeat, in milliseconds.</summary>
    private const double Shortest = 25_000;
    private double _longest = double.PositiveInfinity;

    /// <summary>Milliseconds between two signs of life, where the server asks for <paramref name="asked"/>.</summary>
    public double Interval(double asked) => Math.Min(asked, _longest);

    /// <summary>A connection died after nothing had been said for <paramref name="silence"/> milliseconds.</summary>
    public void Learn(double silence)
    {
        if (silence >= Shortest)
        {
            _longest = Math.Max(Shortest, Math.Min(_longest, silence / 2));
        }
    }
}
