using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace TunRTC.Client.Tests.Support;

/// <summary>A client whose clock, server and loop are the test's.</summary>
internal sealed class Desk : HttpMessageHandler
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Loop[] _loop = new Loop[1];
    private int _tokens;

    public Desk(ISignalingTransport? transport = null)
    {
        Clock = new FakeClock(() => _loop[0].RunPending());
        var options = new TunRTCOptions("http://server/") { HttpHandler = this, TimeProvider = Clock, Random = () => 0.5, Transport = transport };
        Client = new TunRTCClient(options, loop => _loop[0] = loop);
        Client.CheckConnection();
    }

    public FakeClock Clock { get; }

    public TunRTCClient Client { get; }

    /// <summary>Every request, as <c>METHOD /path token-or-body</c>.</summary>
    public List<string> Requests { get; } = new();

    /// <summary>What the server answers; by default what it must.</summary>
    public Func<string, string, HttpResponseMessage?> Answer { get; set; } = (_, _) => null;

    /// <summary>Milliseconds until an answer comes; negative: never.</summary>
    public double Delay { get; set; }

    public static HttpResponseMessage Json(int status, string body, string type = "application/json") =>
        new((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, type) };

    public static HttpResponseMessage Problem(int status, string code) =>
        Json(status, $$"""{"code":"{{code}}","status":{{status}},"detail":"refused: {{code}}","requestId":"r-1","unknown":1}""", "application/problem+json");

    /// <summary>Carries a call to its end while time stands still.</summary>
    public T Finish<T>(Task<T> call)
    {
        for (var watch = Stopwatch.StartNew(); !call.IsCompleted && watch.Elapsed < Patience; Thread.Yield())
        {
            _loop[0].RunPending();
        }
        Check.That(call.IsCompleted, "the call ends");
        return call.GetAwaiter().GetResult();
    }

    public void Finish(Task call) => Finish(call.With(true));

    public TunRTCException Fails(Task call, string code)
    {
        try
        {
            Finish(call);
        }
        catch (TunRTCException thrown)
        {
            Check.Equal(code, thrown.Code, thrown.Message);
            return thrown;
        }
        throw new CheckFailedException($"it should have failed with {code}");
    }

    public void Settle() => _loop[0].RunPending();

    /// <summary>The next tokens that the server gives, with an hour to live.</summary>
    public string NewAuth(string user = "alice", int lifeSeconds = 3600)
    {
        var number = ++_tokens;
        var claims = Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"iat":1000,"exp":{{1000 + lifeSeconds}},"n":{{number}}}""")).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        return $$"""{"token":"h.{{claims}}.{{number}}","tokenType":"Bearer","expiresAt":"2020-01-01T00:00:00.000Z","refreshToken":"refresh-{{number}}","refreshExpiresAt":"2030-01-01T00:00:00.000Z","userId":"{{user}}","username":"{{user}}","email":"{{user}}@example.org"}""";
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        var (path, bearer) = ($"{request.Method} {request.RequestUri!.PathAndQuery}", request.Headers.Authorization?.Parameter?.Split('.')[^1] ?? "");
        Requests.Add($"{path} {bearer}{body}".TrimEnd());
        var delay = Delay;
        var answer = Answer(path, body) ?? Usual(path);
        if (delay != 0)
        {
            var isDue = new TaskCompletionSource();
            cancellationToken.Register(() => isDue.TrySetCanceled(cancellationToken));
            if (delay > 0)
            {
                Clock.After(delay, () => isDue.TrySetResult());
            }
            await isDue.Task;
        }
        return answer;
    }

    private HttpResponseMessage Usual(string path) => path switch
    {
        "POST /api/auth/login" or "POST /api/auth/refresh" or "POST /api/auth/password" => Json(200, NewAuth()),
        "POST /api/auth/logout" => new HttpResponseMessage(HttpStatusCode.NoContent),
        "GET /api/auth/me" => Json(200, """{"id":"alice","username":"alice","email":"alice@example.org","createdAt":"2026-01-01T00:00:00.000Z","lastLoginAt":null,"more":{}}"""),
        _ => Problem(404, "not_found"),
    };
}
