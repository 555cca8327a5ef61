using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>Signaling of a server that answers at once, on connections that the test ends and speaks over.</summary>
internal sealed class Line : ISignalingTransport
{
    private Connection? _connection;

    /// <summary>Every frame that came, as <c>action data</c>.</summary>
    public List<string> Frames { get; } = new();

    /// <summary>What the next <c>joinSession</c> is answered.</summary>
    public Func<JsonObject> Join { get; set; } = () => new JsonObject();

    /// <summary>The time of what is sent.</summary>
    public Func<DateTimeOffset> Time { get; set; } = () => default;

    public Task<ISignalingConnection> ConnectAsync(Uri address, CancellationToken cancellationToken) =>
        Task.FromResult<ISignalingConnection>(_connection = new Connection(this));

    public void Push(string name, string data, DateTimeOffset? at = null) =>
        _connection!.Deliver(new JsonObject { ["event"] = name, ["timestamp"] = Wire.ToText(at ?? Time()), ["data"] = JsonNode.Parse(data) });

    public void Drop() => _connection!.Drop();

    private void Arrived(Connection connection, JsonNode frame)
    {
        var action = (string)frame["action"]!;
        Frames.Add($"{action} {frame["data"]!.ToJsonString()}");
        var data = action switch
        {
            "joinSession" => Join(),
            "sendMessage" => new JsonObject { ["messageId"] = $"own-{Frames.Count(each => each.StartsWith(action, StringComparison.Ordinal))}" },
            _ => new JsonObject(),
        };
        connection.Deliver(new JsonObject { ["event"] = "ack", ["id"] = (string)frame["id"]!, ["timestamp"] = Wire.ToText(Time()), ["data"] = data });
    }

    private sealed class Connection(Line line) : ISignalingConnection
    {
        private readonly Channel<string> _toClient = Channel.CreateUnbounded<string>();

        public int CloseCode => 1006;

        public string CloseReason => "";

        public void Deliver(JsonObject frame) => _toClient.Writer.TryWrite(frame.ToJsonString());

        public void Drop() => _toClient.Writer.TryComplete();

        public Task SendAsync(string text, CancellationToken cancellationToken)
        {
            line.Arrived(this, JsonNode.Parse(text)!);
            return Task.CompletedTask;
        }

        public async Task<string?> ReceiveAsync(CancellationToken cancellationToken) =>
            await _toClient.Reader.WaitToReadAsync(cancellationToken) && _toClient.Reader.TryRead(out var text) ? text : null;

        public Task CloseAsync()
        {
            Drop();
            return Task.CompletedTask;
        }

        public void Dispose() => Drop();
    }
}
