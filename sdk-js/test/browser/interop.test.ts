/** Chromium with the SDK, and a Python program with another WebRTC stack: they meet over the contract alone. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { clientPage, eventually, freePort, launchFrom, seesEverybody, startServer, type Server } from '../support/browser.ts';
import { makeNetwork, ROUTER, startTurn, TURN_SECRET, type Network, type Turn } from '../support/network.ts';

const SMALL = { width: 160, height: 120, frameRate: 5 };
const FRAMES = 20;
const PYTHON = process.env['TUNRTC_TEST_PYTHON'] ?? new URL('../../python/bin/python3', import.meta.url).pathname;
const PROGRAM = new URL('../../../test/interop/peer.py', import.meta.url).pathname;

let network: Network;
let turn: Turn;
let server: Server;
let url: string;
let browser: Browser;

before(async () => {
  if (!existsSync(PYTHON)) throw new Error(`${PYTHON} is missing: scripts/test-browser.mjs makes it`);
  network = makeNetwork();
  turn = await startTurn();
  const port = await freePort();
  url = `http://${ROUTER}:${port}`;
  const address = ['--host', '0.0.0.0', '--port', String(port), '--public-url', url];
  server = await startServer(...address, ...turn.urls.flatMap((each) => ['--turn-url', each]), '--turn-secret', TURN_SECRET);
  browser = await launchFrom(network.chromiumOn('left'), `--unsafely-treat-insecure-origin-as-secure=${url}`);
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  network.open();
});

after(async () => {
  await browser.close();
  await server.stop();
  await turn.stop();
  network.close();
});

interface Report {
  event: string;
  kind?: string;
  frames?: number;
  text?: string;
  state?: string;
}

interface Python {
  reports: Report[];
  has(what: Partial<Report>): boolean;
  stop(): Promise<void>;
}

/** Bob, in Python, on the other network. */
async function startPython(sessionId: string): Promise<Python> {
  const child: ChildProcess = network.spawnOn('right', PYTHON, PROGRAM, url, 'bob@tunrtc.com', 'bob123', sessionId);
  const reports: Report[] = [];
  const trouble: string[] = [];
  if (child.stdout) createInterface(child.stdout).on('line', (line) => reports.push(JSON.parse(line) as Report));
  if (child.stderr) createInterface(child.stderr).on('line', (line) => trouble.push(line));
  const python: Python = {
    reports,
    has: (what) => reports.some((report) => Object.entries(what).every(([name, value]) => report[name as keyof Report] === value)),
    stop: async () => {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`the Python side ended:\n${trouble.join('\n')}`);
    return python.has({ event: 'joined' });
  }, 'the Python side joins');
  return python;
}

async function alice(): Promise<Page> {
  const page = await clientPage(browser, url, 'alice');
  await page.evaluate(() => {
    const said: string[] = [];
    tunrtc.on('message', ({ message }) => said.push(message));
    tunrtc.on('error', ({ code, message }) => said.push(`${code}: ${message}`));
    Object.assign(window, { said });
  });
  return page;
}

const createSession = (page: Page) => page.evaluate(async () => (await tunrtc.createSession('mixed')).sessionId);
const join = (page: Page, sessionId: string) =>
  page.evaluate(async ([id, video]) => void (await tunrtc.joinSession(id, true, video)), [sessionId, SMALL] as const);

/** Picture and sound arrive on both sides. */
async function bothReceive(page: Page, python: Python): Promise<void> {
  await seesEverybody(page, 1);
  for (const kind of ['audio', 'video']) {
    const arrives = async () => python.reports.some((report) => report.kind === kind && (report.frames ?? 0) >= FRAMES);
    await eventually(arrives, `${kind} arrives in Python`);
  }
}

describe('with another WebRTC stack', () => {
  test('that comes second and offers, picture, sound and chat go both ways', async () => {
    const page = await alice();
    const sessionId = await createSession(page);
    await join(page, sessionId);
    const python = await startPython(sessionId);
    await bothReceive(page, python);
    await page.evaluate(() => tunrtc.sendMessage('hello from Chromium'));
    await eventually(async () => python.has({ event: 'message', text: 'hello from Chromium' }), 'chat arrives in Python');
    const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said);
    assert.deepEqual((await said()).sort(), ['hello from Chromium', 'hello from aiortc']);
    await python.stop();
    await eventually(() => page.evaluate(() => tunrtc.participants.size === 0), 'it is gone');
  });

  test('that was there first and answers, picture and sound go both ways', async () => {
    const page = await alice();
    const sessionId = await createSession(page);
    const python = await startPython(sessionId);
    await join(page, sessionId);
    await bothReceive(page, python);
    await python.stop();
  });

  test('that only TURN reaches, picture and sound go both ways', async () => {
    network.blockDirect();
    const page = await alice();
    const sessionId = await createSession(page);
    const python = await startPython(sessionId);
    await join(page, sessionId);
    await bothReceive(page, python);
    const path = await page.evaluate(() => tunrtc.getQuality([...tunrtc.participants.keys()][0] ?? ''));
    assert.ok([path.localCandidate, path.remoteCandidate].includes('relay'), JSON.stringify(path));
    await python.stop();
  });
});
