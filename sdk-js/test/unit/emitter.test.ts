import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from '../../src/emitter.ts';
import { settle } from '../support/clock.ts';

interface Events {
  said: string;
}

class Speaker extends Emitter<Events> {
  say(text: string): void {
    this.emit('said', text);
  }
  forget(): void {
    this.dropHeld();
  }
}

test('on() answers how to stop', () => {
  const speaker = new Speaker();
  const heard: string[] = [];
  const stop = speaker.on('said', (text) => heard.push(text));
  speaker.say('one');
  stop();
  speaker.say('two');
  assert.deepEqual(heard, ['one']);
});

test('the first listener gets what was said before it came, the second does not', async () => {
  const speaker = new Speaker();
  const [first, second]: string[][] = [[], []];
  speaker.say('early');
  speaker.on('said', (text) => first?.push(text));
  speaker.on('said', (text) => second?.push(text));
  await settle();
  speaker.say('late');
  assert.deepEqual([first, second], [['early', 'late'], ['late']]);
});

test('once() hears one event, also of those that were kept', async () => {
  const speaker = new Speaker();
  const heard: string[] = [];
  speaker.say('one');
  speaker.say('two');
  speaker.once('said', (text) => heard.push(text));
  await settle();
  speaker.say('three');
  assert.deepEqual(heard, ['one']);
});

test('what is kept is bounded, and can be dropped', async () => {
  const speaker = new Speaker();
  const heard: string[] = [];
  for (let number = 0; number < 1000; number++) speaker.say(String(number));
  speaker.on('said', (text) => heard.push(text));
  await settle();
  assert.deepEqual([heard.length, heard.at(-1)], [64, '999']);
  const other = new Speaker();
  other.say('gone');
  other.forget();
  other.on('said', () => assert.fail('it was dropped'));
  await settle();
});

test('a listener that throws keeps no other from hearing, and its error surfaces as an uncaught one', (t) => {
  const speaker = new Speaker();
  const heard: string[] = [];
  const queued = t.mock.method(globalThis, 'queueMicrotask', () => {});
  speaker.on('said', () => {
    throw new Error('mine');
  });
  speaker.on('said', (text) => heard.push(text));
  speaker.say('x');
  assert.deepEqual(heard, ['x']);
  const [callback] = (queued.mock.calls[0]?.arguments ?? []) as unknown as [() => void];
  assert.throws(callback, /mine/);
});
