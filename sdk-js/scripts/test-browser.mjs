// Runs the browser tests where only loopback exists, so that nothing outside matters, and nothing inside is disturbed.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folder = new URL('../build/test/browser/', import.meta.url).pathname;
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => folder + name);
// Node 20 has a WebSocket, but only when asked for it.
const test = [process.execPath, '--experimental-websocket', '--test', '--test-reporter=spec', '--test-concurrency=1', ...files];

/** Root may make a network namespace; others need a user namespace around it, where the system allows one. */
const isolation = [['unshare', '-n'], ['unshare', '-rn']].find(([command, ...options]) => {
  return spawnSync(command, [...options, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status === 0;
});
const isolated = isolation ? [...isolation, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...test] : test;
if (!isolation) console.error('No network namespace here (unshare, iproute2): testing on the machine’s own network.');
process.exitCode = spawnSync(isolated[0], isolated.slice(1), { stdio: 'inherit' }).status ?? 1;
