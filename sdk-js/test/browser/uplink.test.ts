/** What one participant of a call sends to all others together, with a picture that costs bits. */
import assert from 'node:assert/strict';
import { after, test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { CHROMIUM, clientPage, eventually, launchFrom, seesEverybody, startServer } from '../support/browser.ts';
import { IS_FULL, NOISE, noise, TINY, type Film } from '../support/noise.ts';
import { browser, server, withServer } from '../support/with-server.ts';

/** In bit/s, with heads and repetitions. */
const UPLINK = 2_500_000;
const MEASURED_MS = IS_FULL ? 20_000 : 6_000;
/** How long somebody may take to be in the call, where the machine has nothing else to do. */
const JOIN_MS = 5_000;

let film: Film;

withServer(startServer, () => {
  film = noise();
  return launchFrom(CHROMIUM, '--allow-loopback-in-peer-connection', film.option);
});
after(() => film.remove());

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

/** Joins, and answers after how many milliseconds there was a connection to everybody who was there. */
function join(page: Page, sessionId: string, video: object): Promise<number> {
  return page.evaluate(
    async ([id, camera]) => {
      const begin = performance.now();
      const connected = new Set<string>();
      const stop = tunrtc.on('peerStateChanged', ({ userId, state }) => state === 'connected' && connected.add(userId));
      await tunrtc.joinSession(id, true, camera);
      while ([...tunrtc.participants.keys()].some((userId) => !connected.has(userId))) await new Promise((resolve) => setTimeout(resolve, 10));
      stop();
      return performance.now() - begin;
    },
    [sessionId, video] as const,
  );
}

interface Call {
  pages: Page[];
  /** How long each took to join, in milliseconds. */
  joins: number[];
}

let calls = 0;

async function call(people: number): Promise<Call> {
  calls++;
  const names = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Fay'].slice(0, people).map((name) => `${name}${calls}`);
  const pages = await Promise.all(names.map((name) => clientPage(browser, server.url, name, 'register')));
  const [first] = pages as [Page];
  const id = await first.evaluate(async () => (await tunrtc.createSession('noise')).sessionId);
  const joins: number[] = [];
  for (const page of pages) joins.push(await join(page, id, page === first ? NOISE : TINY));
  await seesEverybody(first, people - 1);
  return { pages, joins };
}

async function end(): Promise<void> {
  for (const context of browser.contexts()) await context.close();
}

/** What is sent in bit/s, from now on for a while. */
async function rate(page: Page, milliseconds = MEASURED_MS): Promise<number> {
  const [from, at] = [await sent(page), Date.now()];
  await page.waitForTimeout(milliseconds);
  const to = await sent(page);
  return ((to.bytes - from.bytes) * 8_000) / (Date.now() - at);
}

async function measure(people: number, highest: number, context: TestContext): Promise<void> {
  const { pages, joins } = await call(people);
  const [page] = pages as [Page];
  const bits = await rate(page);
  const { bound, heights } = await sent(page);
  context.diagnostic(`${people} people: ${Math.round(bits / 1000)} kbit/s, pictures of ${heights}, joined in ${joins.map(Math.round)} ms`);
  assert.ok(bits > 0 && bits <= UPLINK, `${bits} bit/s are sent`);
  // What is sent depends on the machine as well: a slow one encodes less than it may.
  assert.ok(bound <= UPLINK, `${bound} bit/s may be sent`);
  assert.ok(heights.every((height) => height <= highest), `pictures of ${heights}`);
  if (IS_FULL) assert.ok(Math.max(...joins) <= JOIN_MS, `joined in ${joins} ms`);
  await end();
}

for (const [people, highest] of [[2, 720], [4, 480], [6, 360]] as const) {
  test(`in a call of ${people} one line carries what one participant sends`, (context) => measure(people, highest, context));
}

test('a picture that nobody sees costs nothing, a small one little, and it is back as soon as it is seen', async (context) => {
  const { pages } = await call(2);
  const [ada, ben] = pages as [Page, Page];
  await ben.evaluate(() => {
    const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.replaceChildren(video);
    tunrtc.observe(video);
    tunrtc.on('remoteStream', ({ stream }) => (video.srcObject = stream));
  });
  const show = (width: number) =>
    ben.evaluate((pixels) => {
      const style = `display: block; width: ${pixels}px; height: ${(pixels * 9) / 16}px`;
      document.querySelector('video')?.setAttribute('style', pixels > 0 ? style : 'display: none');
    }, width);
  await show(0);
  /** What the encoder is set to: what it makes of that depends on the machine as well. */
  const set = () =>
    ada.evaluate(() => {
      const [userId = ''] = tunrtc.participants.keys();
      const sender = tunrtc.createPeerConnection(userId).getSenders().find(({ track }) => track?.kind === 'video');
      const { active = true, scaleResolutionDownBy = 1 } = sender?.getParameters().encodings[0] ?? {};
      return { active, height: Math.round(720 / scaleResolutionDownBy) };
    });
  await eventually(async () => !(await set()).active, 'nothing is sent');
  await ada.waitForTimeout(1_000);
  const hidden = await rate(ada, 3_000);
  await show(320);
  await eventually(async () => (await set()).active && (await set()).height <= 180, 'a small one is sent');
  const small = await rate(ada, 3_000);
  await show(1_280);
  await eventually(async () => (await set()).height > 180, 'a larger one is sent again');
  await seesEverybody(ben, 1);
  context.diagnostic(`hidden ${Math.round(hidden / 1000)} kbit/s, small ${Math.round(small / 1000)} kbit/s`);
  assert.ok(hidden < 100_000, `${hidden} bit/s for what nobody sees`);
  assert.ok(small < 450_000, `${small} bit/s for a small picture`);
  await end();
});
