import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Timers } from '../../src/timers.ts';
import { FakeClock } from '../support/clock.ts';

let clock: FakeClock;
let timers: Timers<'one' | 'two'>;
let heard: string[];

beforeEach(() => {
  clock = new FakeClock();
  timers = new Timers(clock);
  heard = [];
});

test('a timer that is armed again runs once, at its new time', async () => {
  timers.arm('one', 100, () => heard.push('old'));
  timers.arm('one', 200, () => heard.push('new'));
  await clock.advance(150);
  assert.deepEqual(heard, []);
  assert.equal(timers.has('one'), true);
  await clock.advance(100);
  assert.deepEqual(heard, ['new']);
  assert.equal(timers.has('one'), false);
});

test('a timer may arm itself again', async () => {
  const again = () => {
    if (heard.push('beat') < 3) timers.arm('one', 100, again);
  };
  timers.arm('one', 100, again);
  await clock.advance(1_000);
  assert.equal(heard.length, 3);
});

test('none runs after all were ended', async () => {
  timers.arm('one', 100, () => heard.push('one'));
  timers.arm('two', 100, () => heard.push('two'));
  timers.clear();
  await clock.advance(1_000);
  assert.deepEqual(heard, []);
});
