/** Joining, leaving and devices, as pages and people do it: overlapping, impatient, without warning. The last call counts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { clientPage, eventually, launchStrict, seesEverybody, startServer } from '../support/browser.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

const MOUNTS = 20;
/** How long a person takes to answer the browser's question, in milliseconds. */
const PROMPT_MS = 300;

// Long enough that nobody can disappear by the grace alone within a test's patience.
withServer(() => startServer('--reconnect-grace-seconds', '120'));
closePagesAfterEach();

const createSession = (page: Page): Promise<string> => page.evaluate(async () => (await tunrtc.createSession('life', 10)).sessionId);

const join = (page: Page, sessionId: string, media = true) =>
  page.evaluate(async ([id, with_]) => void (await tunrtc.joinSession(id, with_, with_)), [sessionId, media] as const);

/** What a page keeps about its captures and about the streams that it was given. */
interface Notes {
  captured: MediaStreamTrack[];
  shown: Set<MediaStream>;
  lost: string[];
  errors: string[];
}

/** Has a page keep notes, and answer the browser's questions as slowly as a person does. */
async function keepNotes(page: Page, promptMs = 0): Promise<void> {
  await page.evaluate((delay) => {
    const notes: Notes = { captured: [], shown: new Set(), lost: [], errors: [] };
    Object.assign(window, { notes });
    for (const ask of ['getUserMedia', 'getDisplayMedia'] as const) {
      const answer = navigator.mediaDevices[ask].bind(navigator.mediaDevices);
      navigator.mediaDevices[ask] = async (constraints) => {
        await new Promise((resolve) => setTimeout(resolve, delay));
        const stream = await answer(constraints);
        notes.captured.push(...stream.getTracks());
        return stream;
      };
    }
    tunrtc.on('remoteStream', ({ stream }) => notes.shown.add(stream));
    tunrtc.on('remoteStreamRemoved', ({ stream }) => notes.shown.delete(stream));
    tunrtc.on('deviceLost', (loss) => notes.lost.push(JSON.stringify(loss)));
    tunrtc.on('error', ({ code, message }) => notes.errors.push(`${code}: ${message}`));
  }, promptMs);
}

const noted = <Answer>(page: Page, ask: (notes: Notes) => Answer): Promise<Answer> =>
  page.evaluate(`(${ask.toString()})(window.notes)`) as Promise<Answer>;

/** The kinds of everything that is captured at this moment, sorted. */
const inUse = (page: Page) =>
  noted(page, ({ captured }) => captured.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind).sort().join());

const shown = (page: Page) => noted(page, ({ shown }) => shown.size);

/** Who has a seat, by what the server says. */
const seats = (page: Page, sessionId: string): Promise<string> =>
  page.evaluate(async (id) => (await tunrtc.getSession(id)).participants.map(({ username }) => username).sort().join(), sessionId);

describe('overlapping calls', () => {
  test(`a component that is mounted, unmounted and mounted in one tick, ${MOUNTS} times: one seat, one camera, one person`, async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    await Promise.all([keepNotes(demo), keepNotes(alice)]);
    const sessionId = await createSession(demo);
    await join(alice, sessionId);
    const outcomes = await demo.evaluate(
      async ([id, times]) => {
        const joins: Promise<string>[] = [];
        /** As an effect of React: what it answers undoes it. In StrictMode every effect runs, is undone and runs again. */
        const effect = () => {
          joins.push(tunrtc.joinSession(id, true, true).then(() => 'joined', ({ code }: { code: string }) => code));
          return () => void tunrtc.leaveSession();
        };
        let undo = effect();
        for (let mount = 0; mount < times; mount++) {
          undo();
          undo = effect();
        }
        return Promise.all(joins);
      },
      [sessionId, MOUNTS] as const,
    );
    assert.deepEqual(outcomes, [...Array<string>(MOUNTS).fill('closed'), 'joined']);
    await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
    assert.equal(await seats(demo, sessionId), 'alice,demo');
    assert.equal(await inUse(demo), 'audio,video');
    assert.deepEqual([await shown(demo), await shown(alice)], [1, 1]);
    assert.equal(await demo.evaluate(() => tunrtc.connectionState.status), 'connected');
  });

  test('leaving before the question for the camera is answered: no seat, no capture', async () => {
    const page = await clientPage(browser, server.url, 'demo');
    await keepNotes(page, PROMPT_MS);
    const sessionId = await createSession(page);
    const code = await page.evaluate(async (id) => {
      const joined = tunrtc.joinSession(id).then(() => 'joined', ({ code }: { code: string }) => code);
      await tunrtc.leaveSession();
      return joined;
    }, sessionId);
    assert.equal(code, 'closed');
    await eventually(() => page.evaluate(() => tunrtc.sessionId === undefined), 'in no session');
    assert.equal(await seats(page, sessionId), '');
    await eventually(async () => (await inUse(page)) === '', 'nothing is captured');
  });

  for (const [what, ask] of [
    ['the camera', () => tunrtc.setVideoEnabled(true)],
    ['the microphone', () => tunrtc.setMuted(false)],
    ['a screen', () => tunrtc.startScreenShare().then(() => {})],
  ] as const) {
    test(`leaving before the question for ${what} is answered: nothing is captured`, async () => {
      const page = await clientPage(browser, server.url, 'demo');
      await keepNotes(page, PROMPT_MS);
      await join(page, await createSession(page), false);
      await page.evaluate(`(async () => {
        const asked = (${ask.toString()})().catch(() => {});
        await tunrtc.leaveSession();
        await asked;
      })()`);
      await eventually(() => noted(page, ({ captured }) => captured.length === 1), 'the answer came');
      await eventually(async () => (await inUse(page)) === '', 'and was not taken');
    });
  }

  test('camera, microphone and screen on and off in one tick are off', async () => {
    const page = await clientPage(browser, server.url, 'demo');
    await keepNotes(page, PROMPT_MS);
    await join(page, await createSession(page), false);
    await page.evaluate(() =>
      Promise.allSettled([
        tunrtc.setVideoEnabled(true),
        tunrtc.setVideoEnabled(false),
        tunrtc.setMuted(false),
        tunrtc.setMuted(true),
        tunrtc.startScreenShare(),
        tunrtc.stopScreenShare(),
      ]),
    );
    assert.deepEqual(await page.evaluate(() => [tunrtc.isVideoEnabled, tunrtc.isMuted, tunrtc.isScreenShared]), [false, true, false]);
    await eventually(async () => !(await inUse(page)).includes('video'), 'no picture is captured');
  });

  test('a double click on the button to share gives one screen, and one stop ends it', async () => {
    const page = await clientPage(browser, server.url, 'demo');
    await keepNotes(page, PROMPT_MS);
    await join(page, await createSession(page), false);
    await page.evaluate(() => Promise.all([tunrtc.startScreenShare(), tunrtc.startScreenShare()]));
    assert.equal(await inUse(page), 'video');
    await page.evaluate(() => tunrtc.stopScreenShare());
    await eventually(async () => (await inUse(page)) === '', 'nothing is captured');
  });
});

describe('the others', () => {
  test('a screen that is shared again is shown to the others once each time', async () => {
    const [alice, bob] = [await clientPage(browser, server.url, 'alice'), await clientPage(browser, server.url, 'bob')];
    await bob.evaluate(() => {
      const told: string[] = [];
      Object.assign(window, { told });
      tunrtc.on('remoteStream', ({ kind }) => told.push(kind));
      tunrtc.on('remoteStreamRemoved', () => told.push('gone'));
    });
    const told = () => bob.evaluate(() => (window as unknown as { told: string[] }).told.join());
    const sessionId = await createSession(alice);
    await join(alice, sessionId);
    await join(bob, sessionId);
    await seesEverybody(bob, 1);
    let expected = 'camera';
    for (let time = 0; time < 2; time++) {
      await alice.evaluate(async () => void (await tunrtc.startScreenShare()));
      expected += ',screen';
      await eventually(async () => (await told()) === expected, 'the screen is shown');
      await alice.evaluate(() => tunrtc.stopScreenShare());
      expected += ',gone';
      await eventually(async () => (await told()) === expected, 'the screen is gone');
    }
  });

  test('a reload shows one picture, and leaving takes it away', async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    await Promise.all([keepNotes(demo), keepNotes(alice)]);
    const sessionId = await createSession(demo);
    await join(demo, sessionId);
    await join(alice, sessionId);
    await eventually(async () => (await shown(demo)) === 1, 'one picture');
    await alice.close();
    const again = await clientPage(browser, server.url, 'alice');
    await join(again, sessionId);
    await seesEverybody(demo, 1);
    assert.equal(await shown(demo), 1);
    await again.evaluate(() => tunrtc.leaveSession());
    await eventually(async () => (await shown(demo)) === 0, 'no picture');
  });

  test('a page that is closed is gone at once, not after the grace', async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    await keepNotes(demo);
    const sessionId = await createSession(demo);
    await join(demo, sessionId);
    await join(alice, sessionId);
    await seesEverybody(demo, 1);
    const reason = demo.evaluate(() => new Promise<string>((resolve) => tunrtc.on('userLeft', ({ reason }) => resolve(reason))));
    await alice.close();
    assert.equal(await reason, 'left');
    assert.equal(await shown(demo), 0);
    assert.equal(await seats(demo, sessionId), 'demo');
  });
});

describe('devices', () => {
  test('what is no longer allowed is told here and to the others, and can be had again', async () => {
    const strict = await launchStrict();
    try {
      const permissions = ['camera', 'microphone'];
      const [demo, alice] = await Promise.all(['demo', 'alice'].map((name) => clientPage(strict, server.url, name, 'login', permissions)));
      assert.ok(demo && alice);
      await Promise.all([keepNotes(demo), keepNotes(alice)]);
      const sessionId = await createSession(demo);
      await join(demo, sessionId);
      await join(alice, sessionId);
      await seesEverybody(alice, 1);
      await demo.context().clearPermissions();
      await eventually(() => demo.evaluate(() => tunrtc.isMuted && !tunrtc.isVideoEnabled), 'both are off, to fact');
      await eventually(() => noted(demo, ({ lost }) => lost.length === 2), 'and the page is told of both');
      const status = () => alice.evaluate(() => [...tunrtc.participants.values()].map(({ isMuted, isVideoEnabled }) => `${isMuted} ${isVideoEnabled}`).join());
      await eventually(async () => (await status()) === 'true false', 'the others are told');
      await demo.context().grantPermissions(permissions);
      await demo.evaluate(async () => {
        await tunrtc.setVideoEnabled(true);
        await tunrtc.setMuted(false);
      });
      assert.equal(await inUse(demo), 'audio,video');
      await eventually(async () => (await status()) === 'false true', 'the others are told again');
      await seesEverybody(alice, 1);
    } finally {
      await strict.close();
    }
  });
});
