using System;
using System.Collections.Generic;

namespace TunRTC.Client;

/// <summary>One bad field of a request that was refused.</summary>
/// <param name="Field">The field's path.</param>
/// <param name="Reason">What it must be.</param>
public sealed record FieldError(string Field, string Reason);

/// <summary>
/// The one kind of exception that a <see cref="TunRTCClient"/> throws of itself; <see cref="Code"/> is stable, the message
/// is for people. Wrong arguments throw <see cref="ArgumentException"/>, a cancelled call
/// <see cref="OperationCanceledException"/>, and a disposed client <see cref="ObjectDisposedException"/>.
/// </summary>
public sealed class TunRTCException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="code">The stable name of what went wrong.</param>
    /// <param name="message">The same for people.</param>
    /// <param name="innerException">What went wrong below.</param>
    public TunRTCException(string code, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
    }

    /// <summary>
    /// The server's code (docs/API.md and docs/SIGNALING.md list them), or one of the client's own: <c>network_error</c>,
    /// <c>timeout</c>, <c>invalid_response</c>, <c>not_signed_in</c>, <c>not_joined</c>, <c>connection_lost</c>,
    /// <c>replaced</c>, <c>closed</c>, <c>events_overflow</c>, <c>handler_failed</c>, <c>media_failed</c>. Codes of a newer
    /// server pass through.
    /// </summary>
    public string Code { get; }

    /// <summary>The HTTP status, for answers over REST.</summary>
    public int? Status { get; init; }

    /// <summary>Every bad field of the request; empty where that is not what was wrong.</summary>
    public IReadOnlyList<FieldError> Errors { get; init; } = Array.Empty<FieldError>();

    /// <summary>The server asks not to come again for this long.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Names the request in the server's log.</summary>
    public string? RequestId { get; init; }

    /// <summary>Whether something on the way, an API gateway or a proxy, answered in the server's place.</summary>
    public bool IsForeign { get; init; }

    /// <summary>Whatever was thrown, as the exception that this package speaks of.</summary>
    internal static TunRTCException From(Exception thrown, string code) =>
        thrown as TunRTCException ?? new TunRTCException(code, thrown.Message, thrown);
}
