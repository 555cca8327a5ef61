using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TunRTC.Client.Signaling;

/// <summary>What a signal carries: exactly one of an offer, an answer or candidates.</summary>
internal abstract record SignalBody
{
    /// <summary>The action that sends it.</summary>
    public abstract string Action { get; }

    /// <summary>Whether a later one of the same target makes it void, as long as it was never sent.</summary>
    public virtual bool IsReplaceable => true;

    public abstract void Write(JsonObject data);

    /// <summary>What an event carries; <c>null</c> where that is none of the three.</summary>
    public static SignalBody? Read(string name, JsonElement data) => name switch
    {
        "receiveOffer" => new Offer(data.Object("offer").Text("sdp")),
        "receiveAnswer" => new Answer(data.Object("answer").Text("sdp")),
        "receiveIceCandidate" => new Candidates(data.List("candidates", Wire.Candidate)),
        _ => null,
    };

    protected static JsonObject Description(string type, string sdp) => new() { ["type"] = type, ["sdp"] = sdp };
}

internal sealed record Offer(string Sdp) : SignalBody
{
    public override string Action => "sendOffer";

    public override void Write(JsonObject data) => data["offer"] = Description("offer", Sdp);
}

internal sealed record Answer(string Sdp) : SignalBody
{
    public override string Action => "sendAnswer";

    public override void Write(JsonObject data) => data["answer"] = Description("answer", Sdp);
}

internal sealed record Candidates(IReadOnlyList<IceCandidate> List) : SignalBody
{
    public override string Action => "sendIceCandidate";

    public override bool IsReplaceable => false;

    public override void Write(JsonObject data) => data["candidates"] = new JsonArray(List.Select(Wire.ToJson).ToArray());
}

/// <summary>A signal as its target receives it.</summary>
/// <param name="FromUserId">Who sent it.</param>
/// <param name="FromUsername">The sender's name.</param>
/// <param name="SignalId">Unique, sorted by time.</param>
/// <param name="Epoch">One run of the sending client.</param>
/// <param name="Seq">Counts 1, 2, 3... per target.</param>
/// <param name="Timestamp">When the server took it.</param>
/// <param name="Body">What it carries.</param>
internal sealed record Signal(
    string FromUserId,
    string FromUsername,
    string SignalId,
    string? Epoch,
    long? Seq,
    DateTimeOffset Timestamp,
    SignalBody Body)
{
    public static Signal Read(JsonElement data, DateTimeOffset timestamp, SignalBody body) => new(
        data.Text("fromUserId"),
        data.Text("fromUsername"),
        data.Text("signalId"),
        data.TextOrNull("epoch"),
        data.LongOrNull("seq"),
        timestamp,
        body);
}

/// <summary>An event of the server.</summary>
internal sealed record EventFrame(string Event, DateTimeOffset Timestamp, JsonElement Data);

/// <summary>The server's acknowledgement of a frame.</summary>
/// <param name="Data">What it says.</param>
/// <param name="Timestamp">When the frame arrived, by the server's clock. Events that are later may have been heard before.</param>
internal sealed record Ack(JsonElement Data, DateTimeOffset Timestamp);

/// <summary>The answer to <c>joinSession</c>.</summary>
internal sealed record JoinAck(SessionDetail Session, bool Recovered, double HeartbeatSeconds)
{
    public static JoinAck Read(JsonElement data) => new(
        Wire.SessionDetail(data.Object("session")),
        data.Flag("recovered"),
        data.Number("heartbeatSeconds"));
}
