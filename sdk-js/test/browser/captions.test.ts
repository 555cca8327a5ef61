/** Captions on the device: somebody speaks into a real browser, and others read what was said. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Browser, Page, Response } from 'playwright-core';
import type { Caption, Captions } from '../../src/captions/index.ts';
import { cableTo, clientPage, CHROMIUM, consolePage, eventually, joinListed, launch, launchFrom, startServer, startSession, type Cable, type Server } from '../support/browser.ts';
import { looksRight } from '../support/look.ts';
import { speak, wordErrors } from '../support/speech.ts';

/** Words that are wrong, of all. */
const MOST_ERRORS = 0.15;
/** From the end of a sentence to its words on the other side, in milliseconds: the median, on a machine that does other things too. */
const LATEST_MS = 3_000;
const SENTENCES = [
  'Good morning everyone and welcome to the meeting.',
  'Today we want to talk about the new product.',
  'The last version was much better than we expected.',
  'I think we should start with the most important question.',
  'Let us come back to this point after the break.',
  'We need more time to finish the second part of the project.',
  'There are three things that we have to do next week.',
  'I will share my screen and show you the numbers.',
];
const SECRET = 'Please send me the report before lunch on Friday.';
const LAST = 'Thank you very much for listening to this short story.';
/** What is spoken: `SECRET` while the microphone is muted, `LAST` while the connection is cut. */
const SPEECH = speak([
  ...SENTENCES.map((text, index) => ({ text, after: index === 0 ? 3 : 1.5 })),
  { text: SECRET, after: 8 },
  { text: LAST, after: 8 },
]);

declare global {
  var CaptionsOfThePage: typeof Captions;
  var captions: Captions;
  /** What came, and when. */
  var received: (Caption & { at: number })[];
  /** When something was heard in the microphone, on this machine's clock. */
  var sounds: { from: number; to: number }[];
}

let server: Server;
let speaking: Browser;
let reading: Browser;
let cables: Cable[] = [];

before(async () => {
  server = await startServer();
  [speaking, reading] = await Promise.all([
    launchFrom(CHROMIUM, '--allow-loopback-in-peer-connection', `--use-file-for-fake-audio-capture=${SPEECH.file}%noloop`),
    launch(),
  ]);
});

afterEach(async () => {
  for (const browser of [speaking, reading]) for (const context of browser.contexts()) await context.close();
  for (const cable of cables.splice(0)) await cable.close();
});

after(async () => {
  await Promise.all([speaking.close(), reading.close()]);
  await server.stop();
  SPEECH.forget();
});

/** Answers with what engines load. */
function loaded(page: Page): Response[] {
  const responses: Response[] = [];
  page.on('response', (response) => response.url().includes('/captions/') && responses.push(response));
  return responses;
}

async function someone(browser: Browser, name: string, sessionId?: string): Promise<{ page: Page; cable: Cable; files: Response[]; sessionId: string }> {
  const cable = await cableTo(Number(new URL(server.url).port));
  cables.push(cable);
  const page = await clientPage(browser, cable.url, name);
  const files = loaded(page);
  await page.addScriptTag({ type: 'module', content: `globalThis.CaptionsOfThePage = (await import('/sdk/captions.js')).Captions;` });
  await page.waitForFunction(() => 'CaptionsOfThePage' in globalThis);
  const joined = await page.evaluate(async (given) => {
    const id = given ?? (await tunrtc.createSession('captions', 4)).sessionId;
    await tunrtc.joinSession(id, false, false);
    globalThis.captions = new CaptionsOfThePage(tunrtc);
    globalThis.received = [];
    captions.on('caption', (caption) => received.push({ ...caption, at: Date.now() }));
    captions.on('error', (error) => console.error(error.code, error.message));
    return id;
  }, sessionId);
  return { page, cable, files, sessionId: joined };
}

/**
 * Opens the microphone, and notes when something is heard in it, muted or not. The recording's own times would not do: a machine
 * that is busy plays it late.
 */
function speakUp(page: Page): Promise<void> {
  return page.evaluate(async () => {
    await tunrtc.setMuted(false);
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    const microphone = tunrtc.localStream!.getAudioTracks()[0]!.clone();
    context.createMediaStreamSource(new MediaStream([microphone])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    globalThis.sounds = [];
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      if (!samples.some((sample) => Math.abs(sample) > 0.02)) return;
      const now = Date.now();
      const last = sounds.at(-1);
      // A pause between words is shorter than that between sentences.
      if (last && now - last.to < 900) last.to = now;
      else sounds.push({ from: now, to: now });
    }, 20);
  });
}

/** Waits until so many sentences were spoken. */
const spoken = (page: Page, count: number) =>
  page.waitForFunction((wanted) => sounds.length > wanted || (sounds.length === wanted && Date.now() - sounds.at(-1)!.to > 1_000), count, { polling: 100 });
/** Waits until this sentence, counted from 1, is being spoken. */
const speaks = (page: Page, number: number) => page.waitForFunction((wanted) => sounds.length === wanted && Date.now() - sounds.at(-1)!.from > 1_000, number, { polling: 100 });
const finals = (page: Page) => page.evaluate(() => received.filter(({ final }) => final));
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

describe('captions', () => {
  test('are written on the speaker’s device and read by the others, soon, once, and not while muted', async () => {
    const speaker = await someone(speaking, 'demo');
    const reader = await someone(reading, 'alice', speaker.sessionId);
    assert.deepEqual([speaker.files, reader.files], [[], []], 'nothing is loaded before it is asked for');
    await speaker.page.evaluate(() => captions.start());
    await speakUp(speaker.page);
    await spoken(speaker.page, SENTENCES.length);
    await eventually(async () => (await finals(reader.page)).length >= SENTENCES.length, 'the sentences are read');
    await speaker.page.evaluate(() => tunrtc.setMuted(true));
    const sounds = await speaker.page.evaluate(() => globalThis.sounds);
    assert.equal(sounds.length, SENTENCES.length, 'muted before the next sentence, and each was heard as one');
    const read = await finals(reader.page);
    const { errors, words } = wordErrors(SENTENCES.join(' '), read.map(({ text }) => text).join(' '));
    const delays = read.map(({ at }, index) => at - (sounds[index]?.to ?? 0));
    const begins = read.map(({ startedAt }, index) => Math.abs(Date.parse(startedAt) - (sounds[index]?.from ?? 0)));
    console.log(`captions: ${errors} of ${words} words wrong; final ${median(delays)} ms after the end (median of ${delays.join(', ')}); begun within ${median(begins)} ms`);
    assert.ok(errors / words <= MOST_ERRORS, read.map(({ text }) => text).join('\n'));
    assert.equal(read.length, SENTENCES.length, 'as many captions as sentences');
    assert.ok(median(delays) <= LATEST_MS);
    assert.ok(read.every(({ fromUsername, language }) => fromUsername === 'demo' && language === 'en'));
    assert.ok(median(begins) < 1_000, 'by the server’s clock, which is this machine’s, they began when they did');

    await spoken(speaker.page, SENTENCES.length + 1);
    await new Promise((resolve) => setTimeout(resolve, LATEST_MS));
    assert.equal((await finals(reader.page)).length, SENTENCES.length, 'nothing is written while muted');
    await speaker.page.evaluate(() => tunrtc.setMuted(false));

    await speaks(speaker.page, SENTENCES.length + 2);
    speaker.cable.unplug();
    reader.cable.unplug();
    await spoken(speaker.page, SENTENCES.length + 2);
    speaker.cable.plugIn();
    reader.cable.plugIn();
    await eventually(async () => (await finals(reader.page)).length > SENTENCES.length, 'the last sentence comes after the reconnect');
    // What is told again is told with the reconnect of either.
    await eventually(async () => (await reader.page.evaluate(async () => (await captions.transcript()).length)) === SENTENCES.length + 1, 'the transcript is complete');
    const all = await finals(reader.page);
    assert.equal(all.length, SENTENCES.length + 1, 'each once');
    assert.ok(wordErrors(LAST, all.at(-1)?.text ?? '').errors <= 2, all.at(-1)?.text);
    assert.deepEqual(reader.files, [], 'whoever only reads loads nothing');
    await kept(speaker.files);
  });

  test('stand under the pictures of the console, and as a transcript beside them', async () => {
    const [demo, alice] = await Promise.all([consolePage(speaking, server.url, 'Demo'), consolePage(reading, server.url, 'Alice')]);
    const files = [demo, alice].map(loaded);
    await startSession(demo, 'In writing');
    await alice.getByRole('button', { name: 'Refresh' }).click();
    await joinListed(alice, 'In writing');
    assert.deepEqual(files, [[], []], 'with captions off nothing is loaded');
    await alice.keyboard.press('t');
    await demo.getByRole('button', { name: 'Captions on' }).click();
    const lines = (page: Page) => page.locator('#captions-lines p').filter({ hasText: 'demo' });
    await Promise.all([demo, alice].map((page) => lines(page).first().waitFor()));
    await eventually(async () => (await alice.locator('#captions-said p').count()) > 0, 'a sentence is told to screen readers');
    await alice.getByRole('tab', { name: 'Transcript' }).click();
    const sentence = alice.locator('#transcript li').first();
    await sentence.waitFor();
    assert.equal(await sentence.locator('b').textContent(), 'demo');
    const [file] = await Promise.all([alice.waitForEvent('download'), alice.getByRole('button', { name: 'Save as WebVTT' }).click()]);
    assert.equal(file.suggestedFilename(), 'transcript.vtt');
    await looksRight(alice, async () => {
      if (!(await alice.locator('#panel').isVisible())) await alice.getByRole('button', { name: 'Details' }).click();
    }, 'transcript');
    await alice.setViewportSize({ width: 1280, height: 800 });
    await alice.keyboard.press('t');
    await alice.getByRole('button', { name: 'Captions on' }).waitFor();
    assert.equal(await alice.locator('#captions-lines p').count(), 0);
  });
});

/** Everything but the list of files may be kept for ever, and is what it says. */
async function kept(responses: readonly Response[]): Promise<void> {
  const types = new Map(await Promise.all(responses.map(async (response) => [new URL(response.url()).pathname.split('/').at(-1) ?? '', await response.allHeaders()] as const)));
  const names = [...types.keys()].map((name) => name.split('.')[0]).sort();
  assert.deepEqual(names, ['assets', 'decoder', 'encoder', 'runtime', 'vocabulary', 'voice', 'wasm', 'worker'], 'what is loaded, but for the audio processor, which is not told here');
  for (const [name, headers] of types) {
    const isList = name === 'assets.json';
    assert.equal(headers['cache-control'], isList ? 'no-cache' : 'public, max-age=31536000, immutable', name);
    if (name.endsWith('.wasm')) assert.equal(headers['content-type'], 'application/wasm');
  }
}
