import type { TunRTCClient } from 'tunrtc-client';
import type { RecordingEnvironment } from './environment.ts';
import { KEY_FRAMES_MS, type RecorderType } from './types.ts';
import type { RecordingKind } from '../wire.ts';

/** Tracks are looked at so often: no event tells that another device was chosen. */
const LOOK_MS = 250;
/** A recorder that stops by itself sooner than this has failed; after so many in a row the next type is tried. */
const SHORT_MS = 10_000;
const FAILURES = 3;

/** A run of the browser's recorder: its first piece begins a file of its own. */
export interface Run {
  /** When its first moment was, by the server's clock, in milliseconds since 1970. */
  startedAt: number;
}

interface Current {
  recorder: MediaRecorder;
  tracks: MediaStreamTrack[];
  since: number;
}

/** What is captured how, and who is told. */
export interface CaptureParts {
  client: TunRTCClient;
  kind: RecordingKind;
  Recorder: RecorderType;
  /** What to record as, the best first; all of one container. */
  types: readonly string[];
  pieceMs: number;
  videoBitsPerSecond: number;
  environment: Pick<RecordingEnvironment, 'now' | 'setTimeout' | 'clearTimeout'>;
  serverTime(instant: number): number;
  /** The pieces come in order, those of one run after all of the one before. */
  onPiece(piece: Blob, run: Run): void;
  /** The recorder cannot be made to work. */
  onFailed(cause: unknown): void;
}

/** What is to be recorded just now. */
export function tracksOf(client: TunRTCClient, kind: RecordingKind): MediaStreamTrack[] {
  const stream = kind === 'screen' ? client.getSnapshot().streams.find((each) => each.isLocal && each.kind === 'screen')?.stream : client.localStream;
  const tracks = stream?.getTracks() ?? [];
  return tracks.filter((track) => track.readyState === 'live' && (kind !== 'audio' || track.kind === 'audio'));
}

/**
 * Records what a client sends, before the network touches it. A recorder goes on with the tracks that it began with alone: so when
 * the camera goes off or on, or another device is chosen, a new run begins.
 */
export class Capture {
  readonly #parts: CaptureParts;
  #types: readonly string[];
  #current: Current | undefined;
  /** Every run so far has given all of its pieces. */
  #given: Promise<void> = Promise.resolve();
  #failures = 0;
  #timer: unknown;
  #isStopped = false;

  constructor(parts: CaptureParts) {
    this.#parts = parts;
    this.#types = parts.types;
    this.#look();
  }

  /** Begins a new run if what is to be recorded is not what is being recorded. */
  follow(): void {
    if (this.#isStopped) return;
    const tracks = tracksOf(this.#parts.client, this.#parts.kind);
    const before = this.#current?.tracks ?? [];
    if (tracks.length === before.length && tracks.every((track) => before.includes(track))) return;
    const { recorder } = this.#current ?? {};
    this.#current = undefined;
    end(recorder);
    if (tracks.length > 0) this.#begin(tracks);
  }

  /** Resolves when all that was recorded is handed over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#parts.environment.clearTimeout(this.#timer);
    end(this.#current?.recorder);
    await this.#given;
  }

  #look(): void {
    this.follow();
    if (!this.#isStopped) this.#timer = this.#parts.environment.setTimeout(() => this.#look(), LOOK_MS);
  }

  #begin(tracks: MediaStreamTrack[]): void {
    const { environment, pieceMs, onPiece, serverTime } = this.#parts;
    const since = environment.now();
    const before = this.#given;
    try {
      const recorder = this.#open(tracks);
      const run: Run = { startedAt: serverTime(since) };
      const current = { recorder, tracks, since };
      recorder.onstart = () => (run.startedAt = serverTime(environment.now()));
      recorder.ondataavailable = ({ data }) => {
        if (data.size > 0) void before.then(() => onPiece(data, run));
      };
      this.#given = new Promise((resolve) => {
        recorder.onstop = () => {
          void before.then(resolve);
          this.#ended(current);
        };
      });
      recorder.start(pieceMs);
      this.#current = current;
    } catch (thrown) {
      this.#given = before;
      this.#failed(thrown);
    }
  }

  #open(tracks: MediaStreamTrack[]): MediaRecorder {
    const { Recorder, videoBitsPerSecond } = this.#parts;
    const [mimeType = ''] = this.#types;
    const options = { mimeType, videoBitsPerSecond, videoKeyFrameIntervalDuration: KEY_FRAMES_MS };
    return new Recorder(new MediaStream(tracks), options);
  }

  /** A recorder stops by itself when its tracks have ended, or when it cannot go on: say, when H.264 got a picture in another size. */
  #ended(run: Current): void {
    if (this.#current !== run || this.#isStopped) return;
    this.#current = undefined;
    const isShort = this.#parts.environment.now() - run.since < SHORT_MS;
    if (isShort && run.tracks.every(({ readyState }) => readyState === 'live')) return this.#failed(undefined);
    this.#failures = 0;
    this.follow();
  }

  /** Looked at again in a moment, with the next type if this one fails again and again. */
  #failed(cause: unknown): void {
    if (++this.#failures < FAILURES) return;
    this.#failures = 0;
    this.#types = this.#types.slice(1);
    if (this.#types.length === 0) this.#parts.onFailed(cause);
  }
}

function end(recorder: MediaRecorder | undefined): void {
  if (recorder && recorder.state !== 'inactive') recorder.stop();
}
