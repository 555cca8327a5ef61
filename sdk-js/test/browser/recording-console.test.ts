/** The console's recording, as people use it: who is asked, who is marked, and the page on which it plays afterwards. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { RecordingDetail } from '../../src/recording/index.ts';
import { consolePage, eventually, joinListed, startSession } from '../support/browser.ts';
import { looksRight, tabsInOrder } from '../support/look.ts';
import { near, seconds } from '../support/measure.ts';
import { probe } from '../support/media-files.ts';
import { impatientServer } from '../support/recorder-page.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

withServer();
closePagesAfterEach();

describe('recording in the console', () => {
  const marks = (page: Page) => page.locator('#tiles').getByRole('img', { name: /: recording$/ });
  const record = (page: Page) => page.getByRole('button', { name: 'Record', exact: true });
  const stopped = (page: Page) => page.getByRole('button', { name: 'Stop recording' });

  /** Where the rows of buttons begin, in pixels. */
  const rows = async (page: Page) => new Set(await page.locator('#controls button:visible').evaluateAll((all) => all.map((each) => each.getBoundingClientRect().top)));

  async function call(name: string, ...others: ('Alice' | 'Bob')[]): Promise<Page[]> {
    const pages = await Promise.all((['Demo', ...others] as const).map((who) => consolePage(browser, server.url, who)));
    const [demo, ...rest] = pages as [Page, ...Page[]];
    await startSession(demo, name);
    for (const page of rest) {
      await page.getByRole('button', { name: 'Refresh' }).click();
      await joinListed(page, name);
    }
    return pages;
  }

  /** Whoever comes while the others are recorded is asked too, and sees who is. */
  async function comesLate(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('button', { name: 'Join again' }).click();
    await page.getByRole('toolbar', { name: 'Call' }).waitFor();
    await page.getByRole('button', { name: 'Do not record me' }).click();
    await eventually(async () => (await marks(page).count()) === 2, 'who came late sees the marks');
    assert.equal(await page.locator('#recording').textContent(), 'Recording');
  }

  /** Where each picture is, by the server's clock, in milliseconds, as far as it plays. */
  const moments = (page: Page) =>
    page.evaluate(async () => {
      const id = new URLSearchParams(location.hash.slice(1)).get('session');
      const { token } = JSON.parse(Object.values(sessionStorage).find((value) => value.includes('"refreshToken"')) ?? '{}');
      const list: RecordingDetail[] = await (await fetch(`/api/session/${id}/recordings`, { headers: { authorization: `Bearer ${token}` } })).json();
      const files = list.flatMap((each) => each.files);
      return [...document.querySelectorAll('video')].map((video) => {
        const own = files.find(({ url }) => url.split('?')[0] === video.src.split('?')[0]);
        return Date.parse(own?.startedAt ?? '') + video.currentTime * 1000;
      });
    });

  test('asks everybody, shows who is recorded and who refused, and plays them side by side afterwards', async () => {
    const [demo, alice, bob] = (await call('On the record', 'Alice', 'Bob')) as [Page, Page, Page];
    await demo.keyboard.press('r');
    await demo.getByRole('dialog', { name: 'Record the call?' }).waitFor();
    await looksRight(demo, undefined, 'record');
    await demo.getByRole('button', { name: 'Ask everybody' }).click();
    for (const page of [alice, bob]) await page.getByRole('dialog', { name: 'May you be recorded?' }).getByText('demo', { exact: true }).waitFor();
    await looksRight(alice, undefined, 'consent');
    await alice.getByRole('button', { name: 'Record me', exact: true }).click();
    await bob.getByRole('button', { name: 'Do not record me' }).click();
    for (const page of [demo, alice, bob]) {
      await eventually(async () => (await marks(page).count()) === 2, 'two are marked');
      assert.equal(await page.locator('#recording').textContent(), 'Recording');
    }
    assert.match((await bob.locator('#recording-said').textContent()) ?? '', /alice is being recorded\./);
    assert.ok(await record(bob).isVisible(), 'whoever refused may change their mind');
    await comesLate(bob);
    await looksRight(bob, async () => {
      if (await bob.locator('#panel').isVisible()) await bob.getByRole('button', { name: /Details|Close details/ }).first().click();
      assert.equal((await rows(bob)).size, 1, 'the buttons have room beside each other');
    }, 'recorded-call');
    await stopped(demo).click();
    for (const page of [demo, alice]) await record(page).waitFor();
    await eventually(async () => (await marks(bob).count()) === 0, 'nobody is marked any more');

    await alice.setViewportSize({ width: 1280, height: 800 });
    await alice.getByRole('button', { name: 'Leave' }).click();
    await alice.getByRole('link', { name: 'Recordings of this session' }).click();
    await alice.getByRole('heading', { name: 'Recordings of On the record' }).waitFor();
    await alice.getByText('2 in all: 2 ready.').waitFor();
    await alice.getByRole('button', { name: 'Play' }).focus();
    await alice.keyboard.press('Enter');
    await alice.waitForFunction(() => [...document.querySelectorAll('video')].length === 2 && [...document.querySelectorAll('video')].every(({ currentTime, paused }) => currentTime > 2 && !paused));
    const [one = NaN, other = NaN] = await moments(alice);
    console.log(`two recordings play ${Math.round(Math.abs(one - other))} ms apart`);
    near(one, other, 300);
    await alice.getByRole('slider', { name: 'Position' }).focus();
    const before = await alice.locator('#position').inputValue();
    await alice.keyboard.press('ArrowLeft');
    assert.ok(Number(await alice.locator('#position').inputValue()) < Number(before));
    await eventually(async () => Math.min(...(await moments(alice))) < Math.min(one, other) - 3_000, 'the picture goes where the slider is');
    await alice.getByRole('button', { name: 'Pause' }).click();
    await looksRight(alice, undefined, 'recordings');
    for (const width of [360, 1280]) {
      await alice.setViewportSize({ width, height: 740 });
      await alice.locator('#main').focus();
      await tabsInOrder(alice);
    }
    const [file] = await Promise.all([alice.waitForEvent('download'), alice.getByRole('link', { name: 'Save the recording of alice' }).click()]);
    assert.match(file.suggestedFilename(), /\.mp4$/);
    await alice.getByRole('button', { name: 'Delete the recording of alice' }).click();
    await alice.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await alice.getByText('1 in all: 1 ready.').waitFor();
  });

  test('offers to save what came too late for the server, and looks right', async (t) => {
    const { line } = await impatientServer(t);
    const page = await consolePage(browser, line.url, 'Demo');
    await startSession(page, 'Cut off');
    await record(page).click();
    await page.getByRole('button', { name: 'Only me' }).click();
    await stopped(page).waitFor();
    await seconds(9);
    line.unplug();
    // The server has waited, and made the file; the seat is still held.
    await seconds(20);
    line.plugIn();
    const dialog = page.getByRole('dialog', { name: 'A part is on this device alone' });
    await dialog.getByText(/About \d+ seconds came too late/).waitFor({ timeout: 60_000 });
    await looksRight(page, undefined, 'leftover');
    const [file] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Save a file' }).click()]);
    assert.match(file.suggestedFilename(), /^recording \d{4}-\d\d-\d\dT.*\.mp4$/);
    const probed = probe(await readFile(await file.path()));
    assert.deepEqual([probed.complaints, probed.video?.codec], ['', 'h264']);
    await dialog.getByText('A file was given to this browser').waitFor();
    await dialog.getByRole('button', { name: 'Delete it' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await record(page).waitFor();
  });

  test('records on after a reload, without asking again, as the same recording', async () => {
    const [, alice] = (await call('Reloaded', 'Alice')) as [Page, Page];
    await record(alice).click();
    await stopped(alice).waitFor();
    await seconds(6);
    await alice.reload();
    await stopped(alice).waitFor();
    await seconds(6);
    await stopped(alice).click();
    await record(alice).waitFor();
    await alice.getByRole('button', { name: 'Leave' }).click();
    await alice.getByRole('link', { name: 'Recordings of this session' }).click();
    await alice.getByText('1 in all: 1 ready.').waitFor();
    assert.equal(await alice.getByText(/Nothing was recorded, or nothing arrived/).count(), 1, 'the reload is a gap');
  });
});
