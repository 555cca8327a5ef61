/** Somebody who speaks, for Chromium's fake microphone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What espeak-ng speaks in, in samples a second. */
const RATE = 22_050;

/** A sentence, and the silence before it in seconds. */
export interface Spoken {
  text: string;
  after: number;
}

/** Has sentences spoken into a WAV file, with silence between them; `forget` takes the file away. */
export function speak(sentences: readonly Spoken[]): { file: string; forget(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tunrtc-speech-'));
  const parts: Buffer[] = [];
  for (const { text, after } of sentences) parts.push(silence(after), voice(text, join(folder, 'sentence.wav')));
  const samples = Buffer.concat([...parts, silence(30)]);
  const file = join(folder, 'speech.wav');
  writeFileSync(file, Buffer.concat([header(samples.length / 2), samples]));
  return { file, forget: () => rmSync(folder, { recursive: true }) };
}

function silence(seconds: number): Buffer {
  return Buffer.alloc(2 * Math.round(seconds * RATE));
}

/** The samples of a sentence, 16 bit each. */
function voice(text: string, file: string): Buffer {
  execFileSync('espeak-ng', ['-v', 'en-us', '-s', '150', '-w', file, text]);
  const wav = readFileSync(file);
  if (wav.readUInt32LE(24) !== RATE) throw new Error(`espeak-ng speaks at ${wav.readUInt32LE(24)} samples a second`);
  return wav.subarray(44, wav.length - (wav.length % 2));
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
