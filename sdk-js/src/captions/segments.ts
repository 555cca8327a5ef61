import { FRAME, FRAME_MS, type Frame } from './frames.ts';

const frames = (milliseconds: number) => Math.round(milliseconds / FRAME_MS);

/** Somebody speaks from this likelihood on, and goes on while it is above the other one. */
const BEGINS_AT = 0.5;
const GOES_ON_AT = 0.35;
/** So long a silence ends a sentence. */
const SILENCE = frames(640);
/** So much from before the voice was noticed belongs to it, and so much of the silence after it. */
const BEFORE = frames(320);
const AFTER = frames(224);
/** A shorter sound is no speech. */
const SHORTEST = frames(250);
/** A longer sentence is parted, where it was quietest in its last part. */
const LONGEST = frames(12_000);
const PART_WITHIN = frames(3_000);

interface Judged extends Frame {
  likelihood: number;
}

/** A stretch of speech; `samples` is empty when it was too short to be any. */
export interface Segment {
  samples: Float32Array<ArrayBuffer>;
  /** When its first frame with a voice was taken, and its last, as frames say. */
  began: number;
  ended: number;
}

/** Parts sound into stretches of speech, by how likely each frame holds a voice. */
export class Segments {
  #frames: Judged[] = [];
  /** When the voice began; absent while there is silence. */
  #began: number | undefined;
  #voiced = 0;
  #silence = 0;

  /** What was said of the present stretch until now, while somebody speaks. */
  get current(): Segment | undefined {
    return this.#began === undefined ? undefined : { samples: join(this.#frames), began: this.#began, ended: this.#frames.at(-1)?.at ?? 0 };
  }

  /** Takes the next frame; answers a stretch that ended with it. */
  push(frame: Frame, likelihood: number): Segment | undefined {
    this.#frames.push({ ...frame, likelihood });
    if (this.#began === undefined) {
      this.#wait(frame.at, likelihood);
      return undefined;
    }
    this.#silence = likelihood >= GOES_ON_AT ? 0 : this.#silence + 1;
    if (this.#silence === 0) this.#voiced++;
    if (this.#silence >= SILENCE) return this.#end();
    return this.#frames.length >= LONGEST ? this.#part() : undefined;
  }

  #wait(at: number, likelihood: number): void {
    this.#frames = this.#frames.slice(-BEFORE - 1);
    if (likelihood >= BEGINS_AT) this.#begin(at);
  }

  #begin(at: number): void {
    this.#began = at;
    this.#voiced = 1;
    this.#silence = 0;
  }

  #end(): Segment {
    const all = this.#frames;
    const voice = all.slice(0, all.length - this.#silence);
    const samples = this.#voiced < SHORTEST ? new Float32Array(0) : join(all.slice(0, voice.length + AFTER));
    const segment = { samples, began: this.#began ?? 0, ended: voice.at(-1)?.at ?? 0 };
    this.#frames = all.slice(-BEFORE);
    this.#began = undefined;
    return segment;
  }

  /** Goes on with what is behind the quietest frame. */
  #part(): Segment {
    const late = this.#frames.slice(-PART_WITHIN);
    const quietest = late.reduce((least, frame) => (frame.likelihood < least.likelihood ? frame : least));
    const length = this.#frames.indexOf(quietest) + 1;
    const segment = { samples: join(this.#frames.slice(0, length)), began: this.#began ?? 0, ended: quietest.at };
    this.#frames = this.#frames.slice(length);
    this.#begin(quietest.at);
    return segment;
  }
}

function join(parts: readonly Judged[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(parts.length * FRAME);
  parts.forEach(({ samples }, index) => all.set(samples, index * FRAME));
  return all;
}
