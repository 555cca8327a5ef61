using System;
using System.IO;
using System.IO.Compression;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.RegularExpressions;

namespace TunRTC.Client.Media;

/// <summary>Session descriptions on their way: large ones are compressed.</summary>
internal static class Sdp
{
    /// <summary>A frame may have 32 KB; the rest is for the frame around the description and what the server adds.</summary>
    private const int PlainLimit = 28 * 1024;

    /// <summary>No description is longer than this: what unpacks to more is an attack.</summary>
    private const int LongestPlain = 1 << 20;

    /// <summary>Stands before a compressed description: raw DEFLATE (RFC 1951) in base64. Only TunRTC's own clients read it.</summary>
    private const string Compressed = "tunrtc-deflate:";

    private static readonly Regex Fragment = new(@" ufrag (\S+)", RegexOptions.CultureInvariant);

    /// <summary>The description as it fits a frame; throws <c>payload_too_large</c> when nothing makes it fit.</summary>
    public static string Pack(string sdp)
    {
        // Two for the quotes around it.
        if (Encoding.UTF8.GetByteCount(JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(sdp)) + 2 <= PlainLimit)
        {
            return sdp;
        }
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(Encoding.UTF8.GetBytes(sdp));
        }
        var text = Compressed + Convert.ToBase64String(packed.ToArray());
        return text.Length <= PlainLimit
            ? text
            : throw new TunRTCException("payload_too_large", "The session description does not fit a frame.");
    }

    /// <summary>The description as it was before <see cref="Pack"/>; throws <c>invalid_response</c> where it was never one.</summary>
    public static string Unpack(string sdp)
    {
        if (!sdp.StartsWith(Compressed, StringComparison.Ordinal))
        {
            return sdp;
        }
        try
        {
            using var deflate = new DeflateStream(new MemoryStream(Convert.FromBase64String(sdp[Compressed.Length..])), CompressionMode.Decompress);
            using var plain = new MemoryStream();
            var buffer = new byte[8192];
            for (int read; (read = deflate.Read(buffer)) > 0 && plain.Length <= LongestPlain;)
            {
                plain.Write(buffer, 0, read);
            }
            return plain.Length <= LongestPlain ? Encoding.UTF8.GetString(plain.ToArray()) : throw new InvalidDataException("too long");
        }
        catch (Exception thrown) when (thrown is FormatException or InvalidDataException)
        {
            throw new TunRTCException("invalid_response", "A session description came that nobody can read.", thrown);
        }
    }

    /// <summary>Whether a candidate belongs to a description: its user name fragment is one of the description's.</summary>
    public static bool IsOf(IceCandidate candidate, string sdp)
    {
        var fragment = candidate.UsernameFragment ?? Fragment.Match(candidate.Candidate).Groups[1].Value;
        return fragment.Length == 0 || sdp.Contains($"a=ice-ufrag:{fragment}\r\n", StringComparison.Ordinal);
    }
}
