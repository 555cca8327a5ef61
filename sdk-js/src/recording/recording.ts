import type { TunRTCClient } from 'tunrtc-client';
import { Emitter } from '../emitter.ts';
import type { ServerClock } from '../server-clock.ts';
import { Capture, tracksOf, type Run } from './capture.ts';
import type { RecordingEnvironment } from './environment.ts';
import { RecordingError, storageError } from './error.ts';
import { headOf, leftoversOf, type Leftover } from './leftovers.ts';
import type { Saved, Spool } from './spool.ts';
import type { RecorderType } from './types.ts';
import { Uploader, type UploadsRequest } from './uploader.ts';
import type { RecordingKind, RecordingUploads } from '../wire.ts';

/** Pieces that wait for the disk: more than these are not held in memory. */
const HELD = 8;

/** What the server takes of one recording: pieces of 12 hours, so many beginnings, and no more than a day from the first to the last. */
const LIMITS = { pieces: 10_800, segments: 200, ms: 86_400_000 };

/** `uploading`: nothing more is recorded, and not everything has arrived. `finished`: the server has everything, and composes it. */
export type RecordingState = 'recording' | 'uploading' | 'finished' | 'failed';

/** Why nothing more is recorded: it was stopped, the session was left, the screen is shared no longer, or something failed. */
export type StopReason = 'stopped' | 'left' | 'ended' | 'failed';

/** How far it is. */
export interface RecordingProgress {
  /** From the first moment to the last that is kept, in milliseconds. */
  recordedMs: number;
  /** Pieces that were recorded. */
  recorded: number;
  /** Pieces that are on this device alone. */
  waiting: number;
  /** Whether uploading failed just now; it is tried again until it works. */
  isDelayed: boolean;
}

/** What a recording tells, by name. */
export interface RecordingEvents {
  progress: RecordingProgress;
  /** Nothing more is recorded; what was goes on to the server. */
  stopped: { reason: StopReason };
  /** The server has everything, and makes the file; `recordingReady` tells when it is there. */
  finished: { recordingId: string };
  /** Something failed that nobody was waiting for. */
  error: RecordingError;
}

/** What a recording is made of. */
export interface RecordingParts {
  client: TunRTCClient;
  environment: RecordingEnvironment;
  spool: Spool;
  clock: ServerClock;
  saved: Saved;
  /** Pieces that wait already, in order. */
  waiting: readonly number[];
  /** Lets another tab take over what is left. */
  release: () => void;
}

/** How it is recorded. */
export interface CaptureOptions {
  Recorder: RecorderType;
  types: readonly string[];
  videoBitsPerSecond: number;
}

/** One recording of this client: what it records, keeps on this device, and uploads. */
export class Recording extends Emitter<RecordingEvents> {
  readonly #parts: RecordingParts;
  readonly #uploader: Uploader;
  readonly #listening: (() => void)[] = [];
  #capture: Capture | undefined;
  #state: RecordingState = 'uploading';
  /** What waits for the disk, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #held = 0;
  #run: Run | undefined;
  /** Whether no piece is taken any more. */
  #isBroken = false;
  #over!: (error?: RecordingError) => void;
  readonly #done = new Promise<void>((resolve, reject) => {
    this.#over = (error) => (error ? reject(error) : resolve());
  });

  /** Made by `startRecording` and `resumeRecordings`. */
  constructor(parts: RecordingParts) {
    super();
    this.#parts = parts;
    this.#done.catch(() => {});
    const { client, environment, spool, clock, saved } = parts;
    this.#uploader = new Uploader(
      {
        saved,
        spool,
        environment,
        serverTime: () => clock.time(environment.now()),
        ask: (request: UploadsRequest) => client.api.call<RecordingUploads>('POST', '/api/session/recording/uploads', request),
        finish: () => this.#finish(),
        onProgress: () => this.emit('progress', this.progress),
        onRefused: (seq, reason) => this.emit('error', new RecordingError('piece_refused', `The server refused piece ${seq}: ${reason}.`)),
        onOver: (error) => void this.#ended(error),
      },
      parts.waiting,
    );
  }

  get recordingId(): string {
    return this.#parts.saved.recordingId;
  }

  get sessionId(): string {
    return this.#parts.saved.sessionId;
  }

  get kind(): RecordingKind {
    return this.#parts.saved.kind;
  }

  get mimeType(): string {
    return this.#parts.saved.mimeType;
  }

  get state(): RecordingState {
    return this.#state;
  }

  get progress(): RecordingProgress {
    const { nextSeq } = this.#parts.saved;
    return { recordedMs: recordedMs(this.#parts.saved), recorded: nextSeq, waiting: this.#uploader.waiting, isDelayed: this.#uploader.isDelayed };
  }

  /** Stops recording. Resolves once the server has everything; rejects with a {@link RecordingError} when it cannot have it any more. */
  stop(): Promise<void> {
    void this.#stop('stopped');
    return this.#done;
  }

  /** Resolves once the server has everything, whoever stops it; rejects as {@link stop} does. */
  get done(): Promise<void> {
    return this.#done;
  }

  /**
   * What is on this device alone once the recording has failed, a file for each stretch of it: say, when the server has made a file of what had
   * arrived by then. Empty where there is nothing, and where the recording was deleted. It stays here until {@link discard}, for seven days at most.
   */
  async leftovers(): Promise<Leftover[]> {
    if (this.#state !== 'failed') return [];
    await this.#done.catch(() => {});
    const { spool, saved } = this.#parts;
    return leftoversOf(saved, await spool.waiting(this.recordingId), (seq) => spool.read(this.recordingId, seq));
  }

  /** Deletes on this device what is left of a recording that has failed. */
  async discard(): Promise<void> {
    if (this.#state === 'failed') await this.#parts.spool.forget(this.recordingId);
  }

  /** @internal Asks the server; where there is nothing to go on with, the state is `failed` afterwards. */
  look(): Promise<void> {
    return this.#uploader.look();
  }

  /** @internal Begins to record, or goes on. */
  record({ Recorder, types, videoBitsPerSecond }: CaptureOptions): void {
    const { client, environment, clock, saved } = this.#parts;
    this.#state = 'recording';
    this.#capture = new Capture({
      client,
      environment,
      Recorder,
      types,
      videoBitsPerSecond,
      kind: saved.kind,
      pieceMs: saved.chunkSeconds * 1_000,
      serverTime: (instant) => clock.time(instant),
      onPiece: (piece, run) => this.#hold(piece, run),
      onFailed: (cause) => this.#fail(new RecordingError('recorder_failed', 'The browser could not record.', cause)),
    });
    this.#listening.push(
      client.on('localStatusChanged', () => this.#follow()),
      client.on('connectionStateChanged', () => {
        // A machine that slept has another idea of the time now.
        if (client.connectionState.status === 'connected') void clock.look();
        this.#follow();
      }),
    );
  }

  /** @internal Records no more, and brings home what there is. */
  bringHome(): void {
    this.#uploader.complete();
  }

  #follow(): void {
    const { client, saved } = this.#parts;
    const isHere = client.sessionId === saved.sessionId && client.connectionState.status !== 'closed';
    if (!isHere) void this.#stop('left');
    else if (saved.kind === 'screen' && tracksOf(client, 'screen').length === 0) void this.#stop('ended');
    else this.#capture?.follow();
  }

  /** What waits for the disk is in memory: of that there is a limit. */
  #hold(piece: Blob, run: Run): void {
    if (this.#isBroken) return;
    if (this.#held >= HELD) return this.#fail(new RecordingError('storage_failed', 'This device cannot write as fast as it records.'));
    this.#held++;
    // After one that cannot be kept none is: a piece that is missing in the middle would be worse than the end.
    this.#writing = this.#writing.then(() => this.#keep(piece, run));
    this.#writing.catch((thrown: unknown) => this.#fail(storageError(thrown)));
  }

  /** Into the spool, in pieces that the server takes. */
  async #keep(piece: Blob, run: Run): Promise<void> {
    const { maxChunkBytes } = this.#parts.saved;
    for (let at = 0; at < piece.size; at += maxChunkBytes) await this.#write(piece.slice(at, at + maxChunkBytes), run);
    this.#held--;
  }

  async #write(piece: Blob, run: Run): Promise<void> {
    const { saved, spool, clock, environment } = this.#parts;
    const before = { ...saved, segments: [...saved.segments] };
    const seq = saved.nextSeq;
    const isNew = this.#run !== run;
    if (seq >= LIMITS.pieces || (isNew && saved.segments.length >= LIMITS.segments)) {
      throw new RecordingError('too_long', 'The recording cannot be any longer. Start another one.');
    }
    if (isNew) saved.segments.push({ fromSeq: seq, startedAt: run.startedAt, isTold: false, head: await headOf(piece) });
    Object.assign(saved, { nextSeq: seq + 1, endedAt: clock.time(environment.now()), savedAt: environment.wallClock() });
    try {
      await spool.add(saved, seq, piece);
    } catch (thrown) {
      Object.assign(saved, before);
      throw thrown;
    }
    this.#run = run;
    this.#uploader.add(seq);
    this.emit('progress', this.progress);
  }

  /** Nothing more is recorded; what was kept goes home. */
  #fail(error: RecordingError): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.emit('error', error);
    void this.#stop('failed');
  }

  async #stop(reason: StopReason): Promise<void> {
    const capture = this.#capture;
    if (!capture) return;
    this.#capture = undefined;
    this.#listening.splice(0).forEach((stop) => stop());
    await capture.stop();
    await this.#writing.catch(() => {});
    if (this.#state === 'recording') {
      this.#state = 'uploading';
      await this.#close();
    }
    this.emit('stopped', { reason });
    this.#uploader.complete();
  }

  async #close(): Promise<void> {
    const { saved, spool } = this.#parts;
    saved.isFinished = true;
    // A full disk takes this no more than the last piece; whoever resumes finishes it all the same.
    await spool.save(saved).catch(() => {});
  }

  async #finish(): Promise<void> {
    const { client, saved } = this.#parts;
    const { recordingId, nextSeq } = saved;
    if (nextSeq === 0) await client.api.call('DELETE', `/api/recordings/${encodeURIComponent(recordingId)}`);
    else await client.api.call('POST', '/api/session/recording/finish', { recordingId, lastSeq: nextSeq - 1, durationMs: recordedMs(saved) });
  }

  async #ended(error: RecordingError | undefined): Promise<void> {
    const { spool, release } = this.#parts;
    const { recordingId } = this;
    this.#state = error ? 'failed' : 'finished';
    this.#isBroken = true;
    await this.#stop('failed');
    await this.#writing.catch(() => {});
    // Whoever may upload it later finds it here, and whoever may save it.
    if (this.#uploader.isCutOff) await this.#close();
    else if (error?.code !== 'signed_out') await spool.forget(recordingId).catch(() => {});
    release();
    if (error) this.emit('error', error);
    else this.emit('finished', { recordingId });
    this.#over(error);
  }
}

function recordedMs({ segments, endedAt }: Saved): number {
  const [first] = segments;
  return first ? Math.min(Math.max(Math.round(endedAt - first.startedAt), 0), LIMITS.ms) : 0;
}
