/**
 * docs/SELF_HOSTING.md, as far as there is no Internet: its commands, and then what compose.yaml starts, without
 * containers: the server with the image's and the service's environment, Caddy with our Caddyfile, coturn as `render.sh`
 * configures it. Only the certificate is Caddy's own, and names lead to the router.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { clientPage, eventually, freePort, launchFrom, seesEverybody, startServerIn, type Server } from '../support/browser.ts';
import { environments, variablesOf, type Variables } from '../support/compose.ts';
import { listens, makeNetwork, type Network } from '../support/network.ts';

const ROOT = new URL('../../../../', import.meta.url).pathname;
const DOMAIN = 'rtc.example.com';
/** Public, as far as coturn knows: it relays to nobody in a private network. The namespace leads nowhere else. */
const PUBLIC = '11.77';
const MACHINE = `${PUBLIC}.1.1`;
const HTTPS = 443;
const TURN = 3478;

const folder = mkdtempSync(join(tmpdir(), 'tunrtc-machine-'));
const started: ChildProcess[] = [];
let network: Network;
let server: Server;
let browsers: Browser[] = [];

/** The commands of a section of the page. */
function commands(heading: string): string {
  const page = readFileSync(join(ROOT, 'docs/SELF_HOSTING.md'), 'utf8');
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  return /```sh\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
}

/** A program that does nothing but note how it was called, and where. */
function pretend(name: string, then = ''): void {
  const program = join(folder, 'bin', name);
  writeFileSync(program, `#!/bin/sh\necho "$(basename "$PWD"): ${name} $*" >> ${folder}/called\n${then}\n`);
  chmodSync(program, 0o755);
}

/** Runs the page's commands on a machine without Docker and without the Internet. */
function follow(): Variables {
  mkdirSync(join(folder, 'bin'));
  pretend('git', `mkdir tunrtc && cp -r ${ROOT}localstack ${ROOT}coturn tunrtc/`);
  pretend('docker');
  const env = { ...process.env, PATH: `${folder}/bin:${process.env['PATH']}` };
  execFileSync('sh', ['-eu', '-c', commands('With containers')], { cwd: folder, env });
  return variablesOf(readFileSync(join(folder, 'tunrtc/localstack/.env'), 'utf8'));
}

/** What the image sets, without what a test's machine has elsewhere. */
function imageEnvironment(): Variables {
  const line = readFileSync(join(ROOT, 'localstack/Dockerfile'), 'utf8').match(/^ENV (.*)$/m)?.[1] ?? '';
  return variablesOf(line.replaceAll(' ', '\n'));
}

function startHere(command: string, options: string[], env: Variables): void {
  started.push(spawn(command, options, { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' }));
}

/** Caddy with our Caddyfile, but for who signs the certificate. */
function startCaddy(env: Variables): void {
  const file = join(folder, 'tunrtc/localstack/Caddyfile');
  const adapted = execFileSync('caddy', ['adapt', '--config', file, '--adapter', 'caddyfile'], { env: { ...process.env, ...env }, stdio: 'pipe' });
  const config = JSON.parse(adapted.toString()) as { apps: Record<string, unknown> };
  config.apps['tls'] = { automation: { policies: [{ issuers: [{ module: 'internal' }] }] } };
  config.apps['pki'] = { certificate_authorities: { local: { install_trust: false } } };
  writeFileSync(join(folder, 'caddy.json'), JSON.stringify(config));
  startHere('caddy', ['run', '--config', join(folder, 'caddy.json')], { ...env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder });
}

function startTurn(env: Variables): void {
  const config = join(folder, 'turnserver.conf');
  // Debian's coturn; what it lacks is one closed hole.
  const here = { TURN_MINIMUM_VERSION: '4.6.1', TURN_LISTENING_IP: MACHINE, TURN_RELAY_IP: MACHINE };
  execFileSync('sh', [join(folder, 'tunrtc/coturn/render.sh'), config], { env: { ...process.env, ...env, ...here } });
  startHere('turnserver', ['-c', config, '--pidfile', '/dev/null'], {});
}

before(async () => {
  network = makeNetwork(PUBLIC);
  const variables = follow();
  const services = environments(join(folder, 'tunrtc/localstack/compose.yaml'), variables);
  const port = String(await freePort());
  const here = { TUNRTC_PORT: port, TUNRTC_DATA: join(folder, 'tunrtc.db'), TUNRTC_TRUSTED_PROXIES: '127.0.0.1' };
  server = await startServerIn({ ...imageEnvironment(), ...services['tunrtc'], ...here });
  startCaddy({ ...services['caddy'], UPSTREAM: `127.0.0.1:${port}` });
  startTurn(services['coturn'] ?? {});
  await eventually(() => listens(MACHINE, HTTPS), 'Caddy listens');
  await eventually(() => listens(MACHINE, TURN), 'coturn listens');
  const options = [`--host-resolver-rules=MAP ${DOMAIN} ${MACHINE}`, '--ignore-certificate-errors'];
  browsers = await Promise.all((['left', 'right'] as const).map((host) => launchFrom(network.chromiumOn(host), ...options)));
});

after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  for (const child of started) {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  }
  await server.stop();
  network.close();
  rmSync(folder, { recursive: true });
});

test('the commands make a file of secrets that nobody else reads, and start what compose.yaml says', () => {
  const file = statSync(join(folder, 'tunrtc/localstack/.env'));
  assert.equal(file.mode & 0o777, 0o600);
  const called = readFileSync(join(folder, 'called'), 'utf8').trim().split('\n');
  assert.deepEqual(called.map((line) => line.replace(/^.*?: /, '')), [
    'git clone https://github.com/tunrtc/tunrtc.git',
    'docker compose up -d --build',
  ]);
  assert.match(called[1] ?? '', /^localstack: /);
});

test('two people who reach each other only through the relay are in a call, through TLS', async () => {
  const url = `https://${DOMAIN}`;
  const [left, right] = browsers as [Browser, Browser];
  const pages: [Page, Page] = await Promise.all([clientPage(left, url, 'ada', 'register'), clientPage(right, url, 'ben', 'register')]);
  network.blockDirect();
  const sessionId = await pages[0].evaluate(async () => (await tunrtc.createSession('over the Internet')).sessionId);
  for (const page of pages) {
    await page.evaluate(async (id) => void (await tunrtc.joinSession(id, true, { width: 160, height: 120, frameRate: 5 })), sessionId);
  }
  await Promise.all(pages.map((page) => seesEverybody(page, 1)));
  const { localCandidate, remoteCandidate } = await pages[0].evaluate(() => tunrtc.getQuality([...tunrtc.participants.keys()][0] ?? ''));
  assert.ok([localCandidate, remoteCandidate].includes('relay'), `${localCandidate} – ${remoteCandidate}`);
});

test('the console is the first page', async () => {
  const page = await (browsers[0] as Browser).newPage();
  await page.goto(`https://${DOMAIN}`);
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  assert.equal(await page.evaluate(async () => (await fetch('/health')).status), 200);
  assert.equal(await page.evaluate(() => isSecureContext), true);
});
