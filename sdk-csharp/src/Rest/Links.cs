using System;
using System.Linq;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace TunRTC.Client.Rest;

/// <summary>What a <c>Link</c> header (RFC 8288) says.</summary>
internal static class Links
{
    private static readonly Regex Next = new("<([^>]*)>\\s*;[^,]*rel=\"?next\"?", RegexOptions.CultureInvariant);

    /// <summary>The cursor of the next page, if there is one.</summary>
    public static string? NextCursor(HttpResponseHeaders headers)
    {
        var link = headers.TryGetValues("link", out var values) ? string.Join(", ", values) : "";
        var target = Next.Match(link).Groups[1].Value;
        var query = target.Contains('?') ? target[(target.IndexOf('?') + 1)..] : "";
        var cursor = query.Split('&').FirstOrDefault(each => each.StartsWith("cursor=", StringComparison.Ordinal));
        return cursor is null ? null : Uri.UnescapeDataString(cursor["cursor=".Length..]);
    }
}
