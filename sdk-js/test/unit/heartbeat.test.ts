import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heartbeat } from '../../src/signaling/heartbeat.ts';

test('who never saw a connection die in a silence pings as the server asks', () => {
  const heartbeat = new Heartbeat();
  heartbeat.learn(0);
  heartbeat.learn(24_000);
  assert.equal(heartbeat.interval(240_000), 240_000);
});

test('each connection that died in a silence makes the heartbeat shorter than that silence, down to 25 s', () => {
  const heartbeat = new Heartbeat();
  const learnt = [240_000, 100_000, 60_000, 30_000, 26_000].map((silence) => {
    heartbeat.learn(silence);
    return heartbeat.interval(240_000);
  });
  assert.deepEqual(learnt, [120_000, 50_000, 30_000, 25_000, 25_000]);
});

test('it never grows again, and a server that asks for more signs of life gets them', () => {
  const heartbeat = new Heartbeat();
  heartbeat.learn(60_000);
  heartbeat.learn(200_000);
  assert.deepEqual([heartbeat.interval(240_000), heartbeat.interval(10_000)], [30_000, 10_000]);
});
