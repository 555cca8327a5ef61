import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LineWatch, ProcessorWatch, restrict, share, type Limit, type Limits, type Line, type Pictures } from '../../src/media/policy.ts';

const LINE = 2_500_000;
const CAMERA = { camera: true, screen: false };
const BOTH = { camera: true, screen: true };

const track = (settings: MediaTrackSettings, contentHint = '') => ({ getSettings: () => settings, contentHint }) as MediaStreamTrack;
const parameters = (...encodings: RTCRtpEncodingParameters[]) => ({ encodings }) as unknown as RTCRtpSendParameters;
const lines = (count: number, line: Line = { shown: {} }): Line[] => Array.from({ length: count }, () => line);

/** What is sent at most, in bit/s. */
function total(limits: Limits[], pictures: Pictures): number {
  const bits = ({ active, maxBitrate }: Limit) => (active ? maxBitrate : 0);
  const each = ({ microphone, camera, screen }: Limits) =>
    bits(microphone) + (pictures.camera ? bits(camera) : 0) + (pictures.screen ? bits(screen) : 0);
  return limits.reduce((sum, limit) => sum + each(limit), 0);
}

const [only] = share(lines(1), CAMERA) as [Limits];

describe('what is sent to everybody', () => {
  test('is within one line’s capacity, as far as there can be pictures', () => {
    for (const pictures of [CAMERA, BOTH, { camera: false, screen: true }]) {
      for (let count = 1; count <= 8; count++) {
        const all = total(share(lines(count), pictures), pictures);
        assert.ok(all <= LINE, `${count} connections send ${all}`);
      }
    }
  });

  test('is within it whatever is shown where, and whatever connections carry', () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const pick = (place: number, values: readonly (number | undefined)[]) => values[(seed * 31 + place * 17 + ((seed * place) >> 2)) % values.length];
      const some = Array.from({ length: 1 + (seed % 8) }, (_, place): Line => {
        const [camera, screen] = [pick(place, [undefined, 0, 90, 180, 300, 720, 2160]), pick(place + 3, [undefined, 0, 200, 1080])];
        const shown = { ...(camera !== undefined && { camera }), ...(screen !== undefined && { screen }) };
        return { shown, carries: pick(place + 5, [undefined, 30_000, 90_000, 400_000, 3_000_000]), isThin: (seed + place) % 7 === 0 };
      });
      const limits = share(some, BOTH, seed % 4);
      assert.ok(total(limits, BOTH) <= LINE, JSON.stringify(some));
      for (const { microphone } of limits) assert.deepEqual(microphone, only.microphone);
    }
  });

  test('is less for more of them, in smaller pictures, and a voice is always heard', () => {
    let before = only;
    for (let count = 2; count <= 99; count++) {
      const [now] = share(lines(count), CAMERA) as [Limits];
      assert.ok(now.camera.active && now.camera.maxBitrate <= before.camera.maxBitrate);
      assert.ok((now.camera.height ?? 0) <= (before.camera.height ?? 0));
      assert.deepEqual(now.microphone, before.microphone);
      before = now;
    }
  });

  test('is 720 lines to one, 480 to three, 360 to five', () => {
    const heights = [1, 3, 5].map((count) => share(lines(count), CAMERA)[0]?.camera.height);
    assert.deepEqual(heights, [720, 480, 360]);
  });

  test('beside a screen is mostly the screen’s, and all of it without a camera', () => {
    const [{ camera, screen }] = share(lines(3), BOTH) as [Limits];
    assert.ok(screen.maxBitrate > 2 * camera.maxBitrate);
    const [alone] = share(lines(3), { camera: false, screen: true }) as [Limits];
    assert.ok(alone.screen.maxBitrate > 1.3 * screen.maxBitrate);
    assert.equal(screen.height, undefined);
  });
});

describe('what the other side shows', () => {
  test('hidden costs nothing, and the others get what is left', () => {
    const [hidden, open] = share([{ shown: { camera: 0 } }, { shown: {} }], CAMERA) as [Limits, Limits];
    assert.equal(hidden.camera.active, false);
    assert.equal(hidden.microphone.active, true);
    assert.deepEqual(open.camera, only.camera);
  });

  test('small is sent small, and no larger than it fills', () => {
    const heights = [90, 180, 181, 300, 480, 500, 1080].map((camera) => share([{ shown: { camera } }], CAMERA)[0]?.camera.height);
    assert.deepEqual(heights, [180, 180, 240, 360, 480, 720, 720]);
  });

  test('small leaves its bits to those who see more of it', () => {
    const six = share([...lines(4, { shown: { camera: 120 } }), { shown: { camera: 720 } }], CAMERA);
    assert.ok(six[4]!.camera.maxBitrate > 1_300_000 && six[4]!.camera.height === 720);
  });

  test('of a screen counts by itself', () => {
    const [{ camera, screen }] = share([{ shown: { screen: 0 } }], BOTH) as [Limits];
    assert.deepEqual([camera.active, screen.active], [true, false]);
    assert.deepEqual(camera, only.camera);
  });
});

describe('a connection that is held back', () => {
  const held = { available: 250_000, limitation: 'bandwidth' } as const;

  test('for long gets smaller pictures, and leaves what it cannot use to the others', () => {
    const watch = new LineWatch();
    for (const now of [2_000, 4_000]) watch.read(held, now);
    assert.equal(watch.carries, undefined, 'that may be the beginning');
    watch.read(held, 6_000);
    const [thin, wide] = share([{ shown: {}, carries: watch.carries }, { shown: {} }], CAMERA) as [Limits, Limits];
    assert.equal(thin.camera.height, 360);
    assert.ok(thin.camera.maxBitrate > 250_000, 'there is room to grow');
    assert.ok(wide.camera.maxBitrate > share(lines(2), CAMERA)[0]!.camera.maxBitrate);
    watch.read({ available: 900_000, limitation: 'none' }, 8_000);
    assert.equal(watch.carries, undefined);
  });

  test('below a voice and a picture carries the voice alone, and is tried again ever later', () => {
    const [watch, rests] = [new LineWatch(), [] as number[]];
    let since: number | undefined;
    for (let now = 0; now < 120_000; now += 1_000) {
      if (watch.isThin(now)) since ??= now;
      else if (since !== undefined) [since, rests[rests.length]] = [undefined, now - since];
      watch.read({ available: 60_000, limitation: 'bandwidth' }, now);
    }
    assert.deepEqual(rests, [7_000, 15_000, 31_000, 31_000]);
    const [{ camera, microphone }] = share([{ shown: {}, isThin: true }], CAMERA) as [Limits];
    assert.deepEqual([camera.active, microphone.active], [false, true]);
  });

  test('is not one of which nothing is known, or where nothing more is to be sent', () => {
    const watch = new LineWatch();
    for (let now = 0; now < 20_000; now += 2_000) watch.read(now % 4_000 ? {} : { available: 40_000, limitation: 'none' }, now);
    assert.deepEqual([watch.isThin(20_000), watch.carries], [false, undefined]);
  });
});

describe('a processor that does not keep up', () => {
  test('gets smaller pictures step by step, then fewer of them, and never none', () => {
    const sizes = [0, 1, 2, 3, 9].map((steps) => share(lines(1), CAMERA, steps)[0]?.camera).map((limit) => [limit?.height, limit?.frames]);
    assert.deepEqual(sizes, [[720, undefined], [480, undefined], [360, 15], [240, 15], [180, 15]]);
  });

  test('is given time between two steps, and a step back when it was quiet; too early a one makes the next later', () => {
    const watch = new ProcessorWatch();
    const steps: [number, number][] = [];
    const read = (now: number, isBusy: boolean) => {
      const before = watch.steps;
      watch.read([{ limitation: 'none' }, { limitation: isBusy ? 'cpu' : 'none' }], now);
      if (watch.steps !== before) steps.push([now / 1_000, watch.steps]);
    };
    for (let now = 0; now <= 16_000; now += 2_000) read(now, true);
    for (let now = 18_000; now <= 60_000; now += 2_000) read(now, false);
    read(62_000, true);
    for (let now = 64_000; now <= 180_000; now += 2_000) read(now, false);
    assert.deepEqual(steps, [[0, 1], [10, 2], [46, 1], [62, 2], [122, 1]]);
  });
});

describe('a sender', () => {
  test('of a camera sends no larger picture than its bits are enough for, and never a larger one than there is', () => {
    for (const [height, scale] of [[720, 2], [360, 1], [180, 1]] as const) {
      const set = parameters({});
      assert.ok(restrict(set, 'camera', { active: true, maxBitrate: 300_000, height: 360, frames: 15 }, track({ height })));
      assert.deepEqual(set.encodings, [{ active: true, maxBitrate: 300_000, scaleResolutionDownBy: scale, maxFramerate: 15 }]);
      assert.ok(restrict(set, 'camera', { active: false, maxBitrate: 300_000, height: 360 }, track({ height })));
      assert.deepEqual(set.encodings, [{ active: false, maxBitrate: 300_000, scaleResolutionDownBy: scale }]);
    }
  });

  test('of an upright camera counts the shorter side', () => {
    const set = parameters({});
    restrict(set, 'camera', { active: true, maxBitrate: 300_000, height: 360 }, track({ width: 720, height: 1280 }));
    assert.equal(set.encodings[0]?.scaleResolutionDownBy, 2);
  });

  test('of a screen keeps its size, of a voice goes first', () => {
    const [screen, voice] = [parameters({}), parameters({})];
    const limit = { active: true, maxBitrate: 1 };
    restrict(screen, 'screen', limit, track({ height: 2160 }));
    restrict(voice, 'microphone', limit, track({}));
    assert.deepEqual([screen.encodings, screen.degradationPreference], [[limit], 'maintain-resolution']);
    assert.deepEqual(voice.encodings, [{ ...limit, priority: 'high', networkPriority: 'high' }]);
  });

  test('keeps what the page says it shows: a film goes on, a whiteboard stays sharp', () => {
    const preferences = ([['screen', 'motion'], ['camera', 'text'], ['camera', '']] as const).map(([slot, hint]) => {
      const set = parameters({});
      restrict(set, slot, { active: true, maxBitrate: 1 }, track({}, hint));
      return set.degradationPreference;
    });
    assert.deepEqual(preferences, ['maintain-framerate', 'maintain-resolution', 'balanced']);
  });

  test('that has nothing to set, or is set so, is left alone', () => {
    const limit = { active: true, maxBitrate: 1 };
    assert.equal(restrict(parameters(), 'camera', limit, track({})), false);
    assert.equal(restrict({} as RTCRtpSendParameters, 'camera', limit, track({})), false);
    const set = parameters({});
    assert.deepEqual([1, 2].map(() => restrict(set, 'camera', limit, track({}))), [true, false]);
  });
});
