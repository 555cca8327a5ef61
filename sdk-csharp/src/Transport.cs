using System;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>Opens the connections that signaling runs over. A test, or a platform with a WebSocket of its own, brings its own.</summary>
public interface ISignalingTransport
{
    /// <summary>Opens a WebSocket. Throws whatever it likes when the handshake is refused or fails.</summary>
    /// <param name="address">The complete address, with the ticket.</param>
    /// <param name="cancellationToken">The connection is not wanted any more.</param>
    Task<ISignalingConnection> ConnectAsync(Uri address, CancellationToken cancellationToken);
}

/// <summary>One open WebSocket, for text messages. Never asked for two sends, or two receives, at the same time.</summary>
public interface ISignalingConnection : IDisposable
{
    /// <summary>
    /// The code with which the other side closed it (RFC 6455, section 7.4); 1006 when it ended without a word. Asked for
    /// after <see cref="ReceiveAsync"/> has answered <c>null</c>.
    /// </summary>
    int CloseCode { get; }

    /// <summary>What the other side said when it closed; empty where it said nothing.</summary>
    string CloseReason { get; }

    /// <summary>Sends one text message.</summary>
    /// <param name="text">The message.</param>
    /// <param name="cancellationToken">The connection is given up.</param>
    Task SendAsync(string text, CancellationToken cancellationToken);

    /// <summary>The next text message, or <c>null</c> when there will be none, whatever the reason.</summary>
    /// <param name="cancellationToken">The connection is given up.</param>
    Task<string?> ReceiveAsync(CancellationToken cancellationToken);

    /// <summary>Says good-bye to the other side, without waiting for its answer for long. Throws nothing.</summary>
    Task CloseAsync();
}
