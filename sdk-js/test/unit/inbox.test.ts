import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareEpochs, epochOf, newRun } from '../../src/signaling/epoch.ts';
import { Inbox, Recent } from '../../src/signaling/inbox.ts';
import type { ReceivedSignal } from '../../src/wire.ts';
import { seeded } from '../support/clock.ts';

const RUN = newRun('2026-11-22T12:00:00.000Z', 0.5);
const LATER = newRun('2026-11-22T12:00:01.000Z', 0.1);

function signal(seq: number | undefined, epoch: string | undefined = epochOf(RUN, 0), from = 'alice'): ReceivedSignal {
  return {
    fromUserId: from,
    fromUsername: from,
    signalId: `${from}-${epoch}-${seq}`,
    timestamp: '2026-11-22T12:00:05.000Z',
    candidates: [],
    ...(epoch !== undefined && { epoch }),
    ...(seq !== undefined && { seq }),
  };
}

const seqs = (signals: ReceivedSignal[]) => signals.map(({ seq }) => seq);

describe('an inbox', () => {
  test('hands on what comes in order at once', () => {
    const inbox = new Inbox();
    assert.deepEqual([1, 2, 3].flatMap((seq) => seqs(inbox.accept(signal(seq)))), [1, 2, 3]);
    assert.deepEqual(inbox.gaps(), []);
  });

  test('holds what comes early, and says from whom something is missing', () => {
    const inbox = new Inbox();
    inbox.accept(signal(1));
    assert.deepEqual(seqs(inbox.accept(signal(3))), []);
    assert.deepEqual(inbox.gaps(), ['alice']);
    assert.deepEqual(seqs(inbox.accept(signal(2))), [2, 3]);
    assert.deepEqual(inbox.gaps(), []);
  });

  test('drops what it has seen, handed on or held', () => {
    const inbox = new Inbox();
    inbox.accept(signal(1));
    inbox.accept(signal(3));
    assert.deepEqual(inbox.accept(signal(1)), []);
    assert.deepEqual(inbox.accept(signal(3)), []);
    assert.deepEqual(seqs(inbox.accept(signal(2))), [2, 3]);
  });

  test('keeps senders apart', () => {
    const inbox = new Inbox();
    inbox.accept(signal(2, epochOf(RUN, 0), 'alice'));
    assert.deepEqual(seqs(inbox.accept(signal(1, epochOf(RUN, 0), 'bob'))), [1]);
    assert.deepEqual(inbox.gaps(), ['alice']);
  });

  test('starts over with a newer epoch, and takes nothing of an older one any more', () => {
    const inbox = new Inbox();
    inbox.accept(signal(1));
    inbox.accept(signal(5));
    assert.deepEqual(seqs(inbox.accept(signal(1, epochOf(RUN, 1)))), [1]);
    assert.deepEqual(inbox.gaps(), []);
    assert.deepEqual(inbox.accept(signal(2, epochOf(RUN, 0))), []);
    assert.deepEqual(seqs(inbox.accept(signal(1, epochOf(LATER, 0)))), [1]);
    assert.deepEqual(inbox.accept(signal(2, epochOf(RUN, 1))), []);
  });

  test('does not take a late frame of an earlier run for a new start, even if it never saw that run', () => {
    const inbox = new Inbox();
    inbox.accept(signal(1, epochOf(LATER, 0)));
    assert.deepEqual(inbox.accept(signal(1, epochOf(RUN, 7))), []);
  });

  test('remembers epochs that it cannot compare', () => {
    const inbox = new Inbox();
    inbox.accept(signal(1, 'one of another client'));
    assert.deepEqual(seqs(inbox.accept(signal(1, 'its next'))), [1]);
    assert.deepEqual(inbox.accept(signal(2, 'one of another client')), []);
  });

  test('takes signals without an order as they come, each once', () => {
    const inbox = new Inbox();
    assert.equal(inbox.accept(signal(undefined, undefined)).length, 1);
    assert.equal(inbox.accept(signal(undefined, undefined)).length, 0);
  });

  test('skips a gap when told that nothing will fill it', () => {
    const inbox = new Inbox();
    inbox.accept(signal(1));
    inbox.accept(signal(6));
    inbox.accept(signal(4));
    assert.deepEqual(seqs(inbox.skip('alice')), [4, 6]);
    assert.deepEqual(seqs(inbox.accept(signal(7))), [7]);
  });

  test('takes nothing more of an epoch that was abandoned', () => {
    const inbox = new Inbox();
    inbox.accept(signal(3));
    inbox.abandon('alice');
    assert.deepEqual(inbox.gaps(), []);
    assert.deepEqual(inbox.accept(signal(1)), []);
    assert.deepEqual(seqs(inbox.accept(signal(1, epochOf(RUN, 1)))), [1]);
  });

  test('restores any order with any repetition', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const length = 1 + Math.floor(random() * 30);
      const frames = Array.from({ length }, (_, place) => signal(place + 1));
      const sent = [...frames, ...frames.filter(() => random() < 0.3)];
      const arrived = sent.map((frame) => ({ frame, at: random() })).sort((a, b) => a.at - b.at);
      const inbox = new Inbox();
      const handed = arrived.flatMap(({ frame }) => seqs(inbox.accept(frame)));
      assert.deepEqual(handed, seqs(frames), `seed ${seed}`);
    }
  });
});

describe('epochs', () => {
  test('of one run sort by generation, also past nine', () => {
    assert.ok((compareEpochs(epochOf(RUN, 9), epochOf(RUN, 10)) ?? 0) < 0);
    assert.equal(compareEpochs(epochOf(RUN, 3), epochOf(RUN, 3)), 0);
  });

  test('of a later run are newer, whatever their generation', () => {
    assert.ok((compareEpochs(epochOf(LATER, 0), epochOf(RUN, 99)) ?? 0) > 0);
  });

  test('of others cannot be compared', () => {
    assert.equal(compareEpochs('elsewhere', epochOf(RUN, 0)), undefined);
  });

  test('fit the 64 characters of the contract', () => {
    assert.ok(epochOf(RUN, 1_000_000).length <= 64);
  });
});

test('a memory of what was recent forgets the oldest, not the newest', () => {
  const recent = new Recent();
  for (let member = 0; member < 5000; member++) recent.add(String(member));
  assert.equal(recent.has('0'), false);
  assert.equal(recent.has('4999'), true);
  assert.equal(recent.add('4999'), false);
});
