using System;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>Signaling by way of a relay, whatever address the server gave.</summary>
internal sealed class Detour(string url) : ISignalingTransport
{
    private readonly WebSocketTransport _transport = new();

    public Task<ISignalingConnection> ConnectAsync(Uri address, CancellationToken cancellationToken) =>
        _transport.ConnectAsync(new UriBuilder(address) { Port = new Uri(url).Port }.Uri, cancellationToken);
}
