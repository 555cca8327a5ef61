import type { Heard } from '../engine.ts';
import type { Frame } from '../frames.ts';
import { Segments, type Segment } from '../segments.ts';

/** A sentence that is not over is written down again after so many more milliseconds of it. */
const AGAIN_MS = 1_000;
/** ...and it takes at most this share of the time. On a machine where it would take more, only whole sentences are written down. */
const SHARE = 0.5;
/** Words that come so long after they were said are of no use: the machine is too slow. */
const LATEST_MS = 10_000;

/** What a {@link Writer} works with. */
export interface WriterOptions {
  /** How likely a frame holds a voice, 0 to 1. */
  listen(samples: Float32Array): Promise<number>;
  /** The words of a stretch of sound; nothing once `isVoid` answers that they are not wanted any more. */
  write(samples: Float32Array<ArrayBuffer>, isVoid?: () => Promise<boolean>): Promise<string | undefined>;
  /** How much of a second it takes to write down a second, as measured. */
  factor: number;
  heard(heard: Heard): void;
  onLate(): void;
  /** Lets frames come in. */
  pause(): Promise<void>;
  /** The clock by which frames say when they were taken. */
  now(): number;
}

/** Writes sound down: whole sentences as soon as they are over, and what there is of one in between, as far as there is time. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #segments = new Segments();
  readonly #waiting: Frame[] = [];
  readonly #ended: Segment[] = [];
  #isBusy = false;
  /** Up to when the sentence was written down last. */
  #writtenTo = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Takes the next frame; resolves when nothing is left to do for now. */
  async push(frame: Frame): Promise<void> {
    this.#waiting.push(frame);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#work();
    } finally {
      this.#isBusy = false;
    }
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#listen();
      const over = this.#ended.shift();
      const current = this.#segments.current;
      if (over) await this.#finish(over);
      else if (current && this.#isDue(current)) await this.#preview(current);
      else return;
    }
  }

  async #listen(): Promise<void> {
    for (let frame = this.#waiting.shift(); frame; frame = this.#waiting.shift()) {
      const ended = this.#segments.push(frame, await this.#options.listen(frame.samples));
      if (ended) this.#ended.push(ended);
    }
  }

  #isDue({ began, ended }: Segment): boolean {
    const { factor } = this.#options;
    const cost = (ended - began) * factor;
    return factor < SHARE && ended - Math.max(began, this.#writtenTo) >= Math.max(AGAIN_MS, cost / SHARE);
  }

  async #preview({ samples, began, ended }: Segment): Promise<void> {
    this.#writtenTo = ended;
    const text = await this.#options.write(samples, async () => {
      await this.#options.pause();
      await this.#listen();
      return this.#ended.length > 0;
    });
    if (text) this.#options.heard({ text, final: false, beganMsAgo: this.#options.now() - began });
  }

  async #finish({ samples, began, ended }: Segment): Promise<void> {
    const text = samples.length > 0 ? await this.#options.write(samples) : '';
    const now = this.#options.now();
    this.#options.heard({ text: text ?? '', final: true, beganMsAgo: now - began });
    if (now - ended > LATEST_MS) this.#options.onLate();
  }
}
