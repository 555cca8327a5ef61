using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>Somebody in a session who runs on the TypeScript SDK, in a Node process.</summary>
internal sealed class ScriptPeer : IDisposable
{
    private readonly Process _process;
    private readonly List<JsonNode> _lines = new();

    private ScriptPeer(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Console.Error.WriteLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string UserId => (string)Said("ready").Single()!;

    /// <param name="url">The server.</param>
    /// <param name="email">Whose account.</param>
    /// <param name="password">Its password.</param>
    /// <param name="sessionId">The session.</param>
    /// <param name="program">What it runs: <c>participant.mjs</c> signals, <c>caller.mjs</c> calls.</param>
    public static async Task<ScriptPeer> JoinAsync(string url, string email, string password, string sessionId, string program = "participant.mjs")
    {
        var script = Path.Combine(Server.Root, "sdk-csharp/test", program);
        Check.That(File.Exists(Path.Combine(Server.Root, "sdk-js/build/src/index.js")), "the TypeScript SDK is not built: npm run build:test in sdk-js");
        var start = new ProcessStartInfo("node", new[] { "--no-warnings", "--experimental-websocket", script, url, email, password, sessionId })
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var participant = new ScriptPeer(Process.Start(start)!);
        await Check.EventuallyAsync(() => participant.Said("ready").Length == 1, "the other participant is in");
        return participant;
    }

    public void Signal(string to, string text) => Order(new JsonObject { ["signal"] = text, ["to"] = to });

    public void Message(string text) => Order(new JsonObject { ["message"] = text });

    /// <summary>The values of all lines that have this field.</summary>
    public JsonNode?[] Said(string field) => Lines().Where(line => line[field] is not null).Select(line => line[field]).ToArray();

    public JsonNode[] Lines()
    {
        lock (_lines)
        {
            return _lines.ToArray();
        }
    }

    /// <summary>How many of its frames the server has acknowledged, and how often it came back.</summary>
    public async Task<(int Acknowledged, int Reconnects)> CountAsync()
    {
        var before = Said("acknowledged").Length;
        Order(new JsonObject { ["count"] = true });
        await Check.EventuallyAsync(() => Said("acknowledged").Length > before, "it counts");
        return ((int)Said("acknowledged")[^1]!, (int)Said("reconnects")[^1]!);
    }

    /// <summary>How the connection of a caller stands.</summary>
    /// <param name="change">Whether it is to need another offer first.</param>
    public async Task<JsonNode> LookAsync(bool change = false)
    {
        var before = Said("local").Length;
        Order(new JsonObject { ["change"] = change });
        await Check.EventuallyAsync(() => Said("local").Length > before, "it tells how it stands");
        return Lines().Last(line => line["local"] is not null);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }

    private void Order(JsonObject order)
    {
        lock (_process)
        {
            _process.StandardInput.WriteLine(order.ToJsonString());
        }
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_lines)
            {
                _lines.Add(JsonNode.Parse(line)!);
            }
        }
    }
}
