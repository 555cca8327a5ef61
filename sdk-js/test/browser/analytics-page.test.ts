/** The page about calls, with answers that are made up but for the operator's: how it looks, and what one can do on it. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { TunRTCClient } from '../../src/index.ts';
import type { CallReport } from '../../src/wire.ts';
import { TunRTCServer } from '../../src/server.ts';
import { freshPage } from '../support/browser.ts';
import { CALLS, FIRST, makeUpCalls } from '../support/calls.ts';
import { looksRight } from '../support/look.ts';
import { browser, server, withServer } from '../support/with-server.ts';

/** What a server without data has for trying. */
const KEY = { key: 'devkey', secret: 'tunrtc-development-secret-0123456789' };

let page: Page;

withServer();

beforeEach(async () => {
  page = await freshPage(browser);
  await makeUpCalls(page);
});

async function open(hash = ''): Promise<void> {
  await page.goto(`${server.url}/analytics/index.html${hash}`);
  await page.getByRole('button', { name: 'Demo', exact: true }).click();
}

const listed = () => page.locator('#calls tbody tr');
const list = () => page.getByRole('heading', { name: 'Calls', exact: true });
const chart = () => page.getByRole('img', { name: /Score: as seen by Ada, from 2.07 to 4.4/ });

describe('the page about calls', () => {
  test('asks for a sign-in, and looks right', async () => {
    await page.goto(`${server.url}/analytics/index.html`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByRole('link', { name: 'With an API key of this server' }).waitFor();
    await looksRight(page, undefined, 'analytics-sign-in');
  });

  test('shows what calls were like in the last days, and looks right', async () => {
    await open();
    await list().waitFor();
    await page.getByText('98.3\u00a0%').waitFor();
    await looksRight(page, undefined, 'analytics-overview');
  });

  test('lists page by page, and those whose worst score is low alone', async () => {
    await open();
    await list().waitFor();
    assert.equal(await listed().count(), 50);
    await page.getByRole('button', { name: 'Older ones' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('The 100 newest.').waitFor();
    await page.keyboard.press('Enter');
    await page.getByText(`${CALLS} in all.`).waitFor();
    assert.equal(await listed().count(), CALLS);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Call 100');
    await page.getByLabel('Worst score').selectOption('3');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText(`${CALLS / 4} in all.`).waitFor();
    const worst = await listed().locator('td[data-of="Worst"]').allTextContents();
    assert.deepEqual(new Set(worst), new Set(['2.10']));
  });

  test('shows one call: people, what is missing, lines, the same numbers, what happened; and looks right', async () => {
    await open();
    await page.getByRole('link', { name: /^Weekly meeting/ }).first().click();
    await chart().waitFor();
    const people = page.getByRole('table', { name: 'People' });
    await people.getByText('2 minutes missing').waitFor();
    await people.getByText('told nothing').waitFor();
    await people.getByText('session_full').waitFor();
    await page.getByText('Adalooked for another way to Ben').waitFor();
    const numbers = page.getByRole('table', { name: 'Score: as seen by Ada' });
    assert.deepEqual(await numbers.getByRole('row').nth(12).getByRole('cell').allTextContents(), ['–']);
    assert.deepEqual(await numbers.getByRole('row').nth(9).getByRole('cell').allTextContents(), ['2.07']);
    await page.getByRole('combobox', { name: 'What' }).selectOption('rttMs');
    const trips = page.getByRole('table', { name: 'Round trip, ms: as seen by Ada' });
    await trips.waitFor();
    assert.deepEqual(await trips.getByRole('row').nth(9).getByRole('cell').allTextContents(), ['10', '10']);
    await looksRight(page, undefined, 'analytics-call');
  });

  test('says among what happened who recorded from when to when, and leads to what was recorded', async () => {
    await open(`#call=${FIRST}`);
    await chart().waitFor();
    const lines = await page.getByRole('list', { name: 'What happened' }).getByRole('listitem').evaluateAll((items) => items.map((item) => `${item.querySelector('time')?.dateTime.slice(14, 19)} ${item.querySelector('b')?.textContent?.slice(0, 3)} ${item.lastElementChild?.textContent}`));
    assert.deepEqual(lines.filter((line) => line.includes('record')), ['32:05 Ada began to record the camera and microphone', '34:00 Ben began to record the screen', '38:02 Ada ended recording the camera and microphone']);
    await page.getByRole('link', { name: 'Recordings of this call' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/replay/index.html#session=${FIRST}`);
  });

  test('is used by the keyboard alone', async () => {
    await open(`#call=${FIRST}`);
    await chart().waitFor();
    await page.getByRole('combobox', { name: 'What' }).focus();
    await page.keyboard.type('Round');
    await page.getByRole('img', { name: /Round trip, ms: as seen by Ada/ }).waitFor();
    await page.getByRole('combobox', { name: 'What' }).selectOption('fps');
    await page.getByText('There are no numbers of this').waitFor();
    await page.getByRole('link', { name: 'All calls' }).focus();
    await page.keyboard.press('Enter');
    await list().waitFor();
  });

  test('says that a call is not there which is somebody else’s', async () => {
    await open('#call=019aab3f-5c00-7000-8000-000000000077');
    await page.getByRole('alert').getByText('There are no reports of such a call').waitFor();
  });

  test('follows the choice of light or dark, its lines too', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    await open(`#call=${FIRST}`);
    await chart().waitFor();
    const drawn = () => page.locator('#chart canvas').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const before = await drawn();
    await page.getByRole('button', { name: 'Switch between light and dark' }).click();
    await page.waitForFunction((known) => document.querySelector<HTMLCanvasElement>('#chart canvas')?.toDataURL() !== known, before);
  });
});

/** An app's user who was in a room and reported one minute of it, without any media. */
async function reportOne(): Promise<void> {
  const backend = new TunRTCServer({ url: server.url, ...KEY });
  const getToken = () => backend.mintToken({ identity: 'ann', name: 'Ann', room: 'daily' });
  const client = new TunRTCClient({ url: server.url, getToken });
  const { sessionId } = await client.api.joinSession();
  const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString();
  const report: CallReport = { minute, run: 'a', scoreVersion: 1, summary: { startedAt: minute, minutes: 1, outcome: 'alone', joinMs: 417 } };
  await client.api.reportStats(sessionId, report);
}

describe('the operator of a local server', () => {
  test('sees the calls of a key’s project, and no script sees the key', async () => {
    await reportOne();
    const context = await browser.newContext({ httpCredentials: { username: KEY.key, password: KEY.secret } });
    const own = await context.newPage();
    await own.goto(`${server.url}/analytics`);
    await own.getByRole('link', { name: 'With an API key of this server' }).click();
    await own.getByText('Of the project that the key belongs to.').waitFor();
    await own.getByRole('rowheader', { name: 'daily' }).getByRole('link').click();
    await own.getByRole('table', { name: 'People' }).getByText('was alone').waitFor();
    await own.locator('#call-cards').getByText('417').waitFor();
    const kept = await own.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage, at: location.href }));
    assert.ok(!kept.includes(KEY.secret));
    await context.close();
  });
});
