using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace TunRTC.Client;

/// <summary>What is recorded.</summary>
public enum RecordingKind
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>Camera and microphone.</summary>
    Participant,

    /// <summary>The microphone alone.</summary>
    Audio,

    /// <summary>The screen.</summary>
    Screen,
}

/// <summary>How far a recording is.</summary>
public enum RecordingStatus
{
    /// <summary>One that this version does not know.</summary>
    Unknown = -1,

    /// <summary>Chunks come, or may come.</summary>
    Active,

    /// <summary>It is put together.</summary>
    Composing,

    /// <summary>Its files are there.</summary>
    Ready,

    /// <summary>No file could be made of it.</summary>
    Failed,
}

/// <summary>Where one chunk is stored: by <c>PUT</c>, with the content type that is given beside it.</summary>
/// <param name="Seq">The chunk's number.</param>
/// <param name="Url">The address.</param>
public sealed record RecordingUpload(int Seq, string Url);

/// <summary>A recording that was begun.</summary>
/// <param name="RecordingId">Its identifier.</param>
/// <param name="ChunkLength">How much of it a chunk holds.</param>
/// <param name="MaxChunkBytes">The largest chunk, in bytes.</param>
/// <param name="Uploads">Where the first chunks are stored.</param>
/// <param name="ContentType">What a chunk is stored with; part of each address's signature.</param>
/// <param name="ExpiresAt">When the addresses end.</param>
/// <param name="ServerTime">The server's time.</param>
public sealed record StartedRecording(
    string RecordingId,
    TimeSpan ChunkLength,
    long MaxChunkBytes,
    IReadOnlyList<RecordingUpload> Uploads,
    string ContentType,
    DateTimeOffset ExpiresAt,
    DateTimeOffset ServerTime);

/// <summary>Chunks from one to another, both included.</summary>
/// <param name="From">The first one.</param>
/// <param name="To">The last one.</param>
public sealed record ChunkRange(int From, int To);

/// <summary>A chunk that was removed.</summary>
/// <param name="Seq">Its number.</param>
/// <param name="Reason">Why: <c>tooLarge</c>.</param>
public sealed record RefusedChunk(int Seq, string Reason);

/// <summary>Where chunks are stored, and which are.</summary>
/// <param name="Uploads">Where, from the one on that was asked for.</param>
/// <param name="ContentType">What a chunk is stored with.</param>
/// <param name="Have">Which are there.</param>
/// <param name="Refused">Which were removed.</param>
/// <param name="ExpiresAt">When the addresses end.</param>
public sealed record RecordingUploads(
    IReadOnlyList<RecordingUpload> Uploads,
    string ContentType,
    IReadOnlyList<ChunkRange> Have,
    IReadOnlyList<RefusedChunk> Refused,
    DateTimeOffset ExpiresAt);

/// <summary>A file of a recording.</summary>
/// <param name="Url">Where it is fetched, whole or by ranges, until <see cref="Recording.ExpiresAt"/>.</param>
/// <param name="MimeType">Its content type.</param>
/// <param name="StartedAt">When its first sample was taken.</param>
/// <param name="Duration">How long it plays.</param>
/// <param name="Bytes">Its size.</param>
public sealed record RecordingFile(string Url, string MimeType, DateTimeOffset StartedAt, TimeSpan Duration, long Bytes);

/// <summary>A stretch of which nothing came, since the recording began.</summary>
/// <param name="From">From there.</param>
/// <param name="To">To there.</param>
public sealed record RecordingGap(TimeSpan From, TimeSpan To);

/// <summary>A recording of what one participant sent.</summary>
/// <param name="RecordingId">Its identifier.</param>
/// <param name="SessionId">The session.</param>
/// <param name="UserId">Who recorded themselves.</param>
/// <param name="Username">Their name.</param>
/// <param name="Kind">What.</param>
/// <param name="Status">How far it is.</param>
/// <param name="StartedAt">When its first sample was taken.</param>
public sealed record Recording(
    string RecordingId,
    string SessionId,
    string UserId,
    string Username,
    RecordingKind Kind,
    RecordingStatus Status,
    DateTimeOffset StartedAt)
{
    /// <summary>When nothing more came.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>How long it lasted, gaps included.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>The size of its files.</summary>
    public long? Bytes { get; init; }

    /// <summary>What is missing, in order.</summary>
    public IReadOnlyList<RecordingGap> Gaps { get; init; } = [];

    /// <summary>Its files, in the order of their beginning.</summary>
    public IReadOnlyList<RecordingFile> Files { get; init; } = [];

    /// <summary>When the addresses of its files end; the same question gives others.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Why no file could be made of it.</summary>
    public string? Error { get; init; }
}

/// <summary>Recordings as the wire has them.</summary>
internal static class RecordingWire
{
    public static StartedRecording Started(JsonElement value) => new(
        value.Text("recordingId"),
        TimeSpan.FromSeconds(value.Number("chunkSeconds")),
        value.LongOrNull("maxChunkBytes") ?? 0,
        value.List("uploads", Upload),
        value.Text("contentType"),
        value.Time("expiresAt"),
        value.Time("serverTime"));

    public static RecordingUploads Uploads(JsonElement value) => new(
        value.List("uploads", Upload),
        value.Text("contentType"),
        value.List("have", range => new ChunkRange(range[0].GetInt32(), range[1].GetInt32())),
        value.List("refused", chunk => new RefusedChunk(chunk.Number("seq"), chunk.Text("reason"))),
        value.Time("expiresAt"));

    public static Recording Recording(JsonElement value) => new(
        value.Text("recordingId"),
        value.Text("sessionId"),
        value.Text("userId"),
        value.Text("username"),
        Kind(value.Text("kind")),
        Status(value),
        value.Time("startedAt"))
    {
        EndedAt = value.TimeOrNull("endedAt"),
        Duration = value.LongOrNull("durationMs") is { } length ? TimeSpan.FromMilliseconds(length) : null,
        Bytes = value.LongOrNull("bytes"),
        Gaps = value.List("gaps", gap => new RecordingGap(Milliseconds(gap, "fromMs"), Milliseconds(gap, "toMs"))),
        Files = value.List("files", File),
        ExpiresAt = value.TimeOrNull("expiresAt"),
        Error = value.TextOrNull("error"),
    };

    public static RecordingStatus Status(JsonElement value) => value.Text("status") switch
    {
        "active" => RecordingStatus.Active,
        "composing" => RecordingStatus.Composing,
        "ready" => RecordingStatus.Ready,
        "failed" => RecordingStatus.Failed,
        _ => RecordingStatus.Unknown,
    };

    public static string ToText(RecordingKind kind) => kind switch
    {
        RecordingKind.Audio => "audio",
        RecordingKind.Screen => "screen",
        _ => "participant",
    };

    private static RecordingKind Kind(string word) => word switch
    {
        "participant" => RecordingKind.Participant,
        "audio" => RecordingKind.Audio,
        "screen" => RecordingKind.Screen,
        _ => RecordingKind.Unknown,
    };

    private static RecordingUpload Upload(JsonElement value) => new(value.Number("seq"), value.Text("url"));

    private static RecordingFile File(JsonElement value) => new(
        value.Text("url"),
        value.Text("mimeType"),
        value.Time("startedAt"),
        Milliseconds(value, "durationMs"),
        value.LongOrNull("bytes") ?? 0);

    private static TimeSpan Milliseconds(JsonElement value, string name) => TimeSpan.FromMilliseconds(value.LongOrNull(name) ?? 0);
}
