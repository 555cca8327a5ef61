using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>The example, as somebody at a terminal uses it.</summary>
public sealed class ExampleTests
{
    [Test]
    public async Task Two_terminals_find_each_other_talk_and_leave()
    {
        var url = (await Server.SharedAsync()).Url;
        var alice = new Terminal(url, "alice@tunrtc.com", "alice123");
        var bob = new Terminal(url, "bob@tunrtc.com", "bob123");
        await alice.SeesAsync("Signed in as alice.");
        var name = $"Terminals {Guid.NewGuid():N}";
        alice.Type($"/create {name}");
        await alice.SeesAsync("Created ");
        await bob.SeesAsync("Signed in as bob.");
        bob.Type("/list");
        var number = (await bob.SeesAsync($". {name} (0/10, by alice)")).Split('.')[0];
        bob.Type($"/join {number}");
        await bob.SeesAsync($"Joined {name}");
        alice.Type($"/join {alice.Said("Created ")["Created ".Length..]}");
        await alice.SeesAsync("Here: bob");
        await bob.SeesAsync("* alice joined");
        alice.Type("Hello Bob! \U0001F44B");
        await bob.SeesAsync("alice: Hello Bob! \U0001F44B");
        alice.Type("/mute");
        await bob.SeesAsync("* alice is Connected, muted");
        bob.Type("/end");
        await bob.SeesAsync("! forbidden");
        bob.Type("/dance");
        await bob.SeesAsync("! there is no /dance");
        bob.Type("/quit");
        await alice.SeesAsync("* bob left (Left)");
        alice.Type("/end");
        await alice.SeesAsync("* the session is over (Ended)");
        alice.Type("/quit");
        Check.Equal((0, 0), (await alice.EndAsync(), await bob.EndAsync()));
    }

    [Test]
    public async Task A_wrong_password_ends_it_with_a_word_why()
    {
        var terminal = new Terminal((await Server.SharedAsync()).Url, "alice@tunrtc.com", "wrong");
        Check.Equal(1, await terminal.EndAsync());
        await terminal.SeesAsync("invalid_credentials");
    }

    private sealed class Terminal
    {
        private readonly Process _process;
        private readonly ConcurrentQueue<string> _lines = new();

        public Terminal(params string[] arguments)
        {
            var folder = Path.Combine(Server.Root, "sdk-csharp/Examples/ConsoleApp/bin");
            var program = Directory.GetFiles(folder, "ConsoleApp.dll", SearchOption.AllDirectories).First();
            var start = new ProcessStartInfo(Environment.ProcessPath!, arguments.Prepend(program))
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardInputEncoding = new System.Text.UTF8Encoding(false),
                StandardOutputEncoding = new System.Text.UTF8Encoding(false),
            };
            _process = Process.Start(start)!;
            _process.OutputDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
            _process.ErrorDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }

        public void Type(string line) => _process.StandardInput.WriteLine(line);

        public string Said(string part) => _lines.First(line => line.Contains(part, StringComparison.Ordinal));

        public async Task<string> SeesAsync(string part)
        {
            await Check.EventuallyAsync(() => _lines.Any(line => line.Contains(part, StringComparison.Ordinal)), () => $"{part}\nbut:\n{string.Join('\n', _lines)}");
            return Said(part);
        }

        public async Task<int> EndAsync()
        {
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            return _process.ExitCode;
        }
    }
}
