using System;
using System.Collections.Generic;

namespace TunRTC.Client.Signaling;

/// <summary>When what is tried again. Pure; all times are in milliseconds unless they say otherwise.</summary>
internal static class Backoff
{
    private const double Base = 400;
    private const double Cap = 10_000;

    /// <summary>An unanswered frame is sent again after these; the last one repeats.</summary>
    private static readonly double[] Resends = { 3_000, 6_000, 12_000, 24_000 };

    /// <summary>Waits after the server closed a connection on purpose, in seconds: the first, and the longest.</summary>
    private const double FirstDismissal = 3;
    private const double LongestDismissal = 60;

    /// <summary>After these, connecting again cannot help.</summary>
    private static readonly HashSet<string> Final = new(StringComparer.Ordinal)
    {
        "banned", "closed", "forbidden", "invalid_refresh_token", "not_signed_in", "removed", "replaced", "session_ended",
        "session_full", "session_locked", "session_not_found", "unauthorized",
    };

    /// <summary>Whether connecting again is of no use after this. What a proxy on the way says in the server's place may pass.</summary>
    public static bool IsFinal(TunRTCException cause) => Final.Contains(cause.Code) && !cause.IsForeign;

    /// <summary>
    /// How long to wait before connecting again, or <c>null</c> to give up: exponential backoff with full jitter, never
    /// sooner than the server asked for.
    /// </summary>
    /// <param name="attempt">0 for the first try after the connection was lost.</param>
    /// <param name="cause">Why the connection, or the last try, ended.</param>
    /// <param name="random">In [0, 1).</param>
    public static double? Reconnect(int attempt, TunRTCException cause, double random) =>
        IsFinal(cause) ? null : (cause.RetryAfter?.TotalMilliseconds ?? 0) + (random * Math.Min(Cap, Base * Math.Pow(2, attempt)));

    /// <summary>
    /// How long to wait for the answer to a frame before it is sent again. Further apart each time, or a server that is
    /// behind would be kept behind by the repetitions; and spread, or all clients would repeat at once.
    /// </summary>
    /// <param name="sent">How often it was sent before, from 0.</param>
    /// <param name="random">In [0, 1).</param>
    public static double Resend(int sent, double random) => Resends[Math.Min(sent, Resends.Length - 1)] * (1 + random) / 2;

    /// <summary>
    /// How long to stay away after the server closed a connection on purpose without saying why: most likely another device
    /// of the same user took over, and two must not take the seat from each other for ever.
    /// </summary>
    /// <param name="before">How often that happened in a row before this time, from 0.</param>
    public static TimeSpan Dismissed(int before) => TimeSpan.FromSeconds(Math.Min(FirstDismissal * Math.Pow(2, before), LongestDismissal));

    /// <summary>Whether the same frame, sent again a little later, may be accepted.</summary>
    public static bool IsTransient(string code) => code is "rate_limited" or "internal" or "unavailable";

    /// <summary>The connection's trouble, not the frame's: the frame goes out again over the next one.</summary>
    public static bool IsOfConnection(string code) => code is "connection_lost" or "not_joined" or "unauthorized";
}
