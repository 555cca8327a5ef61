using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>A WebRTC library that carries nothing, and is as strict about the order of things as a real one.</summary>
internal sealed class FakeMedia : IMediaAdapter
{
    private static int _count;

    /// <summary>Every connection that was made, by the other side's name, the newest last.</summary>
    public ConcurrentQueue<(string With, FakeConnection Connection)> Made { get; } = new();

    public FakeConnection? With(string name) => Made.LastOrDefault(each => each.With == name).Connection;

    public IMediaConnection Connect(Participant participant, IReadOnlyList<IceServer> iceServers)
    {
        var connection = new FakeConnection($"u{Interlocked.Increment(ref _count)}");
        Made.Enqueue((participant.Username, connection));
        return connection;
    }
}

internal sealed class FakeConnection(string fragment) : IMediaConnection
{
    private int _version;
    private bool _isOffering;

    public event Action<IceCandidate>? CandidateFound;

    public event Action? NegotiationNeeded;

    public event Action? Failed;

    public string? Local { get; private set; }

    public string? Remote { get; private set; }

    public bool IsDisposed { get; private set; }

    public ConcurrentQueue<string> Candidates { get; } = new();

    /// <summary>Whether each has what the other has made last.</summary>
    public static bool AreTogether(FakeConnection? a, FakeConnection? b) =>
        a is { IsDisposed: false, _isOffering: false, Local: not null } && b is { IsDisposed: false, _isOffering: false, Local: not null } && a.Remote == b.Local && b.Remote == a.Local;

    public void Change() => NegotiationNeeded?.Invoke();

    public void Fail() => Failed?.Invoke();

    public Task<string> CreateOfferAsync()
    {
        Refuse(_isOffering, "there is an own offer");
        _isOffering = true;
        return DescribeAsync("offer");
    }

    public Task<string> AcceptOfferAsync(string sdp)
    {
        Refuse(_isOffering, "there is an own offer");
        Remote = sdp;
        return DescribeAsync("answer");
    }

    public Task AcceptAnswerAsync(string sdp)
    {
        Refuse(!_isOffering, "there is no own offer");
        _isOffering = false;
        Remote = sdp;
        return Task.CompletedTask;
    }

    public Task AddIceCandidateAsync(IceCandidate candidate)
    {
        Refuse(Remote is null || !Remote.Contains($"a=ice-ufrag:{candidate.UsernameFragment}\r\n", StringComparison.Ordinal), "it is of no remote description");
        Candidates.Enqueue(candidate.Candidate);
        return Task.CompletedTask;
    }

    public void Dispose() => IsDisposed = true;

    private async Task<string> DescribeAsync(string kind)
    {
        Refuse(IsDisposed, "it is closed");
        await Task.Yield();
        // With a place for data channels: without one the other side would offer again, to have its own.
        Local = $"v=0\r\na={kind}:{++_version}\r\na=ice-ufrag:{fragment}\r\nm=application 9\r\n";
        for (var number = 0; number < 3; number++)
        {
            CandidateFound?.Invoke(new IceCandidate($"{fragment}/{_version}/{number}", "0", 0, fragment));
        }
        return Local;
    }

    private static void Refuse(bool isWrong, string why)
    {
        if (isWrong)
        {
            throw new InvalidOperationException(why);
        }
    }
}
