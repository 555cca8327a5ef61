/** Over real networks, with a real TURN server, and credentials that the server made. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { PeerQuality } from '../../src/index.ts';
import { clientPage, eventually, freePort, keepsSeeing, launchFrom, seesEverybody, startServer, type Server } from '../support/browser.ts';
import { makeNetwork, ROUTER, startTurn, TURN_SECRET, type Network, type Turn } from '../support/network.ts';

const SMALL = { width: 160, height: 120, frameRate: 5 };

let network: Network;
let turn: Turn;
let server: Server;
let url: string;
let browsers: Browser[];

before(async () => {
  network = makeNetwork();
  turn = await startTurn();
  const port = await freePort();
  url = `http://${ROUTER}:${port}`;
  const address = ['--host', '0.0.0.0', '--port', String(port), '--public-url', url];
  server = await startServer(...address, ...turn.urls.flatMap((each) => ['--turn-url', each]), '--turn-secret', TURN_SECRET);
  // Devices need a secure page; a test's plain address is not one by itself.
  const trusted = `--unsafely-treat-insecure-origin-as-secure=${url}`;
  browsers = await Promise.all((['left', 'right'] as const).map((host) => launchFrom(network.chromiumOn(host), trusted)));
});

afterEach(async () => {
  for (const browser of browsers) for (const context of browser.contexts()) await context.close();
  network.open();
});

after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server.stop();
  await turn.stop();
  network.close();
});

async function call(): Promise<[Page, Page]> {
  const [left, right] = browsers as [Browser, Browser];
  const pages: [Page, Page] = await Promise.all([clientPage(left, url, 'alice'), clientPage(right, url, 'bob')]);
  const sessionId = await pages[0].evaluate(async () => (await tunrtc.createSession('far apart')).sessionId);
  for (const page of pages) {
    await page.evaluate(async ([id, video]) => void (await tunrtc.joinSession(id, true, video)), [sessionId, SMALL] as const);
  }
  await Promise.all(pages.map((page) => seesEverybody(page, 1)));
  return pages;
}

const quality = (page: Page): Promise<PeerQuality> =>
  page.evaluate(() => tunrtc.getQuality([...tunrtc.participants.keys()][0] ?? ''));

describe('between two networks', () => {
  test('that reach each other the path is direct', async () => {
    const [alice] = await call();
    const { localCandidate, remoteCandidate } = await quality(alice);
    assert.ok(localCandidate !== 'relay' && remoteCandidate !== 'relay', `${localCandidate} – ${remoteCandidate}`);
  });

  test('that do not, only TURN connects, over UDP', async () => {
    network.blockDirect();
    const [alice] = await call();
    const { localCandidate, remoteCandidate, protocol } = await quality(alice);
    assert.ok(localCandidate === 'relay' || remoteCandidate === 'relay', `${localCandidate} – ${remoteCandidate}`);
    assert.equal(protocol, 'udp');
  });

  test('without any UDP, TURN connects over TCP', async () => {
    network.blockDirect();
    network.blockUdp();
    const pages = await call();
    for (const page of pages) {
      const { localCandidate, protocol } = await quality(page);
      assert.deepEqual([localCandidate, protocol], ['relay', 'tcp']);
    }
  });

  test('whose direct path is cut in the middle of a call, the call goes on over TURN', async () => {
    const [alice, bob] = await call();
    network.blockDirect();
    const isRelayed = async (page: Page) => {
      const { localCandidate, remoteCandidate } = await quality(page);
      return localCandidate === 'relay' || remoteCandidate === 'relay';
    };
    await eventually(async () => (await isRelayed(alice)) && (await isRelayed(bob)), 'both are relayed', 60_000);
    await Promise.all([keepsSeeing(alice), keepsSeeing(bob)]);
  });

  test('the credentials are the server’s, made for this user, and end', async () => {
    const [alice] = await call();
    const { iceServers, ttlSeconds } = await alice.evaluate(() => tunrtc.getIceServers());
    const relay = iceServers.find(({ username }) => username);
    const userId = await alice.evaluate(() => tunrtc.user?.userId);
    assert.deepEqual(relay?.urls, turn.urls);
    assert.equal(relay?.username?.split(':')[1], userId);
    const life = Number(relay?.username?.split(':')[0]) - Date.now() / 1000;
    assert.ok(life > 0 && life <= ttlSeconds + 5, `${life} s of ${ttlSeconds}`);
  });
});
