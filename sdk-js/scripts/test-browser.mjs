// Runs the browser tests in a network of their own, so that nothing outside matters and nothing there is disturbed.
// Arguments choose test files by a part of their name.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../build/test/browser/', import.meta.url).pathname;
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => folder + name);

// The other WebRTC stack of the interoperability tests is fetched before the network is gone.
const python = new URL('../build/python', import.meta.url).pathname;
const requirements = new URL('../test/interop/requirements.txt', import.meta.url).pathname;
if (files.some((name) => name.includes('interop')) && !existsSync(`${python}/ready`)) {
  const steps = [
    ['python3', '-m', 'venv', python],
    [`${python}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
    ['touch', `${python}/ready`],
  ];
  for (const [command, ...options] of steps) {
    if (spawnSync(command, options, { stdio: 'inherit' }).status !== 0) {
      console.error('The interoperability tests need Python 3 with venv, and the packages of test/interop/requirements.txt.');
      process.exit(1);
    }
  }
}

// Next.js too, for the guide of that name; anew when its versions changed.
const next = new URL('../build/next', import.meta.url).pathname;
const versions = readFileSync(new URL('../test/next/package-lock.json', import.meta.url), 'utf8');
if (files.some((name) => name.endsWith('/next.test.js')) && (!existsSync(`${next}/installed`) || readFileSync(`${next}/installed`, 'utf8') !== versions)) {
  mkdirSync(next, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) cpSync(new URL(`../test/next/${file}`, import.meta.url), `${next}/${file}`);
  if (spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: next, stdio: 'inherit' }).status !== 0) {
    console.error('The test of the guide for Next.js needs the packages of test/next/package-lock.json.');
    process.exit(1);
  }
  writeFileSync(`${next}/installed`, versions);
}

/** No file takes as long: one that does is stuck, and the others shall be heard. */
const LONGEST_MS = 15 * 60_000;

// Node 20 has a WebSocket, but only when asked for it.
const test = [process.execPath, '--experimental-websocket', '--test', `--test-timeout=${LONGEST_MS}`, '--test-reporter=spec', '--test-concurrency=1', ...files];

// Named namespaces live below /run; a mount namespace keeps the tests' own to themselves.
const SETUP = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up';

/** Root makes namespaces as it is; others need a user namespace around them, where the system allows one. */
const unshare = [['unshare', '-nm'], ['unshare', '-rnm']].find(
  ([command, ...options]) => spawnSync(command, [...options, 'sh', '-c', SETUP], { stdio: 'ignore' }).status === 0,
);
if (!unshare) {
  console.error('The browser tests need network namespaces: Linux with util-linux and iproute2, as root or with user namespaces.');
  process.exit(1);
}
const [command, ...options] = unshare;
const { status } = spawnSync(command, [...options, 'sh', '-c', `${SETUP} && exec "$@"`, 'sh', ...test], { stdio: 'inherit' });
process.exitCode = status ?? 1;
