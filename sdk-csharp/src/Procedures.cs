using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Signaling;

namespace TunRTC.Client;

/// <summary>Remote procedure calls: those that this client makes, and those that it serves. Used in the loop alone.</summary>
/// <param name="surroundings">Time.</param>
internal sealed class Procedures(Surroundings surroundings)
{
    private const int MaxPayload = 15 * 1024;
    private const int MaxMessage = 256;
    private readonly Dictionary<string, Func<RpcCall, Task<string>>> _offered = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string UserId, Promise<string> Answer)> _pending = new(StringComparer.Ordinal);

    /// <summary>A call comes again when its connection is lost before the answer.</summary>
    private readonly Recent _served = new();

    public void Offer(string method, Func<RpcCall, Task<string>> procedure) => _offered[method] = procedure;

    public void Withdraw(string method) => _offered.Remove(method);

    public async Task<string> CallAsync(Membership membership, string userId, string method, string payload, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (IsTooLarge(payload))
        {
            throw new RpcException(RpcException.RequestPayloadTooLarge, "The payload is too large.");
        }
        var (id, answer) = (Guid.NewGuid().ToString(), new Promise<string>(surroundings.Loop));
        _pending[id] = (userId, answer);
        using var timer = surroundings.After(
            timeout.TotalMilliseconds, () => answer.Reject(new RpcException(RpcException.ResponseTimeout, "No answer came in time.")));
        try
        {
            SendAsync(membership, Request(userId, id, method, payload, timeout), answer, cancellationToken).Forget();
            return await answer.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            _pending.Remove(id);
        }
    }

    /// <summary>An answer came.</summary>
    public void OnAnswer(JsonElement data)
    {
        if (!_pending.TryGetValue(data.Text("rpcId"), out var pending) || pending.UserId != data.Text("fromUserId"))
        {
            return;
        }
        if (data.Field("error") is { } error)
        {
            pending.Answer.Reject(new RpcException(error.Number("code"), error.Text("message"), error.TextOrNull("data")));
        }
        else
        {
            pending.Answer.Resolve(data.TextOrNull("payload") ?? "");
        }
    }

    /// <summary>Somebody calls; answers once.</summary>
    public async Task ServeAsync(Membership membership, JsonElement data)
    {
        var (from, id) = (data.Text("fromUserId"), data.Text("rpcId"));
        var timeout = TimeSpan.FromMilliseconds(data.NumberOrNull("timeoutMs") ?? 0);
        var call = new RpcCall(from, data.Text("fromUsername"), data.Text("method"), data.Text("payload"), timeout);
        if (!_served.Add($"{from}/{id}"))
        {
            return;
        }
        var answer = await OutcomeAsync(call);
        answer["targetUserId"] = from;
        answer["rpcId"] = id;
        // Whoever called may be gone.
        await membership.SendAsync("answerRpc", answer).Settled();
    }

    /// <summary>Calls to somebody who is gone, or all of them, get no answer any more.</summary>
    public void Abandon(string? userId = null)
    {
        foreach (var (_, answer) in _pending.Values.Where(each => userId is null || each.UserId == userId).ToArray())
        {
            answer.Reject(new RpcException(RpcException.RecipientDisconnected, "The session was left."));
        }
    }

    private static async Task SendAsync(Membership membership, JsonObject request, Promise<string> answer, CancellationToken cancellationToken)
    {
        try
        {
            await membership.SendAsync("sendRpc", request, cancellationToken);
        }
        catch (TunRTCException refused)
        {
            var code = refused.Code == "peer_not_found" ? RpcException.RecipientNotFound : RpcException.SendFailed;
            answer.Reject(new RpcException(code, refused.Message, refused.Code));
        }
    }

    private static JsonObject Request(string userId, string id, string method, string payload, TimeSpan timeout) => new()
    {
        ["targetUserId"] = userId,
        ["rpcId"] = id,
        ["method"] = method,
        ["payload"] = payload,
        ["timeoutMs"] = (int)timeout.TotalMilliseconds,
    };

    /// <summary>What the procedure answers. It is the app's own code, so it runs away from the loop.</summary>
    private async Task<JsonObject> OutcomeAsync(RpcCall call)
    {
        if (!_offered.TryGetValue(call.Method, out var procedure))
        {
            return Failure(new RpcException(RpcException.UnsupportedMethod, "There is no such procedure."));
        }
        try
        {
            var payload = await Task.Run(() => procedure(call));
            return IsTooLarge(payload)
                ? Failure(new RpcException(RpcException.ResponsePayloadTooLarge, "The result is too large."))
                : new JsonObject { ["payload"] = payload };
        }
        catch (RpcException refused)
        {
            return Failure(refused);
        }
        catch (Exception)
        {
            return Failure(new RpcException(RpcException.ApplicationError, "The procedure failed."));
        }
    }

    private static JsonObject Failure(RpcException failed)
    {
        var message = failed.Message.Length == 0 ? "-" : failed.Message[..Math.Min(failed.Message.Length, MaxMessage)];
        var error = new JsonObject { ["code"] = failed.Code, ["message"] = message };
        error.AddIfAny("data", failed.ErrorData);
        return new JsonObject { ["error"] = error };
    }

    private static bool IsTooLarge(string payload) => Encoding.UTF8.GetByteCount(payload) > MaxPayload;
}
