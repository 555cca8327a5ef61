/** The guide for Next.js, word for word: built by Next.js, started, and used by somebody who is called by another one. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { clientPage, eventually, freePort, freshPage, seesEverybody, startServer } from '../support/browser.ts';
import { block } from '../support/guides.ts';
import { browser, server, withServer } from '../support/with-server.ts';

const PACKAGE = new URL('../../../', import.meta.url);
/** Where scripts/test-browser.mjs has put Next.js, before there was no network any more. */
const APP = new URL('build/next/', PACKAGE);
const NEXT = fileURLToPath(new URL('node_modules/next/dist/bin/next', APP));
/** What every app has, and no guide shows. */
const LAYOUT = 'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }';

const run = promisify(execFile);

let app: ChildProcess;
let url: string;

withServer(async () => {
  const started = await startServer();
  await startApp(started.url);
  return started;
});

async function startApp(server: string): Promise<void> {
  await installClient(server);
  for (const file of ['app/call/[id]/page.jsx', 'app/call/[id]/room.jsx']) await put(file, await block('guides/next.md', file));
  await put('app/layout.jsx', LAYOUT);
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1', NEXT_PUBLIC_TUNRTC_URL: server };
  await run(process.execPath, [NEXT, 'build'], { cwd: APP, env });
  const port = await freePort();
  url = `http://localhost:${port}`;
  app = spawn(process.execPath, [NEXT, 'start', '--port', `${port}`], { cwd: APP, env, stdio: 'ignore' });
  await eventually(() => fetch(url).then(() => true, () => false), 'Next.js answers');
}

after(async () => {
  app.kill();
  if (app.exitCode === null) await once(app, 'exit');
});

/** The package as the server hands it out and npm unpacks it: there is no network here for npm itself. */
async function installClient(server: string): Promise<void> {
  const folder = new URL('node_modules/tunrtc-client/', APP);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const archive = new URL('tunrtc-client.tgz', APP);
  await writeFile(archive, await fetch(`${server}/sdk/tunrtc-client.tgz`).then(async (answer) => new Uint8Array(await answer.arrayBuffer())));
  await run('tar', ['-xzf', fileURLToPath(archive), '--strip-components=1', '-C', fileURLToPath(folder)]);
}

async function put(file: string, code: string): Promise<void> {
  const place = new URL(file.replace('[', '%5B').replace(']', '%5D'), APP);
  await mkdir(new URL('.', place), { recursive: true });
  await writeFile(place, code);
}

test('a page of Next.js is a call of two, and leaves nothing behind', async () => {
  const alice = await clientPage(browser, server.url, 'alice');
  const sessionId = await alice.evaluate(async () => {
    const session = await tunrtc.createSession('By Next.js');
    await tunrtc.joinSession(session.sessionId, true, true);
    return session.sessionId;
  });
  const demo = await freshPage(browser);
  const problems: string[] = [];
  demo.on('pageerror', (error) => problems.push(error.message));
  demo.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('/favicon.ico') && problems.push(message.text()));
  const answer = await demo.goto(`${url}/call/${sessionId}`);
  assert.match((await answer?.text()) ?? '', /Signing in/, 'the server rendered it');
  await demo.getByRole('button', { name: 'Join', exact: true }).click();
  await demo.getByRole('toolbar', { name: 'Video call' }).waitFor();
  await seesEverybody(alice, 1);
  await demo.getByRole('button', { name: 'Leave' }).click();
  await eventually(() => alice.evaluate(() => tunrtc.participants.size === 0), 'the seat is given back');
  assert.deepEqual(problems, []);
});
