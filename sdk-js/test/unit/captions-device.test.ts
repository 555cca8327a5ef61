import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { FRAME, FRAME_MS, type Frame } from '../../src/captions/frames.ts';
import { RATE, Resampler } from '../../src/captions/resampler.ts';
import { Segments, type Segment } from '../../src/captions/segments.ts';
import { PROTOCOL } from '../../src/captions/assets.ts';
import { decode } from '../../src/captions/worker/vocabulary.ts';
import { Writer, type WriterOptions } from '../../src/captions/worker/writer.ts';
import type { Heard } from '../../src/captions/engine.ts';

/** A second of a tone, brought to 16 kHz in pieces of 128 samples, as the audio thread gives them. */
function resampled(from: number, frequency: number): Float32Array {
  const resampler = new Resampler(from);
  const made: number[] = [];
  for (let at = 0; at < from; at += 128) {
    made.push(...resampler.push(Float32Array.from({ length: 128 }, (_, index) => Math.sin((2 * Math.PI * frequency * (at + index)) / from))));
  }
  return Float32Array.from(made);
}

const level = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

describe('sound at 16 kHz', () => {
  for (const from of [8_000, 16_000, 44_100, 48_000, 96_000]) {
    test(`is as long and as loud as at ${from} Hz`, () => {
      const made = resampled(from, 1_000);
      assert.ok(Math.abs(made.length - RATE) < 300, `${made.length} samples`);
      assert.ok(Math.abs(level(made) - Math.SQRT1_2) < 0.03, `level ${level(made)}`);
    });
  }

  test('has the same pitch, however it is cut into pieces', () => {
    const made = resampled(44_100, 440);
    const crossings = made.slice(1).filter((sample, index) => sample >= 0 && (made[index] ?? 0) < 0).length;
    assert.ok(Math.abs(crossings - 440) <= 4, `${crossings} periods`);
  });

  test('does not hold what it cannot: 12 kHz do not come back as 4 kHz', () => {
    assert.ok(level(resampled(48_000, 12_000)) < 0.01);
  });
});

/** Frames with a voice (1) or without (0), each with its number as its sound, taken every 32 ms. */
function part(segments: Segments, likelihoods: readonly number[], from = 0): Segment[] {
  return likelihoods.flatMap((likelihood, index) => segments.push(frame(from + index), likelihood) ?? []);
}
const frame = (number: number): Frame => ({ samples: new Float32Array(FRAME).fill(number), at: number * FRAME_MS });
const many = (count: number, value: number): number[] => Array<number>(count).fill(value);
/** The numbers of the frames of a segment. */
const numbers = ({ samples }: Segment): number[] => Array.from({ length: samples.length / FRAME }, (_, index) => samples[index * FRAME] ?? -1);

describe('a stretch of speech', () => {
  test('ends with 0.64 s of silence, and has a little of what is before and behind it', () => {
    const segments = new Segments();
    const [segment, ...more] = part(segments, [...many(50, 0), ...many(40, 1), ...many(30, 0)]);
    assert.ok(segment);
    assert.equal(more.length, 0);
    assert.deepEqual([segment.began, segment.ended], [50 * FRAME_MS, 89 * FRAME_MS]);
    assert.deepEqual([numbers(segment)[0], numbers(segment).at(-1)], [40, 96]);
    assert.equal(segments.current, undefined);
  });

  test('goes on over a shorter silence', () => {
    const ended = part(new Segments(), [...many(20, 1), ...many(15, 0), ...many(20, 1), ...many(25, 0)]);
    assert.deepEqual(ended.map(({ began, ended }) => [began, ended]), [[0, 54 * FRAME_MS]]);
  });

  test('is none if it was a knock', () => {
    assert.deepEqual(part(new Segments(), [...many(4, 1), ...many(25, 0)]).map(({ samples }) => samples.length), [0]);
  });

  test('that never ends is parted where it is quietest, and nothing of it is lost or twice', () => {
    const segments = new Segments();
    const likelihoods = many(375, 1);
    likelihoods[330] = 0.4;
    const [first] = part(segments, likelihoods);
    assert.ok(first);
    const [second] = part(segments, [...many(50, 1), ...many(25, 0)], 375);
    assert.deepEqual([numbers(first)[0], numbers(first).at(-1)], [0, 330]);
    assert.ok(second);
    assert.equal(numbers(second)[0], 331);
    assert.equal(second.began, first.ended);
  });

  test('can be looked at while it lasts', () => {
    const segments = new Segments();
    part(segments, many(10, 1));
    assert.deepEqual([segments.current?.began, segments.current?.ended], [0, 9 * FRAME_MS]);
  });
});

describe('writing down', () => {
  /** A voice is a frame that is not 0; a frame takes no time, a second of sound `factor` seconds. */
  function desk(factor: number, change: Partial<WriterOptions> = {}) {
    const heard: Heard[] = [];
    const state = { now: 0, late: 0, written: [] as number[], void: 0 };
    const writer: Writer = new Writer({
      listen: async (samples) => ((samples[0] ?? 0) === 0 ? 0 : 1),
      write: async (samples, isVoid) => {
        const seconds = samples.length / RATE;
        if (await isVoid?.()) {
          state.void++;
          return undefined;
        }
        state.now += seconds * factor * 1000;
        state.written.push(seconds);
        return `${seconds.toFixed(1)} s`;
      },
      factor,
      heard: (each) => heard.push(each),
      onLate: () => state.late++,
      pause: async () => {},
      now: () => state.now,
      ...change,
    });
    const listen = async (values: readonly number[]) => {
      for (const value of values) {
        state.now += FRAME_MS;
        await writer.push({ samples: new Float32Array(FRAME).fill(value), at: state.now });
      }
    };
    return { heard, state, writer, listen };
  }

  test('happens about every second, and at the end for good', async () => {
    const { heard, listen } = desk(0.01);
    await listen([...many(20, 0), ...many(100, 1), ...many(30, 0)]);
    assert.deepEqual(heard.map(({ final }) => final), [false, false, false, true]);
    assert.ok((heard.at(-1)?.beganMsAgo ?? 0) > 119 * FRAME_MS, 'the sentence began so long ago');
  });

  test('is left for the end where it takes long', async () => {
    const { heard, listen } = desk(0.6);
    await listen([...many(100, 1), ...many(30, 0)]);
    assert.deepEqual(heard.map(({ final }) => final), [true]);
  });

  test('of what is not over is given up when it is over', async () => {
    let end = async () => {};
    const { heard, state, writer, listen } = desk(0.01, { pause: () => end() });
    // While words are looked for the frames of the silence come in.
    end = async () => {
      end = async () => {};
      for (let count = 0; count < 25; count++) void writer.push({ samples: new Float32Array(FRAME), at: state.now });
    };
    await listen(many(40, 1));
    assert.deepEqual([heard.map(({ final }) => final), state.void], [[true], 1]);
  });

  test('of a knock says that there was nothing', async () => {
    const { heard, listen } = desk(0.01);
    await listen([...many(3, 1), ...many(30, 0)]);
    assert.deepEqual(heard.map(({ text, final }) => [text, final]), [['', true]]);
  });

  test('that comes ten seconds late is told', async () => {
    const { state, listen } = desk(4);
    await listen([...many(100, 1), ...many(30, 0)]);
    assert.equal(state.late, 1);
  });

  test('that fails does not block what comes after', async () => {
    let fails = true;
    const { heard, listen } = desk(0.6, {
      write: async () => {
        if (!fails) return 'hello';
        fails = false;
        throw new Error('once');
      },
    });
    await assert.rejects(listen([...many(20, 1), ...many(30, 0)]), { message: 'once' });
    await listen([...many(20, 1), ...many(30, 0)]);
    assert.deepEqual(heard.map(({ text }) => text), ['hello']);
  });
});

test('tokens become words, bytes of UTF-8 and spaces as they are meant', () => {
  const vocabulary = ['<unk>', '<s>', '</s>', '▁Good', '▁mor', 'ning', '<0xC3>', '<0xBC>', '!'];
  assert.equal(decode([1, 3, 4, 5, 6, 7, 8, 2], vocabulary), 'Good morningü!');
  assert.equal(decode([], vocabulary), '');
  assert.equal(decode([4711], vocabulary), '');
});

test('the files are built for this client', () => {
  const script = readFileSync(new URL('../../../scripts/captions.mjs', import.meta.url), 'utf8');
  assert.ok(script.includes(`const PROTOCOL = ${PROTOCOL};`));
});
