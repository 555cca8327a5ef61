import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import {
  cableTo,
  clientPage,
  eventually,
  freePort,
  keepsSeeing,
  launch,
  seesEverybody,
  startServer,
  type Cable,
  type Server,
} from '../support/browser.ts';

const SMALL = { width: 160, height: 120, frameRate: 5 };
const NEGOTIATIONS = 12;

let browser: Browser;
let server: Server;
let cable: Cable;
let folder: string;
let port: number;

/** A server whose clients reach it only through a cable that can be cut; its data outlives it. */
async function start(): Promise<void> {
  const options = ['--data', pathOf(folder, 'data.db'), '--public-url', cable.url, '--heartbeat-seconds', '5'];
  server = await startServer(...options, '--port', String(port));
}

before(async () => {
  browser = await launch();
});

beforeEach(async () => {
  folder = await mkdtemp(pathOf(tmpdir(), 'tunrtc-'));
  port = await freePort();
  cable = await cableTo(port);
  await start();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await cable.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

after(() => browser.close());

async function pair(): Promise<[Page, Page]> {
  return Promise.all([member('alina'), member('robert')]);
}

/** A page with an account of its own: with data in a file there are no demo accounts. */
async function member(name: string): Promise<Page> {
  const page = await clientPage(browser, cable.url, name, 'register');
  await page.evaluate(() => {
    const notes = { states: [] as string[], said: [] as string[], left: [] as string[], errors: [] as string[] };
    tunrtc.on('connectionStateChanged', ({ status }) => notes.states.push(status));
    tunrtc.on('message', ({ message }) => notes.said.push(message));
    tunrtc.on('userLeft', ({ reason }) => notes.left.push(reason));
    tunrtc.on('error', ({ code, message }) => notes.errors.push(`${code}: ${message}`));
    Object.assign(window, { notes });
  });
  return page;
}

interface Notes {
  states: string[];
  said: string[];
  left: string[];
  errors: string[];
}
const notesOf = (page: Page) => page.evaluate(() => (window as unknown as { notes: Notes }).notes);

const createSession = (page: Page): Promise<string> => page.evaluate(async () => (await tunrtc.createSession('call', 4)).sessionId);

const join = (page: Page, sessionId: string) =>
  page.evaluate(async ([id, video]) => void (await tunrtc.joinSession(id, true, video)), [sessionId, SMALL] as const);

/** The ICE user name fragments in use: a restart would change them. */
const fragments = (page: Page) =>
  page.evaluate(() =>
    [...tunrtc.participants.keys()].map((id) => /a=ice-ufrag:(\S+)/.exec(tunrtc.createPeerConnection(id).localDescription?.sdp ?? '')?.[1]),
  );

const isConnected = (page: Page) => page.evaluate(() => tunrtc.connectionState.status === 'connected');

describe('with the signaling connection cut', () => {
  test('in a call, media goes on, ICE is not restarted, nobody is gone, and what was said meanwhile arrives once', async () => {
    const [alice, bob] = await pair();
    const sessionId = await createSession(alice);
    await join(alice, sessionId);
    await join(bob, sessionId);
    await Promise.all([seesEverybody(alice, 1), seesEverybody(bob, 1)]);
    const before = await fragments(alice);
    for (let round = 0; round < 3; round++) {
      cable.unplug();
      await eventually(async () => !(await isConnected(alice)) && !(await isConnected(bob)), 'both notice');
      const sent = alice.evaluate((text) => tunrtc.sendMessage(text), `message ${round}`);
      await Promise.all([keepsSeeing(alice), keepsSeeing(bob)]);
      cable.plugIn();
      await sent;
      await eventually(async () => (await isConnected(alice)) && (await isConnected(bob)), 'both are back');
    }
    await eventually(async () => (await notesOf(bob)).said.length === 3, 'three messages');
    assert.deepEqual((await notesOf(bob)).said, ['message 0', 'message 1', 'message 2']);
    assert.deepEqual(await fragments(alice), before);
    await Promise.all([keepsSeeing(alice), keepsSeeing(bob)]);
    const notes = await Promise.all([notesOf(alice), notesOf(bob)]);
    assert.deepEqual(notes.map(({ left, errors }) => [left, errors]), [[[], []], [[], []]]);
  });

  test('in the middle of a negotiation, at any point of it, the call completes', async () => {
    const [alice, bob] = await pair();
    for (let round = 0; round < NEGOTIATIONS; round++) {
      const sessionId = await createSession(alice);
      await join(alice, sessionId);
      const joining = join(bob, sessionId);
      await new Promise((resolve) => setTimeout(resolve, round * 40));
      cable.cut();
      // The cut may hit the request that joins; asking again is what a person would do.
      await joining.catch(() => join(bob, sessionId));
      await Promise.all([seesEverybody(alice, 1), seesEverybody(bob, 1)]);
      await Promise.all([alice, bob].map((page) => page.evaluate(() => tunrtc.leaveSession())));
    }
    const notes = await Promise.all([notesOf(alice), notesOf(bob)]);
    assert.deepEqual(notes.map(({ errors }) => errors), [[], []]);
    assert.ok(notes.some(({ states }) => states.includes('reconnecting')), 'a cut hit the signaling connection');
  });

  test('while one side changes what it sends, the other gets it afterwards', async () => {
    const [alice, bob] = await pair();
    const sessionId = await createSession(alice);
    await join(alice, sessionId);
    await join(bob, sessionId);
    await Promise.all([seesEverybody(alice, 1), seesEverybody(bob, 1)]);
    cable.unplug();
    await bob.evaluate(() => {
      const kinds: string[] = [];
      tunrtc.on('remoteStream', ({ kind }) => kinds.push(kind));
      Object.assign(window, { kinds });
    });
    await alice.evaluate(async () => void (await tunrtc.startScreenShare()));
    cable.plugIn();
    await eventually(() => bob.evaluate(() => (window as unknown as { kinds: string[] }).kinds.includes('screen')), 'the screen arrives');
  });
});

describe('with the server killed', () => {
  test('in the middle of a negotiation and started again on its data, the call completes', async () => {
    const [alice, bob] = await pair();
    const sessionId = await createSession(alice);
    await join(alice, sessionId);
    // Held at the first offer: it was acknowledged, then everything went down.
    await bob.evaluate(() => {
      const apply = RTCPeerConnection.prototype.setRemoteDescription as (description: RTCSessionDescriptionInit) => Promise<void>;
      const released = new Promise<void>((resolve) => Object.assign(window, { release: resolve }));
      RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
        await released;
        return apply.call(this, description);
      };
    });
    await join(bob, sessionId);
    await server.kill();
    await bob.evaluate(() => (window as unknown as { release(): void }).release());
    await start();
    await Promise.all([seesEverybody(alice, 1), seesEverybody(bob, 1)]);
    const notes = await Promise.all([notesOf(alice), notesOf(bob)]);
    assert.ok(notes.every(({ states }) => states.includes('reconnecting') && states.at(-1) === 'connected'));
  });
});

test('somebody who came and went while one was without network leaves nothing behind', async () => {
  const alice = await member('alina');
  // Bob is not behind the cable.
  const bob = await clientPage(browser, `http://localhost:${port}`, 'robert', 'register');
  await bob.evaluate(
    ([behind, direct]) => {
      const Direct = class extends WebSocket {
        constructor(url: string) {
          super(url.replace(behind, direct));
        }
      };
      Object.assign(window, { WebSocket: Direct });
    },
    [new URL(cable.url).host, `localhost:${port}`] as const,
  );
  await alice.evaluate(() => {
    const met = { shown: 0 };
    tunrtc.on('remoteStream', () => met.shown++);
    Object.assign(window, { met });
  });
  const sessionId = await createSession(alice);
  await join(alice, sessionId);
  cable.unplug();
  await eventually(async () => !(await isConnected(alice)), 'she notices');
  await join(bob, sessionId);
  // His offer is in her inbox when he is gone.
  await eventually(() => bob.evaluate(() => tunrtc.signalingStatistics.unacknowledged === 0), 'his signals are taken');
  await bob.evaluate(() => tunrtc.leaveSession());
  cable.plugIn();
  await eventually(() => isConnected(alice), 'she is back');
  // What was missed comes before what is said after it.
  await alice.evaluate(() => tunrtc.sendMessage('alone'));
  await eventually(async () => (await notesOf(alice)).said.includes('alone'), 'she has caught up');
  assert.equal(await alice.evaluate(() => tunrtc.participants.size), 0);
  assert.equal(await alice.evaluate(() => (window as unknown as { met: { shown: number } }).met.shown), 0);
  assert.deepEqual((await notesOf(alice)).errors, []);
});

test('two tabs of one user: the newer takes over, the older stops and says why', async () => {
  const [alice, bob] = await pair();
  const sessionId = await createSession(alice);
  await join(alice, sessionId);
  await join(bob, sessionId);
  await Promise.all([seesEverybody(alice, 1), seesEverybody(bob, 1)]);
  const second = await clientPage(browser, cable.url, 'alina');
  await join(second, sessionId);
  await eventually(() => alice.evaluate(() => tunrtc.connectionState.status === 'closed'), 'the older tab stops');
  assert.equal(await alice.evaluate(() => (tunrtc.connectionState as { code: string }).code), 'replaced');
  await Promise.all([seesEverybody(second, 1), seesEverybody(bob, 1)]);
  assert.equal(await bob.evaluate(() => tunrtc.participants.size), 1);
});
