import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dismissedDelay, isTransient, reconnectDelay } from '../../src/signaling/backoff.ts';
import { TunRTCError } from '../../src/errors.ts';

const lost = new TunRTCError('connection_lost', 'gone');

test('the delay grows with each attempt, up to ten seconds', () => {
  const longest = (attempt: number) => reconnectDelay(attempt, lost, 1);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map(longest), [400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test('jitter is full: chance decides between nothing and the whole delay', () => {
  assert.equal(reconnectDelay(3, lost, 0), 0);
  assert.equal(reconnectDelay(3, lost, 0.5), 1600);
});

test('the server’s Retry-After comes on top, so that a crowd does not return at one instant', () => {
  const busy = new TunRTCError('rate_limited', 'slower', { retryAfterSeconds: 7 });
  assert.equal(reconnectDelay(0, busy, 0), 7000);
  assert.equal(reconnectDelay(0, busy, 1), 7400);
});

test('where connecting again cannot help there is no delay but an end', () => {
  for (const code of ['replaced', 'session_ended', 'session_full', 'session_not_found', 'invalid_refresh_token', 'unauthorized']) {
    assert.equal(reconnectDelay(0, new TunRTCError(code, ''), 0.5), undefined, code);
  }
});

test('trouble that passes, and codes of a newer server, are tried again', () => {
  for (const code of ['network_error', 'timeout', 'connection_lost', 'internal', 'unavailable', 'rate_limited', 'something_new']) {
    assert.notEqual(reconnectDelay(0, new TunRTCError(code, ''), 0.5), undefined, code);
  }
});

test('only overload and failures of the server make the same frame worth sending again', () => {
  assert.deepEqual(['rate_limited', 'internal', 'unavailable', 'peer_not_found', 'invalid_frame'].map(isTransient), [true, true, true, false, false]);
});

test('after a connection that the server closed on purpose the way back takes longer each time, up to a minute', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map(dismissedDelay), [3, 6, 12, 24, 48, 60, 60]);
});

test('a refusal that a proxy made up in the server’s place is tried again', () => {
  assert.notEqual(reconnectDelay(0, new TunRTCError('forbidden', '', { status: 403, isForeign: true }), 0.5), undefined);
});
