using System;
using System.Linq;
using System.Net.Http;
using System.Text.Json;

namespace TunRTC.Client.Rest;

/// <summary>Tells good answers from refusals, and what the server said from what something on the way did.</summary>
internal static class Answers
{
    private static readonly (string Code, string Message) Late = ("timeout", "The server did not answer in time.");

    /// <summary>The body of a good answer; anything else is thrown as what it means.</summary>
    public static JsonElement Read(HttpResponseMessage response, byte[] content, DateTimeOffset now)
    {
        var body = Wire.Parse(content);
        if (!response.IsSuccessStatusCode)
        {
            throw Refusal(response, body, now);
        }
        if ((int)response.StatusCode == 204)
        {
            return default;
        }
        return body is { ValueKind: JsonValueKind.Object or JsonValueKind.Array } good
            ? good
            : throw Foreign(response, content.Length == 0 ? "The answer is empty." : "The answer is not of a TunRTC server.");
    }

    private static TunRTCException Foreign(HttpResponseMessage response, string message) =>
        new("invalid_response", message) { Status = (int)response.StatusCode, IsForeign = true };

    /// <summary>A problem document, or whatever a gateway or a proxy answered in its place.</summary>
    private static TunRTCException Refusal(HttpResponseMessage response, JsonElement? body, DateTimeOffset now)
    {
        var problem = body is { } value && value.TextOrNull("code") is not null ? value : (JsonElement?)null;
        var (code, message) = Meaning((int)response.StatusCode);
        return new TunRTCException(problem?.TextOrNull("code") ?? code, problem?.TextOrNull("detail") ?? problem?.TextOrNull("message") ?? message)
        {
            Status = (int)response.StatusCode,
            IsForeign = problem is null,
            RequestId = problem?.TextOrNull("requestId") ?? RequestId(response),
            Errors = problem is { } known ? FieldErrors(known) : Array.Empty<FieldError>(),
            RetryAfter = RetryAfter(response, now),
        };
    }

    private static FieldError[] FieldErrors(JsonElement problem) =>
        problem.Field("errors") is null ? Array.Empty<FieldError>() : problem.List("errors", Wire.FieldError);

    private static string? RequestId(HttpResponseMessage response) =>
        response.Headers.TryGetValues("x-request-id", out var values) ? values.FirstOrDefault() : null;

    /// <summary>The header holds either a number of seconds or a date (RFC 9110).</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage response, DateTimeOffset now) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > now ? date - now : TimeSpan.Zero,
        _ => null,
    };

    /// <summary>What a status says that something other than the server answered.</summary>
    private static (string Code, string Message) Meaning(int status) => status switch
    {
        400 => ("invalid_request", "The request was refused on its way to the server: as malformed."),
        401 => ("unauthorized", "The request was refused on its way to the server: it asks for a sign-in."),
        403 => ("forbidden", "The request was refused on its way to the server."),
        404 => ("not_found", "There is no TunRTC server at this address."),
        408 or 504 => Late,
        413 => ("payload_too_large", "The request is too large."),
        429 => ("rate_limited", "Too many requests: try again a little later."),
        >= 500 => ("unavailable", $"The server cannot be reached at the moment ({status})."),
        >= 300 and < 400 => ("invalid_response", "The address of the server leads to another one: give the client that one."),
        _ => ("invalid_response", $"Something other than a TunRTC server answered ({status})."),
    };
}
