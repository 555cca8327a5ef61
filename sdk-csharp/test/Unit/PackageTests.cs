using System;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Unit;

/// <summary>What people get: the package, and what it promises of the code.</summary>
public sealed class PackageTests
{
    private static readonly string Home = Path.Combine(Server.Root, "sdk-csharp");

    [Test]
    public void The_package_is_complete_and_every_part_is_described()
    {
        using var package = ZipFile.OpenRead(Path.Combine(Home, "src/bin/TunRTC.Client.0.2.0.nupkg"));
        var names = package.Entries.Select(entry => entry.FullName).ToArray();
        Check.Equal("[Content_Types].xml", names[0]);
        var types = Read(package, "[Content_Types].xml").Root!.Elements().Select(each => each.Attribute("Extension")!.Value).ToArray();
        Check.Same(names.Skip(1).Where(name => !types.Contains(name.Split('.')[^1])), Array.Empty<string>(), "every part has a type");
        foreach (var target in Read(package, "_rels/.rels").Root!.Elements().Select(each => each.Attribute("Target")!.Value))
        {
            Check.That(names.Contains(target.TrimStart('/')), $"{target} is there");
        }
        XNamespace schema = "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd";
        var about = Read(package, "TunRTC.Client.nuspec").Root!.Element(schema + "metadata")!;
        Check.Equal("TunRTC.Client", about.Element(schema + "id")!.Value);
        Check.Equal("MIT", about.Element(schema + "license")!.Value);
        Check.Same(new[] { "net8.0" }, about.Descendants(schema + "group").Select(each => each.Attribute("targetFramework")!.Value));
        Check.That(names.Contains(about.Element(schema + "readme")!.Value), "the README is there");
        var assembly = AssemblyName.GetAssemblyName(Extracted(package, "lib/net8.0/TunRTC.Client.dll"));
        Check.Equal(about.Element(schema + "version")!.Value, assembly.Version!.ToString(3));
    }

    [Test]
    public void Everything_public_is_described()
    {
        var documented = XDocument.Load(Path.Combine(Home, "src/bin/TunRTC.Client.xml")).Descendants("member").Select(each => each.Attribute("name")!.Value).ToHashSet();
        var types = typeof(TunRTCClient).Assembly.GetExportedTypes();
        Check.Same(types.Select(type => $"T:{type.FullName}").Where(name => !documented.Contains(name)), Array.Empty<string>());
    }

    [Test]
    public void Nothing_needs_another_package_or_reads_json_by_reflection()
    {
        var referenced = typeof(TunRTCClient).Assembly.GetReferencedAssemblies().Select(each => each.Name!);
        Check.Same(referenced.Where(name => !name.StartsWith("System.", StringComparison.Ordinal)), Array.Empty<string>());
        var sources = Directory.GetFiles(Path.Combine(Home, "src"), "*.cs", SearchOption.AllDirectories).Where(path => !path.Contains("/bin/") && !path.Contains("/obj/"));
        var reflection = new Regex(@"JsonSerializer|JsonValue\.Create|System\.Reflection|Activator\.|dynamic ");
        Check.Same(sources.Where(path => reflection.IsMatch(File.ReadAllText(path))), Array.Empty<string>());
    }

    [Test]
    public void Tokens_and_tickets_do_not_show_when_they_are_logged()
    {
        var auth = new Auth("the token", default, "the refresh token", default, "id", "name", "mail");
        Check.That(!auth.ToString().Contains("token", StringComparison.Ordinal), auth.ToString());
        var ticket = new SignalingTicket("wss://example.org", "the ticket", default);
        Check.That(!ticket.ToString().Contains("the ticket", StringComparison.Ordinal), ticket.ToString());
    }

    private static XDocument Read(ZipArchive package, string name)
    {
        using var part = package.GetEntry(name)!.Open();
        return XDocument.Load(part);
    }

    private static string Extracted(ZipArchive package, string name)
    {
        var path = Path.Combine(Path.GetTempPath(), $"tunrtc-{Guid.NewGuid():N}.dll");
        package.GetEntry(name)!.ExtractToFile(path);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(path);
        return path;
    }
}
