using System;
using System.IO;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>.NET's own WebSocket.</summary>
internal sealed class WebSocketTransport : ISignalingTransport
{
    public async Task<ISignalingConnection> ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new ClientWebSocket();
        // The server counts pings of its protocol as signs of life; those of WebSocket would only cost.
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        try
        {
            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
            return new Connection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class Connection(ClientWebSocket socket) : ISignalingConnection
    {
        /// <summary>The server keeps its frames under 32 KB; one far beyond is somebody else's.</summary>
        private const int LongestMessage = 1 << 20;
        private const int AbnormalClosure = 1006;
        private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);
        private readonly byte[] _buffer = new byte[16 * 1024];

        public int CloseCode => (int?)socket.CloseStatus ?? AbnormalClosure;

        public string CloseReason => socket.CloseStatusDescription ?? "";

        public Task SendAsync(string text, CancellationToken cancellationToken) =>
            socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, cancellationToken);

        public async Task<string?> ReceiveAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await ReceiveTextAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception thrown) when (thrown is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                return null;
            }
        }

        public async Task CloseAsync()
        {
            try
            {
                using var late = new CancellationTokenSource(Farewell);
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, late.Token).ConfigureAwait(false);
            }
            catch (Exception thrown) when (thrown is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                // It is closed all the same.
            }
        }

        public void Dispose() => socket.Dispose();

        private async Task<string?> ReceiveTextAsync(CancellationToken cancellationToken)
        {
            using var message = new MemoryStream();
            while (true)
            {
                var part = await socket.ReceiveAsync(_buffer.AsMemory(), cancellationToken).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    await CloseAsync().ConfigureAwait(false);
                    return null;
                }
                message.Write(_buffer, 0, part.Count);
                if (message.Length > LongestMessage)
                {
                    socket.Abort();
                    return null;
                }
                if (part.EndOfMessage)
                {
                    return Encoding.UTF8.GetString(message.GetBuffer(), 0, (int)message.Length);
                }
            }
        }
    }
}
