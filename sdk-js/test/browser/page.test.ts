/** The console as a page: at every width, light and dark, by keyboard, for a screen reader, and when something goes wrong. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { clientPage, consolePage, eventually, freePort, freshPage, launch, launchStrict, signIn, startServer, type Server } from '../support/browser.ts';
import { looksRight } from '../support/look.ts';

const LONG_NAME = 'Maximiliane-Alexandra of Hohenlohe-Schillingsfurst';
const LONG_TITLE = 'The weekly meeting of everybody who has ever had anything to do with the renewal of the north bridge';

let server: Server;
let browser: Browser;

before(async () => {
  server = await startServer();
  browser = await launch();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

after(async () => {
  await browser.close();
  await server.stop();
});

async function register(page: Page, username: string, email: string): Promise<void> {
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill('a long password');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
}

/** Starts a session by what a person would click, and is in it afterwards; answers its id. */
async function start(page: Page, name: string): Promise<string> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Start and join' }).click();
  await page.getByRole('toolbar', { name: 'Call' }).waitFor();
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
    await looksRight(page);
    await page.getByRole('button', { name: 'Create an account' }).click();
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('alert').waitFor();
    assert.equal(await page.locator('input[aria-invalid=true]').count(), 3);
    assert.equal(await focusedOn(page), '', 'a field has the focus');
    await looksRight(page);
  });

  test('the list of sessions, empty and with long names', async () => {
    const page = await freshPage(browser);
    await register(page, LONG_NAME, 'long@example.org');
    await looksRight(page);
    await page.evaluate((name) => tunrtc.createSession(name), LONG_TITLE);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('button', { name: `Join ${LONG_TITLE}` }).waitFor();
    await looksRight(page);
  });

  test('a call with long names: alone, with somebody, and each part of its details', async () => {
    const page = await freshPage(browser);
    await register(page, LONG_NAME.replaceAll('-', ' '), 'longer@example.org');
    const sessionId = await start(page, LONG_TITLE);
    await looksRight(page);
    const alice = await guest(sessionId);
    await alice.evaluate(() => tunrtc.sendMessage('word'.repeat(200)));
    await page.getByRole('log').getByText('wordword').waitFor();
    for (const part of ['Chat', 'People', 'Statistics', 'Log']) {
      await page.getByRole('tab', { name: part }).click();
      await looksRight(page, () => showDetails(page, true));
    }
    await looksRight(page, async () => {
      if (await page.locator('#panel-close').isVisible()) await page.locator('#panel-close').click();
    });
  });

  test('the dialogs of a call', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await guest(await start(page, 'Dialogs'));
    await page.getByRole('listitem').getByText('alice').first().waitFor();
    for (const [button, dialog] of [['Devices', 'Devices'], ['Leave', 'Leave the session?']] as const) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.getByRole('button', { name: button }).click();
      await page.getByRole('dialog', { name: dialog }).waitFor();
      await looksRight(page);
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
});

describe('in a call', () => {
  test('on a phone only messages that were not seen are counted', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await page.setViewportSize({ width: 360, height: 740 });
    const sessionId = await page.evaluate(async () => (await tunrtc.createSession('Unread')).sessionId);
    const alice = await guest(sessionId);
    await alice.evaluate(() => tunrtc.sendMessage('said before'));
    await page.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
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
      const screen = page.locator('.tile.screen.own');
      await screen.waitFor();
      await screen.locator('video').evaluate((video) => {
        const [track] = ((video as HTMLVideoElement).srcObject as MediaStream).getVideoTracks();
        track?.stop();
        track?.dispatchEvent(new Event('ended'));
      });
      await screen.waitFor({ state: 'detached' });
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
    await page.getByRole('heading', { name: 'Invited' }).waitFor();
    await eventually(() => page.evaluate((id) => tunrtc.sessionId === id, other), 'the other session');
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
  });

  test('whoever ends the session is not told that it has ended, the others are', async () => {
    const [demo, alice] = await Promise.all([consolePage(browser, server.url, 'Demo'), consolePage(browser, server.url, 'Alice')]);
    const sessionId = await start(demo, 'Over');
    await alice.evaluate((id) => void (location.hash = `session=${id}`), sessionId);
    await alice.getByRole('toolbar', { name: 'Call' }).waitFor();
    await demo.locator('#people li', { hasText: 'alice' }).waitFor({ state: 'attached' });
    await demo.getByRole('button', { name: 'Leave' }).click();
    await demo.getByRole('button', { name: 'End for everybody' }).click();
    await alice.getByRole('alert').getByText('ended by the person who started it').waitFor();
    await demo.getByRole('heading', { name: 'Sessions' }).waitFor();
    assert.ok(await demo.locator('#notice').isHidden());
  });
});

describe('when something is missing', () => {
  test('a camera that is not allowed leaves no empty session behind, and what was written stays', async () => {
    const page = await consolePage(browser, server.url, 'Demo');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.getByLabel('Name', { exact: true }).fill('Denied');
    await page.getByRole('button', { name: 'Start and join' }).click();
    await page.getByRole('alert').getByText('was not allowed').waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Denied');
    const names = await page.evaluate(async () => (await tunrtc.listSessions()).map(({ name }) => name));
    assert.ok(!names.includes('Denied'), names.join());
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
