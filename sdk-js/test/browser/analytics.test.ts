/** A call over a line that is bad for half a minute, seen afterwards on the page about calls. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { clientPage, eventually, freePort, freshPage, launchFrom, seesEverybody, startServer, type Server } from '../support/browser.ts';
import { makeNetwork, ROUTER, type Network } from '../support/network.ts';

const MINUTE_MS = 60_000;
/** A tenth of all packets, half a second's at a time: one by one they would be repaired before anybody sees it, on a line as short as this. */
const LOSS = { percent: 10, burst: 80, from: 12_000, milliseconds: 30_000 };
/** Reports of a minute come within 5 s after it. */
const LATE_MS = 15_000;

let network: Network;
let server: Server;
let browsers: Browser[];
let url: string;
/** The call, its host, who is heard over the bad line, and whose tab is killed. */
let session: string;
let ada: Page;
let ben: string;
let carl: string;
/** The minute in which the line was bad. */
let bad: string;

before(async () => {
  network = makeNetwork();
  const port = await freePort();
  url = `http://${ROUTER}:${port}`;
  server = await startServer('--host', '0.0.0.0', '--port', String(port), '--public-url', url);
  const options = [`--unsafely-treat-insecure-origin-as-secure=${url}`];
  browsers = await Promise.all((['left', 'right'] as const).map((host) => launchFrom(network.chromiumOn(host), ...options)));
  await holdCall();
});

after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await server.stop();
  network.close();
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const until = (time: number) => pause(Math.max(0, time - Date.now()));

/** A call over three minutes: in the second one the line is bad, and a tab is killed. */
async function holdCall(): Promise<void> {
  const [left, right] = browsers as [Browser, Browser];
  const pages = await Promise.all([clientPage(left, url, 'ada', 'register'), clientPage(right, url, 'ben', 'register'), clientPage(right, url, 'carl', 'register')]);
  const [host, guest, killed] = pages;
  [ben, carl] = await Promise.all([userOf(guest), userOf(killed)]);
  ada = host;
  session = await ada.evaluate(async () => (await tunrtc.createSession('a bad half minute')).sessionId);
  for (const page of [ada, guest]) await page.evaluate(async (id) => void (await tunrtc.joinSession(id)), session);
  await Promise.all([seesEverybody(ada, 1), seesEverybody(guest, 1)]);
  await killed.evaluate(async (id) => void (await tunrtc.joinSession(id, false, false)), session);

  await aMinuteWith(LATE_MS);
  const begin = Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS;
  bad = written(begin);
  await until(begin + LOSS.from);
  // Without goodbye, as when the system ends it.
  killed.goto('chrome://crash').catch(() => {});
  network.lose(LOSS.percent, LOSS.burst);
  await pause(LOSS.milliseconds);
  network.open();
  await until(begin + MINUTE_MS + LATE_MS);
  // The page goes away: its last minute is told by a request that outlives it.
  await ada.goto(`${url}/health`);
  ada = await clientPage(left, url, 'ada');
}

/** A minute, as far as the server's times name it. */
const written = (time: number) => new Date(time).toISOString().slice(0, 16);
const userOf = (page: Page) => page.evaluate(() => tunrtc.user?.userId ?? '');

/** Waits until so much of a minute is left. */
async function aMinuteWith(milliseconds: number): Promise<void> {
  const left = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (left < milliseconds) await pause(left + 1_000);
}

/** What the server says of calls to whoever is signed in on a page. */
function ask<Answer>(page: Page, path: string): Promise<{ status: number; body: Answer }> {
  return page.evaluate(async (asked) => {
    const answer = await fetch(`/api/analytics/${asked}`, { headers: { authorization: `Bearer ${tunrtc.api.auth?.token}` } });
    return { status: answer.status, body: (await answer.json()) as never };
  }, path);
}

interface Seen {
  participants: { userId: string; username: string; runs: { final: boolean; outcome: string }[]; missing: string[] }[];
  timeline: { userId: string; kind: string }[];
}

/** Of each minute, by its beginning, what Ada saw of Ben. */
async function series(metric: string): Promise<Map<string, number>> {
  const about = metric === 'score' ? '' : `&peerUserId=${ben}`;
  const { body } = await ask<{ points: { minute: string; value: number }[] }>(ada, `sessions/${session}/series?userId=${await userOf(ada)}&metric=${metric}${about}`);
  return new Map(body.points.map(({ minute, value }) => [minute.slice(0, 16), value]));
}

const but = (minutes: Map<string, number>) => [...minutes].filter(([minute]) => minute !== bad).map(([, value]) => value);

describe('a call whose line was bad for half a minute', () => {
  test('shows loss, a worse voice and freezes in that minute and in no other', async (context) => {
    const [loss, mos, freezes, score] = await Promise.all(['audioLossPercent', 'mos', 'freezes', 'score'].map(series)) as [Map<string, number>, Map<string, number>, Map<string, number>, Map<string, number>];
    context.diagnostic(JSON.stringify({ bad, loss: [...loss], mos: [...mos], freezes: [...freezes], score: [...score] }));
    assert.ok(loss.size >= 3, 'three minutes were reported');
    // Of half of the minute a tenth is lost.
    const lost = loss.get(bad) ?? 0;
    assert.ok(lost > 2 && lost < 9, `${lost} %`);
    assert.ok(but(loss).every((value) => value < 1), 'no loss in another minute');
    assert.ok(but(mos).every((value) => value > (mos.get(bad) ?? 5) + 0.1), 'a worse voice in no other minute');
    assert.ok((freezes.get(bad) ?? 0) >= 2, 'freezes');
    assert.ok(but(freezes).every((value) => value < (freezes.get(bad) ?? 0) / 2), 'hardly any freeze in another minute');
    assert.ok(but(score).every((value) => value > (score.get(bad) ?? 5)), 'a worse score in no other minute');
  });

  test('is nothing to whoever did not start it', async () => {
    const other = await clientPage(browsers[0] as Browser, url, 'cleo', 'register');
    for (const path of [`sessions/${session}`, `sessions/${session}/series?userId=${ben}&metric=score`]) {
      const { status, body } = await ask<{ code: string }>(other, path);
      assert.deepEqual([status, body.code], [404, 'session_not_found']);
    }
    assert.deepEqual((await ask(other, 'sessions')).body, []);
  });

  test('is found by its host among those with a low score, with its lines, numbers and what happened', async () => {
    const page = await freshPage(browsers[0] as Browser);
    await page.goto(`${url}/analytics/index.html`);
    await page.getByLabel('E-mail').fill('ada@tunrtc.com');
    await page.getByLabel('Password').fill('the password of ada');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Worst score').selectOption('4');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('rowheader', { name: 'a bad half minute' }).getByRole('link').click();
    await page.getByRole('img', { name: /^Score: as seen by ada/ }).waitFor();
    await page.getByRole('table', { name: 'People' }).getByText('carl').waitFor();
    await page.getByRole('combobox', { name: 'What' }).selectOption('audioLossPercent');
    await page.getByRole('table', { name: /^Voice, lost/ }).getByRole('row').nth(3).waitFor();
    await page.getByText('joined').first().waitFor();
  });

  test('says that the last minute of a killed tab is missing', async () => {
    const of = async (id: string) => (await ask<Seen>(ada, `sessions/${session}`)).body.participants.find(({ userId }) => userId === id);
    // A report may come for a while after its minute: until then nothing is said.
    await eventually(async () => (await of(carl))?.missing.some((minute) => minute.startsWith(bad)) ?? false, 'the minute is missing');
    assert.deepEqual((await of(carl))?.runs.map(({ final }) => final), [false]);
    const host = await of(await userOf(ada));
    assert.deepEqual([host?.runs.map(({ final, outcome }) => [final, outcome]), host?.missing], [[[true, 'connected']], []]);
  });
});
