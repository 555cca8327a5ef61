/** What one participant of a call sends to all others together, with a picture that costs bits. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, clientPage, launchFrom, seesEverybody, startServer, type Server } from '../support/browser.ts';

const [WIDTH, HEIGHT, FRAMES] = [1280, 720, 8];
/** In bit/s: what media.md of the design allows one participant. */
const UPLINK = 2_500_000;
const MEASURED_MS = 6_000;

const folder = mkdtempSync(join(tmpdir(), 'tunrtc-noise-'));
let server: Server;
let browser: Browser;

/** A film of noise (YUV4MPEG2): nothing in it can be foretold from the frame before, so an encoder spends what it may. */
function noise(): string {
  const frame = () => [Buffer.from('FRAME\n'), randomFillSync(Buffer.alloc((WIDTH * HEIGHT * 3) / 2))];
  const film = join(folder, 'noise.y4m');
  writeFileSync(film, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F15:1 Ip A1:1 C420jpeg\n`), ...Array.from({ length: FRAMES }, frame).flat()]));
  return film;
}

before(async () => {
  server = await startServer();
  browser = await launchFrom(CHROMIUM, '--allow-loopback-in-peer-connection', `--use-file-for-fake-video-capture=${noise()}`);
});

after(async () => {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

interface Sent {
  /** Bytes on their way to everybody, heads and repetitions included. */
  bytes: number;
  /** What the browser has taken as the bounds of all its encoders, in bit/s. */
  bound: number;
  heights: number[];
}

function sent(page: Page): Promise<Sent> {
  return page.evaluate(async () => {
    const sum: Sent = { bytes: 0, bound: 0, heights: [] };
    for (const userId of tunrtc.participants.keys()) {
      const connection = tunrtc.createPeerConnection(userId);
      for (const sender of connection.getSenders()) {
        for (const { maxBitrate } of sender.getParameters().encodings) sum.bound += maxBitrate ?? Infinity;
      }
      (await connection.getStats()).forEach((stat) => {
        if (stat.type !== 'outbound-rtp') return;
        sum.bytes += stat.bytesSent + (stat.headerBytesSent ?? 0);
        if (stat.kind === 'video') sum.heights.push(stat.frameHeight ?? 0);
      });
    }
    return sum;
  });
}

async function call(people: number): Promise<Page> {
  const names = ['Ada', 'Ben', 'Cleo', 'Dan'].slice(0, people).map((name) => `${name}${people}`);
  const pages = await Promise.all(names.map((name) => clientPage(browser, server.url, name, 'register')));
  const [first] = pages as [Page];
  const id = await first.evaluate(async () => (await tunrtc.createSession('noise')).sessionId);
  for (const page of pages) {
    const quality = page === first ? { width: WIDTH, height: HEIGHT } : { width: 160, height: 90, frameRate: 5 };
    await page.evaluate(async ([session, video]) => void (await tunrtc.joinSession(session, true, video)), [id, quality] as const);
  }
  await seesEverybody(first, people - 1);
  return first;
}

for (const people of [2, 4]) {
  test(`in a call of ${people} one line carries what one participant sends`, async () => {
    const page = await call(people);
    const [from, at] = [await sent(page), Date.now()];
    await page.waitForTimeout(MEASURED_MS);
    const to = await sent(page);
    const rate = ((to.bytes - from.bytes) * 8_000) / (Date.now() - at);
    assert.ok(rate > 0 && rate <= UPLINK, `${rate} bit/s are sent`);
    // What is sent depends on the machine as well: a slow one encodes less than it may.
    assert.ok(to.bound <= UPLINK, `${to.bound} bit/s may be sent`);
    assert.ok(to.heights.every((height) => height <= (people === 2 ? HEIGHT : 480)), `pictures of ${to.heights}`);
    for (const context of browser.contexts()) await context.close();
  });
}
