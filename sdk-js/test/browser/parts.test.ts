/** The package in its parts, as a page without a bundler loads them. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { TunRTCOptions } from '../../src/index.ts';
import { eventually, freshPage } from '../support/browser.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

let page: Page;
/** The files of the package that the page has asked for. */
let asked: string[];

withServer();
closePagesAfterEach();
beforeEach(async () => {
  page = await freshPage(browser);
  asked = [];
  page.on('request', (request) => {
    const [, file] = /\/sdk\/(.*)/.exec(request.url()) ?? [];
    if (file) asked.push(file);
  });
});

/** A client that is signed in, from the module by itself; answers the id of a session that it made. */
async function start(options: Partial<TunRTCOptions> = {}): Promise<string> {
  await page.goto(`${server.url}/health`);
  await page.addScriptTag({ type: 'module', content: "import * as module from '/sdk/index.js'; globalThis.TunRTC = module;" });
  await page.waitForFunction(() => 'TunRTC' in globalThis);
  return page.evaluate(async (more) => {
    globalThis.tunrtc = new TunRTC.TunRTCClient({ url: location.origin, ...more });
    await tunrtc.login('demo@tunrtc.com', 'demo123');
    return (await tunrtc.createSession('in parts')).sessionId;
  }, options);
}

test('what connects people is loaded with the first call, once', async () => {
  const id = await start();
  assert.deepEqual(asked.sort(), ['common.js', 'index.js']);
  await page.evaluate((session) => tunrtc.joinSession(session), id);
  // This server wants to know what the call is like; what measures it comes once it has begun.
  await eventually(async () => asked.includes('reporter.js'), 'what measures the call');
  assert.deepEqual(asked.sort(), ['common.js', 'index.js', 'mesh.js', 'reporter.js']);
  await page.evaluate(async (session) => {
    await tunrtc.leaveSession();
    await tunrtc.joinSession(session, false, false);
  }, id);
  assert.equal(asked.length, 4);
});

test('a client without WebRTC joins and chats, and never loads it', async () => {
  const id = await start({ environment: { createPeerConnection: undefined } });
  await page.evaluate(async (session) => {
    await tunrtc.joinSession(session, false, false);
    await tunrtc.sendMessage('words alone');
  }, id);
  assert.deepEqual(asked.sort(), ['common.js', 'index.js']);
});

test('where it cannot be loaded nobody is seated, no camera stays on, and the page is told why', async () => {
  const id = await start();
  await page.route('**/mesh.js', (route) => route.abort());
  const outcome = await page.evaluate(async (session) => {
    const code = await tunrtc.joinSession(session).then(() => '', (error: { code: string }) => error.code);
    return [code, tunrtc.localStream?.active ?? false, (await tunrtc.getSession(session)).participants.length];
  }, id);
  assert.deepEqual(outcome, ['network_error', false, 0]);
  await page.unroute('**/mesh.js');
  await page.evaluate((session) => tunrtc.joinSession(session), id);
});
