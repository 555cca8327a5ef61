/** Tabs of one browser that share a sign-in: with its own locks, channels and storages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { eventually, freshPage } from '../support/browser.ts';
import { browser, server, withServer } from '../support/with-server.ts';

withServer();

/** A client in a page, with a storage of that page. */
async function client(page: Page, storage: 'localStorage' | 'sessionStorage'): Promise<Page> {
  await page.addScriptTag({ url: '/sdk/tunrtc.js' });
  await page.evaluate((name) => {
    globalThis.tunrtc = new TunRTC.TunRTCClient({ url: location.origin, storage: window[name] });
  }, storage);
  return page;
}

const refresh = (page: Page) => page.evaluate(() => tunrtc.api.refresh());
const refreshToken = (page: Page) => page.evaluate(() => tunrtc.api.auth?.refreshToken);
const user = (page: Page) => page.evaluate(async () => (await tunrtc.me()).username);

async function signedIn(storage: 'localStorage' | 'sessionStorage'): Promise<Page> {
  const page = await freshPage(browser);
  await page.goto(`${server.url}/health`);
  await client(page, storage);
  await page.evaluate(() => tunrtc.login('alice@tunrtc.com', 'alice123'));
  return page;
}

test('tabs with one storage refresh once for all of them', async () => {
  const one = await signedIn('localStorage');
  const others: Page[] = [];
  for (let count = 0; count < 3; count++) {
    const page = await one.context().newPage();
    await page.goto(`${server.url}/health`);
    others.push(await client(page, 'localStorage'));
  }
  const tabs = [one, ...others];
  await Promise.all(tabs.map(refresh));
  assert.equal(new Set(await Promise.all(tabs.map(refreshToken))).size, 1);
  for (const tab of tabs) assert.equal(await user(tab), 'alice');
  await one.evaluate(() => tunrtc.logout());
  assert.equal(await refreshToken(others[0] as Page), undefined);
});

test('a duplicated tab, with a copy of the storage, and its original stay signed in', async () => {
  const one = await signedIn('sessionStorage');
  const opening = one.context().waitForEvent('page');
  await one.evaluate(() => void window.open(location.href));
  const two = await client(await opening, 'sessionStorage');
  for (const tab of [one, two, two, one]) {
    const before = await refreshToken(tab);
    await refresh(tab);
    const now = await refreshToken(tab);
    assert.notEqual(now, before);
    const other = tab === one ? two : one;
    await eventually(async () => (await refreshToken(other)) === now, 'the other tab has the new tokens');
  }
  assert.deepEqual([await user(one), await user(two)], ['alice', 'alice']);
});
