using System;
using System.Collections.Generic;
using System.Linq;

namespace TunRTC.Client.Signaling;

/// <summary>What an admission tells of the server's clock.</summary>
internal static class Tickets
{
    /// <summary>How long a ticket lives.</summary>
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    /// <summary>When a ticket was made, by the server's clock, or up to a second before: its end is rounded down.</summary>
    public static DateTimeOffset MadeAt(SignalingTicket ticket) => ticket.ExpiresAt - Life;

    /// <summary>
    /// When a membership began: with its seat, or, where that was held already, say by an app that was started anew, with its
    /// ticket. By the server's clock, and not too late.
    /// </summary>
    public static DateTimeOffset BegunAt(IReadOnlyList<Participant> participants, SignalingTicket ticket, string userId)
    {
        var admittedAt = MadeAt(ticket);
        var seatedAt = participants.FirstOrDefault(each => each.UserId == userId)?.JoinedAt;
        return seatedAt > admittedAt ? seatedAt.Value : admittedAt;
    }
}
