import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { browser } from '../../src/captions/browser.ts';
import type { Ear, Heard } from '../../src/captions/engine.ts';

interface Result {
  resultIndex: number;
  results: ({ transcript: string }[] & { isFinal: boolean })[];
}

/** The browser's speech recognition, as far as the engine uses it. */
class FakeRecognition {
  static last: FakeRecognition;
  lang = '';
  continuous = false;
  interimResults = false;
  processLocally = false;
  onresult: ((event: Result) => void) | null = null;
  onerror: ((event: { error: string }) => void) | null = null;
  onend: (() => void) | null = null;
  starts: unknown[] = [];
  aborted = false;

  constructor() {
    FakeRecognition.last = this;
  }

  start(track: unknown): void {
    this.starts.push(track);
  }

  abort(): void {
    this.aborted = true;
    this.onend?.();
  }
}

const track = {} as MediaStreamTrack;
let heard: Heard[];
let failures: string[];
const ear: Ear = { language: 'de-AT', assets: '', heard: (each) => heard.push(each), failed: (error) => failures.push((error as { code: string }).code) };
const result = (transcript: string, isFinal: boolean) => Object.assign([{ transcript }], { isFinal });

beforeEach(() => {
  [heard, failures] = [[], []];
  Object.assign(globalThis, { SpeechRecognition: FakeRecognition });
});
afterEach(() => void Reflect.deleteProperty(globalThis, 'SpeechRecognition'));

describe('the browser’s speech recognition', () => {
  test('gets the microphone and the language, and is asked to stay on the machine', async () => {
    await browser(track, ear);
    const { lang, continuous, interimResults, processLocally, starts } = FakeRecognition.last;
    assert.deepEqual([lang, continuous, interimResults, processLocally, starts], ['de-AT', true, true, true, [track]]);
  });

  test('tells what is new, until it is final', async () => {
    await browser(track, ear);
    const { onresult } = FakeRecognition.last;
    onresult?.({ resultIndex: 0, results: [result('Guten', false)] });
    onresult?.({ resultIndex: 0, results: [result('Guten Tag', true)] });
    onresult?.({ resultIndex: 1, results: [result('Guten Tag', true), result('Wie', false)] });
    assert.deepEqual(heard, [{ text: 'Guten', final: false }, { text: 'Guten Tag', final: true }, { text: 'Wie', final: false }]);
  });

  test('is begun anew when it ends by itself, until it is stopped', async () => {
    const stop = await browser(track, ear);
    FakeRecognition.last.onerror?.({ error: 'no-speech' });
    FakeRecognition.last.onend?.();
    assert.equal(FakeRecognition.last.starts.length, 2);
    stop();
    assert.deepEqual([FakeRecognition.last.starts.length, FakeRecognition.last.aborted, failures], [2, true, []]);
  });

  test('is given up when it ends at once again and again', async () => {
    await browser(track, ear);
    for (let time = 0; time < 10; time++) FakeRecognition.last.onend?.();
    assert.deepEqual([FakeRecognition.last.starts.length, failures], [5, ['engine_failed']]);
  });

  for (const [error, code] of [['not-allowed', 'denied'], ['language-not-supported', 'language_unsupported'], ['audio-capture', 'engine_failed']] as const) {
    test(`that says ${error} is an error: ${code}`, async () => {
      await browser(track, ear);
      FakeRecognition.last.onerror?.({ error });
      FakeRecognition.last.onend?.();
      assert.deepEqual([failures, FakeRecognition.last.starts.length], [[code], 1]);
    });
  }

  test('is not everywhere', async () => {
    Reflect.deleteProperty(globalThis, 'SpeechRecognition');
    await assert.rejects(browser(track, ear), { code: 'unsupported' });
  });
});
