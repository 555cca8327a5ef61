using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>What every client does (docs/vectors), which the TypeScript SDK is held against too.</summary>
public sealed class VectorTests
{
    [Test]
    public void Every_shared_vector_is_kept_to_the_millisecond()
    {
        var files = Directory.GetFiles(Path.Combine(Server.Root, "docs/vectors"), "*.json").Order().ToArray();
        Check.That(files.Length >= 25, $"{files.Length} vectors");
        var failures = files.SelectMany(Failures).ToArray();
        Check.That(failures.Length == 0, string.Join("\n\n", failures));
    }

    [Test]
    public void A_vector_that_expects_something_else_is_noticed()
    {
        var vector = JsonNode.Parse(File.ReadAllText(Path.Combine(Server.Root, "docs/vectors/resend.json")))!;
        vector["random"] = 0.25;
        Check.That(!World.Play(vector).Wire.SequenceEqual(Lines(vector, "wire")), "with other chance frames go out at other times");
    }

    private static IEnumerable<string> Failures(string file)
    {
        var vector = JsonNode.Parse(File.ReadAllText(file))!;
        var world = World.Play(vector);
        foreach (var (what, expected, actual) in new[] { ("wire", Lines(vector, "wire"), world.Wire), ("app", Lines(vector, "app"), world.App), ("errors", new(), world.Errors) })
        {
            var place = Enumerable.Range(0, int.Max(expected.Count, actual.Count)).FirstOrDefault(index => expected.ElementAtOrDefault(index) != actual.ElementAtOrDefault(index), -1);
            if (place >= 0)
            {
                yield return $"{Path.GetFileName(file)}: {what}, line {place}\n  expected: {expected.ElementAtOrDefault(place)}\n  actual:   {actual.ElementAtOrDefault(place)}";
            }
        }
    }

    private static List<string> Lines(JsonNode vector, string name) => vector["expected"]![name]!.AsArray().Select(each => (string)each!).ToList();
}
