using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace TunRTC.Client;

/// <summary>
/// What a frame about somebody is worth. Lists and frames are made at the same time on the server, so some are in doubt, and
/// only asking it tells.
/// </summary>
internal enum Judgement
{
    News,

    /// <summary>Older than what is known.</summary>
    Old,
    Doubtful,
}

/// <summary>A complete list, compared with what was known.</summary>
internal sealed record Comparison(
    IReadOnlyList<Participant> Present,
    IReadOnlyList<Participant> Joined,
    IReadOnlyList<Participant> Updated,
    IReadOnlyList<Participant> Left);

/// <summary>Who else is in the session, by frames that may come late and in any order: the server's timestamps decide.</summary>
internal sealed class Roster
{
    /// <summary>The time of the newest that is known of somebody; also of those who are gone.</summary>
    private readonly Dictionary<string, DateTimeOffset> _known = new(StringComparer.Ordinal);

    /// <summary>The time of the last complete list.</summary>
    private DateTimeOffset _listedAt;

    /// <summary>May be read from any thread.</summary>
    public ImmutableDictionary<string, Participant> Members { get; private set; } = ImmutableDictionary.Create<string, Participant>(StringComparer.Ordinal);

    /// <summary>Takes a complete list. It says nothing about those of whom something newer is known.</summary>
    public Comparison List(IReadOnlyList<Participant> participants, DateTimeOffset at)
    {
        _listedAt = at;
        var (joined, updated, left) = (new List<Participant>(), new List<Participant>(), new List<Participant>());
        foreach (var participant in participants.Where(each => !IsKnownSince(each.UserId, at)))
        {
            var known = Set(WithAbout(participant, Members.GetValueOrDefault(participant.UserId)), at);
            if (known is null)
            {
                joined.Add(participant);
            }
            else if (!IsSameStatus(known, participant))
            {
                updated.Add(participant);
            }
        }
        foreach (var (userId, participant) in Members)
        {
            if (participants.All(each => each.UserId != userId) && !IsKnownSince(userId, at))
            {
                Delete(userId, at);
                left.Add(participant);
            }
        }
        return new Comparison(Members.Values.ToArray(), joined, updated, left);
    }

    public Judgement Joined(Participant participant, DateTimeOffset at)
    {
        if (IsKnownSince(participant.UserId, at))
        {
            return Judgement.Old;
        }
        if (!Members.ContainsKey(participant.UserId) && at < _listedAt)
        {
            return Judgement.Doubtful;
        }
        Set(participant, at);
        return Judgement.News;
    }

    public Judgement Left(string userId, DateTimeOffset at)
    {
        var isMember = Members.ContainsKey(userId);
        if (IsKnownSince(userId, at))
        {
            return isMember ? Judgement.Doubtful : Judgement.Old;
        }
        Delete(userId, at);
        return isMember ? Judgement.News : Judgement.Old;
    }

    /// <param name="userId">Whose.</param>
    /// <param name="change">What is different of them; the rest is as it was known.</param>
    /// <param name="at">Since when.</param>
    public Judgement Updated(string userId, Func<Participant, Participant> change, DateTimeOffset at)
    {
        if (!Members.TryGetValue(userId, out var known))
        {
            return Signalled(userId, at);
        }
        var participant = change(known);
        if (IsKnownSince(userId, at))
        {
            // The list may have been made before this status was written, or after.
            return _known[userId] == _listedAt && !IsSameStatus(known, participant) ? Judgement.Doubtful : Judgement.Old;
        }
        Set(participant, at);
        return Judgement.News;
    }

    /// <summary>Somebody sent something. Of a member that is nothing new; of anybody else it is late, or early.</summary>
    public Judgement Signalled(string userId, DateTimeOffset at)
    {
        if (Members.ContainsKey(userId))
        {
            return Judgement.News;
        }
        return at < _listedAt || (_known.TryGetValue(userId, out var known) && at <= known) ? Judgement.Old : Judgement.Doubtful;
    }

    /// <summary>What the server said of somebody when it was asked about a frame in doubt. Answers whether that was new.</summary>
    public bool Settle(string userId, Participant? participant, DateTimeOffset at)
    {
        var known = Members.GetValueOrDefault(userId);
        if (participant is null)
        {
            Delete(userId, at);
            return known is not null;
        }
        Set(WithAbout(participant, known), at);
        return known is null || !IsSameStatus(known, participant);
    }

    private static bool IsSameStatus(Participant a, Participant b) =>
        (a.Status, a.IsMuted, a.IsVideoEnabled, a.Role, a.Permissions) == (b.Status, b.IsMuted, b.IsVideoEnabled, b.Role, b.Permissions);

    private bool IsKnownSince(string userId, DateTimeOffset at) => _known.TryGetValue(userId, out var known) && at < known;

    /// <summary>Neither a list nor a frame of presence says what somebody says of themselves; that lasts as long as their stay.</summary>
    private static Participant WithAbout(Participant participant, Participant? known) =>
        known?.JoinedAt == participant.JoinedAt ? participant with { Attributes = known.Attributes, HandRaisedAt = known.HandRaisedAt } : participant;

    private Participant? Set(Participant participant, DateTimeOffset at)
    {
        var known = Members.GetValueOrDefault(participant.UserId);
        Members = Members.SetItem(participant.UserId, participant);
        Know(participant.UserId, at);
        return known;
    }

    private void Delete(string userId, DateTimeOffset at)
    {
        Members = Members.Remove(userId);
        Know(userId, at);
    }

    private void Know(string userId, DateTimeOffset at)
    {
        if (!IsKnownSince(userId, at))
        {
            _known[userId] = at;
        }
    }
}
