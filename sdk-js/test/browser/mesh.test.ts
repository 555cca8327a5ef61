import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { clientPage, decoded, eventually, keepsSeeing, seesEverybody, startServerIn } from '../support/browser.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

const GLARES = 50;
/** Small pictures: what is tested here is connections, and every one of them is encoded on this machine. */
const SMALL = { width: 160, height: 120, frameRate: 5 };

withServer();
closePagesAfterEach();

const createSession = (page: Page): Promise<string> => page.evaluate(async () => (await tunrtc.createSession('mesh', 10)).sessionId);

const join = (page: Page, sessionId: string, video: MediaTrackConstraints | boolean = SMALL) =>
  page.evaluate(async ([id, camera]) => void (await tunrtc.joinSession(id, true, camera)), [sessionId, video] as const);

/** What went wrong in the background, which in these tests is nothing. */
const listenForErrors = (page: Page) =>
  page.evaluate(() => {
    const errors: string[] = [];
    tunrtc.on('error', ({ code, message }) => errors.push(`${code}: ${message}`));
    Object.assign(window, { errors });
  });
const errorsOf = (page: Page) => page.evaluate(() => (window as unknown as { errors: string[] }).errors);

describe('a mesh', () => {
  test('of four: everybody decodes everybody’s video and reads everybody’s chat', async () => {
    const pages = await Promise.all([
      clientPage(browser, server.url, 'demo'),
      clientPage(browser, server.url, 'alice'),
      clientPage(browser, server.url, 'bob'),
      clientPage(browser, server.url, 'carol', 'register'),
    ]);
    const [first] = pages as [Page, ...Page[]];
    for (const page of pages) {
      await page.evaluate(() => {
        const said: string[] = [];
        tunrtc.on('message', ({ message }) => said.push(message));
        Object.assign(window, { said });
      });
    }
    const sessionId = await createSession(first);
    for (const page of pages) await join(page, sessionId);
    await Promise.all(pages.map((page) => seesEverybody(page, 3)));
    await Promise.all(pages.map((page, place) => page.evaluate((text) => tunrtc.sendMessage(text), `from ${place}`)));
    for (const page of pages) {
      const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said.slice().sort().join());
      await eventually(async () => (await said()) === 'from 0,from 1,from 2,from 3', 'four messages, each once');
    }
  });

  test('without any camera or microphone connects all the same, and data channels work', async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    const sessionId = await createSession(demo);
    for (const page of [demo, alice]) {
      await page.evaluate((id) => tunrtc.joinSession(id, false, false), sessionId);
    }
    const heard = alice.evaluate(
      () =>
        new Promise<string>((resolve) => {
          tunrtc.on('dataChannel', ({ channel }) => (channel.onmessage = ({ data }) => resolve(`${channel.label}: ${data}`)));
        }),
    );
    await eventually(() => demo.evaluate(() => tunrtc.participants.size === 1), 'the other is there');
    await demo.evaluate(() => {
      const [userId = ''] = tunrtc.participants.keys();
      const channel = tunrtc.createDataChannel(userId, 'files');
      channel.onopen = () => channel.send('a piece');
    });
    assert.equal(await heard, 'files: a piece');
  });

  test('a camera turned on in the middle of a call is seen', async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    const sessionId = await createSession(demo);
    for (const page of [demo, alice]) await join(page, sessionId, false);
    await demo.evaluate(() => tunrtc.setVideoEnabled(true));
    await seesEverybody(alice, 1);
  });

  test('a description too large for a frame travels compressed', async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    await Promise.all([demo, alice].map(listenForErrors));
    const sessionId = await createSession(demo);
    for (const page of [demo, alice]) await join(page, sessionId);
    await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
    const sections = (page: Page) =>
      page.evaluate(() => {
        const [userId = ''] = tunrtc.participants.keys();
        const { signalingState, remoteDescription } = tunrtc.createPeerConnection(userId);
        return signalingState === 'stable' ? (remoteDescription?.sdp ?? '').split('m=video').length - 1 : 0;
      });
    await demo.evaluate(() => {
      const sent: string[] = [];
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        sent.push(String(data));
        send.call(this, data);
      };
      Object.assign(window, { sent });
      const [userId = ''] = tunrtc.participants.keys();
      for (let more = 0; more < 20; more++) tunrtc.createPeerConnection(userId).addTransceiver('video');
    });
    await eventually(async () => (await sections(alice)) === 21, 'the large offer is applied');
    await eventually(async () => (await sections(demo)) === 21, 'and its answer');
    const offer = await demo.evaluate(() => (window as unknown as { sent: string[] }).sent.find((frame) => frame.includes('sendOffer')) ?? '');
    assert.match(offer, /"sdp":"tunrtc-deflate:/);
    assert.ok(offer.length < 32 * 1024, `${offer.length} characters`);
    await Promise.all([keepsSeeing(demo), keepsSeeing(alice)]);
    assert.deepEqual(await Promise.all([demo, alice].map(errorsOf)), [[], []]);
  });

  test(`of two who start at the same time connects ${GLARES} times out of ${GLARES}`, async () => {
    const pages = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    const [first] = pages as [Page, Page];
    await Promise.all(pages.map(listenForErrors));
    for (let round = 0; round < GLARES; round++) {
      const sessionId = await createSession(first);
      await Promise.all(pages.map((page) => join(page, sessionId)));
      // Both offer at once, whoever came first.
      await Promise.all(pages.map((page) => page.evaluate(() => tunrtc.startScreenShare())));
      for (const page of pages) {
        await eventually(async () => Object.values(await decoded(page)).some((frames) => frames > 0), `round ${round} is seen`);
        const isStable = () =>
          page.evaluate(() => [...tunrtc.participants.keys()].every((id) => tunrtc.createPeerConnection(id).signalingState === 'stable'));
        await eventually(isStable, `round ${round} settles`);
      }
      await Promise.all(pages.map((page) => page.evaluate(() => tunrtc.leaveSession())));
    }
    assert.deepEqual(await Promise.all(pages.map(errorsOf)), [[], []]);
  });

  test('of more people than the server lets show video: the next one joins with audio, is told why, and is heard', async () => {
    const small = await startServerIn({ TUNRTC_MESH_LIMIT: '2' }, '--port', '0');
    try {
      const names = ['demo', 'alice', 'bob'] as const;
      const pages = await Promise.all(names.map((name) => clientPage(browser, small.url, name)));
      const [first, , third] = pages as [Page, Page, Page];
      const sessionId = await createSession(first);
      for (const page of pages) await join(page, sessionId);
      const told = await third.evaluate(() => new Promise<number>((resolve) => tunrtc.on('videoLimited', ({ limit }) => resolve(limit))));
      const refused = () => tunrtc.setVideoEnabled(true).then(() => '', (error: { code: string }) => error.code);
      assert.deepEqual([told, await third.evaluate(() => tunrtc.isVideoEnabled), await third.evaluate(refused)], [2, false, 'video_limit']);
      await seesEverybody(third, 2);
      await eventually(
        () =>
          first.evaluate(async () => {
            const heard: boolean[] = [];
            for (const userId of tunrtc.participants.keys()) {
              let packets = 0;
              (await tunrtc.createPeerConnection(userId).getStats()).forEach((stat) => {
                if (stat.type === 'inbound-rtp' && stat.kind === 'audio') packets = stat.packetsReceived;
              });
              heard.push(packets > 50);
            }
            return heard.length === 2 && heard.every(Boolean);
          }),
        'both others are heard',
      );
    } finally {
      await small.stop();
    }
  });

  test('a refused device rejects with a code, and the session can be joined without', async () => {
    const page = await clientPage(browser, server.url, 'demo');
    const sessionId = await createSession(page);
    const code = await page.evaluate(async (id) => {
      const refuse = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
      navigator.mediaDevices.getUserMedia = refuse;
      return tunrtc.joinSession(id).then(
        () => 'joined',
        (error: { code: string }) => error.code,
      );
    }, sessionId);
    assert.equal(code, 'media_denied');
    await page.evaluate((id) => tunrtc.joinSession(id, false, false), sessionId);
    assert.equal(await page.evaluate(() => tunrtc.connectionState.status), 'connected');
  });

  test('a peer that is left and met again is seen again', async () => {
    const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
    const sessionId = await createSession(demo);
    await join(demo, sessionId);
    for (let round = 0; round < 5; round++) {
      await join(alice, sessionId);
      await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
      await alice.evaluate(() => tunrtc.leaveSession());
      await eventually(() => demo.evaluate(() => tunrtc.participants.size === 0), 'she is gone');
    }
    await join(alice, sessionId);
    await keepsSeeing(demo);
  });
});
