import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits, restrict } from '../../src/media/budget.ts';

const track = (settings: MediaTrackSettings) => ({ getSettings: () => settings }) as MediaStreamTrack;
const parameters = (...encodings: RTCRtpEncodingParameters[]) => ({ encodings }) as unknown as RTCRtpSendParameters;

describe('what a connection may send', () => {
  test('is within one line’s capacity for all of them, as far as there can be pictures', () => {
    for (const withScreen of [false, true]) {
      for (let connections = 1; connections <= 8; connections++) {
        const { microphone, camera, screen } = limits(connections, withScreen);
        const all = connections * (microphone.maxBitrate + camera.maxBitrate + (withScreen ? screen.maxBitrate : 0));
        assert.ok(all <= 2_500_000, `${connections} connections send ${all}`);
      }
    }
  });

  test('is less for more of them, in smaller pictures, and a voice is always heard', () => {
    let before = limits(1, false);
    for (let connections = 2; connections <= 99; connections++) {
      const now = limits(connections, false);
      assert.ok(now.camera.maxBitrate <= before.camera.maxBitrate);
      assert.ok((now.camera.height ?? 0) <= (before.camera.height ?? 0));
      assert.equal(now.microphone.maxBitrate, before.microphone.maxBitrate);
      before = now;
    }
  });

  test('beside a screen is mostly the screen’s', () => {
    const { camera, screen } = limits(3, true);
    assert.ok(screen.maxBitrate > 2 * camera.maxBitrate);
  });
});

describe('a sender', () => {
  test('of a camera sends no larger picture than its bits are enough for, and never a larger one than there is', () => {
    for (const [height, scale] of [[720, 2], [360, 1], [180, 1]] as const) {
      const set = parameters({});
      assert.ok(restrict(set, 'camera', { maxBitrate: 300_000, height: 360 }, track({ height })));
      assert.deepEqual(set.encodings, [{ maxBitrate: 300_000, scaleResolutionDownBy: scale }]);
    }
  });

  test('of a screen keeps its size, of a voice goes first', () => {
    const [screen, voice] = [parameters({}), parameters({})];
    restrict(screen, 'screen', { maxBitrate: 1 }, track({ height: 2160 }));
    restrict(voice, 'microphone', { maxBitrate: 1 }, track({}));
    assert.deepEqual([screen.encodings, screen.degradationPreference], [[{ maxBitrate: 1 }], 'maintain-resolution']);
    assert.deepEqual(voice.encodings, [{ maxBitrate: 1, priority: 'high', networkPriority: 'high' }]);
  });

  test('that has nothing to set is left alone', () => {
    assert.equal(restrict(parameters(), 'camera', { maxBitrate: 1 }, track({})), false);
    assert.equal(restrict({} as RTCRtpSendParameters, 'camera', { maxBitrate: 1 }, track({})), false);
  });
});
