using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TunRTC.Client;

/// <summary>How a run of a client came out.</summary>
public enum CallOutcome
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>Media of somebody came.</summary>
    Connected,

    /// <summary>Nobody else was there.</summary>
    Alone,

    /// <summary>Somebody was there, and no media came, or the join failed.</summary>
    Failed,
}

/// <summary>A whole run of a client in a session, until its newest report. What was not measured is <c>null</c>: absent is not zero.</summary>
/// <param name="StartedAt">When it began.</param>
/// <param name="Minutes">How many minutes were reported, the newest one too.</param>
/// <param name="Outcome">How it came out.</param>
public sealed record CallSummary(DateTimeOffset StartedAt, int Minutes, CallOutcome Outcome)
{
    /// <summary>The mean score, 1 to 5.</summary>
    public double? Score { get; init; }

    /// <summary>The worst minute's score.</summary>
    public double? WorstScore { get; init; }

    /// <summary>The mean opinion score of audio, 1 to 5.</summary>
    public double? AudioMos { get; init; }

    /// <summary>From the call of join until joined.</summary>
    public TimeSpan? JoinTime { get; init; }

    /// <summary>From the call of join until the first media of somebody.</summary>
    public TimeSpan? MediaTime { get; init; }

    /// <summary>An error's code, at most 64 characters.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether media went over a TURN server.</summary>
    public bool? IsRelayed { get; init; }

    /// <summary>How often the connection came back.</summary>
    public int? Reconnects { get; init; }

    /// <summary>How often ICE began anew.</summary>
    public int? IceRestarts { get; init; }

    /// <summary>How often video stood still.</summary>
    public int? Freezes { get; init; }

    /// <summary>For how long together.</summary>
    public TimeSpan? FreezeTime { get; init; }
}

/// <summary>What a client saw of a call in one minute.</summary>
/// <param name="Minute">The start of the minute, in UTC: at most 15 minutes ago.</param>
/// <param name="Run">Names one run of the client, 1 to 64 characters. The same run and minute again takes the place of what was said of it.</param>
/// <param name="Summary">The whole run until now.</param>
public sealed record CallReport(DateTimeOffset Minute, string Run, CallSummary Summary)
{
    /// <summary>The worst peer's score of this minute, 1 to 5; <c>null</c> where nobody else was there.</summary>
    public double? Score { get; init; }

    /// <summary>Whether it is the run's last report.</summary>
    public bool IsFinal { get; init; }

    /// <summary>Whatever else was seen, as the API document has it: <c>client</c>, <c>join</c>, <c>events</c>, <c>peers</c>.</summary>
    public JsonObject? Details { get; init; }
}

/// <summary>What a call comes to.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Name">Its name.</param>
/// <param name="Room">The app's own name of it, if it has one.</param>
/// <param name="StartedAt">When the first client's run began.</param>
/// <param name="LastReportAt">When the newest report came.</param>
/// <param name="ParticipantMinutes">How many minutes participants reported together.</param>
/// <param name="Score">The mean score of all minutes, 1 to 5.</param>
/// <param name="WorstScore">The score of anybody's worst minute.</param>
/// <param name="AudioMos">The mean opinion score of audio, 1 to 5.</param>
/// <param name="JoinTime">The median time that joining took.</param>
/// <param name="Relayed">How many participants had their media go over a TURN server.</param>
/// <param name="Reconnects">How often connections came back.</param>
/// <param name="Freezes">How often video stood still.</param>
public sealed record CallFacts(
    string SessionId,
    string Name,
    string? Room,
    DateTimeOffset StartedAt,
    DateTimeOffset LastReportAt,
    long ParticipantMinutes,
    double? Score,
    double? WorstScore,
    double? AudioMos,
    TimeSpan? JoinTime,
    int Relayed,
    long Reconnects,
    long Freezes);

/// <summary>A call in a list.</summary>
/// <param name="Facts">What it comes to.</param>
/// <param name="Participants">How many took part.</param>
public sealed record ListedCall(CallFacts Facts, int Participants);

/// <summary>One call with what happened in it.</summary>
/// <param name="Facts">What it comes to.</param>
/// <param name="Participants">Whoever reported.</param>
/// <param name="Timeline">What happened, in order.</param>
/// <param name="IsTruncated">Whether somebody has more minutes than are shown.</param>
public sealed record CallDetail(CallFacts Facts, IReadOnlyList<CallParticipant> Participants, IReadOnlyList<CallMoment> Timeline, bool IsTruncated);

/// <summary>Somebody who took part in a call.</summary>
/// <param name="UserId">Who.</param>
/// <param name="Username">Their name.</param>
/// <param name="Identity">What the app calls its user; an account has none.</param>
/// <param name="Runs">The runs of their client, in order.</param>
/// <param name="Missing">Minutes in which they were connected and that nobody reported.</param>
/// <param name="Connections">Their connections, in order.</param>
public sealed record CallParticipant(
    string UserId,
    string Username,
    string? Identity,
    IReadOnlyList<CallRun> Runs,
    IReadOnlyList<DateTimeOffset> Missing,
    IReadOnlyList<CallConnection> Connections);

/// <summary>One run of a participant's client, as its newest report has it.</summary>
/// <param name="Run">What the client calls it.</param>
/// <param name="LastMinute">The newest minute that was reported.</param>
/// <param name="IsFinal">Whether that was its last report.</param>
/// <param name="Summary">The whole run until then.</param>
public sealed record CallRun(string Run, DateTimeOffset LastMinute, bool IsFinal, CallSummary Summary);

/// <summary>A connection of a participant, by the server's clock.</summary>
/// <param name="ConnectedAt">When it was made.</param>
/// <param name="DisconnectedAt">When it ended, if that was noticed.</param>
/// <param name="Reason">Why: the WebSocket close code, and what was said.</param>
public sealed record CallConnection(DateTimeOffset ConnectedAt, DateTimeOffset? DisconnectedAt, string? Reason);

/// <summary>Something that happened in a call.</summary>
/// <param name="At">When.</param>
/// <param name="UserId">To whom.</param>
/// <param name="Kind">What: <c>muted</c>, <c>reconnecting</c>, <c>disconnected</c>, say.</param>
/// <param name="Detail">More about it.</param>
public sealed record CallMoment(DateTimeOffset At, string UserId, string Kind, string? Detail);

/// <summary>A chart of what one participant's client saw.</summary>
/// <param name="Metric">What it shows.</param>
/// <param name="Unit">In which unit; empty for a score or a count.</param>
/// <param name="Points">In order.</param>
/// <param name="IsTruncated">Whether there are older ones.</param>
public sealed record CallSeries(string Metric, string Unit, IReadOnlyList<CallPoint> Points, bool IsTruncated);

/// <summary>One point of a chart.</summary>
/// <param name="Minute">The start of the minute.</param>
/// <param name="PeerUserId">The peer; <c>null</c> for the score of the minute itself.</param>
/// <param name="Value">As high.</param>
public sealed record CallPoint(DateTimeOffset Minute, string? PeerUserId, double Value);

/// <summary>What all calls of a span come to.</summary>
/// <param name="From">Sessions are meant that were created from then on.</param>
/// <param name="To">And before then.</param>
/// <param name="Calls">How many calls.</param>
/// <param name="Participants">How many people took part.</param>
/// <param name="ParticipantMinutes">How many minutes they reported together.</param>
/// <param name="JoinSuccess">The share of clients' runs that did not fail, 0 to 1.</param>
/// <param name="MedianJoinTime">The median time that joining took.</param>
/// <param name="RelayedShare">The share of calls in which anybody's media went over a TURN server, 0 to 1.</param>
/// <param name="MeanScore">The mean score of all minutes, 1 to 5.</param>
/// <param name="Worst">The calls with the worst minutes, the worst first.</param>
public sealed record CallOverview(
    DateTimeOffset From,
    DateTimeOffset To,
    int Calls,
    int Participants,
    long ParticipantMinutes,
    double? JoinSuccess,
    TimeSpan? MedianJoinTime,
    double? RelayedShare,
    double? MeanScore,
    IReadOnlyList<ListedCall> Worst);

/// <summary>Call quality over the wire.</summary>
internal static class QualityWire
{
    public static JsonObject ToJson(CallReport report)
    {
        var body = report.Details?.DeepClone().AsObject() ?? new JsonObject();
        body["minute"] = Wire.ToText(report.Minute);
        body["run"] = report.Run;
        body["scoreVersion"] = 1;
        body["final"] = report.IsFinal;
        body.AddIfAny("score", report.Score);
        body["summary"] = ToJson(report.Summary);
        return body;
    }

    private static JsonObject ToJson(CallSummary summary)
    {
        var value = new JsonObject
        {
            ["startedAt"] = Wire.ToText(summary.StartedAt),
            ["minutes"] = summary.Minutes,
            ["outcome"] = summary.Outcome.ToString().ToLowerInvariant(),
        };
        value.AddIfAny("score", summary.Score);
        value.AddIfAny("worstScore", summary.WorstScore);
        value.AddIfAny("audioMos", summary.AudioMos);
        value.AddIfAny("joinMs", summary.JoinTime?.TotalMilliseconds);
        value.AddIfAny("mediaMs", summary.MediaTime?.TotalMilliseconds);
        value.AddIfAny("failure", summary.Failure);
        value.AddIfAny("relayed", summary.IsRelayed);
        value.AddIfAny("reconnects", summary.Reconnects);
        value.AddIfAny("iceRestarts", summary.IceRestarts);
        value.AddIfAny("freezes", summary.Freezes);
        value.AddIfAny("freezeMs", summary.FreezeTime?.TotalMilliseconds);
        return value;
    }

    private static CallSummary Summary(JsonElement value) => new(value.Time("startedAt"), value.Number("minutes"), Outcome(value.Text("outcome")))
    {
        Score = value.DoubleOrNull("score"),
        WorstScore = value.DoubleOrNull("worstScore"),
        AudioMos = value.DoubleOrNull("audioMos"),
        JoinTime = Milliseconds(value, "joinMs"),
        MediaTime = Milliseconds(value, "mediaMs"),
        Failure = value.TextOrNull("failure"),
        IsRelayed = value.Field("relayed") is { } relayed ? relayed.ValueKind == JsonValueKind.True : null,
        Reconnects = value.NumberOrNull("reconnects"),
        IceRestarts = value.NumberOrNull("iceRestarts"),
        Freezes = value.NumberOrNull("freezes"),
        FreezeTime = Milliseconds(value, "freezeMs"),
    };

    private static CallOutcome Outcome(string word) => word switch
    {
        "connected" => CallOutcome.Connected,
        "alone" => CallOutcome.Alone,
        "failed" => CallOutcome.Failed,
        _ => CallOutcome.Unknown,
    };

    private static TimeSpan? Milliseconds(JsonElement value, string name) =>
        value.DoubleOrNull(name) is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null;

    private static CallFacts Facts(JsonElement value) => new(
        value.Text("sessionId"),
        value.Text("name"),
        value.TextOrNull("room"),
        value.Time("startedAt"),
        value.Time("lastReportAt"),
        value.LongOrNull("participantMinutes") ?? 0,
        value.DoubleOrNull("score"),
        value.DoubleOrNull("worstScore"),
        value.DoubleOrNull("audioMos"),
        Milliseconds(value, "joinMs"),
        value.Number("relayed"),
        value.LongOrNull("reconnects") ?? 0,
        value.LongOrNull("freezes") ?? 0);

    public static ListedCall Listed(JsonElement value) => new(Facts(value), value.Number("participants"));

    public static CallDetail Detail(JsonElement value) =>
        new(Facts(value), value.List("participants", Participant), value.List("timeline", Moment), value.Flag("truncated"));

    private static CallParticipant Participant(JsonElement value) => new(
        value.Text("userId"),
        value.Text("username"),
        value.TextOrNull("identity"),
        value.List("runs", Run),
        value.List("missing", each => each.GetDateTimeOffset()),
        value.List("connections", Connection));

    private static CallRun Run(JsonElement value) => new(value.Text("run"), value.Time("lastMinute"), value.Flag("final"), Summary(value));

    private static CallConnection Connection(JsonElement value) =>
        new(value.Time("connectedAt"), value.TimeOrNull("disconnectedAt"), value.TextOrNull("reason"));

    private static CallMoment Moment(JsonElement value) =>
        new(value.Time("at"), value.Text("userId"), value.Text("kind"), value.TextOrNull("detail"));

    public static CallSeries Series(JsonElement value) =>
        new(value.Text("metric"), value.Text("unit"), value.List("points", Point), value.Flag("truncated"));

    private static CallPoint Point(JsonElement value) =>
        new(value.Time("minute"), value.TextOrNull("peerUserId"), value.DoubleOrNull("value") ?? 0);

    public static CallOverview Overview(JsonElement value) => new(
        value.Time("from"),
        value.Time("to"),
        value.Number("calls"),
        value.Number("participants"),
        value.LongOrNull("participantMinutes") ?? 0,
        value.DoubleOrNull("joinSuccess"),
        Milliseconds(value, "medianJoinMs"),
        value.DoubleOrNull("relayedShare"),
        value.DoubleOrNull("meanScore"),
        value.List("worst", Listed));

    /// <summary>A query of those that are not <c>null</c>.</summary>
    public static string Query(params (string Name, string? Value)[] asked)
    {
        var given = asked.Where(each => each.Value is not null).Select(each => $"{each.Name}={Uri.EscapeDataString(each.Value!)}").ToArray();
        return given.Length == 0 ? "" : $"?{string.Join('&', given)}";
    }
}
