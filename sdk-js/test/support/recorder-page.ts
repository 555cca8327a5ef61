/** Pages that record, and what became of it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import type * as Recordings from '../../src/recording/index.ts';
import type { Recording, RecordingDetail } from '../../src/recording/index.ts';
import { clientPage, eventually, startServer, type Server } from './browser.ts';
import { probe, type MediaFile } from './media-files.ts';
import { storeProxy, type StoreProxy } from './store-proxy.ts';
import { browser, server } from './with-server.ts';

declare global {
  var Recordings_: typeof Recordings;
  var recording: Recording;
  var failures: string[];
}

/** A server that waits ten seconds for a browser that is gone, and a line to it. */
export async function impatientServer(t: TestContext): Promise<{ impatient: Server; line: StoreProxy }> {
  const impatient = await startServer('--recordings-quiet-seconds', '10');
  const line = await storeProxy(impatient.url);
  t.after(async () => {
    await line.close();
    await impatient.stop();
  });
  return { impatient, line };
}

/** The module that records, on a page that has a client. */
export async function withRecordings(page: Page): Promise<void> {
  await page.addScriptTag({ type: 'module', content: `globalThis.Recordings_ = await import('/sdk/recording.js');` });
  await page.waitForFunction(() => 'Recordings_' in globalThis);
}

/** Somebody in a session, which they make unless it is given. */
export async function someone(name: string, sessionId?: string, url = server.url): Promise<{ page: Page; sessionId: string }> {
  const page = await clientPage(browser, url, name);
  await withRecordings(page);
  return { page, sessionId: await enter(page, sessionId) };
}

export function enter(page: Page, sessionId?: string): Promise<string> {
  return page.evaluate(async (given) => {
    const id = given ?? (await tunrtc.createSession('to be recorded', 10)).sessionId;
    await tunrtc.joinSession(id, true, { width: 320, height: 240 });
    return id;
  }, sessionId);
}

export async function start(page: Page): Promise<string> {
  return page.evaluate(async () => {
    globalThis.failures = [];
    globalThis.recording = await Recordings_.startRecording(tunrtc);
    recording.on('error', ({ code }) => failures.push(code));
    return recording.recordingId;
  });
}

export const stop = (page: Page) => page.evaluate(() => recording.stop());
export const waiting = (page: Page) => page.evaluate(() => recording.progress.waiting);
export const pieces = (page: Page) => page.evaluate(() => recording.progress.recorded);

/** The recording, once its files are made. */
export async function ready(page: Page, recordingId: string, milliseconds?: number): Promise<RecordingDetail> {
  let detail: RecordingDetail | undefined;
  const isMade = async () => {
    detail = await page.evaluate((id) => Recordings_.getRecording(tunrtc, id), recordingId);
    return detail.status === 'ready' || detail.status === 'failed';
  };
  await eventually(isMade, 'the recording is made', milliseconds);
  assert.equal(detail?.status, 'ready', detail?.error);
  return detail as RecordingDetail;
}

export async function filesOf({ files }: RecordingDetail): Promise<MediaFile[]> {
  return Promise.all(
    files.map(async ({ url, bytes }) => {
      const file = new Uint8Array(await (await fetch(url)).arrayBuffer());
      assert.equal(file.length, bytes);
      const probed = probe(file);
      assert.equal(probed.complaints, '');
      return probed;
    }),
  );
}

/** Its one file. */
export async function fileOf(detail: RecordingDetail): Promise<MediaFile> {
  assert.equal(detail.files.length, 1);
  const [file] = await filesOf(detail);
  assert.ok(file);
  assert.ok(Math.abs(file.duration * 1000 - (detail.files[0]?.durationMs ?? 0)) < 100, `${file.duration} s, told as ${detail.files[0]?.durationMs} ms`);
  return file;
}
