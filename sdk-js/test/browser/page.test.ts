/** The console as a page: at every width, light and dark, by keyboard, for a screen reader, and when something goes wrong. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { clientPage, consolePage, eventually, freePort, freshPage, joinNow, launchStrict, signIn, startServer, startSession } from '../support/browser.ts';
import { looksRight } from '../support/look.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

const LONG_NAME = 'Maximiliane-Alexandra of Hohenlohe-Schillingsfurst';
const LONG_TITLE = 'The weekly meeting of everybody who has ever had anything to do with the renewal of the north bridge';

withServer();
closePagesAfterEach();

async function register(page: Page, username: string, email: string, url = server.url): Promise<void> {
  await page.goto(url);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill('a long password');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
}

/** Starts a session by what a person would click, and is in it afterwards; answers its id. */
async function start(page: Page, name: string): Promise<string> {
  await startSession(page, name);
  return page.evaluate(() => tunrtc.sessionId ?? '');
}

/** Somebody else in the session, without the console. */
async function guest(sessionId: string, name = 'alice'): Promise<Page> {
  const page = await clientPage(browser, server.url, name);
  await page.evaluate((id) => tunrtc.joinSession(id, false, false), sessionId);
  return page;
}

const focusedOn = (page: Page) => page.evaluate(() => document.activeElement?.ariaLabel ?? document.activeElement?.textContent ?? '');

/** On a narrow page the details cover the call; they are opened or closed by their own buttons. */
async function showDetails(page: Page, open: boolean): Promise<void> {
  const isOpen = await page.locator('#panel').isVisible();
  if (isOpen === open) return;
  await page.getByRole('button', { name: open ? 'Details' : 'Close details' }).or(page.locator('#details')).first().click();
}

describe('every view, at every width, light and dark', () => {
  test('signing in and registering, with everything wrong too', async () => {
    const page = await freshPage(browser);
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Alice', exact: true }).waitFor();
    await page.getByRole('link', { name: 'API reference' }).waitFor();
    // What search engines, and whoever is sent the address, are shown of it.
    assert.match((await page.locator('meta[name=description]').getAttribute('content')) ?? '', /call/);
    await looksRight(page, undefined, 'sign-in');
    await page.getByRole('button', { name: 'Create an account' }).click();
    await page.getByRole('button', { name: 'Create account' }).click();
    for (const words of ['Choose a name of 1 to 50 characters.', 'Write an e-mail address, such as ann@example.org.', 'Use 8 to 128 characters.']) {
      await page.getByText(words).waitFor();
    }
    assert.equal(await page.locator('input[aria-invalid=true]').count(), 3);
    assert.equal(await focusedOn(page), '', 'a field has the focus');
    assert.ok(await page.locator('#notice').isHidden(), 'all is said at the fields');
    await looksRight(page, undefined, 'register');
    await page.getByLabel('Password').fill('seen');
    await page.getByRole('button', { name: 'Show' }).click();
    assert.equal(await page.getByLabel('Password').getAttribute('type'), 'text');
  });

  test('where the examples are not served, as on AWS, or the reference is not, nobody is sent there', async () => {
    const page = await freshPage(browser);
    await page.route('**/examples/*', (route) => route.fulfill({ status: 403 }));
    await page.goto(server.url);
    await page.locator('#sign-in').getByRole('link', { name: 'API reference' }).waitFor();
    assert.deepEqual(await page.locator('#sign-in .links a:visible').allTextContents(), ['Guides', 'API reference', 'Source']);
    await page.unroute('**/examples/*');
    await page.route('**/docs', (route) => route.fulfill({ status: 403 }));
    await page.reload();
    for (const name of ['A call in fifteen lines', 'Everything the SDK does']) await page.locator('#sign-in').getByRole('link', { name }).waitFor();
    assert.deepEqual(await page.locator('#sign-in .links a:visible').allTextContents(), ['Guides', 'A call in fifteen lines', 'Everything the SDK does', 'Source']);
  });

  test('the list of sessions, empty and with long names', async () => {
    const page = await freshPage(browser);
    await register(page, LONG_NAME, 'long@example.org');
    await looksRight(page, undefined, 'tour');
    await page.getByRole('button', { name: 'Got it' }).click();
    await page.reload();
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    assert.ok(await page.locator('#tour').isHidden(), 'it is shown once');
    await page.evaluate((name) => tunrtc.createSession(name), LONG_TITLE);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('button', { name: `Join ${LONG_TITLE}` }).waitFor();
    await looksRight(page, undefined, 'lobby');
  });

  test('oneself before joining, and what stands there when a call has ended', async () => {
    const [page, other] = [await consolePage(browser, server.url, 'Demo'), await clientPage(browser, server.url, 'demo')];
    const sessionId = await page.evaluate(async (name) => (await tunrtc.createSession(name)).sessionId, LONG_TITLE);
    await page.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    await page.getByText('Nobody is there yet.').waitFor();
    await page.locator('#ready-call video:not([hidden])').waitFor();
    await looksRight(page, undefined, 'ready');
    await joinNow(page);
    await other.evaluate((id) => tunrtc.joinSession(id, false, false), sessionId);
    await page.getByRole('heading', { name: 'You joined this session somewhere else' }).waitFor();
    await looksRight(page, undefined, 'over');
    await page.getByRole('button', { name: 'Take it back here' }).click();
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
    await eventually(() => other.evaluate(() => tunrtc.connectionState.status === 'closed'), 'it goes on here');
    await looksRight(page, () => showDetails(page, false), 'alone');
  });

  test('a call with long names: alone, with somebody, and each part of its details', async () => {
    const page = await freshPage(browser);
    await register(page, LONG_NAME.replaceAll('-', ' '), 'longer@example.org');
    const sessionId = await start(page, LONG_TITLE);
    const alice = await guest(sessionId);
    await alice.evaluate(() => tunrtc.sendMessage('word'.repeat(200)));
    await page.getByRole('log').getByText('wordword').waitFor();
    for (const part of ['Chat', 'People', 'Transcript', 'Statistics', 'Log']) {
      await page.getByRole('tab', { name: part }).click();
      await looksRight(page, () => showDetails(page, true), `call-${part}`);
    }
    await looksRight(page, async () => {
      if (await page.locator('#panel-close').isVisible()) await page.locator('#panel-close').click();
    }, 'call');
  });

  test('the dialogs of a call', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await guest(await start(page, 'Dialogs'));
    await page.getByRole('listitem').getByText('alice').first().waitFor();
    for (const [button, dialog] of [['Devices', 'Devices'], ['Leave', 'Leave the session?'], ['Help and shortcuts', 'Help and shortcuts']] as const) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.getByRole('button', { name: button }).click();
      await page.getByRole('dialog', { name: dialog }).waitFor();
      await looksRight(page, undefined, `dialog-${button}`);
      await page.keyboard.press('Escape');
    }
  });
});

describe('by keyboard', () => {
  test('the focus stays on its row while the list is refreshed, and goes to the next when the row is gone', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    const ids = await page.evaluate(async () => {
      const made: string[] = [];
      for (const name of ['Older', 'Middle', 'Newer']) made.push((await tunrtc.createSession(name)).sessionId);
      return made;
    });
    const refresh = () => page.evaluate(() => document.getElementById('refresh')?.click());
    await refresh();
    await page.getByRole('button', { name: 'Join Middle' }).focus();
    await page.evaluate(() => tunrtc.createSession('Newest'));
    await refresh();
    await page.getByRole('button', { name: 'Join Newest' }).waitFor();
    assert.equal(await focusedOn(page), 'Join Middle');
    await page.evaluate((id) => tunrtc.endSession(id), ids[2]);
    await refresh();
    await page.getByRole('button', { name: 'Join Newer' }).waitFor({ state: 'detached' });
    assert.equal(await focusedOn(page), 'Join Middle');
    await page.evaluate((id) => tunrtc.endSession(id), ids[1]);
    await refresh();
    await page.getByRole('button', { name: 'Join Middle' }).waitFor({ state: 'detached' });
    assert.equal(await focusedOn(page), 'Join Older');
  });

  test('a button that was pressed keeps the focus, also when what it opened is closed', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    const refreshed = page.waitForResponse(/session\/active/);
    await page.getByRole('button', { name: 'Refresh' }).press('Enter');
    await refreshed;
    assert.equal(await focusedOn(page), 'Refresh');
    await guest(await start(page, 'Focus'));
    await page.getByRole('listitem').getByText('alice').first().waitFor();
    for (const [button, dialog] of [['Devices', 'Devices'], ['Leave', 'Leave the session?']] as const) {
      await page.getByRole('button', { name: button }).press('Enter');
      await page.getByRole('dialog', { name: dialog }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog', { name: dialog }).waitFor({ state: 'hidden' });
      assert.equal(await focusedOn(page), button);
    }
  });

  test('the toolbar is one stop, and the arrow keys move in it', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await start(page, 'Toolbar');
    const toolbar = page.getByRole('toolbar', { name: 'Call' });
    assert.equal(await toolbar.locator('button[tabindex="0"]').count(), 1);
    await page.getByRole('button', { name: 'Mute' }).focus();
    for (const [key, button] of [['ArrowRight', 'Camera off'], ['End', 'Leave'], ['ArrowRight', 'Mute'], ['ArrowLeft', 'Leave'], ['Home', 'Mute']] as const) {
      await page.keyboard.press(key);
      assert.equal(await focusedOn(page), button);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Unmute' }).waitFor();
    assert.equal(await focusedOn(page), 'Unmute');
    assert.equal(await toolbar.locator('[aria-pressed]').count(), 0, 'the words alone say what a button does');
  });

  test('single keys do what the buttons do, except while somebody writes, and can be switched off', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await start(page, 'Shortcuts');
    await page.keyboard.press('m');
    await page.getByRole('button', { name: 'Unmute' }).waitFor();
    await page.keyboard.press('v');
    await page.getByRole('button', { name: 'Camera on' }).waitFor();
    await page.keyboard.press('c');
    await page.keyboard.type('mv?');
    assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'mv?');
    assert.ok(await page.getByRole('button', { name: 'Unmute' }).isVisible());
    await page.keyboard.press('Enter');
    await page.getByRole('log').getByText('mv?').waitFor();
    await page.locator('#main').focus();
    await page.keyboard.press('p');
    assert.match(await focusedOn(page), /People/);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Help and shortcuts' }).waitFor();
    await page.getByLabel('Use shortcuts').uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('m');
    await page.keyboard.press('?');
    assert.ok(await page.getByRole('button', { name: 'Unmute' }).isVisible());
    assert.ok(await page.locator('#help-dialog').isHidden());
  });
});

describe('the list', () => {
  test('is shown page by page, is searched, and keeps people out of what is full', async () => {
    const crowded = await startServer();
    try {
      const page = await consolePage(browser, crowded.url, 'Demo');
      await page.evaluate(async () => {
        for (let at = 1; at <= 55; at++) await tunrtc.createSession(`Number ${at}`, at === 55 ? 2 : 10);
      });
      const full = await page.evaluate(async () => (await tunrtc.listSessions({ limit: 1 }))[0]?.sessionId ?? '');
      for (const name of ['alice', 'bob']) {
        const other = await clientPage(browser, crowded.url, name);
        await other.evaluate((id) => tunrtc.joinSession(id, false, false), full);
      }
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.getByText('These are the 50 newest.').waitFor();
      assert.ok(await page.getByRole('button', { name: 'Number 55 is full' }).isDisabled());
      await page.getByLabel('Search in the list').fill('number 3');
      await page.getByText('10 of the 50 newest match.').waitFor();
      assert.equal(await page.locator('#sessions li').count(), 10);
      await page.getByRole('button', { name: 'Search older ones too' }).press('Enter');
      await page.getByText('11 of 55 match.').waitFor();
      assert.equal(await focusedOn(page), 'Join Number 3');
      await page.getByLabel('Search in the list').fill('nothing of the kind');
      await page.getByText('No session has that in its name').waitFor();
    } finally {
      await crowded.stop();
    }
  });

  test('says at the field what is wrong with it', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await page.getByLabel('Seats').fill('');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByText('Choose 2 to 100 seats.').waitFor();
    const join = page.locator('#join-form');
    for (const [id, words] of [['nonsense', 'That is not a session id or a link to one.'], ['01900000-0000-7000-8000-000000000000', 'There is no such session.']] as const) {
      await page.getByLabel('Session id or link').fill(id);
      await join.getByRole('button', { name: 'Join' }).click();
      await join.getByText(words).waitFor();
    }
    assert.ok(await page.locator('#notice').isHidden());
  });
});

describe('in a call', () => {
  test('who speaks and whose connection is poor is seen, and any picture can stand large', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    const alice = await guest(await start(page, 'Pictures'));
    // The browser's own noise is no speech here.
    await page.evaluate(() => tunrtc.setMuted(true));
    const tile = page.locator('.tile').filter({ hasText: 'alice' });
    await tile.waitFor();
    const userId = await alice.evaluate(() => tunrtc.user?.userId ?? '');
    const tell = (name: string, data: object) =>
      page.evaluate(([event, told]) => (tunrtc as unknown as { emit(name: string, data: object): void }).emit(event, told), [name, data] as const);
    await tell('connectionQualityChanged', { userId, quality: 'poor' });
    await tile.getByText('Poor connection').waitFor();
    await tell('activeSpeakersChanged', { speakers: [{ userId, level: 0.5 }] });
    await page.locator('.tile.speaking.leading').filter({ hasText: 'alice' }).waitFor();
    await tell('activeSpeakersChanged', { speakers: [] });
    await page.locator('.tile.leading:not(.speaking)').waitFor();

    await page.getByRole('button', { name: 'Pin alice' }).press('Enter');
    await page.locator('.stage .tile').filter({ hasText: 'alice' }).waitFor();
    // The focus is where it was, though the picture moved.
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Pin alice' }).waitFor();
    await page.locator('.people .tile').filter({ hasText: 'alice' }).waitFor();
    await page.getByRole('button', { name: 'Speaker large' }).click();
    await page.locator('.stage .tile').filter({ hasText: 'alice' }).waitFor();
    await looksRight(page, () => showDetails(page, false), 'spotlight');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Unpin alice' }).press('Enter');
    await page.getByRole('button', { name: 'Speaker large' }).click();
    await page.getByRole('button', { name: 'All alike' }).click();
    await page.locator('.people .tile').filter({ hasText: 'alice' }).waitFor();
    await page.getByRole('button', { name: 'Full screen: alice' }).press('Enter');
    await eventually(() => page.evaluate(() => document.fullscreenElement !== null), 'it fills the screen');
    await page.keyboard.press('f');
    await eventually(() => page.evaluate(() => document.fullscreenElement === null), 'it does not any more');
  });

  test('whoever knocks waits in front of the mirror, and is let in or turned away', async () => {
    const [host, page] = await Promise.all([consolePage(browser, server.url, 'Demo'), consolePage(browser, server.url, 'Alice')]);
    const sessionId = await start(host, 'A waiting room');
    await host.getByRole('tab', { name: 'People' }).click();
    await host.locator('#waiting-room').click();
    await host.getByText('The session has a waiting room').waitFor({ state: 'attached' });
    await page.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    const knock = async () => {
      await page.locator('#ready').getByRole('button', { name: 'Join', exact: true }).click();
      await page.getByRole('dialog', { name: 'Waiting to be let in' }).waitFor();
    };
    await knock();
    await host.getByRole('button', { name: 'Let in alice' }).waitFor();
    await looksRight(page, undefined, 'knock');
    await looksRight(host, () => showDetails(host, true), 'waiting');
    await page.getByRole('button', { name: 'Do not wait' }).click();
    await host.getByRole('button', { name: 'Let in alice' }).waitFor({ state: 'detached' });
    await page.locator('#ready-call video:not([hidden])').waitFor();
    await knock();
    await host.getByRole('button', { name: 'Let in alice' }).click();
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
    await page.locator('.tile').filter({ hasText: 'demo' }).waitFor();

    const bob = await consolePage(browser, server.url, 'Bob');
    await bob.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    await bob.locator('#ready').getByRole('button', { name: 'Join', exact: true }).click();
    await host.getByRole('button', { name: 'Turn away bob' }).click();
    await bob.getByRole('alert').getByText('You were not let in.').waitFor();
  });

  test('on a phone only messages that were not seen are counted', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await page.setViewportSize({ width: 360, height: 740 });
    const sessionId = await page.evaluate(async () => (await tunrtc.createSession('Unread')).sessionId);
    const alice = await guest(sessionId);
    await alice.evaluate(() => tunrtc.sendMessage('said before'));
    await page.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    await joinNow(page);
    await page.locator('#messages').getByText('said before').waitFor({ state: 'attached' });
    assert.ok(await page.locator('#unread').isHidden());
    const say = async (text: string) => {
      await alice.evaluate((message) => tunrtc.sendMessage(message), text);
      await page.locator('#messages').getByText(text, { exact: true }).waitFor({ state: 'attached' });
    };
    await say('not seen');
    assert.equal(await page.locator('#unread').textContent(), '1');
    const shown = () => page.locator('#details').evaluate((button) => getComputedStyle(button, '::after').content);
    assert.equal(await shown(), '"1"');
    await page.getByRole('button', { name: 'Details' }).click();
    await say('seen');
    assert.ok(await page.locator('#unread').isHidden());
    assert.equal(await shown(), '""');
    await page.getByRole('tab', { name: 'People' }).click();
    await page.getByRole('button', { name: 'Close details' }).click();
    await say('not seen either');
    assert.equal(await page.locator('#unread').textContent(), '1');
    await page.getByRole('button', { name: 'Details' }).click();
    assert.equal(await page.locator('#unread').textContent(), '1', 'another tab is shown');
  });

  test('a screen whose sharing is ended by the browser’s own button is shared no longer', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await start(page, 'Stopped');
    for (let round = 0; round < 2; round++) {
      await page.getByRole('button', { name: 'Share screen' }).click();
      await page.getByText('You are sharing your screen.').waitFor();
      await page.evaluate(() => {
        const [track] = tunrtc.getSnapshot().streams.find(({ kind }) => kind === 'screen')?.stream.getVideoTracks() ?? [];
        track?.stop();
        track?.dispatchEvent(new Event('ended'));
      });
      await page.getByText('You are sharing your screen.').waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Share screen' }).waitFor();
    }
  });

  test('a camera that is no longer allowed is said, and shows as off', async () => {
    const strict = await launchStrict();
    try {
      const page = await signIn(await freshPage(strict, ['camera', 'microphone']), server.url, 'Demo');
      await start(page, 'Revoked');
      await page.context().clearPermissions();
      await page.getByRole('alert').getByText('is no longer allowed').waitFor();
      await page.getByRole('button', { name: 'Camera on' }).waitFor();
      await page.getByRole('button', { name: 'Unmute' }).waitFor();
      await page.locator('.tile.own.blank').waitFor();
    } finally {
      await strict.close();
    }
  });

  test('an invitation that is pasted into the address bar leads into its session, from another one too', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    const other = await page.evaluate(async () => (await tunrtc.createSession('Invited')).sessionId);
    await start(page, 'Before');
    await page.evaluate((id) => void (location.hash = `session=${id}`), other);
    await eventually(() => page.evaluate((id) => tunrtc.sessionId === id, other), 'the other session');
    await page.getByRole('heading', { name: 'Invited' }).waitFor();
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
  });

  test('whoever ends the session is not told that it has ended, the others are', async () => {
    const [demo, alice] = await Promise.all([consolePage(browser, server.url, 'Demo'), consolePage(browser, server.url, 'Alice')]);
    const sessionId = await start(demo, 'Over');
    await alice.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    await alice.getByText('There: demo.').waitFor();
    await joinNow(alice);
    await demo.locator('#people li', { hasText: 'alice' }).waitFor({ state: 'attached' });
    await demo.getByRole('button', { name: 'Leave' }).click();
    await demo.getByRole('button', { name: 'End for everybody' }).click();
    await alice.getByRole('heading', { name: 'ended by the person who started it' }).waitFor();
    await demo.getByRole('heading', { name: 'Sessions' }).waitFor();
    assert.ok(await demo.locator('#notice').isHidden());
  });
});

describe('when something is missing', () => {
  test('a camera that is not allowed is said before a session is made, and one can join without it', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.getByLabel('Name', { exact: true }).fill('Denied');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByRole('alert').getByText('was not allowed').waitFor();
    const names = () => page.evaluate(async () => (await tunrtc.listSessions()).map(({ name }) => name));
    assert.ok(!(await names()).includes('Denied'));
    await page.getByRole('button', { name: 'Back to the list' }).click();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Denied', 'what was written stays');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await joinNow(page);
    assert.ok((await names()).includes('Denied'));
    assert.deepEqual(await page.evaluate(() => [tunrtc.isMuted, tunrtc.isVideoEnabled]), [true, false]);
  });

  test('the devices are as they were after a reload, and before the next call', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await start(page, 'Muted');
    await page.getByRole('button', { name: 'Mute', exact: true }).click();
    await page.getByRole('button', { name: 'Unmute' }).waitFor();
    await page.reload();
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
    const devices = () => page.evaluate(() => [tunrtc.isMuted, tunrtc.isVideoEnabled]);
    assert.deepEqual(await devices(), [true, true]);
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await eventually(() => page.evaluate(() => tunrtc.isMuted && tunrtc.isVideoEnabled), 'as in the call');
    await page.getByRole('button', { name: 'Back to the list' }).click();
    assert.deepEqual(await devices(), [true, false], 'nothing is captured any more');
  });

  test('a server that is gone is said above the list and in a call, and what was written goes out when it is back', async () => {
    const folder = await mkdtemp(pathOf(tmpdir(), 'tunrtc-'));
    const options = ['--port', String(await freePort()), '--data', pathOf(folder, 'data.db')];
    let gone = await startServer(...options);
    try {
      const page = await freshPage(browser);
      await register(page, 'patient', 'patient@example.org', gone.url);
      const inCall = await page.context().newPage();
      await inCall.goto(gone.url);
      await inCall.getByLabel('E-mail').fill('patient@example.org');
      await inCall.getByLabel('Password').fill('a long password');
      await inCall.getByRole('button', { name: 'Sign in', exact: true }).click();
      await start(inCall, 'Patience');
      await gone.kill();
      await inCall.getByText('The connection to the server is lost.').waitFor();
      await inCall.getByLabel('Message', { exact: true }).fill('written meanwhile');
      await inCall.getByRole('button', { name: 'Send' }).click();
      await inCall.locator('.unsent').getByText('written meanwhile').waitFor();
      await page.getByText('The server cannot be reached. The list is from').waitFor();
      gone = await startServer(...options);
      await inCall.locator('[data-message-id]').getByText('written meanwhile').waitFor();
      await inCall.locator('.unsent').waitFor({ state: 'detached' });
      await inCall.getByText('The connection to the server is lost.').waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Join Patience' }).waitFor();
      assert.equal(await page.locator('#list-state').textContent(), '');
    } finally {
      await gone.stop();
      await rm(folder, { recursive: true });
    }
  });

  test('a session that filled meanwhile is said, and one still sees oneself', async () => {
    const [page, other] = [await consolePage(browser, server.url, 'Demo'), await clientPage(browser, server.url, 'alice')];
    const sessionId = await other.evaluate(async () => (await tunrtc.createSession('Small', 2)).sessionId);
    await page.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    const mirror = page.locator('#ready-call video:not([hidden])');
    await mirror.waitFor();
    await other.evaluate((id) => tunrtc.joinSession(id, false, false), sessionId);
    await guest(sessionId, 'bob');
    await page.locator('#ready').getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('alert').getByText('This session is full.').waitFor();
    await eventually(() => page.evaluate(() => tunrtc.isVideoEnabled), 'the camera is on again');
    await mirror.waitFor();
  });

  test('a history that cannot be fetched keeps nobody out of the call', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await page.route(/\/messages$/, (route) => route.abort());
    await start(page, 'Without history');
    await page.getByRole('tab', { name: 'Log' }).click();
    await page.getByText('history: The server cannot be reached.').waitFor();
  });

  test('a server that has forgotten everybody asks to sign in again, wherever one was', async () => {
    const port = String(await freePort());
    let forgetful = await startServer('--port', port);
    try {
      const [inList, inCall] = await Promise.all([consolePage(browser, forgetful.url, 'Demo'), consolePage(browser, forgetful.url, 'Alice')]);
      await start(inCall, 'Forgotten');
      await forgetful.kill();
      forgetful = await startServer('--port', port);
      await inList.getByRole('button', { name: 'Refresh' }).click();
      for (const page of [inList, inCall]) {
        await page.getByRole('heading', { name: 'Sign in' }).waitFor();
        await page.getByRole('alert').getByText('Sign in again').waitFor();
        assert.ok(await page.getByRole('button', { name: 'Sign out' }).isHidden());
      }
      await inList.getByRole('button', { name: 'Demo', exact: true }).click();
      await inList.getByRole('heading', { name: 'Sessions' }).waitFor();
      await inCall.getByRole('button', { name: 'Alice', exact: true }).click();
      await inCall.getByRole('alert').getByText('There is no such session').waitFor();
    } finally {
      await forgetful.stop();
    }
  });

  test('a sign-in that was ended elsewhere leads back into the session after the next one', async () => {
    const page = await freshPage(browser);
    await register(page, 'elsewhere', 'elsewhere@example.org');
    const sessionId = await start(page, 'Back');
    // Revoked by somebody who has the refresh token: the server closes the connections of that sign-in.
    const status = await page.evaluate(async () => {
      const body = JSON.stringify({ refreshToken: tunrtc.api.auth?.refreshToken });
      return (await fetch('/api/auth/logout', { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status;
    });
    assert.equal(status, 204);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByText('Sign in to join the session of this link.').waitFor();
    await page.getByLabel('Password').fill('a long password');
    await page.getByLabel('E-mail').fill('elsewhere@example.org');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
    assert.equal(await page.evaluate(() => tunrtc.sessionId), sessionId);
  });

  test('who finds a session is chosen already as the operator wants it, and said', async () => {
    const discreet = await startServer('--default-visibility', 'unlisted');
    try {
      const page = await signIn(await freshPage(browser), discreet.url, 'Demo');
      await page.getByText('By link only: it is in nobody’s list').waitFor();
      assert.equal(await page.getByLabel('Visibility').inputValue(), 'unlisted');
      await startSession(page, 'Between us');
      const listed = await page.evaluate(async () => (await tunrtc.listSessions()).length);
      assert.equal(listed, 0);
    } finally {
      await discreet.stop();
    }
  });

  test('demo accounts are offered only where there are some', async () => {
    const folder = await mkdtemp(pathOf(tmpdir(), 'tunrtc-'));
    const kept = await startServer('--data', pathOf(folder, 'data.db'));
    try {
      const page = await freshPage(browser);
      const listed = page.waitForResponse(/demo-accounts\.json/);
      await page.goto(kept.url);
      assert.deepEqual(await (await listed).json(), []);
      assert.equal(await page.getByRole('button', { name: 'Demo', exact: true }).count(), 0);
      await signIn(page, server.url, 'Demo');
    } finally {
      await kept.stop();
      await rm(folder, { recursive: true });
    }
  });
});
