/** Guest links on the page: a host gives one out, somebody without an account comes by it, and it ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { consolePage, freshPage, joinNow, seesEverybody, startSession } from '../support/browser.ts';
import { looksRight } from '../support/look.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

withServer();
closePagesAfterEach();

/** A host in a session, and a guest link to it. */
async function host(name: string): Promise<{ page: Page; link: string }> {
  const page = await consolePage(browser, server.url, 'Demo');
  await startSession(page, name);
  await page.getByRole('tab', { name: 'People' }).click();
  return { page, link: await linkFrom(page) };
}

async function linkFrom(page: Page): Promise<string> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write', 'camera', 'microphone']);
  await page.getByRole('button', { name: 'Copy a guest link' }).click();
  await page.getByRole('alert').getByText('The guest link is copied.').waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** Opens a link in a browser of one's own, and says a name. */
async function open(link: string, name: string): Promise<Page> {
  const page = await freshPage(browser, ['camera', 'microphone']);
  await page.goto(link);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
  return page;
}

const personIn = (page: Page, name: string) => page.locator('#people li', { hasText: name });

describe('guest links', () => {
  test('a guest sees where they were invited, joins with a name alone, and comes back to the seat', async () => {
    const { page: demo, link } = await host('Open house');
    assert.match(link, new RegExp(`^${server.url}/#/join/[\\w-]{43}$`));
    const guest = await freshPage(browser, ['camera', 'microphone']);
    await guest.goto(link);
    await guest.getByRole('heading', { name: 'Open house' }).waitFor();
    await guest.getByText('demo invites you.').waitFor();
    await looksRight(guest, undefined, 'invited');
    await guest.getByRole('button', { name: 'Continue' }).click();
    await guest.getByText('Choose a name of 1 to 50 characters.').or(guest.getByText('Give it a name of 1 to 100 characters.')).waitFor();
    await guest.getByLabel('Your name').fill('Mallory');
    await guest.getByRole('button', { name: 'Continue' }).click();
    await guest.getByText('You join as Mallory (guest).').waitFor();
    await joinNow(guest);
    await Promise.all([seesEverybody(demo, 1), seesEverybody(guest, 1)]);
    await personIn(demo, 'Mallory (guest)').waitFor();
    await guest.getByRole('tab', { name: 'People' }).click();
    assert.equal(await guest.getByRole('button', { name: 'Copy a guest link' }).count(), 0, 'guests invite nobody');

    await guest.reload();
    await guest.getByRole('toolbar', { name: 'Call' }).waitFor();
    await Promise.all([seesEverybody(demo, 1), seesEverybody(guest, 1)]);
    assert.equal(await personIn(demo, 'Mallory (guest)').count(), 1, 'the same guest');
    await guest.getByRole('button', { name: 'Leave' }).click();
    await guest.getByRole('heading', { name: 'You have left.' }).waitFor();
    await guest.getByRole('button', { name: 'Join again' }).click();
    await Promise.all([seesEverybody(demo, 1), seesEverybody(guest, 1)]);
  });

  test('a link that is taken back lets nobody in, and throws nobody out', async () => {
    const { page: demo, link } = await host('Closing');
    const guest = await open(link, 'Early');
    await joinNow(guest);
    await Promise.all([seesEverybody(demo, 1), seesEverybody(guest, 1)]);
    const waiting = await open(link, 'Hesitant');
    await waiting.getByText('You join as Hesitant (guest).').waitFor();
    await demo.getByRole('button', { name: /^Take back the link/ }).click();
    await demo.locator('#invites li').waitFor({ state: 'detached' });

    await waiting.getByRole('button', { name: 'Join', exact: true }).click();
    await waiting.getByText('Your invitation has ended, or was taken back.').waitFor();
    const late = await freshPage(browser, ['camera', 'microphone']);
    await late.goto(link);
    await late.getByRole('heading', { name: 'This invitation has ended, or was taken back. Ask for another one.' }).waitFor();
    await guest.reload();
    await Promise.all([seesEverybody(demo, 1), seesEverybody(guest, 1)]);
  });

  test('a link is opened wherever it is pasted, by who is signed in as themselves', async () => {
    const { link } = await host('Pasted');
    const alice = await consolePage(browser, server.url, 'Alice');
    await alice.getByLabel('Session id or link').fill(link);
    await alice.locator('#join-form').getByRole('button', { name: 'Join' }).click();
    await alice.getByRole('heading', { name: 'Pasted' }).waitFor();
    await joinNow(alice);
    await seesEverybody(alice, 1);

    const stranger = await freshPage(browser, ['camera', 'microphone']);
    await stranger.goto(server.url);
    const field = stranger.getByLabel('Have a guest link? Paste it');
    await field.fill('nonsense');
    await stranger.getByRole('button', { name: 'Open', exact: true }).click();
    await stranger.getByText('That is not a guest link.').waitFor();
    await field.fill(link);
    await stranger.getByRole('button', { name: 'Open', exact: true }).click();
    await stranger.getByRole('heading', { name: 'Pasted' }).waitFor();
    await stranger.getByRole('button', { name: 'Sign in' }).click();
    await stranger.getByText('Sign in to join the session of this link.').waitFor();
  });

  test('whoever is banned comes back neither by the tab nor by the link', async () => {
    const { page: demo, link } = await host('Guarded');
    const guest = await open(link, 'Rude');
    await joinNow(guest);
    await Promise.all([seesEverybody(demo, 1), seesEverybody(guest, 1)]);
    await personIn(demo, 'Rude (guest)').getByLabel('What to do with Rude (guest)').click();
    await demo.getByRole('button', { name: 'Remove for an hour, with their link' }).click();
    await guest.getByRole('heading', { name: /^You were taken out of the session/ }).waitFor();
    await demo.locator('#invites li').waitFor({ state: 'detached' });
    await guest.getByRole('button', { name: 'Done' }).click();
    await guest.getByRole('heading', { name: 'Sign in' }).waitFor();
    await guest.goto(link);
    await guest.getByRole('heading', { name: 'This invitation has ended, or was taken back. Ask for another one.' }).waitFor();
  });
});
