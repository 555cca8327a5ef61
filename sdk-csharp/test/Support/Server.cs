using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>The real server, on a free port.</summary>
internal sealed class Server
{
    private static readonly List<Server> All = new();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static Task<Server>? _shared;
    private readonly Process _process;

    private Server(Process process, string url)
    {
        _process = process;
        Url = url;
    }

    /// <summary>The folder of the whole project.</summary>
    public static string Root { get; } = FindRoot();

    public string Url { get; }

    /// <summary>One for all tests that do not harm it.</summary>
    public static Task<Server> SharedAsync() => _shared ??= StartAsync();

    public static async Task<Server> StartAsync(params string[] options)
    {
        var binary = Environment.GetEnvironmentVariable("TUNRTC_BIN") ?? Path.Combine(Root, "target/debug/tunrtc");
        Check.That(File.Exists(binary), $"{binary} is missing: build it with cargo build, or set TUNRTC_BIN");
        var port = options.Contains("--port") ? Array.Empty<string>() : new[] { "--port", "0" };
        var start = new ProcessStartInfo(binary, port.Concat(options)) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("TUNRTC_BIN");
        var process = Process.Start(start)!;
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        process.ErrorDataReceived += (_, line) => Look(line.Data);
        process.OutputDataReceived += (_, line) => Look(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var server = new Server(process, await ready.Task.WaitAsync(Patience));
        lock (All)
        {
            All.Add(server);
        }
        return server;

        void Look(string? line)
        {
            if (Regex.Match(line ?? "", @"TunRTC is ready on (\S+)") is { Success: true } match)
            {
                ready.TrySetResult(match.Groups[1].Value);
            }
        }
    }

    /// <summary>A port that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public static async Task StopAllAsync()
    {
        foreach (var server in All.ToArray())
        {
            await server.KillAsync();
        }
    }

    /// <summary>As the operating system does it: at once, without good-bye.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        await _process.WaitForExitAsync();
    }

    /// <summary>A client of this server that is signed in with one of its demo accounts.</summary>
    public async Task<TunRTCClient> SignedInAsync(string name, TunRTCOptions? options = null)
    {
        var client = new TunRTCClient((options ?? new TunRTCOptions("")) with { Url = Url });
        await client.LoginAsync($"{name}@tunrtc.com", $"{name}123");
        return client;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cargo.toml")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new CheckFailedException("the tests run inside the project");
        }
        return folder;
    }
}
