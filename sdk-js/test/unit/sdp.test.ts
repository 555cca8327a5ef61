import assert from 'node:assert/strict';
import { test } from 'node:test';
import { belongsTo, isScreen, markScreen, pack, unpack } from '../../src/media/sdp.ts';
import { seeded } from '../support/clock.ts';

const SDP = 'v=0\r\na=ice-ufrag:abcd\r\nm=audio 9 X\r\na=mid:0\r\nm=video 9 X\r\na=mid:1\r\na=msid:s t\r\nm=video 9 X\r\na=mid:10\r\n';

test('a description that fits a frame goes as it is', async () => {
  assert.equal(await pack(SDP), SDP);
  assert.equal(await unpack(SDP), SDP);
});

test('a large one is compressed below the frame limit and comes back the same', async () => {
  const large = SDP + 'a=candidate:1 1 udp 2122260223 192.168.0.17 54321 typ host generation 0\r\n'.repeat(2000);
  const packed = await pack(large);
  assert.ok(packed.length < 28 * 1024, `${packed.length} characters`);
  assert.equal(await unpack(packed), large);
});

test('one that nothing makes fit is refused before it is sent', async () => {
  const random = seeded(1);
  const noise = Array.from({ length: 80_000 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('');
  await assert.rejects(pack(noise), { code: 'payload_too_large' });
});

test('a screen’s section is marked, and only that one', () => {
  const marked = markScreen(SDP, '1');
  assert.deepEqual(['0', '1', '10'].map((mid) => isScreen(marked, mid)), [false, true, false]);
  assert.equal(isScreen(SDP, '1'), false);
});

test('a track without a place in the description marks nothing', () => {
  assert.equal(markScreen(SDP, null), SDP);
  assert.equal(isScreen(SDP, null), false);
});

test('a candidate belongs to the description whose user name fragment it has', () => {
  assert.equal(belongsTo({ candidate: 'x', usernameFragment: 'abcd' }, SDP), true);
  assert.equal(belongsTo({ candidate: 'x', usernameFragment: 'abc' }, SDP), false);
  assert.equal(belongsTo({ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag zzzz' }, SDP), false);
  assert.equal(belongsTo({ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host' }, SDP), true);
});
