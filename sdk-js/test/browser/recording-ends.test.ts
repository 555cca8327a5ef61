/** Whatever people do while they are recorded ends in a state that is clear: nothing hangs, nothing is lost unsaid, nobody is marked who is not recorded. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { clientPage, consolePage, eventually, joinListed, startServer, startSession } from '../support/browser.ts';
import { seconds } from '../support/measure.ts';
import { enter, pieces, ready, someone, start, waiting, withRecordings } from '../support/recorder-page.ts';
import { storeProxy, type StoreProxy } from '../support/store-proxy.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

const TOGGLES = 20;

let proxy: StoreProxy;

withServer(async () => {
  const started = await startServer();
  proxy = await storeProxy(started.url);
  return started;
});
closePagesAfterEach();
afterEach(() => (proxy.fault = undefined));
after(() => proxy.close());

const codeOf = (page: Page) => page.evaluate(() => Recordings_.startRecording(tunrtc).then(() => 'none', ({ code }: { code: string }) => code));
const list = (page: Page, sessionId: string) => page.evaluate(async (id) => (await Recordings_.listRecordings(tunrtc, id)).items, sessionId);
const state = (page: Page) => page.evaluate(() => recording.state);
/** What the browser still keeps of recordings. */
const kept = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open('tunrtc-recordings');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const counting = opening.result.transaction('recordings').objectStore('recordings').count();
          counting.onsuccess = () => {
            opening.result.close();
            resolve(counting.result);
          };
        };
      }),
  );

describe('whoever is recorded', () => {
  test('in two tabs at once is recorded in one, and in the other after that', async () => {
    const { page, sessionId } = await someone('demo');
    const other = await page.context().newPage();
    await other.goto(`${server.url}/health`);
    await other.addScriptTag({ url: '/sdk/tunrtc.js' });
    await withRecordings(other);
    await other.evaluate(async () => {
      globalThis.tunrtc = new TunRTC.TunRTCClient(location.origin);
      await tunrtc.login('demo@tunrtc.com', 'demo123');
    });
    const id = await start(page);
    await eventually(async () => (await pieces(page)) >= 1, 'something is recorded');
    // It takes the seat of the first one, whose recording ends with it.
    await enter(other, sessionId);
    await eventually(async () => (await state(page)) === 'finished', 'the first one is over');
    assert.equal(await codeOf(other), 'none');
    await ready(other, id);
    assert.equal((await list(other, sessionId)).length, 2);
  });

  test(`begins and stops ${TOGGLES} times without waiting has nothing that goes on or hangs`, async () => {
    const { page, sessionId } = await someone('demo');
    const outcomes = await page.evaluate(async (count) => {
      const ends: Promise<string>[] = [];
      for (let turn = 0; turn < count; turn++) {
        const one = await Recordings_.startRecording(tunrtc).catch((error: { code: string }) => error.code);
        if (typeof one === 'string') ends.push(Promise.resolve(one));
        else ends.push(one.stop().then(() => one.state, ({ code }: { code: string }) => code));
      }
      return Promise.all(ends);
    }, TOGGLES);
    assert.equal(outcomes.length, TOGGLES);
    // Of one that is not over yet the server says so.
    assert.ok(outcomes.includes('finished') && outcomes.every((each) => each === 'finished' || each === 'recording_active'), outcomes.join());
    assert.equal(await kept(page), 0);
    await eventually(async () => (await list(page, sessionId)).every(({ status }) => status === 'ready' || status === 'failed'), 'each came to its end', 60_000);
    assert.ok(!(await page.evaluate(async () => (await tunrtc.getSession(tunrtc.sessionId ?? '')).participants.some(({ recording }) => recording))), 'nobody is marked');
  });

  test('leaves and comes back while pieces wait is told that the last one is on its way, and records when it has arrived', async () => {
    const { page, sessionId } = await someone('demo', undefined, proxy.url);
    proxy.fault = () => 503;
    const id = await start(page);
    await eventually(async () => (await waiting(page)) >= 1, 'a piece waits');
    await page.evaluate(() => tunrtc.leaveSession());
    await enter(page, sessionId);
    assert.equal(await codeOf(page), 'recording_active');
    assert.equal(await state(page), 'uploading');
    proxy.fault = undefined;
    await page.evaluate(() => recording.done);
    assert.equal(await codeOf(page), 'none');
    await ready(page, id);
  });

  test('when the host ends the session has a file of what was recorded by then', async () => {
    const host = await someone('demo');
    const guest = await someone('alice', host.sessionId);
    const id = await start(guest.page);
    await eventually(async () => (await pieces(guest.page)) >= 1, 'something is recorded');
    await host.page.evaluate((sessionId) => tunrtc.endSession(sessionId), host.sessionId);
    await guest.page.evaluate(() => recording.done);
    assert.deepEqual([await state(guest.page), await guest.page.evaluate(() => failures)], ['finished', []]);
    const { durationMs = 0 } = await ready(host.page, id);
    assert.ok(durationMs > 3_000, `${durationMs} ms`);
  });

  test('and signs out is told that the rest waits here, and has everything once signed in again', async () => {
    const { page } = await someone('demo', undefined, proxy.url);
    proxy.fault = () => 503;
    const id = await start(page);
    await eventually(async () => (await waiting(page)) >= 1, 'a piece waits');
    await page.evaluate(() => tunrtc.logout());
    proxy.fault = undefined;
    await eventually(async () => ['failed', 'finished'].includes(await state(page)), 'it comes to an end', 60_000);
    await page.evaluate(async () => {
      await tunrtc.login('demo@tunrtc.com', 'demo123');
      for (const each of await Recordings_.resumeRecordings(tunrtc)) await each.done;
    });
    await ready(page, id);
    assert.equal(await kept(page), 0);
  });

  test('and deletes the account leaves nothing at the server, and nothing here once that is thrown away', async () => {
    const host = await someone('demo', undefined, proxy.url);
    const page = await clientPage(browser, proxy.url, 'gone', 'register');
    await withRecordings(page);
    await enter(page, host.sessionId);
    await start(page);
    await eventually(async () => (await pieces(page)) >= 2, 'something is recorded', 20_000);
    await page.evaluate(() => tunrtc.api.call('DELETE', '/api/auth/me', { password: 'the password of gone' }));
    await eventually(async () => (await state(page)) === 'failed', 'the recording ends', 60_000);
    await eventually(async () => (await list(host.page, host.sessionId)).length === 0, 'nothing is listed');
    assert.deepEqual(await page.evaluate(() => failures), ['signed_out']);
    await page.evaluate(() => recording.discard());
    assert.equal(await kept(page), 0);
  });
});

describe('in the console', () => {
  test(`the button pressed ${TOGGLES} times does what it was pressed for last`, async () => {
    const [demo, alice] = [await consolePage(browser, server.url, 'Demo'), await consolePage(browser, server.url, 'Alice')];
    await startSession(demo, 'Again and again');
    await alice.getByRole('button', { name: 'Refresh' }).click();
    await joinListed(alice, 'Again and again');
    const button = alice.locator('#record');
    await button.waitFor();
    for (let turn = 0; turn < TOGGLES; turn++) await button.click({ noWaitAfter: true });
    await seconds(5);
    if (await alice.getByRole('button', { name: 'Stop recording' }).isVisible()) await button.click();
    await alice.getByRole('button', { name: 'Record', exact: true }).waitFor();
    await eventually(async () => (await alice.locator('#recording').isHidden()) && (await demo.locator('#recording').isHidden()), 'nobody is marked any more', 30_000);
  });
});
