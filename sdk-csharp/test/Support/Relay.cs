using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>A network between clients and a server, which can be cut: connections are reset, as a dying router does it.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly HashSet<Connection> _connections = new();
    private Task _accepting = Task.CompletedTask;
    private int _target;

    public Relay() => _listener.Start();

    public string Url => $"http://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Whether new connections are refused, too.</summary>
    public bool IsDown { get; set; }

    /// <summary>Starts to pass on, to the server at this port.</summary>
    public void LeadTo(int port)
    {
        _target = port;
        _accepting = AcceptAsync();
    }

    /// <summary>Cuts every WebSocket; answers how many there were.</summary>
    public int CutWebSockets()
    {
        var cut = Open().Where(connection => connection.IsWebSocket).ToArray();
        foreach (var connection in cut)
        {
            connection.Cut();
        }
        return cut.Length;
    }

    /// <summary>How many WebSockets there are.</summary>
    public int WebSockets => Open().Count(connection => connection.IsWebSocket);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        foreach (var connection in Open())
        {
            connection.Cut();
        }
    }

    private Connection[] Open()
    {
        lock (_connections)
        {
            return _connections.ToArray();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync();
                _ = Task.Run(() => ServeAsync(client));
            }
        }
        catch (Exception thrown) when (thrown is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var connection = new Connection(client);
        lock (_connections)
        {
            _connections.Add(connection);
        }
        try
        {
            if (!IsDown)
            {
                await connection.PassOnAsync(_target);
            }
        }
        catch (Exception thrown) when (thrown is SocketException or ObjectDisposedException)
        {
            // One side is gone: the other goes, too.
        }
        finally
        {
            connection.Cut();
            lock (_connections)
            {
                _connections.Remove(connection);
            }
        }
    }

    private sealed class Connection(Socket client)
    {
        private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private int _isCut;

        public bool IsWebSocket { get; private set; }

        public async Task PassOnAsync(int port)
        {
            client.NoDelay = _server.NoDelay = true;
            await _server.ConnectAsync(IPAddress.Loopback, port);
            await Task.WhenAny(CopyAsync(client, _server), CopyAsync(_server, client));
        }

        public void Cut()
        {
            if (Interlocked.Exchange(ref _isCut, 1) == 0)
            {
                // A reset: what is still on its way is lost.
                client.LingerState = new LingerOption(true, 0);
                client.Dispose();
                _server.Dispose();
            }
        }

        private async Task CopyAsync(Socket from, Socket to)
        {
            var buffer = new byte[16 * 1024];
            for (int count; (count = await from.ReceiveAsync(buffer.AsMemory())) > 0;)
            {
                IsWebSocket |= from == client && buffer.AsSpan(0, count).IndexOf("Upgrade: websocket"u8) >= 0;
                IsWebSocket |= from == client && buffer.AsSpan(0, count).IndexOf("upgrade: websocket"u8) >= 0;
                await to.SendAsync(buffer.AsMemory(0, count));
            }
        }
    }
}
