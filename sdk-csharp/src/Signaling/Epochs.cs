using System;
using System.Globalization;
using System.Text.RegularExpressions;

namespace TunRTC.Client.Signaling;

/// <summary>
/// Epochs name the starts of a sender, so that receivers can tell a late frame from a new start. Ours sort: by the server's
/// time at which the run joined, or started over with this target, then by how often it has done that. By time, because a
/// run that lost its seat to another one and took it back is behind that one until it starts over. What is sent in an epoch
/// belongs to one peer connection at its sender.
/// </summary>
internal static class Epochs
{
    private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    private static readonly Regex Ours = new(@"^([0-9a-z]{9}-[0-9a-z]{6})\.(\d+)$", RegexOptions.CultureInvariant);

    /// <summary>Names a start of a client: the server's time, and chance, the same for all starts of one run, against ties.</summary>
    public static string NewRun(DateTimeOffset at, double random) =>
        $"{Base36(at.ToUnixTimeMilliseconds(), 9)}-{Base36((long)(random * Math.Pow(36, 6)), 6)}";

    /// <summary>The epoch of the <paramref name="generation"/>th start of a run towards one target.</summary>
    public static string Of(string run, int generation) => string.Create(CultureInfo.InvariantCulture, $"{run}.{generation}");

    /// <summary>Negative when <paramref name="a"/> is older than <paramref name="b"/>, or <c>null</c> when one of them is not ours.</summary>
    public static int? Compare(string a, string b)
    {
        var (x, y) = (Ours.Match(a), Ours.Match(b));
        if (!x.Success || !y.Success)
        {
            return null;
        }
        var runs = string.CompareOrdinal(x.Groups[1].Value, y.Groups[1].Value);
        return runs != 0 ? runs : CompareNumbers(x.Groups[2].Value, y.Groups[2].Value);
    }

    /// <summary>Of any length: what another client sends has no bound here.</summary>
    private static int CompareNumbers(string a, string b)
    {
        var (x, y) = (a.TrimStart('0'), b.TrimStart('0'));
        return x.Length != y.Length ? x.Length.CompareTo(y.Length) : string.CompareOrdinal(x, y);
    }

    private static string Base36(long number, int length)
    {
        var digits = new char[length];
        for (var place = length - 1; place >= 0; place--, number /= 36)
        {
            digits[place] = Digits[(int)(number % 36)];
        }
        return new string(digits);
    }
}
