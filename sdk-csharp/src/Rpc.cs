using System;
using System.Threading.Tasks;

namespace TunRTC.Client;

/// <summary>A call of a procedure that this client offers.</summary>
/// <param name="FromUserId">Who calls.</param>
/// <param name="FromUsername">The caller's name.</param>
/// <param name="Method">The procedure.</param>
/// <param name="Payload">What it is given, at most 15 KiB of UTF-8.</param>
/// <param name="Timeout">How long the caller waits.</param>
public sealed record RpcCall(string FromUserId, string FromUsername, string Method, string Payload, TimeSpan Timeout);

/// <summary>Why a call of a procedure failed: LiveKit's numbers, or the app's own. A procedure that throws one answers with it.</summary>
public sealed class RpcException : Exception
{
    /// <summary>The other side offers no such procedure.</summary>
    public const int UnsupportedMethod = 1400;

    /// <summary>The other side is not in the session.</summary>
    public const int RecipientNotFound = 1401;

    /// <summary>The payload has more than 15 KiB.</summary>
    public const int RequestPayloadTooLarge = 1402;

    /// <summary>The procedure threw.</summary>
    public const int ApplicationError = 1500;

    /// <summary>No answer came in time.</summary>
    public const int ResponseTimeout = 1502;

    /// <summary>The other side left, or this one did.</summary>
    public const int RecipientDisconnected = 1503;

    /// <summary>The result has more than 15 KiB.</summary>
    public const int ResponsePayloadTooLarge = 1504;

    /// <summary>The server refused the call.</summary>
    public const int SendFailed = 1505;

    /// <summary>Makes one.</summary>
    /// <param name="code">One of the numbers here, or one of the app's own.</param>
    /// <param name="message">The same for people, at most 256 characters.</param>
    /// <param name="data">What the app adds.</param>
    public RpcException(int code, string message, string? data = null)
        : base(message)
    {
        Code = code;
        ErrorData = data;
    }

    /// <summary>What went wrong.</summary>
    public int Code { get; }

    /// <summary>What the app of the other side adds.</summary>
    public string? ErrorData { get; }
}
