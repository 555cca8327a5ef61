import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fromText, Tiles, toText } from '../../src/media/tiles.ts';

let now: number;
let videos: Set<HTMLVideoElement>;
let tiles: Tiles;

/** The browser's own, moved by the test. */
class FakeObserver {
  static present: FakeObserver | undefined;
  readonly targets = new Set<unknown>();
  readonly #callback: (changes: object[]) => void;
  constructor(callback: (changes: object[]) => void) {
    this.#callback = callback;
    FakeObserver.present = this;
  }
  observe = (target: unknown): unknown => this.targets.add(target);
  unobserve = (target: unknown): unknown => this.targets.delete(target);
  disconnect = (): void => this.targets.clear();
  see(target: unknown, isIntersecting: boolean): void {
    this.#callback([{ target, isIntersecting }]);
  }
}

const page = { visibilityState: 'visible', pictureInPictureElement: null as unknown };

beforeEach(() => {
  now = 0;
  videos = new Set();
  Object.assign(globalThis, { IntersectionObserver: FakeObserver, document: page, devicePixelRatio: 2 });
  Object.assign(page, { visibilityState: 'visible', pictureInPictureElement: null });
  tiles = new Tiles(videos, () => now);
});

afterEach(() => {
  tiles.close();
  for (const name of ['IntersectionObserver', 'document', 'devicePixelRatio']) Reflect.deleteProperty(globalThis, name);
});

function video(stream: object | null, clientWidth: number, clientHeight: number): HTMLVideoElement {
  const element = { srcObject: stream, clientWidth, clientHeight, getRootNode: (): unknown => page } as HTMLVideoElement;
  videos.add(element);
  return element;
}

/** What is measured of a stream after so many milliseconds. */
function heightOf(stream: object, milliseconds = 0): number | undefined {
  now += milliseconds;
  return tiles.measure().get(stream);
}

describe('a picture', () => {
  test('is as high as fills its element, in pixels of the screen', () => {
    const [wide, high] = [{}, {}];
    video(wide, 320, 100);
    video(high, 90, 160);
    assert.deepEqual([heightOf(wide), heightOf(high)], [360, 320]);
  });

  test('upright or wide fills its element too', () => {
    const [upright, wide] = [{}, {}];
    Object.assign(video(upright, 320, 180), { videoWidth: 360, videoHeight: 640 });
    Object.assign(video(wide, 320, 180), { videoWidth: 640, videoHeight: 480 });
    assert.deepEqual([heightOf(upright), heightOf(wide)], [640, 480]);
  });

  test('in several elements has the size of the largest, and in none it has no size', () => {
    const stream = {};
    video(stream, 160, 90);
    const large = video(stream, 640, 360);
    video(null, 1_000, 1_000);
    assert.equal(heightOf(stream), 720);
    videos.delete(large);
    assert.equal(heightOf(stream), 180);
    videos.clear();
    assert.equal(heightOf(stream), undefined);
    assert.equal(FakeObserver.present?.targets.size, 0);
  });

  test('out of sight for two seconds is hidden, and back at once', () => {
    const stream = {};
    const element = video(stream, 320, 180);
    assert.equal(heightOf(stream), 360);
    FakeObserver.present?.see(element, false);
    assert.deepEqual([heightOf(stream, 400), heightOf(stream, 1_500), heightOf(stream, 100)], [360, 360, 0]);
    FakeObserver.present?.see(element, true);
    assert.equal(heightOf(stream), 360);
  });

  test('in a hidden page is hidden, unless it is shown on top of all pages', () => {
    const [stream, floating] = [{}, {}];
    video(stream, 320, 180);
    const element = video(floating, 320, 180);
    heightOf(stream);
    Object.assign(page, { visibilityState: 'hidden', pictureInPictureElement: element });
    assert.deepEqual([heightOf(stream, 2_000), heightOf(floating)], [0, 360]);
  });

  test('inside a shadow root is known by that root: the page names only its host', () => {
    const floating = {};
    const element = video(floating, 320, 180);
    Object.assign(element, { getRootNode: () => ({ pictureInPictureElement: element }) });
    heightOf(floating);
    Object.assign(page, { visibilityState: 'hidden', pictureInPictureElement: {} });
    assert.equal(heightOf(floating, 2_000), 360);
  });

  test('that was never laid out is hidden', () => {
    const stream = {};
    video(stream, 0, 0);
    assert.equal(heightOf(stream), 0);
  });
});

describe('what is told', () => {
  test('is read as it was written', () => {
    for (const shown of [{}, { camera: 0 }, { camera: 360, screen: 1_080 }]) assert.deepEqual(fromText(toText(shown)), shown);
  });

  test('and makes no sense is not believed, and breaks nothing', () => {
    const nonsense = ['', '{', 'null', '[]', '{"shown":null}', '{"shown":3}', new ArrayBuffer(3), undefined, `{"shown":{"camera":1},"x":"${'x'.repeat(2_000)}"}`];
    for (const text of nonsense) assert.equal(fromText(text), undefined, String(text));
    const strange = ['-1', '1e9', '"360"', 'null', '{}', 'true'].map((value) => fromText(`{"shown":{"camera":${value},"screen":0}}`));
    for (const shown of strange) assert.deepEqual(shown, { screen: 0 });
  });
});
