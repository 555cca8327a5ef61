using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>An app's own users, by join tokens of its backend.</summary>
public sealed class AppTests
{
    /// <summary>The key that a server without data has for trying.</summary>
    private const string Key = "devkey";
    private const string Secret = "tunrtc-development-secret-0123456789";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Test]
    public async Task Two_users_of_an_app_meet_in_its_room_and_talk()
    {
        var room = $"room-{Guid.NewGuid():N}";
        await using var ann = await UserAsync(() => Mint("ann", room));
        await using var ben = await UserAsync(() => Mint("ben", room));
        var joined = await ann.JoinRoomAsync();
        Check.Equal(joined.SessionId, (await ben.JoinRoomAsync()).SessionId);
        var heard = new TaskCompletionSource<MessageEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
        ben.OnMessage += (_, data) => heard.TrySetResult(data);
        await ann.SendMessageAsync("from one to the other");
        var message = await heard.Task.WaitAsync(Patience);
        Check.Equal(("ann", "from one to the other"), (message.FromUsername, message.Message));
        await ann.LeaveSessionAsync();
        await Check.EventuallyAsync(() => ben.Participants.Count == 0, "who left is gone");
    }

    [Test]
    public async Task A_token_is_asked_for_at_each_join_and_when_it_ran_out()
    {
        var (room, asked) = ($"room-{Guid.NewGuid():N}", 0);
        await using var ann = await UserAsync(() => Mint("ann", room, ++asked == 2 ? -3_600 : 600));
        await ann.JoinRoomAsync();
        await ann.LeaveSessionAsync();
        Check.Equal(1, asked);
        // The second one ran out, so a third is got.
        var session = await ann.JoinRoomAsync();
        Check.Equal(3, asked);
        Check.Equal(1, (await ann.GetSessionAsync(session.SessionId)).Participants.Count);
        Check.Equal(3, asked);
    }

    [Test]
    public async Task What_a_token_does_not_grant_is_refused_and_no_token_says_so()
    {
        await using var ann = await UserAsync(() => Mint("ann", $"room-{Guid.NewGuid():N}"));
        await using var ben = await UserAsync(() => Mint("ben", $"room-{Guid.NewGuid():N}"));
        var elsewhere = await ben.JoinRoomAsync();
        await Check.FailsAsync(ann.JoinSessionAsync(elsewhere.SessionId), "forbidden");
        await using var nobody = await UserAsync(() => throw new InvalidOperationException("the backend is down"));
        var refused = await Check.FailsAsync(nobody.JoinRoomAsync(), "no_token");
        Check.That(refused.InnerException is InvalidOperationException, "the cause is told");
        await using var misled = await UserAsync(() => "<!doctype html>");
        await Check.FailsAsync(misled.JoinRoomAsync(), "no_token");
    }

    [Test]
    public async Task The_backend_of_the_documents_mints_what_a_join_wants()
    {
        var room = $"room-{Guid.NewGuid():N}";
        await using var ann = await UserAsync(() => JoinTokenSample.JoinToken(Key, Secret, "user-17", "Ann", room));
        var joined = await ann.JoinRoomAsync();
        Check.Same(new[] { "Ann" }, joined.Participants.Select(each => each.Username));
        var (document, source) = (Lines("docs/APPS.md"), Lines("sdk-csharp/test/Live/JoinTokenSample.cs"));
        var sample = document.SkipWhile(line => line != "```csharp").Skip(1).TakeWhile(line => line != "```").ToArray();
        Check.That(sample.Length > 10, "the document has the sample");
        Check.Same(sample, source.SkipWhile(line => line != sample[0]).Take(sample.Length));

        static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Server.Root, path)).Select(line => line.Trim()).Where(line => line.Length > 0).ToArray();
    }

    private static async Task<TunRTCClient> UserAsync(Func<string> getToken)
    {
        var server = await Server.SharedAsync();
        return new TunRTCClient(new TunRTCOptions(server.Url) { GetToken = _ => Task.FromResult(getToken()) });
    }

    /// <summary>A join token (RFC 7519, HS256), as any backend makes one.</summary>
    private static string Mint(string identity, string room, int lifeSeconds = 600)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = Key,
            ["sub"] = identity,
            ["nbf"] = now - 7_200,
            ["exp"] = now + lifeSeconds,
            ["video"] = new JsonObject { ["roomJoin"] = true, ["room"] = room },
        };
        var signed = $"{Encode("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Encode(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        return $"{signed}.{Encode(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(signed)))}";
    }

    private static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
