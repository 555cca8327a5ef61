using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TunRTC.Client;

/// <summary>What goes over the wire, read and written field by field: nothing here needs reflection.</summary>
internal static class Wire
{
    private static readonly JsonWriterOptions Plain = new()
    {
        // It goes to a server that reads JSON, not into a page; and an escaped letter takes six bytes of a frame.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] ToBytes(JsonObject value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Plain))
        {
            value.WriteTo(writer);
        }
        return buffer.WrittenSpan.ToArray();
    }

    public static string ToText(JsonObject value) => Encoding.UTF8.GetString(ToBytes(value));

    public static JsonElement? Parse(ReadOnlySpan<byte> text)
    {
        try
        {
            var reader = new Utf8JsonReader(text);
            return JsonElement.TryParseValue(ref reader, out var value) && !HasMore(ref reader) ? value : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static string ToText(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static JsonElement? Field(this JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var field) && field.ValueKind != JsonValueKind.Null ? field : null;

    public static string? TextOrNull(this JsonElement value, string name) =>
        value.Field(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static string Text(this JsonElement value, string name) => value.TextOrNull(name) ?? throw Missing(name);

    public static int? NumberOrNull(this JsonElement value, string name) =>
        value.Field(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var read) ? read : null;

    public static long? LongOrNull(this JsonElement value, string name) =>
        value.Field(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var read) ? read : null;

    public static double? DoubleOrNull(this JsonElement value, string name) =>
        value.Field(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var read) ? read : null;

    public static int Number(this JsonElement value, string name) => value.NumberOrNull(name) ?? throw Missing(name);

    public static bool Flag(this JsonElement value, string name) => value.Field(name)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Missing(name),
    };

    public static DateTimeOffset? TimeOrNull(this JsonElement value, string name) =>
        value.Field(name) is { ValueKind: JsonValueKind.String } text && text.TryGetDateTimeOffset(out var time) ? time : null;

    public static DateTimeOffset Time(this JsonElement value, string name) => value.TimeOrNull(name) ?? throw Missing(name);

    public static T[] List<T>(this JsonElement value, string name, Func<JsonElement, T> read) =>
        value.Field(name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().Select(read).ToArray() : throw Missing(name);

    public static JsonElement Object(this JsonElement value, string name) =>
        value.Field(name) is { ValueKind: JsonValueKind.Object } field ? field : throw Missing(name);

    public static Auth Auth(JsonElement value) => new(
        value.Text("token"),
        value.Time("expiresAt"),
        value.Text("refreshToken"),
        value.Time("refreshExpiresAt"),
        value.Text("userId"),
        value.Text("username"),
        value.Text("email"));

    public static Account Account(JsonElement value) => new(
        value.Text("id"),
        value.Text("username"),
        value.Text("email"),
        value.Time("createdAt"),
        value.TimeOrNull("lastLoginAt"),
        // A server that does not say has no other.
        Visibility(value.TextOrNull("defaultVisibility") ?? "public"));

    public static Session Session(JsonElement value) => new(
        value.Text("sessionId"),
        value.Text("name"),
        SessionType(value.Text("type")),
        SessionStatus(value.Text("status")),
        Visibility(value.Text("visibility")),
        value.Number("maxParticipants"),
        value.Number("currentParticipants"),
        value.Time("createdAt"),
        value.TimeOrNull("endedAt"),
        value.Text("creatorId"),
        value.Text("creatorUsername"))
    {
        IsLocked = value.Field("locked")?.ValueKind == JsonValueKind.True,
        HasWaitingRoom = value.Field("waitingRoom")?.ValueKind == JsonValueKind.True,
        Version = value.LongOrNull("version") ?? 0,
    };

    public static SessionDetail SessionDetail(JsonElement value) => new(Session(value), value.List("participants", Participant));

    public static JoinedSession Joined(JsonElement value) =>
        new(SessionDetail(value), value.TextOrNull("userId"), Ticket(value.Object("signaling")), value.List("iceServers", IceServer), value.Field("media")?.NumberOrNull("limit"));

    /// <summary>Whether the answer to a join has its caller wait to be admitted.</summary>
    public static bool IsWaiting(JsonElement value) => value.TextOrNull("admission") == "waiting";

    public static SignalingTicket Ticket(JsonElement value) => new(value.Text("url"), value.Text("ticket"), value.Time("expiresAt"));

    public static IReadOnlyList<Participant> Participants(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(Participant).ToArray() : throw Missing("list");

    public static Participant Participant(JsonElement value) => new(
        value.Text("userId"),
        value.Text("username"),
        value.Time("joinedAt"),
        ParticipantStatus(value.Text("status")),
        value.Flag("isMuted"),
        value.Flag("isVideoEnabled"))
    {
        Role = Role(value),
        Permissions = Permissions(value),
        Attributes = Attributes(value) ?? new Dictionary<string, string>(),
        HandRaisedAt = value.TimeOrNull("handRaisedAt"),
        Metadata = value.TextOrNull("metadata"),
    };

    public static JsonObject ToJson(IReadOnlyDictionary<string, string?> attributes) =>
        new(attributes.Select(each => KeyValuePair.Create(each.Key, (JsonNode?)each.Value)));

    /// <summary>What somebody says of themselves, where it is said.</summary>
    public static IReadOnlyDictionary<string, string>? Attributes(JsonElement value) =>
        value.Field("attributes")?.EnumerateObject().ToDictionary(each => each.Name, each => each.Value.GetString() ?? "");

    /// <summary>The permissions where they are said, else the role's usual ones.</summary>
    public static Permissions Permissions(JsonElement value) => value.Field("permissions") is not { } said
        ? Client.Permissions.Of(Role(value))
        : new(
            said.Flag("publishAudio"),
            said.Flag("publishVideo"),
            said.Flag("publishScreen"),
            said.Flag("chat"),
            said.Flag("data"),
            said.Flag("updateOwnAttributes"),
            said.Flag("moderate"));

    public static Role Role(JsonElement value) => value.TextOrNull("role") switch
    {
        "host" => Client.Role.Host,
        "cohost" => Client.Role.Cohost,
        "participant" or null => Client.Role.Participant,
        "viewer" => Client.Role.Viewer,
        _ => Client.Role.Unknown,
    };

    public static string ToText(Role role) => role switch
    {
        Client.Role.Host => "host",
        Client.Role.Cohost => "cohost",
        Client.Role.Participant => "participant",
        Client.Role.Viewer => "viewer",
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };

    public static string ToText(MediaKind kind) => kind switch
    {
        Client.MediaKind.Audio => "audio",
        Client.MediaKind.Video => "video",
        Client.MediaKind.Screen => "screen",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    public static MediaKind? MediaKind(string text) => text switch
    {
        "audio" => Client.MediaKind.Audio,
        "video" => Client.MediaKind.Video,
        "screen" => Client.MediaKind.Screen,
        _ => null,
    };

    public static JsonObject ToJson(PermissionsChange change)
    {
        var value = new JsonObject();
        value.AddIfAny("publishAudio", change.PublishAudio);
        value.AddIfAny("publishVideo", change.PublishVideo);
        value.AddIfAny("publishScreen", change.PublishScreen);
        value.AddIfAny("chat", change.Chat);
        value.AddIfAny("data", change.Data);
        value.AddIfAny("updateOwnAttributes", change.UpdateOwnAttributes);
        value.AddIfAny("moderate", change.Moderate);
        return value;
    }

    /// <param name="value">The message.</param>
    /// <param name="timestamp">When it was sent, where that stands beside it and not in it.</param>
    public static ChatMessage ChatMessage(JsonElement value, DateTimeOffset? timestamp = null) => new(
        value.Text("messageId"),
        value.Text("fromUserId"),
        value.Text("fromUsername"),
        value.Text("message"),
        timestamp ?? value.Time("timestamp"),
        value.TextOrNull("clientMessageId"));

    public static CaptionEvent Caption(JsonElement value) => new(
        value.Text("captionId"),
        value.Text("fromUserId"),
        value.Text("fromUsername"),
        value.Text("text"),
        value.Flag("final"),
        value.Text("language"),
        value.Time("startedAt"));

    public static TranscriptEntry TranscriptEntry(JsonElement value) => new(
        value.Text("captionId"),
        value.Text("fromUserId"),
        value.Text("fromUsername"),
        value.Text("text"),
        value.Text("language"),
        value.Time("startedAt"),
        value.Time("endedAt"));

    public static TranscribeLine TranscribeLine(JsonElement value) => new(value.Text("url"), value.Time("expiresAt"));

    public static Invite Invite(JsonElement value) => new(
        value.Text("inviteId"),
        value.Text("sessionId"),
        Role(value),
        value.Time("createdAt"),
        value.Time("expiresAt"),
        value.TextOrNull("code"),
        value.TextOrNull("url"));

    public static IReadOnlyList<Invite> Invites(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(Invite).ToArray() : throw Missing("list");

    public static Invitation Invitation(JsonElement value) => new(
        value.Text("sessionId"),
        value.Text("sessionName"),
        value.Text("hostUsername"),
        Role(value),
        value.Time("expiresAt"));

    public static Guest Guest(JsonElement value) => new(
        value.Text("token"),
        value.Time("expiresAt"),
        value.Text("userId"),
        value.Text("identity"),
        value.Text("username"),
        Invitation(value.Object("invitation")));

    public static IceServer IceServer(JsonElement value) => new(
        value.List("urls", each => each.GetString() ?? ""),
        value.TextOrNull("username"),
        value.TextOrNull("credential"));

    public static IceServers IceServers(JsonElement value) =>
        new(value.List("iceServers", IceServer), TimeSpan.FromSeconds(value.Number("ttlSeconds")));

    public static Health Health(JsonElement value) => new(value.Text("status"), value.Time("timestamp"), value.Text("version"));

    public static FieldError FieldError(JsonElement value) => new(value.Text("field"), value.Text("reason"));

    public static IceCandidate Candidate(JsonElement value) => new(
        value.Text("candidate"),
        value.TextOrNull("sdpMid"),
        value.NumberOrNull("sdpMLineIndex"),
        value.TextOrNull("usernameFragment"));

    public static JsonNode ToJson(IceCandidate candidate)
    {
        var value = new JsonObject { ["candidate"] = candidate.Candidate };
        value.AddIfAny("sdpMid", candidate.SdpMid);
        value.AddIfAny("sdpMLineIndex", candidate.SdpMLineIndex);
        value.AddIfAny("usernameFragment", candidate.UsernameFragment);
        return value;
    }

    public static void AddIfAny(this JsonObject value, string name, JsonNode? field)
    {
        if (field is not null)
        {
            value[name] = field;
        }
    }

    public static string ToText(SessionType type) => type switch
    {
        Client.SessionType.AudioOnly => "audioOnly",
        Client.SessionType.VideoCall => "videoCall",
        Client.SessionType.ScreenShare => "screenShare",
        Client.SessionType.Mixed => "mixed",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static string ToText(Visibility visibility) => visibility switch
    {
        Client.Visibility.Public => "public",
        Client.Visibility.Unlisted => "unlisted",
        _ => throw new ArgumentOutOfRangeException(nameof(visibility)),
    };

    public static ParticipantStatus ParticipantStatus(string text) => text switch
    {
        "connected" => Client.ParticipantStatus.Connected,
        "reconnecting" => Client.ParticipantStatus.Reconnecting,
        "disconnected" => Client.ParticipantStatus.Disconnected,
        _ => Client.ParticipantStatus.Unknown,
    };

    public static LeaveReason LeaveReason(string text) => text switch
    {
        "left" => Client.LeaveReason.Left,
        "timeout" => Client.LeaveReason.Timeout,
        "removed" => Client.LeaveReason.Removed,
        _ => Client.LeaveReason.Unknown,
    };

    public static EndReason EndReason(string text) => text switch
    {
        "ended" => Client.EndReason.Ended,
        "empty" => Client.EndReason.Empty,
        "creatorDeleted" => Client.EndReason.CreatorDeleted,
        "maxDuration" => Client.EndReason.MaxDuration,
        _ => Client.EndReason.Unknown,
    };

    public static TunRTCException Missing(string name) =>
        new("invalid_response", $"The answer is not of a TunRTC server: it has no usable {name}.");

    private static SessionType SessionType(string text) => text switch
    {
        "audioOnly" => Client.SessionType.AudioOnly,
        "videoCall" => Client.SessionType.VideoCall,
        "screenShare" => Client.SessionType.ScreenShare,
        "mixed" => Client.SessionType.Mixed,
        _ => Client.SessionType.Unknown,
    };

    private static SessionStatus SessionStatus(string text) => text switch
    {
        "active" => Client.SessionStatus.Active,
        "ended" => Client.SessionStatus.Ended,
        _ => Client.SessionStatus.Unknown,
    };

    private static Visibility Visibility(string text) => text switch
    {
        "public" => Client.Visibility.Public,
        "unlisted" => Client.Visibility.Unlisted,
        _ => Client.Visibility.Unknown,
    };

    private static bool HasMore(ref Utf8JsonReader reader) => reader.Read();
}
