import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { Captions, CaptionError, toText, toVtt, type Caption, type CaptionEngine, type Ear } from '../../src/captions/index.ts';
import { Town, type Person } from '../support/people.ts';

let town: Town;
let sessionId: string;
let [alice, bob]: Person[] = [];
let ofAlice: Captions;
let ofBob: Captions;
/** What Bob is told, and the engine that listens to Alice. */
let told: Caption[];
let ear: Ear | undefined;
let closed: string[];

const engine: CaptionEngine = async (_, given) => {
  ear = given;
  return () => void closed.push('engine');
};

const of = (person: Person) =>
  new Captions(person.client, {
    environment: person.environment,
    openMicrophone: async () => ({ track: {} as MediaStreamTrack, close: () => void closed.push('microphone') }),
  });

beforeEach(async () => {
  town = new Town();
  [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
  [ofAlice, ofBob] = [of(alice), of(bob)];
  [told, closed, ear] = [[], [], undefined];
  ofBob.on('caption', (caption) => told.push(caption));
});

const during = <Answer>(promise: Promise<Answer>) => town.during(promise);
const start = (with_: CaptionEngine = engine) => during(ofAlice.start({ engine: with_, language: 'en-GB' }));
const say = (text: string, final = false, beganMsAgo?: number) => ear?.heard({ text, final, ...(beganMsAgo !== undefined && { beganMsAgo }) });
const texts = () => told.map(({ text, final }) => (final ? `${text}.` : text));
/** The connection breaks. */
const cut = (person: Person | undefined) => {
  for (const connection of [...town.server.connections]) if (connection.ticket?.userId === person?.client.user?.userId) town.server.disconnected(connection, 1006);
};

describe('captions', () => {
  test('reach everybody with who spoke, the language, and when the sentence began by the server’s clock', async () => {
    const own: Caption[] = [];
    ofAlice.on('caption', (caption) => own.push(caption));
    await start();
    await town.clock.advance(3_000);
    const began = town.clock.timestamp();
    await town.clock.advance(1_500);
    say('Good morning', true, 1_500);
    await town.clock.advance(100);
    const [caption] = told;
    const { userId = '' } = alice?.client.user ?? {};
    assert.deepEqual({ ...caption, captionId: '' }, { captionId: '', fromUserId: userId, fromUsername: 'alice', text: 'Good morning', final: true, language: 'en-GB', startedAt: began });
    assert.deepEqual(own, told);
  });

  test('of a sentence that is not over are told at most twice a second, the latest words, under one name', async () => {
    await start();
    for (let word = 1; word <= 20; word++) {
      say(Array(word).fill('word').join(' '));
      await town.clock.advance(100);
    }
    say(Array(21).fill('word').join(' '), true);
    await town.clock.advance(2_000);
    assert.deepEqual(told.map(({ text }) => text.split(' ').length), [1, 5, 10, 15, 20, 21]);
    assert.equal(new Set(told.map(({ captionId }) => captionId)).size, 1);
    assert.equal(new Set(told.map(({ startedAt }) => startedAt)).size, 1);
    assert.deepEqual(told.map(({ final }) => final), [false, false, false, false, false, true]);
  });

  test('of a sentence that is not over are told to nobody where that is not wanted', async () => {
    await during(ofAlice.start({ engine, partial: false }));
    const began = town.clock.timestamp();
    say('Good');
    await town.clock.advance(1_000);
    say('Good morning', true);
    await town.clock.advance(1_000);
    assert.deepEqual(told.map(({ text, final, startedAt }) => [text, final, startedAt]), [['Good morning', true, began]]);
  });

  test('of a new sentence have another name', async () => {
    await start();
    for (const text of ['one', 'two']) {
      say(text);
      await town.clock.advance(1_000);
      say(text, true);
      await town.clock.advance(1_000);
    }
    assert.deepEqual(texts(), ['one', 'one.', 'two', 'two.']);
    assert.equal(new Set(told.map(({ captionId }) => captionId)).size, 2);
  });

  test('without a word end a sentence that was none', async () => {
    await start();
    say('uh');
    await town.clock.advance(1_000);
    say('  ', true);
    say('hello', true);
    await town.clock.advance(1_000);
    assert.deepEqual(texts(), ['uh', 'hello.']);
    assert.notEqual(told[0]?.captionId, told[1]?.captionId);
  });

  test('that come late or twice are dropped', async () => {
    town.server.network.doublesPush = () => true;
    const delays = [200, 10];
    await start();
    // The words of before overtake nobody, but are overtaken.
    town.server.network.delay = () => delays.shift() ?? 0;
    say('Good');
    say('Good morning', true);
    await town.clock.advance(1_000);
    assert.deepEqual(texts().filter((text) => text.endsWith('.')), ['Good morning.']);
    assert.equal(texts().at(-1), 'Good morning.');
  });

  test('that are over come once after their sender lost the connection, and after their receiver did', async () => {
    await start();
    let isLost = false;
    town.server.network.losesAnswer = (action) => action === 'sendCaption' && !isLost && (isLost = true);
    say('first', true);
    await town.clock.advance(20_000);
    cut(bob);
    say('second', true);
    await town.clock.advance(20_000);
    cut(alice);
    say('third', true);
    await town.clock.advance(20_000);
    assert.ok(isLost);
    assert.deepEqual(texts(), ['first.', 'second.', 'third.']);
    assert.deepEqual((await during(ofBob.transcript())).map(({ text }) => text), ['first', 'second', 'third']);
  });

  test('that are not over wait for nobody: they are not told after an absence', async () => {
    await start();
    cut(alice);
    await town.clock.advance(1);
    say('lost');
    say('lost words');
    say('kept', true);
    await town.clock.advance(20_000);
    assert.deepEqual(texts(), ['kept.']);
  });

  test('end where the microphone is muted, but for the sentence that was begun', async () => {
    await start();
    say('I was');
    await town.clock.advance(1_000);
    await during(alice!.client.setMuted(true));
    say('I was saying', true);
    await town.clock.advance(1_000);
    say('a secret');
    await town.clock.advance(1_000);
    say('a secret', true);
    say('spoken before', true, 10_000);
    await town.clock.advance(1_000);
    await during(alice!.client.setMuted(false));
    say('for all', true);
    await town.clock.advance(1_000);
    assert.deepEqual(texts(), ['I was', 'I was saying.', 'spoken before.', 'for all.']);
  });

  test('too long for one become several, parted between words', async () => {
    await start();
    say(Array(400).fill('word').join(' '), true);
    say('x'.repeat(1_500), true);
    await town.clock.advance(1_000);
    assert.deepEqual(told.map(({ text }) => text.length), [999, 999, 1_000, 500]);
    assert.equal(new Set(told.map(({ captionId }) => captionId)).size, 4);
  });

  test('that the server refuses are told as an error, and whoever may not speak is not written down', async () => {
    const errors: CaptionError[] = [];
    ofAlice.on('error', (error) => errors.push(error));
    await start();
    for (const code of ['invalid_frame', 'forbidden']) {
      assert.equal(ofAlice.status, 'listening');
      town.server.refusals.push({ action: 'sendCaption', code });
      say('hello', true);
      await town.clock.advance(1_000);
    }
    assert.deepEqual(errors.map(({ code, cause }) => [code, (cause as { code: string }).code]), [['not_sent', 'invalid_frame'], ['not_sent', 'forbidden']]);
    assert.equal(ofAlice.status, 'off');
  });
});

describe('starting and stopping', () => {
  test('tell the status, and close what was opened', async () => {
    const statuses: string[] = [];
    ofAlice.on('statusChanged', ({ status }) => statuses.push(status));
    await start();
    ofAlice.stop();
    ofAlice.stop();
    say('after the end', true);
    await town.clock.advance(1_000);
    assert.deepEqual([statuses, closed, texts()], [['loading', 'listening', 'off'], ['engine', 'microphone'], []]);
  });

  test('may overlap: the last one wins, and nothing stays open', async () => {
    const let_: (() => void)[] = [];
    const slow: CaptionEngine = (audio, given) => new Promise((resolve) => let_.push(() => resolve(engine(audio, given))));
    const first = ofAlice.start({ engine: slow });
    const refused = assert.rejects(first, { code: 'closed' });
    await town.clock.advance(10);
    const second = ofAlice.start({ engine });
    await during(second);
    let_.forEach((go) => go());
    await refused;
    assert.equal(ofAlice.status, 'listening');
    assert.deepEqual([...closed].sort(), ['engine', 'microphone']);
    ofAlice.stop();
    assert.deepEqual([...closed].sort(), ['engine', 'engine', 'microphone', 'microphone']);
  });

  test('an engine that cannot begin is an error, and one that ends by itself too', async () => {
    await assert.rejects(start(() => Promise.reject(new CaptionError('unsupported', 'not here'))), { code: 'unsupported' });
    await assert.rejects(start(() => Promise.reject(new Error('oh'))), { code: 'engine_failed', message: 'oh' });
    assert.equal(ofAlice.status, 'off');
    const errors: CaptionError[] = [];
    ofAlice.on('error', (error) => errors.push(error));
    await start();
    ear?.failed(new CaptionError('too_slow', 'too slow'));
    ear?.failed(new CaptionError('too_slow', 'too slow'));
    assert.deepEqual([ofAlice.status, errors.map(({ code }) => code), closed], ['off', ['too_slow'], ['microphone', 'microphone', 'engine', 'microphone']]);
  });

  test('outside a session there is nothing to write down, and its end ends it', async () => {
    const carol = await town.person('carol');
    await assert.rejects(of(carol).start({ engine }), { code: 'closed' });
    await start();
    await during(alice!.client.leaveSession());
    assert.deepEqual([ofAlice.status, closed], ['off', ['engine', 'microphone']]);
  });

  test('without the server’s time this machine’s is taken, and the server’s as soon as it can be had', async () => {
    town.server.unreachable = true;
    await start();
    town.server.unreachable = false;
    cut(alice);
    await town.clock.advance(20_000);
    say('hello', true);
    await town.clock.advance(1_000);
    assert.deepEqual(texts(), ['hello.']);
  });
});

describe('a transcript', () => {
  const lines = [
    { captionId: 'a', fromUserId: '1', fromUsername: 'Al & <i>', text: 'a < b\n\n--> c', language: 'en', startedAt: '2026-11-22T12:00:05.000Z', endedAt: '2026-11-22T12:00:07.000Z' },
    { captionId: 'b', fromUserId: '2', fromUsername: 'Bob', text: 'yes', language: 'en', startedAt: '2026-11-22T13:02:05.000Z', endedAt: '2026-11-22T13:02:05.000Z' },
    { captionId: 'c', fromUserId: '2', fromUsername: 'Bob', text: 'early', language: 'en', startedAt: '2026-11-22T12:00:00.000Z', endedAt: '2026-11-22T12:00:03.000Z' },
  ];

  test('is WebVTT as the server writes it', () => {
    const written = [
      'WEBVTT\n',
      '\n00:00:03.000 --> 00:00:05.000\n<v Al &amp; &lt;i&gt;>a &lt; b  --&gt; c\n',
      '\n01:02:03.000 --> 01:02:04.000\n<v Bob>yes\n',
      '\n00:00:00.000 --> 00:00:01.000\n<v Bob>early\n',
    ].join('');
    assert.equal(toVtt(lines, '2026-11-22T12:00:02Z'), written);
  });

  test('is text with a line for each sentence', () => {
    assert.equal(toText(lines.slice(0, 2)), '[12:00:05] Al & <i>: a < b  --> c\n[13:02:05] Bob: yes\n');
  });

  test('is read page by page', async () => {
    await start();
    for (let count = 0; count < 1_100; count++) {
      say(`sentence ${count}`, true);
      if (count % 50 === 0) await town.clock.advance(100);
    }
    await town.clock.advance(10_000);
    assert.equal((await during(ofBob.transcript(sessionId))).length, 1_100);
  });
});
