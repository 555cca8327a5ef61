/**
 * How large this page shows the pictures of others: what they need not send is not sent.
 * @module
 */
import type { Shown } from './policy.ts';

/** Scrolling by, or a look into another tab, does not turn a picture off: it is gone for so long before that is told. */
const HIDING_MS = 2_000;
/** Larger than any screen; what says more is not to be believed. */
const MOST_PIXELS = 16_384;
const MOST_TEXT = 1_024;

/** Measures the video elements that the page has named. */
export class Tiles {
  readonly #videos: ReadonlySet<HTMLVideoElement>;
  readonly #now: () => number;
  readonly #outside = new WeakSet<Element>();
  readonly #watched = new Set<Element>();
  readonly #seen = new Map<HTMLVideoElement, { height: number; at: number }>();
  #observer: IntersectionObserver | undefined;

  constructor(videos: ReadonlySet<HTMLVideoElement>, now: () => number) {
    this.#videos = videos;
    this.#now = now;
  }

  /** The height in which each stream is shown, in pixels of the screen: the largest of its elements, 0 where all are out of sight. */
  measure(): ReadonlyMap<unknown, number> {
    this.#watch();
    const heights = new Map<unknown, number>();
    for (const video of this.#videos) {
      const stream = video.srcObject;
      if (stream) heights.set(stream, Math.max(heights.get(stream) ?? 0, this.#heightOf(video)));
    }
    return heights;
  }

  close(): void {
    this.#observer?.disconnect();
    this.#seen.clear();
    this.#watched.clear();
  }

  /** Whether an element is within the page's sight, scrolled or not, only the browser knows. */
  #watch(): void {
    if (typeof IntersectionObserver === 'undefined') return;
    this.#observer ??= new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) this.#outside[isIntersecting ? 'delete' : 'add'](target);
    });
    for (const video of this.#watched) {
      if (this.#videos.has(video as HTMLVideoElement)) continue;
      this.#observer.unobserve(video);
      this.#watched.delete(video);
      this.#seen.delete(video as HTMLVideoElement);
    }
    for (const video of this.#videos) {
      if (this.#watched.has(video)) continue;
      this.#watched.add(video);
      this.#observer.observe(video);
    }
  }

  #heightOf(video: HTMLVideoElement): number {
    const now = this.#now();
    const height = this.#isInSight(video) ? heightOf(video) : 0;
    const seen = this.#seen.get(video);
    if (height === 0 && seen && now - seen.at < HIDING_MS) return seen.height;
    if (height > 0 || !seen) this.#seen.set(video, { height, at: now });
    return height;
  }

  #isInSight(video: HTMLVideoElement): boolean {
    const { document } = globalThis;
    // Inside a shadow root the document names only its host.
    if ((video.getRootNode() as Partial<DocumentOrShadowRoot>).pictureInPictureElement === video) return true;
    return document?.visibilityState !== 'hidden' && !this.#outside.has(video);
  }
}

/** The height, or width if that is less, of a picture that fills the element. Until one came it is taken to be a common camera's. */
function heightOf({ clientWidth, clientHeight, videoWidth, videoHeight }: HTMLVideoElement): number {
  const [width, height] = videoWidth && videoHeight ? [videoWidth, videoHeight] : [16, 9];
  const scale = Math.max(clientWidth / width, clientHeight / height);
  return Math.round(scale * Math.min(width, height) * (globalThis.devicePixelRatio || 1));
}

/** What is told to the other side. */
export function toText(shown: Shown): string {
  return JSON.stringify({ shown });
}

/** What the other side told; nothing of what makes no sense. */
export function fromText(text: unknown): Shown | undefined {
  if (typeof text !== 'string' || text.length > MOST_TEXT) return undefined;
  try {
    const { shown } = JSON.parse(text) as { shown?: Record<string, unknown> };
    if (typeof shown !== 'object' || shown === null) return undefined;
    const { camera, screen } = shown;
    return { ...(isHeight(camera) && { camera }), ...(isHeight(screen) && { screen }) };
  } catch {
    return undefined;
  }
}

function isHeight(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MOST_PIXELS;
}
