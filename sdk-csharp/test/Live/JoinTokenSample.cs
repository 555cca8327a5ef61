using System;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace TunRTC.Client.Tests.Live;

/// <summary>The backend in C# of docs/APPS.md, word for word.</summary>
internal static class JoinTokenSample
{
    public static string JoinToken(string key, string secret, string identity, string name, string room)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = key,
            ["sub"] = identity,
            ["name"] = name,
            ["nbf"] = now,
            ["exp"] = now + 600,
            ["video"] = new JsonObject { ["roomJoin"] = true, ["room"] = room },
        };
        var signed = $"{Encode("""{"alg":"HS256","typ":"JWT"}""")}.{Encode(claims.ToJsonString())}";
        return $"{signed}.{Base64Url(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(signed)))}";

        static string Encode(string text) => Base64Url(Encoding.UTF8.GetBytes(text));
        static string Base64Url(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }
}
