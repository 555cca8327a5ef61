/** Real browsers against the real server: what the browser tests are made of. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { TunRTCClient } from '../../src/index.ts';

const BINARY = process.env['TUNRTC_BIN'] ?? new URL('../../../../target/debug/tunrtc', import.meta.url).pathname;
const CONSOLE = new URL('../../../dist/console', import.meta.url).pathname;
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const READY_MS = 60_000;
/** How long anything may take: these are bounds for a busy machine, not measurements. */
const PATIENCE_MS = 90_000;

/** What the page has in `window`: the bundle's global, and the client that a test works with. */
declare global {
  var TunRTC: typeof import('../../src/index.ts');
  var tunrtc: TunRTCClient;
}

export interface Server {
  url: string;
  /** As the operating system does it: at once, without goodbye. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the server on a free port, or on the one that the options name, and waits until it is ready. */
export function startServer(...options: string[]): Promise<Server> {
  return startServerIn({}, ...(options.includes('--port') ? [] : ['--port', '0']), ...options);
}

/** Starts it with more in its environment. */
export async function startServerIn(environment: Record<string, string>, ...options: string[]): Promise<Server> {
  for (const [path, hint] of [[BINARY, 'build it with `cargo build`, or set TUNRTC_BIN'], [CONSOLE, 'run `npm run build`']] as const) {
    if (!existsSync(path)) throw new Error(`${path} is missing: ${hint}`);
  }
  // Tests ask nobody outside this machine.
  const env = { ...process.env, TUNRTC_STUN_URLS: 'none', ...environment };
  const child = spawn(BINARY, ['--console', CONSOLE, ...options], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const url = await readiness(child);
  return { url, kill: () => end(child, 'SIGKILL'), stop: () => end(child, 'SIGTERM') };
}

/** Its first lines, until the one that says where it is. */
export function readiness(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const late = setTimeout(() => reject(new Error(`the server is not ready:\n${said.join('\n')}`)), READY_MS);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${said.join('\n')}`)));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', (line) => {
        const url = /TunRTC is ready on (\S+)/.exec(line)?.[1];
        if (url) resolve(url);
        else said.push(line);
        if (url) clearTimeout(late);
      });
    }
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** A browser with devices that need no hardware and no permission. */
export function launch(): Promise<Browser> {
  return launchFrom(CHROMIUM, '--allow-loopback-in-peer-connection');
}

/** A browser in which a page gets devices only when its context has the permission, which can be taken back. */
export function launchStrict(): Promise<Browser> {
  return start(CHROMIUM, '--allow-loopback-in-peer-connection');
}

export function launchFrom(executablePath: string, ...more: string[]): Promise<Browser> {
  return start(executablePath, '--use-fake-ui-for-media-stream', ...more);
}

function start(executablePath: string, ...more: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--mute-audio',
      '--use-fake-device-for-media-stream=device-count=3,fps=8',
      '--auto-select-desktop-capture-source=Entire screen',
      ...more,
    ],
  });
}

/** A page with nothing on it but the SDK, and a client that is signed in, to a demo account or one that is made here. */
export async function clientPage(
  browser: Browser,
  url: string,
  name: string,
  how: 'login' | 'register' = 'login',
  permissions: string[] = [],
): Promise<Page> {
  const page = await freshPage(browser, permissions);
  // Any page of the server does; one that is intercepted would not be of this machine's address space.
  await page.goto(`${url}/health`);
  await page.addScriptTag({ url: '/sdk/tunrtc.js' });
  const email = `${name.replace(/\W/g, '')}@tunrtc.com`;
  await page.evaluate(
    async ([username, address, password, register]) => {
      globalThis.tunrtc = new TunRTC.TunRTCClient(location.origin);
      await (register ? tunrtc.register(username, address, password) : tunrtc.login(address, password));
    },
    [name, email, passwordOf(name), how === 'register'] as const,
  );
  return page;
}

/** Demo accounts have theirs; those that tests make need one that is not among the commonest. */
function passwordOf(name: string): string {
  return ['demo', 'alice', 'bob'].includes(name) ? `${name}123` : `the password of ${name}`;
}

/** A page in a browser context of its own. */
export async function freshPage(browser: Browser, permissions: string[] = []): Promise<Page> {
  const context = await browser.newContext(permissions.length > 0 ? { permissions } : {});
  context.setDefaultTimeout(PATIENCE_MS);
  return context.newPage();
}

/** The console, with somebody signed in by the buttons that a person would click. */
export async function consolePage(browser: Browser, url: string, name: 'Demo' | 'Alice' | 'Bob'): Promise<Page> {
  return signIn(await freshPage(browser), url, name);
}

export async function signIn(page: Page, url: string, name: 'Demo' | 'Alice' | 'Bob'): Promise<Page> {
  await page.goto(url);
  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
  return page;
}

/** Makes a session in the console by what a person would click, and is in it afterwards. */
export async function startSession(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await joinNow(page);
}

/** Joins a session of the console's list. */
export async function joinListed(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: `Join ${name}` }).click();
  await joinNow(page);
}

/** From in front of the mirror into the call. */
export async function joinNow(page: Page): Promise<void> {
  await page.locator('#ready').getByRole('button', { name: 'Join', exact: true }).click();
  await page.getByRole('toolbar', { name: 'Call' }).waitFor();
}

/** How many frames were decoded of each participant's video, by user id. */
export function decoded(page: Page): Promise<Record<string, number>> {
  return page.evaluate(async () => {
    const frames: Record<string, number> = {};
    for (const userId of tunrtc.participants.keys()) {
      frames[userId] = 0;
      (await tunrtc.createPeerConnection(userId).getStats()).forEach((stat) => {
        if (stat.type === 'inbound-rtp' && stat.kind === 'video') frames[userId] += stat.framesDecoded ?? 0;
      });
    }
    return frames;
  });
}

/** Waits until everybody's video is decoded here, and goes on being decoded. */
export async function seesEverybody(page: Page, others: number): Promise<void> {
  await eventually(async () => {
    const frames = Object.values(await decoded(page));
    return frames.length === others && frames.every((count) => count > 0);
  }, `${others} videos are decoded`);
  await keepsSeeing(page);
}

/** Waits until each video has moved on from where it is now. */
export async function keepsSeeing(page: Page): Promise<void> {
  const before = await decoded(page);
  await eventually(async () => {
    const now = await decoded(page);
    return Object.entries(before).every(([userId, count]) => (now[userId] ?? 0) > count);
  }, 'every video moves on');
}

/** Polls until it holds; a bound, not a measurement. */
export async function eventually(holds: () => Promise<boolean>, what: string, milliseconds = PATIENCE_MS): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

export function portOf(server: { address(): ReturnType<ReturnType<typeof createServer>['address']> }): number {
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server listens on no port');
  return address.port;
}

export interface Cable {
  url: string;
  /** Breaks every connection that runs through here. */
  cut(): void;
  /** Lets nothing through until it is plugged in again. */
  unplug(): void;
  plugIn(): void;
  close(): Promise<void>;
}

/** A cable to a port on this machine, which a test can cut. */
export async function cableTo(port: number): Promise<Cable> {
  const ends = new Set<Socket>();
  let isPlugged = true;
  const server = createServer((near) => {
    if (!isPlugged) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]] as const) {
      ends.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        ends.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => ends.forEach((end) => end.resetAndDestroy());
  return {
    url: `http://localhost:${portOf(server)}`,
    cut,
    unplug: () => {
      isPlugged = false;
      cut();
    },
    plugIn: () => void (isPlugged = true),
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
