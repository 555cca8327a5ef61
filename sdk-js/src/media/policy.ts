/**
 * What is sent to whom in a mesh: everything goes to everybody by itself, so all connections share one line. Voices come
 * first; pictures get what is left, by what the other side shows of them and what its connection carries.
 * @module
 */
import type { Slot, StreamKind } from './peer.ts';

/** What all connections of a participant may send together, in bit/s: what most lines at home carry besides other things. */
const UPLINK = 2_400_000;
/** What a voice takes at most, with its packets' heads. */
const VOICE = 48_000;
/** More than this nobody sees in a picture. */
const MOST = 1_500_000;
/** Less than this is no picture any more. */
const LEAST = 80_000;
/** The part of a connection's share that a shared screen gets, where a camera is sent beside it: text must be read. */
const SCREEN_PART = 0.7;

/** Heights of a camera's picture (widths, where it is upright), in pixels: from so many bit/s on it is worth sending, and more than so many it does not need. */
const RUNGS: readonly { height: number; from: number; most: number }[] = [
  { height: 720, from: 1_000_000, most: MOST },
  { height: 480, from: 450_000, most: 900_000 },
  { height: 360, from: 200_000, most: 500_000 },
  { height: 240, from: 110_000, most: 250_000 },
  { height: 180, from: 0, most: 150_000 },
];
const LAST_RUNG = RUNGS.length - 1;

/** A processor that does not keep up gets smaller pictures, by a rung each time, and from the second on fewer of them. */
const MOST_STEPS = 3;
const SLOW_FRAMES = 15;
/** What a step does shows after so long. */
const SETTLE_MS = 10_000;
/** After so long without a complaint one step is taken back; longer each time that was too early. */
const RELIEF_MS = 30_000;
const RELIEF_CAP_MS = 240_000;

/** A connection that carries less than a voice and the least of a picture, twice in a row, gets no picture for a while. */
const THIN = VOICE + LEAST / 2;
const THIN_READINGS = 2;
const REST_MS = 8_000;
const REST_CAP_MS = 32_000;
/** A connection that is held back for so many readings leaves to the others what it cannot use. */
const HELD_READINGS = 3;
/** What such a connection may grow to until the next reading. */
const GROWTH = 2;

/**
 * What the other side shows of a picture: its height in pixels of its screen, 0 where nobody sees it, and nothing said where
 * that is not known.
 */
export type Shown = Readonly<Partial<Record<StreamKind, number>>>;

/** What limits the quality of what is sent, as the browser says (`qualityLimitationReason`). */
export type Limitation = 'none' | 'cpu' | 'bandwidth' | 'other';

/** What was measured of sending on a connection. */
export interface Reading {
  /** What it carries, by the browser's estimate, in bit/s; absent where the browser tells no such thing. */
  available?: number | undefined;
  limitation?: Limitation | undefined;
}

/** What one connection may send in a slot. */
export interface Limit {
  /** Whether anything is sent at all. */
  active: boolean;
  /** In bit/s. */
  maxBitrate: number;
  /** The picture's height in pixels at most, or its width where that is less; absent for voices and whole screens. */
  height?: number;
  /** Pictures in a second at most. */
  frames?: number;
}

export type Limits = Readonly<Record<Slot, Limit>>;

/** One connection, as the policy sees it. */
export interface Line {
  shown: Shown;
  /** What it carries for all that is sent, in bit/s, where it is known to be held back by that. */
  carries?: number | undefined;
  /** It carries too little for a picture beside the voice. */
  isThin?: boolean;
}

/** What is sent beside the voice. */
export type Pictures = Readonly<Record<StreamKind, boolean>>;

/**
 * What each connection may send: an equal part of the line, and of what others do not need of theirs.
 *
 * @param steps how many rungs smaller than the line allows, for a processor that does not keep up
 */
export function share(lines: readonly Line[], pictures: Pictures, steps = 0): Limits[] {
  const most = lines.map((line) => worths(line, pictures));
  const least = most.map(({ camera, screen }) => LEAST * (Number(camera > 0) + Number(screen > 0)));
  const needs = lines.map(({ carries = Infinity }, place) => {
    const { camera, screen } = most[place] ?? NOTHING;
    return Math.max(0, Math.min(camera + screen, carries * GROWTH - VOICE) - (least[place] ?? 0));
  });
  const rest = UPLINK - VOICE * lines.length - least.reduce((sum, bits) => sum + bits, 0);
  const parts = divide(Math.max(0, rest), needs);
  return lines.map((line, place) => split(line, most[place] ?? NOTHING, (least[place] ?? 0) + (parts[place] ?? 0), steps));
}

/** Bits for each picture of a connection, in bit/s. */
type Worths = Readonly<Record<StreamKind, number>>;
const NOTHING: Worths = { camera: 0, screen: 0 };

function worths({ shown, isThin }: Line, pictures: Pictures): Worths {
  if (isThin) return NOTHING;
  return { camera: pictures.camera ? worth(shown.camera) : 0, screen: pictures.screen ? worth(shown.screen) : 0 };
}

/** What a picture that is shown in this height is worth; nothing where it is not seen. */
function worth(height = Infinity): number {
  return height > 0 ? (RUNGS[rungOf(height)]?.most ?? MOST) : 0;
}

/** The smallest rung that fills a height. */
function rungOf(height: number): number {
  const smaller = RUNGS.findIndex((rung) => rung.height < height);
  return smaller < 0 ? LAST_RUNG : Math.max(0, smaller - 1);
}

/** Equal parts of `whole`, but to nobody more than needed: what is left goes to those who need more. */
function divide(whole: number, needs: readonly number[]): number[] {
  const parts = needs.map(() => 0);
  const places = needs.map((_, place) => place).sort((a, b) => (needs[a] ?? 0) - (needs[b] ?? 0));
  places.forEach((place, done) => {
    parts[place] = Math.min(needs[place] ?? 0, whole / (places.length - done));
    whole -= parts[place];
  });
  return parts;
}

/** A connection's part, over what is sent on it. */
function split({ shown, carries = Infinity, isThin = false }: Line, most: Worths, part: number, steps: number): Limits {
  const hasBoth = most.camera > 0 && most.screen > 0;
  const reserved = Math.min(most.screen, hasBoth ? Math.min(part * SCREEN_PART, part - LEAST) : part);
  const camera = picture(Math.min(most.camera, part - reserved));
  const screen = picture(Math.min(most.screen, part - (most.camera > 0 ? camera : 0)));
  const bits = Math.min(camera, (carries - VOICE) * (hasBoth ? 1 - SCREEN_PART : 1));
  const affordable = RUNGS.findIndex(({ from }) => Math.max(0, bits) >= from);
  const rung = Math.max(affordable, rungOf(shown.camera || Infinity)) + steps;
  const height = RUNGS[Math.min(LAST_RUNG, rung)]?.height;
  return {
    microphone: { active: true, maxBitrate: VOICE },
    camera: {
      active: !isThin && shown.camera !== 0,
      maxBitrate: camera,
      ...(height !== undefined && { height }),
      ...(steps > 1 && { frames: SLOW_FRAMES }),
    },
    screen: { active: !isThin && shown.screen !== 0, maxBitrate: screen },
  };
}

function picture(bits: number): number {
  return Math.round(Math.min(MOST, Math.max(LEAST, bits)));
}

/** Learns from the readings of one connection what it carries. */
export class LineWatch {
  #held = 0;
  #thin = 0;
  #rests = 0;
  #restUntil = -Infinity;
  #carries: number | undefined;

  /** @param now in milliseconds, on a clock that never jumps */
  read({ available, limitation }: Reading, now: number): void {
    if (this.isThin(now)) return;
    const isHeld = limitation === 'bandwidth' && available !== undefined;
    this.#held = isHeld ? this.#held + 1 : 0;
    this.#carries = this.#held >= HELD_READINGS ? available : undefined;
    this.#thin = isHeld && available < THIN ? this.#thin + 1 : 0;
    if (available !== undefined && available > 2 * THIN) this.#rests = 0;
    if (this.#thin < THIN_READINGS) return;
    // Without a picture the estimate does not grow: only another try tells.
    this.#restUntil = now + Math.min(REST_CAP_MS, REST_MS * 2 ** this.#rests++);
    this.#thin = 0;
  }

  /** What it carries, in bit/s, where that holds it back. */
  get carries(): number | undefined {
    return this.#carries;
  }

  /** Whether the voice alone is sent, so that it is heard. */
  isThin(now: number): boolean {
    return now < this.#restUntil;
  }
}

/** Learns from all readings whether the processor keeps up. */
export class ProcessorWatch {
  #steps = 0;
  #changedAt = -Infinity;
  #quietSince = 0;
  #wasRelieved = false;
  #relief = RELIEF_MS;

  /** How many rungs smaller pictures should be. */
  get steps(): number {
    return this.#steps;
  }

  /** @param now in milliseconds, on a clock that never jumps */
  read(readings: readonly Reading[], now: number): void {
    if (readings.some(({ limitation }) => limitation === 'cpu')) {
      this.#quietSince = now;
      if (now - this.#changedAt >= SETTLE_MS) this.#move(1, now);
    } else if (now - this.#quietSince >= this.#relief) {
      this.#move(-1, now);
    }
  }

  #move(by: 1 | -1, now: number): void {
    const steps = Math.min(MOST_STEPS, Math.max(0, this.#steps + by));
    if (steps === this.#steps) return;
    if (by > 0 && this.#wasRelieved) this.#relief = Math.min(RELIEF_CAP_MS, this.#relief * 2);
    this.#wasRelieved = by < 0;
    this.#steps = steps;
    this.#changedAt = this.#quietSince = now;
  }
}

/** What a degradation costs a picture: a face should move on, and a text stay sharp; a page can say what it shows. */
function preference(slot: Slot, hint: string): RTCDegradationPreference {
  if (hint === 'motion') return 'maintain-framerate';
  if (hint === 'detail' || hint === 'text' || slot === 'screen') return 'maintain-resolution';
  return 'balanced';
}

/** Puts a limit into what a sender is set to; false where the browser has nothing to set yet, or it is set so. */
export function restrict(parameters: RTCRtpSendParameters, slot: Slot, limit: Limit, track: MediaStreamTrack): boolean {
  const [encoding] = parameters.encodings ?? [];
  if (!encoding) return false;
  const before = JSON.stringify(parameters);
  encoding.maxBitrate = limit.maxBitrate;
  encoding.active = limit.active;
  if (slot === 'microphone') {
    encoding.priority = encoding.networkPriority = 'high';
  } else {
    const { width = Infinity, height = Infinity } = track.getSettings();
    // A phone that is held upright sends a picture that is higher than wide.
    const lines = Math.min(width, height);
    if (limit.height !== undefined && lines < Infinity) encoding.scaleResolutionDownBy = Math.max(1, lines / limit.height);
    if (limit.frames !== undefined) encoding.maxFramerate = limit.frames;
    else delete encoding.maxFramerate;
    parameters.degradationPreference = preference(slot, track.contentHint ?? '');
  }
  return JSON.stringify(parameters) !== before;
}
