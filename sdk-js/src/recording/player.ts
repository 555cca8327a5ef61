import { Emitter } from '../emitter.ts';
import { Timeline, type Recorded } from './timeline.ts';

/** How often the pictures are brought into step. */
const STEP_MS = 200;
/** So far apart, in seconds, is not seen; up to the second one runs a little faster or slower until it is in step; beyond, it jumps. */
const APART = { unseen: 0.05, small: 0.4 };
const CATCH_UP = 0.06;
/** `HTMLMediaElement.HAVE_FUTURE_DATA` */
const HAS_FUTURE = 3;
/** A file whose URL ran out is asked for anew, at most so often. */
const RENEW_MS = 10_000;

/** What a recording does just now: `gap` where it has nothing to show, `waiting` while its file is loading. */
export type TrackState = 'playing' | 'waiting' | 'gap';

/** The part of a video or audio element that is used. */
export interface Screen {
  src: string;
  currentTime: number;
  playbackRate: number;
  readonly readyState: number;
  readonly paused: boolean;
  readonly seeking: boolean;
  onerror: unknown;
  play(): Promise<void>;
  pause(): void;
}

/** What a player tells, by name. */
export interface PlayerEvents {
  /** Where it is, in milliseconds from the beginning. */
  moved: { positionMs: number };
  /** It plays, or not; `waiting` while a file is loading. */
  stateChanged: { state: 'playing' | 'waiting' | 'paused' };
  /** A recording has something to show, or not. */
  trackChanged: { recordingId: string; state: TrackState };
}

/** What a player needs. */
export interface PlayerOptions {
  /** Gets a recording with fresh URLs: they are good for a while only. `getRecording` does. */
  renew?: (recordingId: string) => Promise<Recorded>;
  environment?: {
    now(): number;
    setInterval(callback: () => void, milliseconds: number): unknown;
    clearInterval(timer: unknown): void;
  };
}

interface Track {
  screen: Screen;
  /** What it was given; it may write the same address in another way. */
  url: string;
  state: TrackState | undefined;
  /** When its file was last asked for anew. */
  renewedAt: number;
}

const REAL: NonNullable<PlayerOptions['environment']> = {
  now: () => performance.now(),
  setInterval: (callback, milliseconds) => setInterval(callback, milliseconds),
  clearInterval: (timer) => clearInterval(timer as number),
};

/**
 * Plays several recordings beside each other as it was, by the server's clock: one that began later begins later, and a gap is a gap.
 * Nobody runs ahead: while one loads, all wait.
 */
export class RecordingPlayer extends Emitter<PlayerEvents> {
  readonly #environment: NonNullable<PlayerOptions['environment']>;
  readonly #renew: PlayerOptions['renew'];
  readonly #tracks = new Map<string, Track>();
  #recordings: readonly Recorded[];
  #timeline: Timeline;
  #position = 0;
  /** When the position was true, by this machine's clock. */
  #at = 0;
  #rate = 1;
  #timer: unknown;
  #isPlaying = false;
  #state: PlayerEvents['stateChanged']['state'] = 'paused';

  constructor(recordings: readonly Recorded[], options: PlayerOptions = {}) {
    super();
    this.#recordings = recordings;
    this.#timeline = new Timeline(recordings);
    this.#renew = options.renew;
    this.#environment = options.environment ?? REAL;
  }

  get timeline(): Timeline {
    return this.#timeline;
  }

  get durationMs(): number {
    return this.#timeline.durationMs;
  }

  /** Where it is, in milliseconds from the beginning. */
  get positionMs(): number {
    return this.#position;
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  /** How fast: 1 is as it was. */
  get rate(): number {
    return this.#rate;
  }

  set rate(rate: number) {
    this.#advance();
    this.#rate = rate;
    this.#step();
  }

  /** Shows a recording on this element from now on. The answer takes it off. */
  show(recordingId: string, screen: Screen): () => void {
    this.#tracks.set(recordingId, { screen, url: '', state: undefined, renewedAt: -Infinity });
    screen.onerror = () => void this.#load(recordingId);
    this.#step();
    return () => {
      this.#tracks.delete(recordingId);
      screen.onerror = null;
      screen.pause();
    };
  }

  /** Plays from where it is, from the beginning if that is the end. Called in a click, or the browser may refuse. */
  play(): void {
    if (this.#isPlaying) return;
    if (this.#position >= this.durationMs) this.#position = 0;
    this.#isPlaying = true;
    this.#at = this.#environment.now();
    this.#timer = this.#environment.setInterval(() => this.#step(), STEP_MS);
    this.#step();
  }

  pause(): void {
    this.#advance();
    this.#isPlaying = false;
    this.#environment.clearInterval(this.#timer);
    this.#step();
  }

  /** Goes to a moment, in milliseconds from the beginning. */
  seek(positionMs: number): void {
    this.#position = Math.min(Math.max(positionMs, 0), this.durationMs);
    this.#at = this.#environment.now();
    this.#step(true);
  }

  /** Ends it, and lets go of the elements. */
  close(): void {
    this.pause();
    for (const { screen } of this.#tracks.values()) screen.onerror = null;
    this.#tracks.clear();
  }

  /** Time goes on while it plays and nobody loads. */
  #advance(): void {
    const now = this.#environment.now();
    if (this.#state === 'playing') this.#position = Math.min(this.#position + (now - this.#at) * this.#rate, this.durationMs);
    this.#at = now;
  }

  #step(jumps = false): void {
    this.#advance();
    if (this.#isPlaying && this.#position >= this.durationMs) return this.pause();
    let isWaiting = false;
    for (const [recordingId, track] of this.#tracks) {
      const state = this.#bring(recordingId, track, jumps);
      isWaiting ||= state === 'waiting';
      if (state === track.state) continue;
      track.state = state;
      this.emit('trackChanged', { recordingId, state });
    }
    this.#tellState(!this.#isPlaying ? 'paused' : isWaiting ? 'waiting' : 'playing');
    for (const track of this.#tracks.values()) this.#run(track);
    this.emit('moved', { positionMs: this.#position });
  }

  /** Brings one element to where it should be. */
  #bring(recordingId: string, track: Track, jumps: boolean): TrackState {
    const { screen } = track;
    // The end shows what was seen last.
    const place = this.#timeline.placeOf(recordingId, Math.min(this.#position, this.durationMs - 1));
    if (!place) return 'gap';
    if (track.url !== place.file.url) {
      track.url = screen.src = place.file.url;
      screen.currentTime = place.seconds;
      return 'waiting';
    }
    const behind = place.seconds - screen.currentTime;
    const isFar = Math.abs(behind) > APART.small || (jumps && behind !== 0);
    if (isFar && !screen.seeking) screen.currentTime = place.seconds;
    const isOff = Math.abs(behind) > APART.unseen;
    screen.playbackRate = this.#rate * (isFar || !isOff ? 1 : 1 + Math.sign(behind) * CATCH_UP);
    return isFar || screen.seeking || screen.readyState < HAS_FUTURE ? 'waiting' : 'playing';
  }

  #run({ screen, state }: Track): void {
    const runs = this.#state === 'playing' && state === 'playing';
    if (runs && screen.paused) screen.play().catch(() => {});
    if (!runs && !screen.paused) screen.pause();
  }

  #tellState(state: PlayerEvents['stateChanged']['state']): void {
    if (state === this.#state) return;
    this.#at = this.#environment.now();
    this.#state = state;
    this.emit('stateChanged', { state });
  }

  /** Most likely the URL ran out. */
  async #load(recordingId: string): Promise<void> {
    const track = this.#tracks.get(recordingId);
    const now = this.#environment.now();
    if (!track || !this.#renew || now - track.renewedAt < RENEW_MS) return;
    track.renewedAt = now;
    const fresh = await this.#renew(recordingId).catch(() => undefined);
    if (!fresh) return;
    this.#recordings = this.#recordings.map((each) => (each.recordingId === recordingId ? fresh : each));
    this.#timeline = new Timeline(this.#recordings);
    this.#step(true);
  }
}
