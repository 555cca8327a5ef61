using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>The API as its document has it.</summary>
public sealed class RouteTests
{
    [Test]
    public void Every_route_of_the_document_has_a_call_and_every_call_a_route()
    {
        var paths = JsonNode.Parse(File.ReadAllText(Path.Combine(Server.Root, "docs/api/openapi.json")))!["paths"]!.AsObject();
        var documented = paths.SelectMany(path => path.Value!.AsObject().Where(method => !IsForBackends(method.Value!)).Select(method => $"{method.Key.ToUpperInvariant()} {path.Key}"));
        var calls = typeof(TunRTCApi).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(method => method.Name.EndsWith("Async", StringComparison.Ordinal));
        Check.Same(documented.Order(StringComparer.Ordinal), calls.Select(RouteOf).Order(StringComparer.Ordinal), "a route that is missing here belongs into src/Rest/TunRTCApi.cs");
    }

    /// <summary>Whether a route is for API keys alone, which no client has.</summary>
    private static bool IsForBackends(JsonNode operation) =>
        operation["security"] is JsonArray { Count: 1 } ways && ways[0]!.AsObject().ContainsKey("apiKey");

    /// <summary>What a call asks the server for, by trying it.</summary>
    private static string RouteOf(MethodInfo call)
    {
        var desk = new Desk();
        desk.Finish(desk.Client.LoginAsync("alice@example.org", "secret"));
        desk.Requests.Clear();
        desk.Finish(((Task)call.Invoke(desk.Client.Api, call.GetParameters().Select(ArgumentFor).ToArray())!).Settled());
        var route = string.Join(' ', desk.Requests.Single().Split(' ').Take(2)).Split('?')[0];
        return new[] { "sessionId", "userId", "inviteId", "recordingId" }.Aggregate(route, (path, name) => path.Replace($"/some-{name}", $"/{{{name}}}", StringComparison.Ordinal));
    }

    private static object? ArgumentFor(ParameterInfo parameter) => parameter.ParameterType switch
    {
        var type when type == typeof(string) => $"some-{parameter.Name}",
        var type when type == typeof(int) => 10,
        var type when type == typeof(CallReport) => new CallReport(DateTimeOffset.UnixEpoch, "run", new CallSummary(DateTimeOffset.UnixEpoch, 1, CallOutcome.Alone)),
        var type when type == typeof(SessionType) => SessionType.Mixed,
        var type when type == typeof(CancellationToken) => CancellationToken.None,
        _ => parameter.HasDefaultValue ? parameter.DefaultValue : null,
    };
}
