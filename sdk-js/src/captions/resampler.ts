/** What speech models take, in samples a second. */
export const RATE = 16_000;
/** Zero crossings of the filter on each side. */
const CROSSINGS = 8;
/** Values of the filter that are kept for each input sample. */
const FINENESS = 256;

/** Brings sound to 16 kHz, with what would fold back taken out by a windowed sinc filter. */
export class Resampler {
  readonly #step: number;
  readonly #reach: number;
  readonly #filter: Float32Array;
  #held: Float32Array;
  /** Where the next sample is, counted from the first one that is held. */
  #at: number;

  /** @param from samples a second of what is given */
  constructor(from: number) {
    this.#step = from / RATE;
    const width = Math.max(this.#step, 1);
    this.#reach = Math.ceil(CROSSINGS * width);
    this.#filter = Float32Array.from({ length: this.#reach * FINENESS + 2 }, (_, index) => weight(index / FINENESS, width, this.#reach));
    // What was before the beginning is silence.
    this.#held = new Float32Array(this.#reach);
    this.#at = this.#reach;
  }

  /** What can be told by now; the rest follows with the next samples. */
  push(samples: Float32Array): Float32Array<ArrayBuffer> {
    const all = new Float32Array(this.#held.length + samples.length);
    all.set(this.#held);
    all.set(samples, this.#held.length);
    const count = Math.max(0, Math.ceil((all.length - this.#reach - this.#at) / this.#step));
    const made = Float32Array.from({ length: count }, (_, index) => this.#sample(all, this.#at + index * this.#step));
    const next = this.#at + count * this.#step;
    const gone = Math.max(0, Math.floor(next) - this.#reach);
    this.#held = all.slice(gone);
    this.#at = next - gone;
    return made;
  }

  #sample(all: Float32Array, at: number): number {
    let sum = 0;
    const last = Math.min(all.length - 1, Math.floor(at + this.#reach));
    for (let index = Math.max(0, Math.ceil(at - this.#reach)); index <= last; index++) {
      sum += (all[index] ?? 0) * (this.#filter[Math.round(Math.abs(index - at) * FINENESS)] ?? 0);
    }
    return sum;
  }
}

/** The filter's value so many input samples from its middle (a sinc under a Hann window). */
function weight(distance: number, width: number, reach: number): number {
  if (distance >= reach) return 0;
  const x = (Math.PI * distance) / width;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return ((sinc * (1 + Math.cos((Math.PI * distance) / reach))) / 2) / width;
}
