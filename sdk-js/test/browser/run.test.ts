/** The README's first command, as a stranger types it; only the profile is the tests' own, which is built already. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { readiness } from '../support/browser.ts';

const ROOT = new URL('../../../../', import.meta.url).pathname;

test('`make run` builds the page, starts the server, and ends when it is told to', async () => {
  const command = ['run', 'PROFILE=dev', 'ARGS=--port 0'];
  // A process group of its own, as a terminal gives it: Ctrl-C reaches make and the server.
  const child = spawn('make', command, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const { pid } = child;
  assert.ok(pid, 'make was started');
  try {
    const url = await readiness(child);
    const page = await (await fetch(url)).text();
    assert.match(page, /<script type="module" src="app.js">/);
    assert.equal((await fetch(`${url}/sdk/tunrtc.js`)).status, 200);
    assert.equal((await fetch(`${url}/health`)).status, 200);
  } finally {
    if (child.exitCode === null) process.kill(-pid, 'SIGINT');
    await ended;
  }
});
