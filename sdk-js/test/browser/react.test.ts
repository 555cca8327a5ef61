/** The component that docs/INTEGRATION.md shows, in React's own StrictMode, which runs every effect twice. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { rolldown } from 'rolldown';
import { clientPage, eventually, seesEverybody } from '../support/browser.ts';
import { browser, server, withServer } from '../support/with-server.ts';

const MOUNTS = 20;
const PACKAGE = new URL('../../../', import.meta.url);

withServer();

/** One script that puts `mount(sessionId)` on the page; what it answers unmounts. */
async function bundle(): Promise<string> {
  const guide = await readFile(new URL('../docs/INTEGRATION.md', PACKAGE), 'utf8');
  const component = /```jsx\nconst client = .*\n([^]*?)```/.exec(guide)?.[1];
  assert.ok(component, 'the guide shows a component');
  const folder = new URL('build/react/', PACKAGE);
  await mkdir(folder, { recursive: true });
  const entry = new URL('call.jsx', folder);
  await writeFile(
    entry,
    `import { StrictMode, useEffect, useState } from 'react';
    import { flushSync } from 'react-dom';
    import { createRoot } from 'react-dom/client';
    const client = globalThis.tunrtc;
    const report = (error) => globalThis.reported.push(String(error));
    ${component}
    globalThis.mount = (sessionId) => {
      const root = createRoot(document.body.appendChild(document.createElement('div')));
      flushSync(() => root.render(<StrictMode><Call sessionId={sessionId} /></StrictMode>));
      return () => root.unmount();
    };`,
  );
  const built = await rolldown({
    input: entry.pathname,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
  });
  const { output } = await built.generate({ format: 'iife' });
  await built.close();
  return output[0].code;
}

interface Notes {
  joins: number;
  reported: string[];
  captured: MediaStreamTrack[];
  mount(sessionId: string): () => void;
}

test(`a component mounted and unmounted ${MOUNTS} times in StrictMode and then left mounted: one seat, one camera, one person`, async () => {
  const [demo, alice] = await Promise.all([clientPage(browser, server.url, 'demo'), clientPage(browser, server.url, 'alice')]);
  await demo.evaluate(() => {
    const notes = window as unknown as Notes;
    Object.assign(notes, { joins: 0, reported: [], captured: [] });
    const { mediaDevices } = navigator;
    const capture = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (constraints) => {
      const stream = await capture(constraints);
      notes.captured.push(...stream.getTracks());
      return stream;
    };
    const join = tunrtc.joinSession.bind(tunrtc);
    tunrtc.joinSession = (...given) => {
      notes.joins++;
      return join(...given);
    };
  });
  await demo.evaluate(await bundle());
  const sessionId = await alice.evaluate(async () => {
    const session = await tunrtc.createSession('StrictMode');
    await tunrtc.joinSession(session.sessionId, true, true);
    return session.sessionId;
  });
  const joins = await demo.evaluate(
    ([id, times]) => {
      const notes = window as unknown as Notes;
      for (let mount = 0; mount < times; mount++) notes.mount(id)();
      notes.mount(id);
      return notes.joins;
    },
    [sessionId, MOUNTS] as const,
  );
  assert.equal(joins, 2 * (MOUNTS + 1), 'every effect ran twice');
  await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
  await eventually(async () => (await demo.locator('video').count()) === 1, 'one picture');
  const notes = await demo.evaluate(() => {
    const { captured, reported } = window as unknown as Notes;
    return { reported, live: captured.filter(({ readyState }) => readyState === 'live').map(({ kind }) => kind).sort() };
  });
  assert.deepEqual(notes, { reported: [], live: ['audio', 'video'] });
  const seats = await alice.evaluate(async (id) => (await tunrtc.getSession(id)).participants.map(({ username }) => username).sort(), sessionId);
  assert.deepEqual(seats, ['alice', 'demo']);
  await demo.evaluate(() => tunrtc.leaveSession());
  await eventually(() => alice.evaluate(() => tunrtc.participants.size === 0), 'and leaving leaves nobody');
});
