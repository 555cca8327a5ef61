/** Recording in a real browser: what becomes of it when a browser is killed, a line is cut, or a disk is full. */
import assert from 'node:assert/strict';
import { readFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import type { RecordingDetail } from '../../src/recording/index.ts';
import { CHROMIUM, clientPage, eventually, startServer } from '../support/browser.ts';
import { near, seconds } from '../support/measure.ts';
import { probe } from '../support/media-files.ts';
import { enter, fileOf, filesOf, impatientServer, pieces, ready, someone, start, stop, waiting, withRecordings } from '../support/recorder-page.ts';
import { storeProxy, type StoreProxy } from '../support/store-proxy.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

/** What a piece holds, in seconds: so much may be missing where a browser died. */
const PIECE = 4;

let proxy: StoreProxy;
const folders: string[] = [];

withServer(async () => {
  const started = await startServer();
  proxy = await storeProxy(started.url);
  return started;
});
closePagesAfterEach();

afterEach(() => {
  proxy.fault = undefined;
  proxy.plugIn();
});

after(async () => {
  await proxy.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('a recording', () => {
  test('of two people has what each of them sent, in H.264 with key frames, and seeks', async () => {
    const one = await someone('demo');
    const other = await someone('alice', one.sessionId);
    const ids = [await start(one.page), await start(other.page)];
    await seconds(13);
    assert.equal(await waiting(one.page), 0, 'it is uploaded while it is recorded');
    await Promise.all([stop(one.page), stop(other.page)]);
    const details = await Promise.all(ids.map((id) => ready(one.page, id)));
    for (const detail of details) {
      assert.match(detail.mimeType, /^video\/mp4;codecs=avc1/);
      const { duration, video, audio } = await fileOf(detail);
      near(duration, 13, 1.5);
      assert.deepEqual([video?.codec, audio?.codec, detail.gaps], ['h264', 'opus', []]);
      near(video?.to, audio?.to ?? NaN, 0.7);
      const apart = (video?.keys ?? []).slice(1).map((at, index) => at - (video?.keys[index] ?? 0));
      assert.ok(apart.length >= 4 && apart.every((each) => each <= 3), `key frames ${apart.join(', ')} apart`);
    }
    // Began within a moment of each other, by the server's clock.
    near(Date.parse(details[0]?.startedAt ?? ''), Date.parse(details[1]?.startedAt ?? ''), 5_000);
    await seeks(one.page, details[0] as RecordingDetail);
    const { items } = await one.page.evaluate(() => Recordings_.listRecordings(tunrtc));
    assert.deepEqual(items.map(({ recordingId }) => recordingId).sort(), [...ids].sort());
    await one.page.evaluate((id) => Recordings_.deleteRecording(tunrtc, id), ids[0] ?? '');
    assert.equal((await one.page.evaluate(() => Recordings_.listRecordings(tunrtc))).items.length, 1);
    assert.equal((await fetch(details[0]?.url ?? '')).status, 404, 'its file is gone');
  });

  test('goes on when the camera goes off and on again and while muted, and sound and picture stay in step', async () => {
    const { page } = await someone('demo');
    const id = await start(page);
    await seconds(6);
    await page.evaluate(() => tunrtc.setVideoEnabled(false));
    await seconds(5);
    await page.evaluate(() => tunrtc.setMuted(true));
    await seconds(3);
    await page.evaluate(() => tunrtc.setVideoEnabled(true));
    await seconds(4);
    await page.evaluate(() => tunrtc.setMuted(false));
    await seconds(3);
    await stop(page);
    const detail = await ready(page, id);
    const { duration, video, audio } = await fileOf(detail);
    near(duration, 21, 2);
    near(video?.to, audio?.to ?? NaN, 0.7);
    // While the camera is off there is no picture, and sound goes on.
    near(video?.hole.seconds, 8, 1.5);
    near(video?.hole.at, 6, 1.5);
    assert.ok((audio?.hole.seconds ?? NaN) < 1, `a hole of ${audio?.hole.seconds} s in the sound`);
  });

  test('of four people at once has all four', async () => {
    const first = await someone('demo');
    const others = [await someone('alice', first.sessionId), await someone('bob', first.sessionId)];
    const fourth = await clientPage(browser, server.url, 'carla', 'register');
    await withRecordings(fourth);
    await enter(fourth, first.sessionId);
    const pages = [first.page, ...others.map(({ page }) => page), fourth];
    const ids = await Promise.all(pages.map(start));
    await seconds(12);
    await Promise.all(pages.map(stop));
    for (const id of ids) {
      const { duration, video, audio } = await fileOf(await ready(first.page, id));
      near(duration, 12, PIECE);
      assert.ok(video && audio);
    }
  });

  test('is not in H.264 where the browser makes no key frames for it', async () => {
    const { page } = await someone('demo');
    const type = await page.evaluate(async () => {
      const Real = MediaRecorder;
      // As one that does not know the option: it never reads it.
      globalThis.MediaRecorder = class extends Real {
        constructor(stream: MediaStream, { mimeType = '', videoBitsPerSecond = 0 }: MediaRecorderOptions = {}) {
          super(stream, mimeType ? { mimeType, videoBitsPerSecond } : {});
        }
      };
      globalThis.recording = await Recordings_.startRecording(tunrtc);
      return recording.mimeType;
    });
    assert.doesNotMatch(type, /avc1/);
    await eventually(async () => (await pieces(page)) >= 2, 'it is given before the end');
    await stop(page);
    const { recordingId, recordedMs } = await page.evaluate(() => ({ recordingId: recording.recordingId, recordedMs: recording.progress.recordedMs }));
    near((await fileOf(await ready(page, recordingId))).duration, recordedMs / 1000, PIECE);
  });
});

/** A video element goes to 80 % of the file, and asks for that part of it alone. */
async function seeks(page: Page, { url = '', durationMs = 0 }: RecordingDetail): Promise<void> {
  const ranges: string[] = [];
  page.on('response', (response) => {
    if (response.url() === url) ranges.push(`${response.status()} ${response.request().headers()['range'] ?? ''}`);
  });
  const reached = await page.evaluate(
    ([address, at]) =>
      new Promise<number>((resolve, reject) => {
        const element = document.createElement('video');
        element.onerror = () => reject(new Error(element.error?.message));
        element.onloadedmetadata = () => (element.currentTime = at);
        element.onseeked = () => resolve(element.currentTime);
        element.src = address;
      }),
    [url, (durationMs / 1000) * 0.8] as const,
  );
  near(reached, (durationMs / 1000) * 0.8, 0.1);
  assert.ok(ranges.some((each) => each.startsWith('206')), ranges.join('; '));
}

describe('a browser that is killed', () => {
  /** A browser with a profile that outlives it, in which somebody is signed in. */
  async function profile(folder: string, url = server.url): Promise<{ context: BrowserContext; page: Page }> {
    const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--mute-audio', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=fps=8', '--allow-loopback-in-peer-connection'];
    const context = await chromium.launchPersistentContext(folder, { executablePath: CHROMIUM, headless: true, args });
    const page = await context.newPage();
    await page.goto(`${url}/health`);
    await page.addScriptTag({ url: '/sdk/tunrtc.js' });
    await page.evaluate(async () => {
      globalThis.tunrtc = new TunRTC.TunRTCClient({ url: location.origin, storage: localStorage });
      if (!tunrtc.user) await tunrtc.login('demo@tunrtc.com', 'demo123');
    });
    await withRecordings(page);
    return { context, page };
  }

  /** As `kill -9` does it. The process is the one that was started with this folder, and not one of its children. */
  function kill(folder: string): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const command = commandOf(pid);
      if (command.includes(`--user-data-dir=${folder}`) && !command.some((part) => part.startsWith('--type='))) process.kill(Number(pid), 'SIGKILL');
    }
  }

  function commandOf(pid: string): string[] {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      // It has ended meanwhile.
      return [];
    }
  }

  test('loses nothing that it had kept: the same profile brings it home, and records on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tunrtc-profile-'));
    folders.push(folder);
    const first = await profile(folder, proxy.url);
    const sessionId = await enter(first.page);
    const id = await start(first.page);
    await seconds(9);
    // What is recorded from now on stays on the device.
    proxy.fault = () => 503;
    const stored = proxy.stored.length;
    await eventually(async () => (await waiting(first.page)) >= 2, 'pieces wait on the device');
    await seconds(1);
    const kept = await first.page.evaluate(() => recording.progress);
    kill(folder);
    await first.context.close().catch(() => {});
    assert.equal(proxy.stored.length, stored);
    proxy.fault = undefined;

    const again = await profile(folder, proxy.url);
    await enter(again.page, sessionId);
    const resumed = await again.page.evaluate(async () => {
      const all = await Recordings_.resumeRecordings(tunrtc);
      globalThis.recording = all[0]!;
      return all.map(({ recordingId, state }) => [recordingId, state]);
    });
    assert.deepEqual(resumed, [[id, 'recording']]);
    await seconds(8);
    await stop(again.page);
    const detail = await ready(again.page, id);
    const files = await filesOf(detail);
    const played = files.reduce((sum, { duration }) => sum + duration, 0);
    const missing = detail.gaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / 1000;
    console.log(`killed after ${kept.recordedMs} ms were kept; ${played} s in ${files.length} file(s), gaps of ${missing} s, ${detail.durationMs} ms in all`);
    // Both runs, and what is missing between them is named.
    near((detail.durationMs ?? 0) / 1000 - missing, kept.recordedMs / 1000 + 8, PIECE);
    assert.ok(detail.gaps.length >= 1, 'the time in which there was no browser is a gap');
    await again.context.close();
  });

  test('and whose profile never comes back leaves what had arrived, made a file when nothing came for long enough, with what is missing named', async (t) => {
    const { impatient, line } = await impatientServer(t);
    // The first ones have the head and the first media; one after them never gets through.
    let lost: string | undefined;
    line.fault = (path) => {
      if (line.stored.length >= 3) lost ??= path;
      return path === lost ? 503 : undefined;
    };
    const folder = mkdtempSync(join(tmpdir(), 'tunrtc-profile-'));
    const killed = await profile(folder, line.url);
    const sessionId = await enter(killed.page);
    const watcher = await someone('alice', sessionId, impatient.url);
    const id = await start(killed.page);
    await eventually(async () => (await pieces(killed.page)) >= 6 && (await waiting(killed.page)) === 1, 'all but one have arrived', 40_000);
    const recorded = await killed.page.evaluate(() => recording.progress);
    const killedAt = Date.now();
    kill(folder);
    await killed.context.close().catch(() => {});
    rmSync(folder, { recursive: true, force: true });

    const detail = await ready(watcher.page, id, 60_000);
    const madeAfter = (Date.now() - killedAt) / 1000;
    assert.ok(madeAfter >= 10 - PIECE, `it was waited for: ${madeAfter} s`);
    // Gaps lie in the file: its time goes on around them. On a busy machine what is in a piece ends some time before the piece does, so that
    // it is the bytes that tell whether all of them are there.
    const { duration, video, audio } = await fileOf(detail);
    near(duration, recorded.recordedMs / 1000 - PIECE, 1.5 * PIECE);
    assert.ok(video && audio);
    const bytes = detail.files.reduce((sum, file) => sum + file.bytes, 0);
    near(bytes, line.storedBytes, 0.03 * line.storedBytes);
    const [gap, ...others] = detail.gaps;
    assert.ok(gap && others.length === 0, JSON.stringify(detail.gaps));
    near((gap.toMs - gap.fromMs) / 1000, PIECE, 2.5);
    near(video.hole.at, gap.fromMs / 1000, 2);
    near(video.hole.seconds, (gap.toMs - gap.fromMs) / 1000, 2);
    // It ends where the last piece ended, and not when it was given up.
    near(Date.parse(detail.endedAt ?? ''), killedAt, (PIECE + 1) * 1000);
    console.log(`killed after ${recorded.recordedMs} ms in ${recorded.recorded} pieces; a file of ${duration} s and ${bytes} of ${line.storedBytes} bytes after ${madeAfter} s, gaps ${JSON.stringify(detail.gaps)}`);
  });
});

describe('a store', () => {
  test('that answers 503, is slow, or cuts the line in the middle of a piece gets everything all the same', async () => {
    const { page } = await someone('demo', undefined, proxy.url);
    const faults = [503, 'cut', 3_000, 503, 503, 'cut', 2_000] as const;
    let asked = 0;
    proxy.fault = () => faults[asked++];
    const id = await start(page);
    await seconds(17);
    await stop(page);
    assert.ok(asked >= faults.length, `${asked} tries`);
    const detail = await ready(page, id);
    near((await fileOf(detail)).duration, 17, 1.5);
    assert.deepEqual(detail.gaps, []);
  });

  test('that cannot be reached for half a minute has everything afterwards', async () => {
    const { page } = await someone('demo', undefined, proxy.url);
    const id = await start(page);
    await seconds(6);
    proxy.unplug();
    await seconds(30);
    assert.ok((await waiting(page)) >= 6, 'what was recorded meanwhile is on the device');
    proxy.plugIn();
    await seconds(4);
    await stop(page);
    const detail = await ready(page, id);
    near((await fileOf(detail)).duration, 40, 2);
    assert.deepEqual(detail.gaps, []);
  });

  test('that cannot be reached for longer than the server waits has what arrived by then; the rest plays from this device', async (t) => {
    const { impatient, line } = await impatientServer(t);
    const { page, sessionId } = await someone('demo', undefined, line.url);
    const watcher = await someone('alice', sessionId, impatient.url);
    const id = await start(page);
    await eventually(async () => (await pieces(page)) >= 2 && (await waiting(page)) === 0, 'something has arrived', 20_000);
    line.unplug();
    const arrived = await ready(watcher.page, id, 60_000);
    await eventually(async () => (await pieces(page)) >= 6, 'it is recorded on meanwhile', 30_000);
    line.plugIn();
    await eventually(() => page.evaluate(() => recording.state === 'failed'), 'it is told', 60_000);
    assert.deepEqual(await page.evaluate(() => failures), ['gone']);
    const recorded = await page.evaluate(() => recording.progress);
    const [left, ...others] = await page.evaluate(async () => Promise.all((await recording.leftovers()).map(async ({ file, pieces: count }) => ({ count, bytes: [...new Uint8Array(await file.arrayBuffer())] }))));
    assert.deepEqual([left?.count, others], [recorded.waiting, []]);
    const file = probe(Uint8Array.from(left?.bytes ?? []));
    assert.equal(file.complaints, '');
    assert.ok(file.video && file.audio);
    const own = file.video.to - file.video.from;
    near(own, recorded.waiting * PIECE, PIECE);
    near((await fileOf(arrived)).duration + own, recorded.recordedMs / 1000, PIECE);
    // It is here after a reload, too, until it is thrown away.
    const again = await page.evaluate(async () => {
      const found = await Recordings_.resumeRecordings(tunrtc);
      const counts = await Promise.all(found.map(async (each) => (await each.leftovers()).length));
      for (const each of found) await each.discard();
      return [counts, (await Recordings_.resumeRecordings(tunrtc)).length];
    });
    assert.deepEqual(again, [[1], 0]);
  });

  test('takes nothing by an address that was changed', async () => {
    const { page } = await someone('demo');
    const statuses = await page.evaluate(async () => {
      const { sessionId } = tunrtc;
      const { uploads, contentType } = await tunrtc.api.call<{ uploads: { url: string }[]; contentType: string }>('POST', '/api/session/recording/start', { sessionId, kind: 'audio', mimeType: 'audio/mp4;codecs=opus' });
      const [first, second] = uploads.map(({ url }) => url) as [string, string];
      const put = async (url: string, type = contentType) => (await fetch(url, { method: 'PUT', body: 'x', headers: { 'content-type': type } })).status;
      const moved = new URL(first);
      moved.pathname = new URL(second).pathname;
      return [await put(moved.href), await put(first, 'text/html'), await put(first.replace(/Expires=\d+/, 'Expires=600000')), await put(first)];
    });
    assert.deepEqual(statuses, [403, 403, 403, 200]);
  });
});

describe('a device', () => {
  test('whose disk is full stops the recording, says so, and what was kept is there', async () => {
    const { page } = await someone('demo', undefined, proxy.url);
    const id = await start(page);
    await eventually(async () => (await pieces(page)) >= 2, 'something was recorded');
    proxy.fault = () => 503;
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: proxy.url, quotaSize: 1 });
    await eventually(() => page.evaluate(() => failures.length > 0), 'the recording fails');
    assert.deepEqual(await page.evaluate(() => failures), ['storage_full']);
    assert.equal(await page.evaluate(() => recording.state), 'uploading');
    const kept = await page.evaluate(() => recording.progress.recordedMs);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: proxy.url });
    proxy.fault = undefined;
    await page.evaluate(() => recording.done);
    near((await fileOf(await ready(page, id))).duration, kept / 1000, PIECE);
  });

  test('with two tabs records and resumes in one of them', async () => {
    const { page, sessionId } = await someone('demo');
    await start(page);
    const other = await page.context().newPage();
    await other.goto(`${server.url}/health`);
    await other.addScriptTag({ url: '/sdk/tunrtc.js' });
    await withRecordings(other);
    const resume = () =>
      other.evaluate(async () => {
        globalThis.tunrtc ??= new TunRTC.TunRTCClient(location.origin);
        if (!tunrtc.user) await tunrtc.login('demo@tunrtc.com', 'demo123');
        return (await Recordings_.resumeRecordings(tunrtc, { goOn: false })).map((each) => each.sessionId);
      });
    await seconds(5);
    assert.deepEqual(await resume(), [], 'the first tab has it in hands');
    await page.close();
    await eventually(async () => (await resume())[0] === sessionId, 'the second one brings it home');
  });
});
