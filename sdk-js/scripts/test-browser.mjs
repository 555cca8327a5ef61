// Runs the browser tests in a network of their own, so that nothing outside matters and nothing there is disturbed.
// Arguments choose test files by a part of their name.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folder = new URL('../build/test/browser/', import.meta.url).pathname;
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => folder + name);

// Node 20 has a WebSocket, but only when asked for it.
const test = [process.execPath, '--experimental-websocket', '--test', '--test-reporter=spec', '--test-concurrency=1', ...files];

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
