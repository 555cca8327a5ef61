using System;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>How to reach the server, and what to use on the way.</summary>
/// <param name="Url">Where the server is, e.g. <c>http://localhost:5000</c>.</param>
public sealed record TunRTCOptions(string Url)
{
    /// <summary>
    /// Carries REST requests; not disposed with the client. It should not follow redirects: a redirect would turn a POST
    /// into a GET. By default one of the client's own.
    /// </summary>
    public HttpMessageHandler? HttpHandler { get; init; }

    /// <summary>
    /// Gets a join token for the user from the app's own backend (docs/APPS.md), in place of a sign-in. It is called at each
    /// join, and when the server says that a token ran out; its cancellation token ends with the client.
    /// </summary>
    public Func<CancellationToken, Task<string>>? GetToken { get; init; }

    /// <summary>Carries signaling. By default <see cref="System.Net.WebSockets.ClientWebSocket"/>.</summary>
    public ISignalingTransport? Transport { get; init; }

    /// <summary>Takes care of peer connections. By default nobody does, and signals are told as events.</summary>
    public IMediaAdapter? Media { get; init; }

    /// <summary>
    /// Where event handlers run, e.g. that of the user interface. By default on the thread pool; in both cases one after
    /// the other.
    /// </summary>
    public SynchronizationContext? EventContext { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Chance, in [0, 1): spreads what many clients do at once.</summary>
    public Func<double> Random { get; init; } = System.Random.Shared.NextDouble;
}
