import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { consolePage, eventually, freshPage, joinListed, keepsSeeing, seesEverybody, startSession } from '../support/browser.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

withServer();
closePagesAfterEach();

/** Two people in one session, by what they would click. */
async function call(name: string): Promise<[Page, Page]> {
  const [demo, alice] = await Promise.all([consolePage(browser, server.url, 'Demo'), consolePage(browser, server.url, 'Alice')]);
  await startSession(demo, name);
  await alice.getByRole('button', { name: 'Refresh' }).click();
  await joinListed(alice, name);
  await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
  return [demo, alice];
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

const saidIn = (page: Page, text: string) => page.getByRole('log').getByText(text, { exact: true });

/** The picture in somebody's tile: its size, 0 without one. */
const widthOf = async (page: Page, selector: string) =>
  (await page.locator(`${selector} video`).evaluateAll((videos) => videos.map((video) => (video as HTMLVideoElement).videoWidth)))[0] ?? 0;

describe('the console', () => {
  test('two people find each other, see each other and talk', async () => {
    const [demo, alice] = await call('First call');
    await say(demo, 'Hello Alice');
    await saidIn(alice, 'Hello Alice').waitFor();
    await say(alice, 'Hello Demo');
    await saidIn(demo, 'Hello Demo').waitFor();
    assert.equal(await saidIn(demo, 'Hello Alice').count(), 1);
    await say(alice, 'Look: https://example.org/a?b=c, then (https://example.org/d). <b>http</b>');
    const addresses = demo.locator('#messages a');
    await addresses.nth(1).waitFor();
    const led = await addresses.evaluateAll((all) => all.map((each) => (each as HTMLAnchorElement).href));
    assert.deepEqual(led, ['https://example.org/a?b=c', 'https://example.org/d'], 'what ends a sentence is no part of an address');
    assert.ok((await widthOf(demo, '.tile:not(.own)')) > 0, 'the picture is on the page');
    const apart = () => demo.evaluate(() => document.pictureInPictureElement !== null);
    for (const expected of [true, false]) {
      await demo.getByRole('button', { name: 'Picture in picture: alice' }).click();
      await eventually(async () => (await apart()) === expected, expected ? 'a window of its own' : 'back on the page');
    }
  });

  test('history is there for those who come later', async () => {
    const [demo, alice] = await call('With history');
    await say(demo, 'before you came back');
    await saidIn(alice, 'before you came back').waitFor();
    await alice.getByRole('button', { name: 'Leave' }).click();
    await joinListed(alice, 'With history');
    await saidIn(alice, 'before you came back').waitFor();
  });

  test('hands stand in the order in which they were raised, also for those who come back', async () => {
    const [demo, alice] = await call('With hands');
    const listIn = (page: Page) => page.getByRole('tab', { name: /^People/ }).click();
    const handIn = (page: Page, name: string, place: number) =>
      page.locator(`#people li:nth-child(${place})`, { hasText: name }).getByText(`Hand ${place}`, { exact: true }).waitFor();
    await Promise.all([listIn(demo), listIn(alice)]);
    await alice.getByRole('button', { name: 'Raise your hand' }).click();
    await handIn(demo, 'alice', 1);
    await demo.keyboard.press('h');
    await Promise.all([handIn(alice, 'alice', 1), handIn(alice, 'demo', 2)]);
    await demo.reload();
    await demo.getByRole('toolbar', { name: 'Call' }).waitFor();
    await listIn(demo);
    await handIn(demo, 'alice', 1);
    await demo.getByRole('button', { name: 'Raise your hand' }).click();
    await Promise.all([handIn(demo, 'demo', 2), handIn(alice, 'demo', 2)]);
    await alice.getByRole('button', { name: 'Take your hand down' }).click();
    await handIn(demo, 'demo', 1);
    await demo.getByRole('tab', { name: /^Chat/ }).click();
    await saidIn(demo, 'alice took the hand down').waitFor();
    assert.equal(await demo.getByRole('log').getByText('a participant now').count(), 0, 'no seat has changed');
  });

  test('a reload in the middle of a call comes back into it', async () => {
    const [demo, alice] = await call('Reloaded');
    for (let round = 0; round < 3; round++) {
      await alice.reload();
      await alice.getByRole('toolbar', { name: 'Call' }).waitFor();
      await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
    }
    await say(demo, 'welcome back');
    await saidIn(alice, 'welcome back').waitFor();
  });

  test('muting and turning the camera off show on the other side', async () => {
    const [demo, alice] = await call('Quiet');
    await alice.getByRole('tab', { name: 'People' }).click();
    const inList = alice.locator('#people li', { hasText: 'demo' });
    await inList.getByText('Microphone on').waitFor();
    await demo.getByRole('button', { name: 'Mute' }).click();
    await inList.getByText('Microphone off').waitFor();
    await demo.getByRole('button', { name: 'Camera off' }).click();
    await inList.getByText('Camera off').waitFor();
    await alice.locator('.tile.blank:not(.own)').waitFor();
    await demo.getByRole('button', { name: 'Camera on' }).click();
    await inList.getByText('Camera on').waitFor();
    await keepsSeeing(alice);
  });

  test('a shared screen is seen beside the camera, and goes away', async () => {
    const [demo, alice] = await call('Screens');
    for (let round = 0; round < 2; round++) {
      await demo.getByRole('button', { name: 'Share screen' }).click();
      await eventually(async () => (await widthOf(alice, '.tile.screen:not(.own)')) > 0, 'the screen arrives');
      await keepsSeeing(alice);
      await demo.getByRole('button', { name: 'Stop sharing' }).click();
      await alice.locator('.tile.screen').waitFor({ state: 'detached' });
    }
  });

  test('another camera is seen by the other side without a new negotiation', async () => {
    const [demo, alice] = await call('Cameras');
    const descriptions = () =>
      demo.evaluate(() => [...tunrtc.participants.keys()].map((id) => tunrtc.createPeerConnection(id).localDescription?.sdp));
    const before = await descriptions();
    await demo.getByRole('button', { name: 'Devices' }).click();
    const cameras = demo.getByRole('combobox', { name: /^Camera/ });
    await cameras.locator('option').nth(1).waitFor({ state: 'attached' });
    const ids = await cameras.locator('option').evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
    // Of Chromium's three made-up cameras the second is a depth camera, whose pictures nobody can show.
    const [first, , next = ''] = ids;
    assert.equal(await cameras.inputValue(), first);
    await cameras.selectOption(next);
    await eventually(
      () => demo.evaluate((id) => tunrtc.localStream?.getVideoTracks()[0]?.getSettings().deviceId === id, next),
      'the other camera is in use',
    );
    await demo.getByRole('button', { name: 'Done' }).click();
    await keepsSeeing(alice);
    assert.deepEqual(await descriptions(), before);
  });

  test('a participant who leaves disappears, and the one who stays can end the session', async () => {
    const [demo, alice] = await call('Ending');
    await demo.getByRole('button', { name: 'Leave' }).click();
    await demo.getByRole('button', { name: 'End for everybody' }).click();
    await alice.getByRole('heading', { name: 'The session was ended by the person who started it.' }).waitFor();
    await alice.getByRole('button', { name: 'To the list' }).click();
    await alice.getByRole('heading', { name: 'Sessions' }).waitFor();
    await demo.getByRole('heading', { name: 'Sessions' }).waitFor();
    assert.equal(await demo.getByRole('button', { name: 'Join Ending' }).count(), 0);
  });

  test('statistics tell the path and the round trip', async () => {
    const [demo] = await call('Measured');
    await demo.getByRole('tab', { name: 'Statistics' }).click();
    const value = (term: string) => demo.locator('#panel-stats dt', { hasText: term }).locator('+ dd').first();
    await eventually(async () => /^\d+ ms$/.test((await value('Round trip').textContent()) ?? ''), 'a round trip is measured');
    await eventually(async () => /host – .*udp/.test((await value('Path').textContent()) ?? ''), 'the path is told');
    await eventually(async () => /^[1-9]\d* kbit/.test((await value('Receiving').textContent()) ?? ''), 'a bitrate is measured');
  });

  test('the pictures lead whoever hosts a call, and nobody else, to what it was like', async () => {
    const [demo, alice] = await call('Looked at afterwards');
    const badge = (page: Page) => page.getByRole('link', { name: /^Quality of the connection to/ });
    assert.deepEqual([await badge(demo).count(), await badge(alice).count()], [1, 0]);
    const [opened] = await Promise.all([demo.waitForEvent('popup'), badge(demo).click()]);
    // No minute of it is over: there is nothing to show yet, and who asks is known.
    await opened.getByRole('alert').getByText('There are no reports of such a call').waitFor();
    assert.equal(await opened.locator('#account-name').textContent(), 'demo');
    await keepsSeeing(demo);
  });

  test('a wrong password is explained, and a new account can be made', async () => {
    const page = await freshPage(browser);
    await page.goto(server.url);
    await page.getByLabel('E-mail').fill('demo@tunrtc.com');
    await page.getByLabel('Password').fill('not this one');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('do not match an account').waitFor();
    assert.match((await page.getByLabel('Password').getAttribute('aria-describedby')) ?? '', /password-problem/);
    await page.getByRole('button', { name: 'Create an account' }).click();
    await page.getByLabel('User name').fill('newcomer');
    await page.getByLabel('E-mail').fill('newcomer@example.org');
    await page.getByLabel('Password').fill('a long password');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});
