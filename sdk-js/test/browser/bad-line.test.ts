/** A call over a line of 1 Mbit/s that loses 2 % of its packets: voices are heard, and pictures go on, smaller. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { clientPage, freePort, launchFrom, seesEverybody, startServer, type Server } from '../support/browser.ts';
import { makeNetwork, ROUTER, type Network } from '../support/network.ts';
import { IS_FULL, NOISE, noise, TINY, type Film } from '../support/noise.ts';

const LINE = 1_000_000;
const LOSS_PERCENT = 2;
/** The longest that a voice may be gone, in milliseconds. */
// Beside other tests the machine itself holds packets up for longer.
const GAP_MS = IS_FULL ? 200 : 1_000;
const HEARD_MS = IS_FULL ? 60_000 : 15_000;
/** A picture may rest for so long. */
const STILL_MS = 5_000;

let film: Film;
let network: Network;
let server: Server;
let browsers: Browser[];
let url: string;

before(async () => {
  film = noise();
  network = makeNetwork();
  const port = await freePort();
  url = `http://${ROUTER}:${port}`;
  server = await startServer('--host', '0.0.0.0', '--port', String(port), '--public-url', url);
  const options = [`--unsafely-treat-insecure-origin-as-secure=${url}`, film.option];
  browsers = await Promise.all((['left', 'right'] as const).map((host) => launchFrom(network.chromiumOn(host), ...options)));
});

after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server.stop();
  network.close();
  film.remove();
});

interface Heard {
  /** The longest time without a packet of the voice, and without a picture, in milliseconds. */
  gap: number;
  still: number;
  frames: number;
  height: number;
  lost: number;
  bits: number;
}

/** Listens to the only other one for a while. */
function listen(page: Page, milliseconds: number): Promise<Heard> {
  return page.evaluate(async (duration) => {
    const connection = tunrtc.createPeerConnection([...tunrtc.participants.keys()][0] ?? '');
    const read = async () => {
      const streams: Record<string, Record<string, number>> = {};
      (await connection.getStats()).forEach((stat) => {
        if (stat.type === 'inbound-rtp') streams[stat.kind] = stat;
      });
      return { at: performance.now(), voice: streams['audio'] ?? {}, picture: streams['video'] ?? {} };
    };
    const of = (stat: Record<string, number>, name: string) => stat[name] ?? 0;
    const first = await read();
    let [voice, picture, last] = [first, first, first];
    let [gap, still] = [0, 0];
    while (last.at - first.at < duration) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      last = await read();
      const packets = of(last.voice, 'packetsReceived') - of(voice.voice, 'packetsReceived');
      if (packets > 0) {
        // Between two looks several may have come, 20 ms apart as they were sent.
        const between = of(last.voice, 'lastPacketReceivedTimestamp') - of(voice.voice, 'lastPacketReceivedTimestamp');
        gap = Math.max(gap, between - (packets - 1) * 20);
        voice = last;
      }
      if (of(last.picture, 'framesDecoded') > of(picture.picture, 'framesDecoded')) {
        still = Math.max(still, last.at - picture.at);
        picture = last;
      }
    }
    return {
      gap,
      still: Math.max(still, last.at - picture.at),
      frames: of(last.picture, 'framesDecoded') - of(first.picture, 'framesDecoded'),
      height: of(last.picture, 'frameHeight'),
      lost: of(last.voice, 'packetsLost') - of(first.voice, 'packetsLost'),
      bits: ((of(last.picture, 'bytesReceived') - of(first.picture, 'bytesReceived')) * 8_000) / duration,
    };
  }, milliseconds);
}

test('over a bad line no voice is gone for long, and the picture goes on, smaller', async (context) => {
  const [left, right] = browsers as [Browser, Browser];
  const [ada, ben] = await Promise.all([clientPage(left, url, 'ada', 'register'), clientPage(right, url, 'ben', 'register')]);
  const id = await ada.evaluate(async () => (await tunrtc.createSession('a bad line')).sessionId);
  for (const [page, video] of [[ada, NOISE], [ben, TINY]] as const) {
    await page.evaluate(async ([session, camera]) => void (await tunrtc.joinSession(session, true, camera)), [id, video] as const);
  }
  await Promise.all([seesEverybody(ada, 1), seesEverybody(ben, 1)]);
  network.narrow('left', LINE, LOSS_PERCENT);
  const [there, here] = await Promise.all([listen(ben, HEARD_MS), listen(ada, HEARD_MS)]);
  context.diagnostic(`over the line: ${JSON.stringify(there)}; back: ${JSON.stringify(here)}`);
  for (const heard of [there, here]) {
    assert.ok(heard.gap <= GAP_MS, `a voice was gone for ${heard.gap} ms`);
    assert.ok(heard.lost > 0, 'the line loses packets');
    assert.ok(heard.still < STILL_MS, `a picture rested for ${heard.still} ms`);
  }
  assert.ok(there.frames > 0 && there.height < NOISE.height, `pictures of ${there.height}`);
  assert.ok(there.bits < LINE, `${there.bits} bit/s`);
});
