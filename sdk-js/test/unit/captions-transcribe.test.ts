import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { crc32 as nodes } from 'node:zlib';
import { FRAME, FRAME_MS } from '../../src/captions/frames.ts';
import type { Heard } from '../../src/captions/engine.ts';
import { audioEvent, crc32, decodeMessage, encodeMessage } from '../../src/captions/transcribe/event-stream.ts';
import { ofServer } from '../../src/captions/transcribe/index.ts';
import { Line } from '../../src/captions/transcribe/line.ts';
import { Loudness } from '../../src/captions/transcribe/loudness.ts';
import { TunRTCError } from '../../src/errors.ts';
import { settle } from '../support/clock.ts';
import { FakeTranscribe, message } from '../support/transcribe.ts';

const SIGNED = 'https://transcribestreaming.eu-west-1.amazonaws.com:8443/stream-transcription-websocket?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20261129%2Feu-west-1%2Ftranscribe%2Faws4_request&X-Amz-Date=20261129T120000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=0a&language-code=en-US&media-encoding=pcm&sample-rate=16000';

describe('a message', () => {
  test('has the checksum of zlib', () => {
    for (const text of ['', '123456789', 'x'.repeat(1_000)]) assert.equal(crc32(Buffer.from(text)), nodes(text));
    assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
  });

  test('is framed as another program frames it, and read back', () => {
    const headers = { ':message-type': 'event', ':event-type': 'AudioEvent', ü: 'ß' };
    for (const payload of ['', 'sound', 'x'.repeat(70_000)]) {
      const bytes = encodeMessage({ headers, payload: Buffer.from(payload) });
      assert.deepEqual(Buffer.from(bytes), message(headers, payload));
      assert.deepEqual(decodeMessage(bytes), { headers, payload: new Uint8Array(Buffer.from(payload)) });
    }
  });

  test('that is damaged anywhere, cut off or too long is refused', () => {
    const good = message({ ':message-type': 'event' }, 'payload');
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      assert.throws(() => decodeMessage(bad), RangeError, `byte ${at}`);
    }
    for (const bad of [good.subarray(0, -1), good.subarray(0, 8), Buffer.alloc(0), Buffer.concat([good, Buffer.from([0])])]) {
      assert.throws(() => decodeMessage(bad), RangeError);
    }
  });

  test('with a header that lies about its length is refused', () => {
    const bytes = message({ name: 'value' }, '');
    bytes.writeUInt16BE(500, 12 + 1 + 4 + 1);
    bytes.writeUInt32BE(nodes(bytes.subarray(0, -4)), bytes.length - 4);
    assert.throws(() => decodeMessage(bytes), RangeError);
  });

  test('holds sound as 16 bits, cut off where it is too loud', () => {
    const { payload } = decodeMessage(audioEvent(Float32Array.of(0, 1, -1, 2, 0.5)));
    assert.deepEqual([...new Int16Array(payload.buffer)], [0, 32_767, -32_767, 32_767, 16_384]);
  });
});

test('a voice is what is louder than the room, whatever the room', () => {
  for (const room of [0.00001, 0.001, 0.02]) {
    const loudness = new Loudness();
    const frame = (level: number) => loudness.isVoice(Float32Array.from({ length: FRAME }, (_, index) => (index % 2 ? level : -level)));
    for (let count = 0; count < 50; count++) assert.equal(frame(room), false);
    assert.equal(frame(Math.max(room * 6, 0.01)), true);
    assert.equal(frame(room), false);
  }
});

describe('a line', () => {
  let service: FakeTranscribe;
  let heard: Heard[];
  let failed: { code: string; message: string }[];
  let line: Line;
  let now: number;
  let urls: number;
  let sign: () => Promise<string>;

  beforeEach(() => {
    service = new FakeTranscribe();
    [heard, failed, now, urls] = [[], [], 0, 0];
    sign = async () => SIGNED;
    const ear = { heard: (each: Heard) => void heard.push(each), failed: (error: unknown) => void failed.push(error as never) };
    line = new Line({
      url: () => {
        urls++;
        return sign();
      },
      openSocket: service.open,
      ear,
    });
  });

  /** So many seconds of a voice, or of silence. */
  async function listen(seconds: number, level: number): Promise<void> {
    for (let count = Math.round((seconds * 1000) / FRAME_MS); count > 0; count--) {
      now += FRAME_MS;
      line.push({ samples: new Float32Array(FRAME).fill(level), at: now });
      await settle();
    }
  }
  const last = () => service.lines.at(-1)!;
  const secondsOf = (samples: number[]) => samples.length / 16_000;

  test('is opened when somebody speaks, with what came right before, and ended after 3 s of silence', async () => {
    await listen(5, 0);
    assert.equal(service.lines.length, 0);
    await listen(2, 0.1);
    await listen(2.9, 0);
    assert.equal(last().isEnded, false);
    await listen(0.2, 0);
    assert.equal(last().isEnded, true);
    const { heard: sound } = last();
    assert.ok(secondsOf(sound) > 5.2 && secondsOf(sound) < 5.7, `${secondsOf(sound)} s`);
    assert.equal(sound.filter((sample) => sample !== 0).length, Math.round(2_000 / FRAME_MS) * FRAME);
    last().hangUp(1000);
    await listen(5, 0);
    assert.deepEqual([service.lines.length, failed], [1, []]);
  });

  test('tells words with when they were said, until they are final', async () => {
    await listen(1, 0);
    await listen(2, 0.1);
    last().say('Good', 0.5, 1, true);
    last().say('Good morning.', 0.5, 2, false);
    assert.deepEqual(heard.map(({ text, final }) => [text, final]), [['Good', false], ['Good morning.', true]]);
    // The line began half a second before the voice.
    assert.ok(Math.abs((heard[0]?.beganMsAgo ?? 0) - 2_000) < 50, `${heard[0]?.beganMsAgo} ms ago`);
  });

  test('that breaks in the middle is opened anew, and what was not written down is said again', async () => {
    await listen(1, 0);
    await listen(4, 0.1);
    last().say('First.', 0, 2.5, false);
    last().hangUp(1006);
    await listen(2, 0.2);
    assert.equal(service.lines.length, 2);
    assert.equal(urls, 2);
    const again = secondsOf(last().heard.filter((sample) => Math.abs(sample - 3_277) < 2));
    const since = secondsOf(last().heard.filter((sample) => Math.abs(sample - 6_553) < 2));
    assert.ok(again > 1.8 && again < 2.2, `${again} s of before`);
    assert.ok(since > 1.8, `${since} s since`);
    last().say('Second.', 0, 3.5, false);
    assert.deepEqual(heard.map(({ text }) => text), ['First.', 'Second.']);
    assert.deepEqual(failed, []);
  });

  for (const type of ['LimitExceededException', 'InternalFailureException', 'ServiceUnavailableException']) {
    test(`that is refused with ${type} is tried again a little later`, async () => {
      await listen(1, 0.1);
      await listen(1, 0);
      await listen(1, 0.1);
      last().refuse(type, 'not now');
      await listen(0.3, 0.1);
      assert.equal(service.lines.length, 1);
      await listen(0.5, 0.1);
      assert.deepEqual([service.lines.length, failed], [2, []]);
    });
  }

  test('that is wrong is given up', async () => {
    await listen(1, 0);
    await listen(1, 0.1);
    last().refuse('BadRequestException', 'The language is not known.');
    await listen(5, 0.1);
    assert.deepEqual([service.lines.length, failed.map(({ code, message }) => [code, message])], [1, [['engine_failed', 'The language is not known.']]]);
  });

  test('that brings a damaged message is closed, and another one opened', async () => {
    await listen(1, 0);
    await listen(1, 0.1);
    const bytes = message({ ':message-type': 'event', ':event-type': 'TranscriptEvent' }, '{}');
    bytes[bytes.length - 5] = 0;
    last().deliver(bytes);
    await listen(2, 0.1);
    assert.deepEqual([service.lines.length, heard, failed], [2, [], []]);
  });

  test('is given up when it is refused again and again, and when no address is given', async () => {
    for (const refusal of [() => (service.refuses = true), () => (sign = () => Promise.reject(new Error('no'))), () => (sign = async () => SIGNED.replace('X-Amz-Signature', 'X'))]) {
      service = new FakeTranscribe();
      failed = [];
      urls = 0;
      sign = async () => SIGNED;
      refusal();
      line = new Line({ url: () => (urls++, sign()), openSocket: service.open, ear: { heard: () => {}, failed: (error) => void failed.push(error as never) } });
      await listen(1, 0);
      await listen(30, 0.1);
      assert.deepEqual([urls, failed.map(({ code }) => code)], [5, ['denied']]);
    }
  });

  test('whose end takes too long is closed, and the next words have another', async () => {
    await listen(1, 0);
    await listen(1, 0.1);
    await listen(4, 0);
    assert.equal(last().isEnded, true);
    await listen(6, 0);
    assert.equal(last().isClosed, true);
    await listen(1, 0.1);
    assert.equal(service.lines.length, 2);
  });

  test('is closed with the captions, while it is opened too', async () => {
    await listen(1, 0);
    await listen(1, 0.1);
    line.close();
    assert.equal(last().isClosed, true);
    await listen(2, 0.1);
    assert.deepEqual([service.lines.length, failed], [1, []]);
  });
});

describe('addresses that the server signs', () => {
  const ear = { language: 'de-DE', assets: '/captions/', heard: () => {}, failed: () => {} };
  const asking = (call: (...given: unknown[]) => Promise<unknown>) => ofServer({ sessionId: 's/1', api: { call } } as never);

  test('are asked for before anybody speaks, for the session and the language', async () => {
    const asked: unknown[] = [];
    const call = async (...given: unknown[]) => (asked.push(given), Promise.reject(new TunRTCError('unavailable', 'busy')));
    await assert.rejects(asking(call)({} as never, ear), { code: 'engine_failed', message: 'busy' });
    assert.deepEqual(asked, [['POST', '/api/session/s%2F1/transcribe', { language: 'de-DE' }]]);
  });

  test('that are refused say what is wrong in the words of captions', async () => {
    for (const [code, told] of [['not_offered', 'unsupported'], ['invalid_request', 'language_unsupported'], ['forbidden', 'denied']] as const) {
      const refused = asking(() => Promise.reject(new TunRTCError(code, code)));
      await assert.rejects(refused({} as never, ear), { name: 'CaptionError', code: told });
    }
  });
});
