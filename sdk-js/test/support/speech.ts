/** Somebody who speaks, for Chromium's fake microphone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What espeak-ng speaks in, in samples a second. */
const RATE = 22_050;
/** What is softer than this is silence, of 32,767. */
const SILENCE = 300;

/** A sentence, and the silence before it in seconds. */
export interface Spoken {
  text: string;
  after: number;
}

/** When something is heard in the recording, in seconds from its beginning. */
export interface Heard {
  text: string;
  from: number;
  to: number;
}

/** Has sentences spoken into a WAV file, with silence between them. */
export function speak(sentences: readonly Spoken[]): { file: string; heard: Heard[] } {
  const folder = mkdtempSync(join(tmpdir(), 'tunrtc-speech-'));
  const parts: Buffer[] = [];
  const heard: Heard[] = [];
  let length = 0;
  const add = (samples: Buffer) => {
    parts.push(samples);
    length += samples.length / 2;
  };
  for (const { text, after } of sentences) {
    add(Buffer.alloc(2 * Math.round(after * RATE)));
    const samples = voice(text, join(folder, 'sentence.wav'));
    const [first, last] = loud(samples);
    heard.push({ text, from: (length + first) / RATE, to: (length + last) / RATE });
    add(samples);
  }
  add(Buffer.alloc(2 * 30 * RATE));
  const file = join(folder, 'speech.wav');
  writeFileSync(file, Buffer.concat([header(length), ...parts]));
  return { file, heard };
}

/** The samples of a sentence, 16 bit each. */
function voice(text: string, file: string): Buffer {
  execFileSync('espeak-ng', ['-v', 'en-us', '-s', '150', '-w', file, text]);
  const wav = readFileSync(file);
  if (wav.readUInt32LE(24) !== RATE) throw new Error(`espeak-ng speaks at ${wav.readUInt32LE(24)} samples a second`);
  return wav.subarray(44, wav.length - (wav.length % 2));
}

/** The first and the last sample that can be heard. */
function loud(samples: Buffer): [number, number] {
  const isLoud = (index: number) => Math.abs(samples.readInt16LE(2 * index)) > SILENCE;
  let [first, last] = [0, samples.length / 2 - 1];
  while (first < last && !isLoud(first)) first++;
  while (last > first && !isLoud(last)) last--;
  return [first, last];
}

/** What comes before `length` samples of one channel in a WAV file. */
function header(length: number): Buffer {
  const bytes = Buffer.alloc(44);
  bytes.write('RIFF');
  bytes.writeUInt32LE(36 + 2 * length, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(2 * RATE, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * length, 40);
  return bytes;
}

/** Words that are wrong, missing or too many (by the least number of changes), and how many there were to be. */
export function wordErrors(said: string, written: string): { errors: number; words: number } {
  const [one, other] = [wordsOf(said), wordsOf(written)];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  one.forEach((word, line) => {
    const next = [line + 1];
    other.forEach((each, index) => {
      next.push(Math.min((row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1, (row[index] ?? 0) + (word === each ? 0 : 1)));
    });
    row = next;
  });
  return { errors: row.at(-1) ?? 0, words: one.length };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().replace(/[^a-z' ]/g, ' ').split(' ').filter(Boolean);
}
