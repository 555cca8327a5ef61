/** Users of an app, without an account: tokens of LiveKit's library and of this package's own, in one call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessToken } from 'livekit-server-sdk';
import type { Page } from 'playwright-core';
import { ServerError, TunRTCServer } from '../../src/server.ts';
import { freshPage, seesEverybody } from '../support/browser.ts';
import { browser, server, withServer } from '../support/with-server.ts';

/** What a server without data has for trying. */
const KEY = { key: 'devkey', secret: 'tunrtc-development-secret-0123456789' };
const SMALL = { width: 160, height: 120, frameRate: 5 };

withServer();

/** A page whose app gets tokens from `mint`. */
async function appPage(mint: () => Promise<string>): Promise<Page> {
  const page = await freshPage(browser);
  await page.exposeFunction('getToken', mint);
  await page.goto(`${server.url}/health`);
  await page.addScriptTag({ url: '/sdk/tunrtc.js' });
  await page.evaluate(() => {
    const { getToken } = window as unknown as { getToken: () => Promise<string> };
    globalThis.tunrtc = new TunRTC.TunRTCClient({ url: location.origin, getToken });
  });
  return page;
}

const joinRoom = (page: Page) => page.evaluate(async (camera) => (await tunrtc.joinRoom(true, camera)).sessionId, SMALL);

test('two users of an app hold a video call, and its backend sees it and ends it', async () => {
  const backend = new TunRTCServer({ url: server.url, ...KEY });
  const livekit = async () => {
    const token = new AccessToken(KEY.key, KEY.secret, { identity: 'ann', name: 'Ann', ttl: '10m' });
    token.addGrant({ roomJoin: true, room: 'daily' });
    return token.toJwt();
  };
  const pages = [await appPage(livekit), await appPage(() => backend.mintToken({ identity: 'ben', name: 'Ben', room: 'daily' }))];
  const sessions = [];
  for (const page of pages) sessions.push(await joinRoom(page));
  assert.equal(sessions[0], sessions[1]);
  await Promise.all(pages.map((page) => seesEverybody(page, 1)));

  const seen = await backend.getSession('daily');
  assert.deepEqual([seen.sessionId, seen.participants.map(({ identity }) => identity).sort()], [sessions[0], ['ann', 'ben']]);
  assert.deepEqual((await backend.listSessions()).items.map(({ room }) => room), ['daily']);
  const ended = Promise.all(pages.map((page) => page.evaluate(() => new Promise<void>((resolve) => tunrtc.on('sessionEnded', () => resolve())))));
  await backend.endSession({ room: 'daily' });
  await ended;
});

test('a key in a page is refused, and so is a token for another room', async () => {
  const backend = new TunRTCServer({ url: server.url, ...KEY });
  const page = await appPage(() => backend.mintToken({ identity: 'ann', room: 'weekly' }));
  const status = await page.evaluate(async ({ key, secret }) => {
    const authorization = `Basic ${btoa(`${key}:${secret}`)}`;
    return (await fetch('/api/session/end', { method: 'POST', headers: { authorization }, body: '{"room":"weekly"}' })).status;
  }, KEY);
  assert.equal(status, 403);
  const other = await backend.createSession({ name: 'Other', room: 'other' });
  const code = await page.evaluate((id) => tunrtc.joinSession(id, false, false).then(() => 'joined', ({ code }: { code: string }) => code), other.sessionId);
  assert.equal(code, 'forbidden');
  await assert.rejects(backend.createSession({ name: 'Another', room: 'other' }), (error: unknown) => error instanceof ServerError && error.code === 'room_exists');
});
