using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Signaling;

namespace TunRTC.Client.Media;

/// <summary>One peer connection of the app's, negotiated so that either side may offer at any time. All times are in milliseconds.</summary>
internal sealed class Peer(Surroundings surroundings, bool isPolite)
{
    /// <summary>Candidates found within this time travel together.</summary>
    private const double Batch = 40;

    /// <summary>The server takes so many in a frame.</summary>
    private const int MostCandidates = 256;

    /// <summary>A newcomer makes the first offer; if it does not, the other side does after this.</summary>
    private const double Newcomer = 4_000;

    /// <summary>An offer that is not answered for this long is given up, and the connection made anew.</summary>
    private const double AnswerTime = 10_000;

    private readonly Timers<string> _timers = new(surroundings);
    private readonly List<IceCandidate> _found = new();

    /// <summary>Candidates that belong to no remote description yet.</summary>
    private readonly List<IceCandidate> _waiting = new();
    private IMediaConnection? _connection;

    /// <summary>What is done with the connection is done one after the other.</summary>
    private Task _work = Task.CompletedTask;
    private string? _remote;

    /// <summary>The other side's epoch: it names the connection over there.</summary>
    private string? _epoch;
    private string? _shunned;
    private bool _isActive;
    private bool _isOffering;
    private bool _isDescribed;
    private bool _isClosed;

    /// <summary>Sends a signal; ends when the server has it.</summary>
    public required Func<SignalBody, Task> SendAsync { get; init; }

    public required Action<TunRTCException> OnError { get; init; }

    /// <summary>Make the connection anew.</summary>
    public Action OnBroken { get; set; } = () => { };

    /// <summary>The other side has made its connection anew, or this one was closed meanwhile: this signal is for the next one.</summary>
    public Action<Signal> OnStray { get; set; } = _ => { };

    /// <summary>Whether both sides were described.</summary>
    public bool IsNegotiated => _remote is not null && !_isOffering;

    /// <summary>Makes the connection; whoever <paramref name="isInitiator"/> is makes the first offer.</summary>
    public void Open(Func<IMediaConnection> connect, bool isInitiator)
    {
        _isActive = isInitiator;
        Enqueue(async () =>
        {
            var connection = await Task.Run(connect);
            if (_isClosed)
            {
                connection.Dispose();
                return;
            }
            _connection = connection;
            connection.CandidateFound += candidate => surroundings.Loop.Post(() => Found(candidate));
            connection.NegotiationNeeded += () => surroundings.Loop.Post(NegotiateIfActive);
            connection.Failed += () => surroundings.Loop.Post(Broken);
        });
        if (isInitiator)
        {
            Negotiate();
        }
        else
        {
            _timers.Arm("first", Newcomer, Negotiate);
        }
    }

    /// <summary>Makes an offer, whoever should have made the first one.</summary>
    public void Negotiate()
    {
        _isActive = true;
        Enqueue(OfferAsync);
    }

    /// <summary>Applies a signal after all that came before it.</summary>
    public void Handle(Signal signal) => Enqueue(() => ApplyAsync(signal), evenIfClosed: true);

    /// <summary>
    /// Takes nothing of this epoch: the connection over there has answered one that this one took the place of, and will be
    /// made anew for the offer of this one. To take it up would have the two sides replace their connections for ever.
    /// </summary>
    public void Shun(string? epoch) => _shunned = epoch;

    public void Close()
    {
        if (_isClosed)
        {
            return;
        }
        _isClosed = true;
        _timers.Clear();
        if (_connection is { } connection)
        {
            Task.Run(connection.Dispose).Forget();
        }
    }

    private void Enqueue(Func<Task> step, bool evenIfClosed = false)
    {
        _work = RunAsync(_work);

        async Task RunAsync(Task before)
        {
            await before;
            if (_isClosed && !evenIfClosed)
            {
                return;
            }
            try
            {
                await step();
            }
            catch (Exception thrown)
            {
                if (!_isClosed)
                {
                    OnError(TunRTCException.From(thrown, "media_failed"));
                }
            }
        }
    }

    private void NegotiateIfActive()
    {
        if (_isActive && !_isClosed)
        {
            Negotiate();
        }
    }

    private void Broken()
    {
        if (!_isClosed)
        {
            OnBroken();
        }
    }

    private async Task OfferAsync()
    {
        if (_connection is not { } connection || _isOffering)
        {
            return;
        }
        _isOffering = true;
        try
        {
            var sdp = await Task.Run(connection.CreateOfferAsync);
            Describe(new Offer(Sdp.Pack(sdp)));
            _timers.Arm("answer", AnswerTime, Broken);
        }
        catch
        {
            _isOffering = false;
            throw;
        }
    }

    private async Task ApplyAsync(Signal signal)
    {
        if (signal.Epoch is not null && signal.Epoch == _shunned)
        {
            return;
        }
        var isNew = signal.Epoch != _epoch && _remote is not null;
        if (_isClosed || isNew || _connection is not { } connection)
        {
            OnStray(signal);
            return;
        }
        if (signal.Body is Offer && _isOffering)
        {
            // Two offers crossed. Who gives way meets the other's with a new connection: not every library can take one back.
            if (isPolite)
            {
                OnStray(signal);
            }
            return;
        }
        _epoch = signal.Epoch;
        await (signal.Body switch
        {
            Offer offer => AcceptAsync(connection, Sdp.Unpack(offer.Sdp)),
            Answer answer => ConcludeAsync(connection, Sdp.Unpack(answer.Sdp)),
            Candidates candidates => AddAsync(connection, candidates.List),
            _ => Task.CompletedTask,
        });
    }

    private async Task AcceptAsync(IMediaConnection connection, string sdp)
    {
        _timers.Disarm("first");
        var answer = await Task.Run(() => connection.AcceptOfferAsync(sdp));
        _remote = sdp;
        _isActive = true;
        Describe(new Answer(Sdp.Pack(answer)));
        await AddWaitingAsync(connection);
    }

    private async Task ConcludeAsync(IMediaConnection connection, string sdp)
    {
        if (!_isOffering)
        {
            return;
        }
        _timers.Disarm("answer");
        await Task.Run(() => connection.AcceptAnswerAsync(sdp));
        _isOffering = false;
        _remote = sdp;
        await AddWaitingAsync(connection);
    }

    /// <summary>A new remote description: waiting candidates that are its own are applied, the others are stale.</summary>
    private Task AddWaitingAsync(IMediaConnection connection)
    {
        var own = _waiting.Where(candidate => Sdp.IsOf(candidate, _remote ?? "")).ToArray();
        _waiting.Clear();
        return AddAsync(connection, own);
    }

    private async Task AddAsync(IMediaConnection connection, IReadOnlyList<IceCandidate> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (_remote is null || !Sdp.IsOf(candidate, _remote))
            {
                _waiting.Add(candidate);
                continue;
            }
            try
            {
                await Task.Run(() => connection.AddIceCandidateAsync(candidate));
            }
            catch (Exception)
            {
                // One unusable candidate, say of an address family that this machine lacks, is no reason to stop.
            }
        }
    }

    private void Describe(SignalBody description)
    {
        if (_isClosed)
        {
            return;
        }
        _isDescribed = true;
        Send(description);
        SendFound();
    }

    private void Found(IceCandidate candidate)
    {
        if (_isClosed)
        {
            return;
        }
        _found.Add(candidate);
        if (_isDescribed && !_timers.Has("batch"))
        {
            _timers.Arm("batch", Batch, SendFound);
        }
    }

    private void SendFound()
    {
        _timers.Disarm("batch");
        foreach (var part in _found.Chunk(MostCandidates))
        {
            Send(new Candidates(part));
        }
        _found.Clear();
    }

    private async void Send(SignalBody body)
    {
        try
        {
            await SendAsync(body);
        }
        catch (TunRTCException thrown)
        {
            // What was made void by a new start, or by leaving, is nobody's trouble.
            if (!_isClosed && thrown.Code != "closed")
            {
                OnError(thrown);
            }
        }
    }
}
