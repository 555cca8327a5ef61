using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;
using TunRTC.Client.Tests.Support;

namespace TunRTC.Client.Tests.Live;

/// <summary>Recordings, against the real server and its object store.</summary>
public sealed class RecordingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly HttpClient Http = new();

    /// <summary>Two seconds of sound and picture in WebM, as a browser records them.</summary>
    private static readonly byte[] TwoSeconds = File.ReadAllBytes(Path.Combine(Server.Root, "localstack/gateway/tests/media/two-seconds.webm"));

    [Test]
    public async Task What_was_recorded_is_listed_shown_fetched_and_deleted()
    {
        await using var host = await SignedUpAsync();
        await using var stranger = await SignedUpAsync();
        var session = await host.CreateSessionAsync("Recorded", visibility: Visibility.Unlisted);
        await host.JoinSessionAsync(session.SessionId);
        var started = await host.Api.StartRecordingAsync(session.SessionId, RecordingKind.Participant, "video/webm");
        Check.Equal((TimeSpan.FromSeconds(4), 8_388_608, 50, "video/webm"), (started.ChunkLength, started.MaxChunkBytes, started.Uploads.Count, started.ContentType));
        await Check.FailsAsync(host.Api.StartRecordingAsync(session.SessionId, RecordingKind.Participant, "video/webm"), "recording_active");

        var middle = TwoSeconds.Length / 2;
        await StoreAsync(started.Uploads[0], started.ContentType, TwoSeconds[..middle]);
        await StoreAsync(started.Uploads[1], started.ContentType, TwoSeconds[middle..]);
        var more = await host.Api.GetUploadsAsync(started.RecordingId, 2);
        Check.Same(new[] { new ChunkRange(0, 1) }, more.Have);
        Check.Equal((2, 0), (more.Uploads[0].Seq, more.Refused.Count));
        var end = TimeSpan.FromSeconds(2);
        Check.Equal(RecordingStatus.Composing, await host.Api.FinishRecordingAsync(started.RecordingId, 1, end));
        await Check.FailsAsync(host.Api.GetUploadsAsync(started.RecordingId, 2), "recording_finished");

        var ready = await ComposedAsync(host, started.RecordingId);
        Check.Equal((RecordingStatus.Ready, RecordingKind.Participant, host.User!.UserId), (ready.Status, ready.Kind, ready.UserId));
        Check.Equal((0, 1, null), (ready.Gaps.Count, ready.Files.Count, ready.Error));
        Check.That(ready.Duration > end - TimeSpan.FromSeconds(0.2) && ready.Duration < end + TimeSpan.FromSeconds(0.2), $"it lasts {ready.Duration}");
        Check.That(ready.ExpiresAt > DateTimeOffset.UtcNow && ready.EndedAt >= ready.StartedAt, "its times are in order");
        Check.Equal(started.RecordingId, (await host.Api.ListRecordingsAsync(session.SessionId)).Items.Single().RecordingId);
        await Check.FailsAsync(stranger.Api.GetRecordingAsync(started.RecordingId), "recording_not_found");
        await Check.FailsAsync(stranger.Api.ListRecordingsAsync(session.SessionId), "not_in_session");

        var file = ready.Files[0];
        Check.Equal(file.Bytes, (await Http.GetByteArrayAsync(file.Url)).LongLength);
        using var part = await PartAsync(file.Url, 0, 3);
        Check.Equal((HttpStatusCode.PartialContent, "1A45DFA3"), (part.StatusCode, Convert.ToHexString(await part.Content.ReadAsByteArrayAsync())));

        await host.Api.DeleteRecordingAsync(started.RecordingId);
        await Check.FailsAsync(host.Api.GetRecordingAsync(started.RecordingId), "recording_not_found");
        Check.Equal(0, (await host.Api.ListRecordingsAsync(session.SessionId)).Items.Count);
    }

    [Test]
    public async Task A_chunk_that_is_too_large_is_refused_and_what_cannot_be_played_says_so()
    {
        await using var host = await SignedUpAsync();
        var session = await host.CreateSessionAsync("Recorded", visibility: Visibility.Unlisted);
        await host.JoinSessionAsync(session.SessionId);
        var started = await host.Api.StartRecordingAsync(session.SessionId, RecordingKind.Audio, "audio/webm");
        using var refused = await PutAsync(started.Uploads[0], started.ContentType, new byte[started.MaxChunkBytes + 1]);
        Check.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Check.That((await refused.Content.ReadAsStringAsync()).Contains("EntityTooLarge"), "S3's own code");
        await StoreAsync(started.Uploads[0], started.ContentType, new byte[100]);
        await host.Api.FinishRecordingAsync(started.RecordingId, 0);
        var failed = await ComposedAsync(host, started.RecordingId);
        Check.Equal((RecordingStatus.Failed, 0), (failed.Status, failed.Files.Count));
        Check.That(failed.Error!.Contains("can be played"), failed.Error);
    }

    private static async Task<TunRTCClient> SignedUpAsync()
    {
        var client = new TunRTCClient((await Server.SharedAsync()).Url);
        var name = $"records-{Guid.NewGuid():N}";
        await client.RegisterAsync(name, $"{name}@example.org", "a long password");
        return client;
    }

    private static async Task StoreAsync(RecordingUpload upload, string contentType, byte[] bytes)
    {
        using var stored = await PutAsync(upload, contentType, bytes);
        Check.Equal(HttpStatusCode.OK, stored.StatusCode);
    }

    /// <summary>As a browser stores a chunk, with the content type that was signed.</summary>
    private static async Task<HttpResponseMessage> PutAsync(RecordingUpload upload, string contentType, byte[] bytes)
    {
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        return await Http.PutAsync(upload.Url, content);
    }

    private static async Task<HttpResponseMessage> PartAsync(string url, long from, long to)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Range = new RangeHeaderValue(from, to);
        return await Http.SendAsync(request);
    }

    private static async Task<Recording> ComposedAsync(TunRTCClient client, string recordingId)
    {
        var until = DateTimeOffset.UtcNow + Patience;
        while (true)
        {
            var shown = await client.Api.GetRecordingAsync(recordingId);
            if (shown.Status is RecordingStatus.Ready or RecordingStatus.Failed)
            {
                return shown;
            }
            Check.That(DateTimeOffset.UtcNow < until, "it is put together in time");
            await Task.Delay(50);
        }
    }
}
