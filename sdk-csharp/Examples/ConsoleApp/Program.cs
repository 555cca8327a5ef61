// TunRTC from a terminal: sign in, list, create, join, chat, and watch who comes and goes.
//
//   dotnet run -- http://localhost:5000 demo@tunrtc.com demo123
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using TunRTC.Client;

if (args.Length != 3)
{
    Console.Error.WriteLine("usage: ConsoleApp URL EMAIL PASSWORD");
    return 2;
}

await using var client = new TunRTCClient(args[0]);
var listed = new List<string>();
client.OnUserJoined += (sender, data) => Console.WriteLine($"* {data.Username} joined");
client.OnUserLeft += (sender, data) => Console.WriteLine($"* {data.Username} left ({data.Reason})");
client.OnUserStatusUpdated += (sender, data) => Console.WriteLine($"* {data.Username} is {data.Status}, {(data.IsMuted ? "muted" : "not muted")}");
client.OnMessage += (sender, data) => Console.WriteLine($"{data.FromUsername}: {data.Message}");
client.OnSessionEnded += (sender, data) => Console.WriteLine($"* the session is over ({data.Reason})");
client.OnConnectionStateChanged += (sender, data) => Console.WriteLine($"* {data.Status}{(data.State.Reason is { } reason ? $": {reason}" : "")}");
client.OnError += (sender, data) => Console.WriteLine($"! {data.Code}: {data.Exception.Message}");

try
{
    await client.LoginAsync(args[1], args[2]);
}
catch (TunRTCException refused)
{
    Console.Error.WriteLine($"{refused.Code}: {refused.Message}");
    return 1;
}
Console.WriteLine($"Signed in as {client.User!.Username}. /list  /create NAME  /join ID-OR-NUMBER  /who  /mute  /leave  /end  /quit; anything else is said");

while (await Console.In.ReadLineAsync() is { } line && line != "/quit")
{
    try
    {
        await ObeyAsync(line);
    }
    catch (TunRTCException refused)
    {
        Console.WriteLine($"! {refused.Code}: {refused.Message}");
    }
}
return 0;

async Task ObeyAsync(string line)
{
    var (command, rest) = line.IndexOf(' ') is > 0 and var space ? (line[..space], line[(space + 1)..].Trim()) : (line, "");
    switch (command)
    {
        case "":
            break;
        case "/list":
            await ListAsync();
            break;
        case "/create":
            var session = await client.CreateSessionAsync(rest);
            Console.WriteLine($"Created {session.SessionId}");
            break;
        case "/join":
            var isNumber = int.TryParse(rest, out var number) && number >= 1 && number <= listed.Count;
            var joined = await client.JoinSessionAsync(isNumber ? listed[number - 1] : rest);
            Console.WriteLine($"Joined {joined.Name}");
            Who();
            break;
        case "/who":
            Who();
            break;
        case "/mute":
            await client.UpdateStatusAsync(isMuted: true, isVideoEnabled: false);
            break;
        case "/leave":
            await client.LeaveSessionAsync();
            break;
        case "/end":
            await client.EndSessionAsync();
            break;
        case var unknown when unknown.StartsWith('/'):
            Console.WriteLine($"! there is no {unknown}");
            break;
        default:
            await client.SendMessageAsync(line);
            break;
    }
}

async Task ListAsync()
{
    listed.Clear();
    foreach (var session in await client.ListSessionsAsync())
    {
        listed.Add(session.SessionId);
        Console.WriteLine($"{listed.Count}. {session.Name} ({session.CurrentParticipants}/{session.MaxParticipants}, by {session.CreatorUsername})");
    }
    if (listed.Count == 0)
    {
        Console.WriteLine("There is no open session.");
    }
}

void Who() => Console.WriteLine(client.Participants.Count == 0 ? "Nobody else is here." : $"Here: {string.Join(", ", client.Participants.Values.Select(each => each.Username).Order())}");
