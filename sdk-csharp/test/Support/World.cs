using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using TunRTC.Client.Signaling;

namespace TunRTC.Client.Tests.Support;

/// <summary>A network and a server that do what a script of docs/vectors says, and write down what they see.</summary>
internal sealed class World : ISignalingTransport, IMembershipOwner
{
    private const double Latency = 5;
    private const double TicketLife = 60_000;
    private readonly List<JsonNode> _answers;
    private readonly Queue<JsonNode?> _handshakes;
    private readonly Queue<JsonNode?> _tickets;
    private readonly List<Connection> _connections = new();
    private readonly Dictionary<string, int> _counts = new();
    private readonly Loop _loop;
    private readonly Membership _membership;

    public World(JsonNode vector)
    {
        _answers = (vector["answers"]?.AsArray() ?? new JsonArray()).Select(each => each!).ToList();
        _handshakes = new(vector["handshakes"]?.AsArray() ?? new JsonArray());
        _tickets = new(vector["tickets"]?.AsArray() ?? new JsonArray());
        var random = (double?)vector["random"] ?? 0.5;
        _loop = new Loop(thrown => Errors.Add(thrown.ToString()), _ => { });
        Clock = new FakeClock(_loop.RunPending);
        var surroundings = new Surroundings(_loop, Clock, () => random, this);
        _membership = new Membership(surroundings, "session", "me", new Heartbeat(), this);
    }

    public FakeClock Clock { get; }

    public List<string> Wire { get; } = new();

    public List<string> App { get; } = new();

    /// <summary>What the loop was told of steps that threw.</summary>
    public List<string> Errors { get; } = new();

    /// <summary>Runs a script to its end.</summary>
    public static World Play(JsonNode vector)
    {
        var world = new World(vector);
        var script = vector["script"]!.AsArray();
        for (var place = 0; place < script.Count; place++)
        {
            var (step, number) = (script[place]!, place);
            world.Clock.Advance((double)step["at"]! - world.Clock.Now);
            world._loop.Post(() => world.Take(step, number));
            world._loop.RunPending();
        }
        world.Clock.Advance((double)vector["until"]! - world.Clock.Now);
        return world;
    }

    Task<ISignalingConnection> ISignalingTransport.ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        Check.Equal("ws://server/ws?ticket=ticket", address.ToString());
        var connection = new Connection(this, _connections.Count + 1);
        _connections.Add(connection);
        Note($"connect {connection.Number}");
        var outcome = _handshakes.TryDequeue(out var given) ? (string)given! : "open";
        if (outcome != "never")
        {
            Clock.After(Latency, () => connection.Settle(outcome == "open"));
        }
        cancellationToken.Register(connection.Abandon);
        return connection.Opened;
    }

    async Task<SignalingTicket> IMembershipOwner.AdmitAsync(CancellationToken abandoned)
    {
        Note("ticket");
        var outcome = _tickets.TryDequeue(out var given) ? given : null;
        await Task.Delay(TimeSpan.FromMilliseconds(Latency), Clock, CancellationToken.None);
        if (outcome is not JsonObject failure)
        {
            return Ticket(Clock.Now);
        }
        var retryAfter = (double?)failure["retryAfter"] is { } seconds ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null;
        throw new TunRTCException((string)failure["fail"]!, "refused") { RetryAfter = retryAfter };
    }

    Task IMembershipOwner.OnJoinedAsync(Arrival arrival)
    {
        var since = arrival.Since is { } time ? Client.Wire.ToText(time) : "never";
        Tell($"joined resumed={Text(arrival.Resumed)} recovered={Text(arrival.Ack.Recovered)} since={since}");
        return Task.CompletedTask;
    }

    void IMembershipOwner.OnState(ConnectionState state) => Tell(state.Status switch
    {
        ConnectionStatus.Connected => $"state connected recovered={Text(state.Recovered)}",
        ConnectionStatus.Reconnecting => $"state reconnecting {state.Attempt} {state.Code}",
        ConnectionStatus.Closed => $"state closed {state.Code}",
        _ => $"state {state.Status.ToString().ToLowerInvariant()}",
    });

    void IMembershipOwner.OnSignal(Signal signal)
    {
        var order = $"{signal.FromUserId} {signal.Epoch ?? "-"} {signal.Seq?.ToString(CultureInfo.InvariantCulture) ?? "-"}";
        Tell(signal.Body switch
        {
            Offer offer => $"signal {order} offer {offer.Sdp}",
            Answer answer => $"signal {order} answer {answer.Sdp}",
            Candidates candidates => $"signal {order} candidates {string.Join(' ', candidates.List.Select(each => each.Candidate))}",
            _ => "what is this?",
        });
    }

    void IMembershipOwner.OnMessage(ChatMessage message) => Tell($"message {message.MessageId} {message.Message}");

    void IMembershipOwner.OnEvent(EventFrame frame) => Tell($"event {frame.Event} {Canonical(JsonNode.Parse(frame.Data.GetRawText()))}");

    void IMembershipOwner.OnBroken(string userId) => Tell($"broken {userId}");

    void IMembershipOwner.OnError(TunRTCException error) => Tell($"error {error.Code}");

    /// <summary>The same text for the same data, whoever writes it: keys are sorted.</summary>
    private static string Canonical(JsonNode? value) => value switch
    {
        JsonObject fields => $"{{{string.Join(',', fields.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => $"\"{each.Key}\":{Canonical(each.Value)}"))}}}",
        JsonArray items => $"[{string.Join(',', items.Select(Canonical))}]",
        null => "null",
        JsonValue text when text.TryGetValue<string>(out var content) => $"\"{content.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"",
        _ => value.ToJsonString(),
    };

    private static string Text(bool value) => value ? "true" : "false";

    private void Take(JsonNode step, int place)
    {
        var (to, text, sdp) = ((string?)step["to"] ?? "", (string?)step["text"] ?? "", (string?)step["sdp"] ?? "");
        switch ((string)step["do"]!)
        {
            case "join":
                var seat = new Participant("me", "me", Time(0), ParticipantStatus.Connected, false, true);
                Await(place, _membership.JoinAsync(new[] { seat }, Ticket(0)).With(""));
                break;
            case "offer":
                Await(place, _membership.SignalAsync(to, new Offer(sdp)).With(""));
                break;
            case "answer":
                Await(place, _membership.SignalAsync(to, new Answer(sdp)).With(""));
                break;
            case "candidates":
                var list = step["candidates"]!.AsArray().Select(each => new IceCandidate((string)each!)).ToArray();
                Await(place, _membership.SignalAsync(to, new Candidates(list)).With(""));
                break;
            case "message":
                Await(place, Spaced(_membership.SendMessageAsync(text)));
                break;
            case "status":
                Await(place, _membership.SendAsync("updateStatus", step["data"]!.DeepClone().AsObject()).With(""));
                break;
            case "renew":
                _membership.Renew(to);
                break;
            case "wake":
                _membership.Wake();
                break;
            case "leave":
                Await(place, LeaveAsync());
                break;
            case "close":
                _membership.Close(new TunRTCException("closed", "The app ends it."));
                break;
            case "receive":
                On(step).Deliver(Stamped(step["frame"]!));
                break;
            case "text":
                On(step).Deliver(text);
                break;
            case "drop":
                On(step).Drop((int?)step["code"] ?? 1006);
                break;
            case "deaf":
                On(step).IsDeaf = true;
                break;
            default:
                throw new CheckFailedException($"a script cannot {step["do"]}");
        }
    }

    private static async Task<string> Spaced(Task<string> id) => $" {await id}";

    private async Task<string> LeaveAsync() => $" told={Text(await _membership.LeaveAsync())}";

    private async void Await(int place, Task<string> outcome)
    {
        try
        {
            var said = await outcome;
            Tell($"call {place} done{said}");
        }
        catch (TunRTCException thrown)
        {
            Tell($"call {place} failed {thrown.Code}");
        }
    }

    /// <summary>A frame that the client sent.</summary>
    private void Arrived(Connection connection, string text)
    {
        var frame = JsonNode.Parse(text)!;
        var (action, data) = ((string)frame["action"]!, frame["data"]!);
        Note($"{connection.Number}> {action} {Canonical(data)}");
        if (connection.IsDeaf)
        {
            return;
        }
        var arrivedAt = Now;
        var answer = _answers.FirstOrDefault(each => (string)each["action"]! == action);
        if (answer is not null)
        {
            _answers.Remove(answer);
        }
        if ((string?)answer?["reply"] != "none")
        {
            Clock.After((double?)answer?["after"] ?? Latency, () => AnswerNow(connection, (string)frame["id"]!, action, data, arrivedAt, answer));
        }
    }

    private void AnswerNow(Connection connection, string id, string action, JsonNode data, double arrivedAt, JsonNode? answer)
    {
        if ((int?)answer?["close"] is { } code)
        {
            connection.Drop(code);
            return;
        }
        foreach (var each in answer?["events"]?.AsArray() ?? new JsonArray())
        {
            connection.Deliver(Stamped(each!));
        }
        var error = (string?)answer?["error"];
        var reply = new JsonObject
        {
            ["event"] = error is null ? "ack" : "error",
            ["id"] = id,
            ["timestamp"] = Client.Wire.ToText(Time(arrivedAt)),
            ["data"] = error is null ? answer?["ack"]?.DeepClone() ?? Acknowledgement(action, data) : new JsonObject { ["code"] = error, ["message"] = error },
        };
        connection.Deliver(reply.ToJsonString());
    }

    private string Stamped(JsonNode frame)
    {
        var stamped = frame.DeepClone().AsObject();
        stamped["timestamp"] ??= Client.Wire.ToText(Time(Now));
        return stamped.ToJsonString();
    }

    private JsonObject Acknowledgement(string action, JsonNode data) => action switch
    {
        "joinSession" => JoinAck(data["since"] is not null),
        "sendMessage" => new JsonObject { ["messageId"] = $"message-{Count(action)}" },
        "sync" => new JsonObject { ["replayed"] = 0 },
        "sendOffer" or "sendAnswer" or "sendIceCandidate" => new JsonObject { ["delivery"] = "sent", ["signalId"] = $"signal-{Count("signal")}" },
        _ => new JsonObject(),
    };

    private JsonObject JoinAck(bool recovered) => new()
    {
        ["session"] = new JsonObject
        {
            ["sessionId"] = "session",
            ["name"] = "vector",
            ["type"] = "videoCall",
            ["status"] = "active",
            ["visibility"] = "public",
            ["maxParticipants"] = 10,
            ["currentParticipants"] = 2,
            ["createdAt"] = Client.Wire.ToText(Time(0)),
            ["endedAt"] = null,
            ["creatorId"] = "me",
            ["creatorUsername"] = "me",
            ["participants"] = new JsonArray(Seat("me"), Seat("bob")),
        },
        ["recovered"] = recovered,
        ["heartbeatSeconds"] = 240,
    };

    private JsonObject Seat(string name) => new()
    {
        ["userId"] = name,
        ["username"] = name,
        ["joinedAt"] = Client.Wire.ToText(Time(0)),
        ["status"] = "connected",
        ["isMuted"] = false,
        ["isVideoEnabled"] = true,
    };

    private int Count(string name) => _counts[name] = _counts.GetValueOrDefault(name) + 1;

    private SignalingTicket Ticket(double madeAt) => new("ws://server/ws", "ticket", Time(madeAt + TicketLife));

    private Connection On(JsonNode step) => _connections[((int?)step["on"] ?? _connections.Count) - 1];

    private double Now => Math.Round(Clock.Now);

    private static DateTimeOffset Time(double milliseconds) => new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero).AddMilliseconds(milliseconds);

    private void Note(string line) => Wire.Add(string.Create(CultureInfo.InvariantCulture, $"{Now} {line}"));

    private void Tell(string line) => App.Add(string.Create(CultureInfo.InvariantCulture, $"{Now} {line}"));

    private sealed class Connection(World world, int number) : ISignalingConnection
    {
        private readonly TaskCompletionSource<ISignalingConnection> _opened = new();
        private readonly Channel<string> _toClient = Channel.CreateUnbounded<string>();
        private bool _isClosed;

        public int Number => number;

        public Task<ISignalingConnection> Opened => _opened.Task;

        public bool IsDeaf { get; set; }

        public int CloseCode { get; private set; } = 1006;

        public string CloseReason => "";

        public void Settle(bool opens)
        {
            if (_isClosed)
            {
                return;
            }
            if (opens)
            {
                _opened.SetResult(this);
            }
            else
            {
                _isClosed = true;
                _opened.SetException(new InvalidOperationException("refused"));
            }
        }

        public void Abandon()
        {
            if (_opened.TrySetCanceled())
            {
                Dispose();
            }
        }

        public void Deliver(string text)
        {
            if (!_isClosed && !IsDeaf)
            {
                _toClient.Writer.TryWrite(text);
            }
        }

        public void Drop(int code)
        {
            if (!_isClosed)
            {
                _isClosed = true;
                CloseCode = code;
                _toClient.Writer.TryComplete();
            }
        }

        public Task SendAsync(string text, CancellationToken cancellationToken)
        {
            if (!_isClosed)
            {
                world.Arrived(this, text);
            }
            return Task.CompletedTask;
        }

        public async Task<string?> ReceiveAsync(CancellationToken cancellationToken) =>
            await _toClient.Reader.WaitToReadAsync(cancellationToken) && _toClient.Reader.TryRead(out var text) ? text : null;

        public Task CloseAsync()
        {
            Dispose();
            return Task.CompletedTask;
        }

        public void Dispose()
        {
            if (_isClosed)
            {
                return;
            }
            _isClosed = true;
            _toClient.Writer.TryComplete();
            world.Note($"{number} closed");
        }
    }
}
