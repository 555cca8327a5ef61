using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Signaling;

/// <summary>Chat of one membership: each message goes out as one message however often its frame is sent, and comes in once.</summary>
internal sealed class Chat(Loop loop, Outbox outbox, Action<ChatMessage> onMessage)
{
    private readonly Recent _received = new();

    /// <summary>Heard on a connection that is still catching up: what was said before may come after.</summary>
    private readonly SortedDictionary<string, ChatMessage> _early = new(StringComparer.Ordinal);
    private string _run = "";
    private DateTimeOffset _begunAt;
    private int _count;

    /// <summary>One message at a time, so that their ids are in their order.</summary>
    private Task _last = Task.CompletedTask;

    /// <param name="run">Names this run of the client.</param>
    /// <param name="begunAt">Messages from before are history, not news.</param>
    public void Begin(string run, DateTimeOffset begunAt) => (_run, _begunAt) = (run, begunAt);

    /// <summary>Ends with the message's id once the server has it.</summary>
    public async Task<string> SendAsync(string message, CancellationToken cancellationToken)
    {
        var number = _count++;
        var before = _last;
        var done = new Promise<bool>(loop);
        _last = done.Task;
        try
        {
            await before;
            cancellationToken.ThrowIfCancellationRequested();
            var ack = await outbox.SendAsync(new Frame("sendMessage", "sendMessage", () => Data(message, number)), cancellationToken);
            return ack.Data.Text("messageId");
        }
        finally
        {
            done.Resolve(true);
        }
    }

    /// <summary>Takes a message from the server, or from the history; hands it on unless it was or is from before.</summary>
    /// <param name="message">The message.</param>
    /// <param name="isEarly">Keeps it until <see cref="Release"/>.</param>
    public void Receive(ChatMessage message, bool isEarly = false)
    {
        if (!IsNews(message))
        {
            return;
        }
        if (isEarly)
        {
            _early[message.MessageId] = message;
            return;
        }
        _received.Add(message.MessageId);
        onMessage(message);
    }

    /// <summary>Whether a message was not handed on yet, and is not from before.</summary>
    public bool IsNews(ChatMessage message) => message.Timestamp >= _begunAt && !_received.Has(message.MessageId);

    /// <summary>The connection has caught up: what came meanwhile is handed on in the order in which it was said.</summary>
    public void Release()
    {
        var early = _early.Values.ToArray();
        _early.Clear();
        foreach (var message in early)
        {
            Receive(message);
        }
    }

    /// <summary>The server knows the message by this name when its frame comes again.</summary>
    private JsonObject Data(string message, int number) => new()
    {
        ["message"] = message,
        ["clientMessageId"] = string.Create(CultureInfo.InvariantCulture, $"{_run}.{number}"),
    };
}
