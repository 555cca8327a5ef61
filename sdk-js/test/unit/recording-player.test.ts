import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { RecordingPlayer, Timeline, type RecordingDetail, type Screen } from '../../src/recording/index.ts';

const NOON = Date.UTC(2026, 10, 29, 12);
const at = (ms: number) => new Date(NOON + ms).toISOString();

/** Somebody's recording, from so many milliseconds after noon on; files as beginning and length. */
function recording(name: string, from: number, files: [from: number, length: number][], gaps: [number, number][] = []): RecordingDetail {
  return {
    recordingId: name,
    sessionId: 'session',
    userId: name,
    username: name,
    kind: 'participant',
    mimeType: 'video/mp4',
    status: 'ready',
    startedAt: at(from),
    keptUntil: at(86_400_000),
    gaps: gaps.map(([fromMs, toMs]) => ({ fromMs, toMs })),
    files: files.map(([begin, durationMs], index) => ({ url: `https://store/${name}/${index}`, mimeType: 'video/mp4', startedAt: at(from + begin), durationMs, bytes: 1 })),
  };
}

/** Ann from 12:00:00 for a minute, Ben from 12:00:10 in two files, with nothing in between and a gap in the first. */
const ANN = recording('ann', 0, [[0, 60_000]]);
const BEN = recording('ben', 10_000, [[0, 20_000], [25_000, 20_000]], [[5_000, 8_000]]);

describe('a timeline', () => {
  const timeline = new Timeline([BEN, ANN]);

  test('begins with whoever began first, and ends with whoever ended last', () => {
    assert.deepEqual([timeline.startedAt, timeline.durationMs], [NOON, 60_000]);
    assert.deepEqual([new Timeline([]).durationMs, new Timeline([recording('none', 0, [])]).durationMs], [0, 0]);
  });

  test('knows where everybody is at a moment, and where they have nothing to show', () => {
    const place = (name: string, moment: number) => {
      const found = timeline.placeOf(name, moment);
      return found && [found.file.url.at(-1), found.seconds];
    };
    assert.deepEqual([0, 59_999, 60_000].map((moment) => place('ann', moment)), [['0', 0], ['0', 59.999], undefined]);
    assert.deepEqual([9_999, 10_000, 14_999, 15_000, 17_999, 18_000].map((moment) => place('ben', moment)), [undefined, ['0', 0], ['0', 4.999], undefined, undefined, ['0', 8]]);
    assert.deepEqual([29_999, 30_000, 35_000, 55_000].map((moment) => place('ben', moment)), [['0', 19.999], undefined, ['1', 0], undefined]);
    assert.equal(place('nobody', 0), undefined);
  });

  test('names every gap from the beginning to the end, those that touch as one', () => {
    assert.deepEqual(timeline.gapsOf('ann'), []);
    assert.deepEqual(timeline.gapsOf('ben'), [{ from: 0, to: 10_000 }, { from: 15_000, to: 18_000 }, { from: 30_000, to: 35_000 }, { from: 55_000, to: 60_000 }]);
    const named = new Timeline([recording('eve', 0, [[0, 10_000], [12_000, 8_000]], [[9_000, 12_000]])]);
    assert.deepEqual(named.gapsOf('eve'), [{ from: 9_000, to: 12_000 }]);
  });
});

/** A video element whose time goes on while it plays, and which takes a while to load. */
class FakeScreen implements Screen {
  #src = '';
  currentTime = 0;
  playbackRate = 1;
  readyState = 0;
  paused = true;
  seeking = false;
  onerror: (() => void) | null = null;
  get src(): string {
    return this.#src;
  }
  set src(src: string) {
    Object.assign(this, { currentTime: 0, readyState: 0, paused: true });
    this.#src = src;
  }
  async play(): Promise<void> {
    this.paused = false;
  }
  pause(): void {
    this.paused = true;
  }
}

describe('a player', () => {
  let now: number;
  let ticks: Set<() => void>;
  let player: RecordingPlayer;
  let [ann, ben]: FakeScreen[] = [];
  let told: string[];
  let renewed: string[];

  const make = (recordings = [ANN, BEN], renew?: (id: string) => Promise<RecordingDetail>) =>
    new RecordingPlayer(recordings, {
      ...(renew && { renew }),
      environment: {
        now: () => now,
        setInterval: (callback) => (ticks.add(callback), callback),
        clearInterval: (timer) => void ticks.delete(timer as () => void),
      },
    });

  beforeEach(() => {
    [now, ticks, told, renewed] = [0, new Set(), [], []];
    player = make();
    [ann, ben] = [new FakeScreen(), new FakeScreen()];
    player.on('stateChanged', ({ state }) => told.push(state));
    player.on('trackChanged', ({ recordingId, state }) => told.push(`${recordingId}: ${state}`));
    player.show('ann', ann);
    player.show('ben', ben);
  });

  /** Time goes by, for the elements as for the player. */
  function pass(milliseconds: number, drift = 1): void {
    for (let left = milliseconds; left > 0; left -= 100) {
      now += 100;
      for (const [screen, speed] of [[ann, 1], [ben, drift]] as const) if (screen && !screen.paused && screen.readyState >= 3) screen.currentTime += 0.1 * screen.playbackRate * speed;
      if (now % 200 === 0) [...ticks].forEach((tick) => tick());
    }
  }
  const loaded = (...screens: (FakeScreen | undefined)[]) => screens.forEach((screen) => screen && (screen.readyState = 4));
  const apart = (screen: FakeScreen | undefined, expected: number) => Math.abs((screen?.currentTime ?? NaN) - expected);

  test('waits for what loads, and then runs; somebody who began later begins later', () => {
    player.play();
    pass(2_000);
    assert.deepEqual([player.positionMs, ann?.paused], [0, true]);
    loaded(ann);
    pass(10_400);
    assert.equal(ben?.src, 'https://store/ben/0');
    const waitedAt = player.positionMs;
    assert.ok(waitedAt >= 10_000 && waitedAt <= 10_400);
    pass(3_000);
    assert.deepEqual([player.positionMs, ann?.paused], [waitedAt, true], 'ann waits for ben');
    loaded(ben);
    pass(2_000);
    assert.ok(apart(ann, player.positionMs / 1000) < 0.3 && apart(ben, player.positionMs / 1000 - 10) < 0.3);
    assert.deepEqual(told.slice(-3), ['waiting', 'ben: playing', 'playing']);
  });

  test('shows gaps, and goes on after them where everybody else is', () => {
    loaded(ann);
    player.seek(14_000);
    player.play();
    loaded(ann, ben);
    pass(2_000);
    assert.deepEqual([ben?.paused, told.includes('ben: gap')], [true, true]);
    pass(4_000);
    assert.equal(ben?.paused, false);
    assert.ok(apart(ben, player.positionMs / 1000 - 10) < 0.3);
    player.seek(30_500);
    assert.equal(ben?.paused, true);
    pass(5_000);
    assert.equal(ben?.src, 'https://store/ben/1');
    loaded(ben);
    pass(1_000);
    assert.ok(apart(ben, player.positionMs / 1000 - 35) < 0.3);
  });

  test('keeps one that runs too slowly in step, without jumps', () => {
    player.seek(36_000);
    player.play();
    loaded(ann, ben);
    pass(1_000);
    const jumps: number[] = [];
    let last = ben?.currentTime ?? 0;
    for (let step = 0; step < 50; step++) {
      pass(200, 0.97);
      if (Math.abs((ben?.currentTime ?? 0) - last) > 0.4) jumps.push(step);
      last = ben?.currentTime ?? 0;
    }
    assert.deepEqual(jumps, []);
    assert.ok(apart(ben, player.positionMs / 1000 - 35) < 0.15, `${ben?.currentTime} at ${player.positionMs}`);
  });

  test('pauses, seeks while it is paused, and runs at another rate', () => {
    player.play();
    loaded(ann);
    pass(1_000);
    player.pause();
    const paused = player.positionMs;
    pass(5_000);
    assert.deepEqual([player.positionMs, ann?.paused, ticks.size], [paused, true, 0]);
    player.seek(5_000);
    assert.equal(ann?.currentTime, 5);
    player.rate = 2;
    player.play();
    pass(1_000);
    assert.ok(Math.abs(player.positionMs - 7_000) < 300 && ann?.playbackRate === 2);
    player.seek(999_999);
    assert.equal(player.positionMs, 60_000);
  });

  test('stops at the end, and begins anew from there', () => {
    player.seek(59_000);
    player.play();
    loaded(ann);
    pass(3_000);
    assert.deepEqual([player.isPlaying, player.positionMs, told.at(-1)], [false, 60_000, 'paused']);
    player.play();
    assert.equal(player.positionMs, 0);
  });

  test('asks for a fresh URL when one ran out, and not again and again', async () => {
    const fresh = { ...ANN, files: ANN.files.map((file) => ({ ...file, url: `${file.url}?fresh` })) };
    player = make([ANN], async (id) => (renewed.push(id), fresh));
    const screen = new FakeScreen();
    player.show('ann', screen);
    player.seek(20_000);
    screen.onerror?.();
    screen.onerror?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([renewed, screen.src, screen.currentTime], [['ann'], 'https://store/ann/0?fresh', 20]);
  });

  test('lets go of its elements', () => {
    player.play();
    loaded(ann);
    pass(1_000);
    player.close();
    assert.deepEqual([ann?.paused, ann?.onerror, ticks.size], [true, null, 0]);
  });
});
