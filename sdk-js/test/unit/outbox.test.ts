import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { resendDelay } from '../../src/signaling/backoff.ts';
import { TunRTCError } from '../../src/errors.ts';
import { Outbox } from '../../src/signaling/outbox.ts';
import type { Ack, Socket } from '../../src/signaling/socket.ts';
import { FakeClock, settle } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeServer } from '../support/server.ts';

/** What was sent, when, and how to answer it. */
interface Sent {
  at: number;
  data: Record<string, unknown>;
  ack(): void;
  refuse(code: string, retryAfterSeconds?: number): void;
}

let clock: FakeClock;
let outbox: Outbox;
let sent: Sent[];

beforeEach(() => {
  clock = new FakeClock();
  outbox = new Outbox(testEnvironment(clock, new FakeServer(clock)), () => {});
  sent = [];
});

const socket = {
  request: (_: string, data: object) =>
    new Promise<Ack>((resolve, reject) => {
      sent.push({
        at: clock.now(),
        data: data as Record<string, unknown>,
        ack: () => resolve({ data: {}, timestamp: '' }),
        refuse: (code, retryAfterSeconds) =>
          reject(new TunRTCError(code, code, retryAfterSeconds === undefined ? {} : { retryAfterSeconds })),
      });
    }),
} as unknown as Socket;

function send(topic: string, text: string, isReplaceable = false): Promise<Ack> {
  const answer = outbox.send({ action: 'say', topic, isReplaceable, data: () => ({ text }) });
  answer.catch(() => {});
  return answer;
}

const texts = () => sent.map(({ data }) => data['text']);

test('an unanswered frame is sent again further and further apart, never at one instant for all', async () => {
  outbox.attach(socket);
  void send('bob', 'x');
  await clock.advance(100_000);
  const waits = sent.slice(1).map(({ at }, place) => at - (sent[place]?.at ?? 0));
  [3_000, 6_000, 12_000, 24_000, 24_000].forEach((longest, place) => {
    const wait = waits[place] ?? 0;
    assert.ok(wait > longest / 2 && wait < longest, `${wait} ms the ${place + 1}. time`);
  });
  assert.deepEqual([resendDelay(0, 0), resendDelay(0, 1), resendDelay(9, 1)], [1_500, 3_000, 24_000]);
});

test('a server that answers late is sent few frames again, and none once it has answered', async () => {
  outbox.attach(socket);
  for (let number = 0; number < 1_000; number++) void send(`peer ${number % 10}`, `${number}`);
  await clock.advance(60_000);
  assert.ok(sent.length <= 64 * 6, `${sent.length} frames in a minute`);
  for (let answered = 0; answered < sent.length; answered++) {
    sent[answered]?.ack();
    if (answered % 10 === 0) await settle();
  }
  await settle();
  const total = sent.length;
  sent.forEach(({ ack }) => ack());
  await settle();
  await clock.advance(100_000);
  assert.equal(outbox.size, 0);
  assert.equal(new Set(texts()).size, 1_000);
  assert.equal(sent.length, total);
});

test('at most 64 frames are unanswered; each answer lets one more go, oldest first', async () => {
  outbox.attach(socket);
  for (let number = 0; number < 70; number++) void send('bob', `${number}`);
  assert.equal(sent.length, 64);
  sent[0]?.ack();
  sent[1]?.ack();
  await settle();
  assert.deepEqual(texts().slice(64), ['64', '65']);
});

test('nothing overtakes a frame of its own topic that was refused for now; other topics go on', async () => {
  outbox.attach(socket);
  void send('bob', 'first');
  sent[0]?.refuse('unavailable');
  await settle();
  void send('bob', 'second');
  void send('carol', 'for carol');
  assert.deepEqual(texts(), ['first', 'for carol']);
  sent[1]?.ack();
  await clock.advance(3_000);
  assert.deepEqual(texts(), ['first', 'for carol', 'first', 'second']);
});

test('a refused frame waits as long as the server asks', async () => {
  outbox.attach(socket);
  void send('bob', 'x');
  sent[0]?.refuse('rate_limited', 20);
  await clock.advance(19_900);
  assert.equal(sent.length, 1);
  await clock.advance(200);
  assert.equal(sent.length, 2);
});

test('a frame that is refused again and again is asked for further and further apart', async () => {
  outbox.attach(socket);
  void send('bob', 'x');
  for (let second = 0; second < 120; second++) {
    sent.at(-1)?.refuse('unavailable');
    await clock.advance(1_000);
  }
  assert.ok(sent.length > 4 && sent.length < 12, `${sent.length} tries in two minutes`);
});

test('everything that waits goes out over a new connection at once', async () => {
  outbox.attach(socket);
  void send('bob', 'one');
  outbox.detach();
  void send('bob', 'two');
  await clock.advance(60_000);
  assert.deepEqual(texts(), ['one']);
  outbox.attach(socket);
  assert.deepEqual(texts(), ['one', 'one', 'two']);
});

test('of descriptions that were never sent only the newest goes out, in the place of the first', async () => {
  const [first, , second] = [send('bob', 'offer 1', true), send('bob', 'candidates'), send('bob', 'offer 2', true)];
  void send('carol', 'offer to carol', true);
  assert.equal(outbox.size, 3);
  outbox.attach(socket);
  assert.deepEqual(texts(), ['offer 2', 'candidates', 'offer to carol']);
  sent[0]?.ack();
  await Promise.all([first, second]);
});

test('a description that may have arrived is not replaced', async () => {
  outbox.attach(socket);
  void send('bob', 'offer 1', true);
  outbox.detach();
  void send('bob', 'offer 2', true);
  outbox.attach(socket);
  assert.deepEqual(texts(), ['offer 1', 'offer 1', 'offer 2']);
});

test('once closed it takes nothing and waits for nothing', async () => {
  outbox.attach(socket);
  const waiting = assert.rejects(send('bob', 'x'), { code: 'closed' });
  outbox.close(new TunRTCError('closed', 'left'));
  await waiting;
  await assert.rejects(send('bob', 'y'), { code: 'closed' });
  await clock.advance(60_000);
  assert.equal(sent.length, 1);
});
