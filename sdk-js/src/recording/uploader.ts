import { Timers } from '../timers.ts';
import type { RecordingEnvironment } from './environment.ts';
import { RecordingError } from './error.ts';
import type { Saved, Spool } from './spool.ts';
import { essenceOf } from './types.ts';
import type { RecordingUploads } from '../wire.ts';

/** Pieces on their way at once: one that is slow does not hold up the others. */
const PARALLEL = 3;
/** A piece that takes longer than this is sent again. */
const PUT_MS = 60_000;
/** After a failure it is tried again after the first of these, in milliseconds, then after twice as long, up to the second. */
const WAIT_MS = { first: 1_000, longest: 30_000 };
/** A URL that runs out within this is not used any more. */
const RUNS_OUT_MS = 30_000;
/**
 * After so long without an answer, as after a failure, the server is asked first: it may have made files of what it had, and the store takes what
 * comes too late for them all the same.
 */
const SILENT_MS = 20_000;
/** Nothing of this recording can be uploaded any more. */
const GONE: ReadonlySet<number> = new Set([400, 403, 404, 409, 410]);
/** Whoever may upload is not signed in. */
const SIGNED_OUT = /^(not_signed_in|no_token|unauthorized|invalid_refresh_token|token_|key_)/;

/** What the server is asked for. */
export interface UploadsRequest {
  recordingId: string;
  fromSeq: number;
  segmentStartedAt?: number;
}

/** What is uploaded from where to where, and who is told. */
export interface UploaderParts {
  saved: Saved;
  spool: Spool;
  environment: Pick<RecordingEnvironment, 'wallClock' | 'fetch' | 'setTimeout' | 'clearTimeout' | 'random' | 'onWake'>;
  /** The server's time now, in milliseconds since 1970. */
  serverTime(): number;
  ask(request: UploadsRequest): Promise<RecordingUploads>;
  finish(): Promise<void>;
  onProgress(): void;
  onRefused(seq: number, reason: string): void;
  /** Nothing more is uploaded: the server has everything, or there is an error. */
  onOver(error?: RecordingError): void;
}

/** How long to wait before the next try, in milliseconds: longer each time, and spread, so that not all come back at once. */
export function uploadDelay(failures: number, random: number): number {
  return Math.min(WAIT_MS.longest, WAIT_MS.first * 2 ** failures) * (0.5 + random / 2);
}

/** Brings the pieces of one recording from this device to the server, until it has all of them. */
export class Uploader {
  readonly #parts: UploaderParts;
  /** In order. */
  readonly #waiting: Set<number>;
  readonly #flying = new Set<number>();
  readonly #timers: Timers<'retry'>;
  readonly #stopWaking: () => void;
  #urls = new Map<number, string>();
  /** Until when the URLs are good. */
  #until = 0;
  /** When the server or the store answered last; a machine that sleeps knows by the wall clock alone. */
  #heardAt = 0;
  #failures = 0;
  #isAsking = false;
  #isComplete = false;
  #isOver = false;
  #isComposed = false;

  /** @param waiting pieces that wait already, in order */
  constructor(parts: UploaderParts, waiting: readonly number[] = []) {
    this.#parts = parts;
    this.#waiting = new Set(waiting);
    this.#timers = new Timers(parts.environment);
    this.#stopWaking = parts.environment.onWake(() => {
      this.#timers.disarm('retry');
      this.#go();
    });
  }

  /** Pieces that the server has not confirmed yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether uploading failed just now, and is tried again. */
  get isDelayed(): boolean {
    return this.#failures > 0;
  }

  /** Whether the server has made files without what is still here. */
  get isCutOff(): boolean {
    return this.#isComposed && this.#waiting.size > 0;
  }

  /** Asks what the server has. */
  look(): Promise<void> {
    return this.#ask(this.#parts.saved.nextSeq);
  }

  /** A piece is in the spool. */
  add(seq: number): void {
    this.#waiting.add(seq);
    this.#go();
  }

  /** No more pieces come: when all are there, the server is told. */
  complete(): void {
    this.#isComplete = true;
    this.#go();
  }

  #go(): void {
    if (this.#isOver || this.#isAsking || this.#timers.has('retry')) return;
    for (const seq of this.#waiting) {
      if (this.#flying.size >= PARALLEL) return;
      if (this.#flying.has(seq)) continue;
      const url = this.#urlOf(seq);
      if (url === undefined) return void this.#ask(seq);
      void this.#send(seq, url);
    }
    if (this.#isComplete && this.#waiting.size === 0) void this.#finish();
  }

  /** The server must know of a segment before it has a piece of it: else a crash in between would leave one that belongs nowhere. */
  #urlOf(seq: number): string | undefined {
    const { environment, serverTime } = this.#parts;
    const isFresh = this.#until - serverTime() > RUNS_OUT_MS && environment.wallClock() - this.#heardAt < SILENT_MS;
    const isTold = this.#parts.saved.segments.every((segment) => segment.isTold || segment.fromSeq > seq);
    return isFresh && isTold ? this.#urls.get(seq) : undefined;
  }

  async #ask(seq: number): Promise<void> {
    const { saved, spool, ask } = this.#parts;
    // The server takes them one after the other, and the newest again.
    const untold = saved.segments.find(({ fromSeq, isTold }) => !isTold && fromSeq <= seq);
    const fromSeq = untold?.fromSeq ?? seq;
    this.#isAsking = true;
    try {
      this.#take(fromSeq, await ask({ recordingId: saved.recordingId, fromSeq, ...(untold && { segmentStartedAt: Math.round(untold.startedAt) }) }));
      if (untold) {
        untold.isTold = true;
        // If this is not kept, it is told once more.
        await spool.save(saved).catch(() => {});
      }
    } catch (thrown) {
      this.#failed(thrown);
    }
    this.#isAsking = false;
    this.#go();
  }

  #take(seq: number, { uploads, have, refused, expiresAt }: RecordingUploads): void {
    this.#urls = new Map(uploads.map((each) => [each.seq, each.url]));
    this.#until = Date.parse(expiresAt);
    this.#heardAt = this.#parts.environment.wallClock();
    for (const each of refused) {
      this.#parts.onRefused(each.seq, each.reason);
      void this.#done(each.seq);
    }
    const isThere = (one: number) => have.some(([from, to]) => one >= from && one <= to);
    for (const one of this.#waiting) if (isThere(one) && !this.#flying.has(one)) void this.#done(one);
    if (this.#waiting.has(seq) && !this.#urls.has(seq)) throw new Error('The server gave no URL for the next piece.');
  }

  async #send(seq: number, url: string): Promise<void> {
    const { saved, spool } = this.#parts;
    this.#flying.add(seq);
    try {
      const piece = await spool.read(saved.recordingId, seq);
      // A browser that ran out of room may have thrown it away: then it is a gap.
      if (piece) await this.#put(seq, url, piece);
      this.#failures = 0;
      await this.#done(seq);
    } catch (thrown) {
      this.#failed(thrown);
    }
    this.#flying.delete(seq);
    this.#go();
  }

  async #put(seq: number, url: string, piece: Blob): Promise<void> {
    const { environment, saved } = this.#parts;
    const abort = new AbortController();
    const timer = environment.setTimeout(() => abort.abort(), PUT_MS);
    try {
      const answer = await environment.fetch(url, { method: 'PUT', body: piece, headers: { 'content-type': essenceOf(saved.mimeType) }, signal: abort.signal });
      const { ok, status } = answer;
      if (ok) return void (this.#heardAt = environment.wallClock());
      // It would be refused whenever it is sent, and the others would wait for it.
      if (status === 400 && (await answer.text()).includes('>EntityTooLarge<')) return this.#parts.onRefused(seq, 'tooLarge');
      // The URL ran out, or its signature is no longer good: the next try is with a fresh one.
      if (status < 500) this.#urls.clear();
      throw new Error(`The store answered ${status}.`);
    } finally {
      environment.clearTimeout(timer);
    }
  }

  /** The server has it: here it is not needed any more. */
  async #done(seq: number): Promise<void> {
    this.#waiting.delete(seq);
    // What stays is found again by the next one who looks, and the server knows that it has it.
    await this.#parts.spool.drop(this.#parts.saved.recordingId, seq).catch(() => {});
    this.#parts.onProgress();
  }

  async #finish(): Promise<void> {
    this.#isAsking = true;
    try {
      await this.#parts.finish();
      this.#over();
    } catch (thrown) {
      this.#failed(thrown);
    }
    this.#isAsking = false;
    this.#go();
  }

  #failed(thrown: unknown): void {
    if (this.#isOver) return;
    const { code = '', status, isForeign, retryAfterSeconds = 0 } = thrown as { code?: string; status?: number; isForeign?: boolean; retryAfterSeconds?: number };
    if (SIGNED_OUT.test(code)) return this.#over(new RecordingError('signed_out', 'Nobody is signed in who may upload this recording.', thrown));
    if (status !== undefined && GONE.has(status) && !isForeign) {
      this.#isComposed = code === 'recording_finished';
      return this.#over(new RecordingError('gone', this.#isComposed ? 'The recording ended: nothing of it had reached the server for too long. What arrived is kept.' : 'The server takes nothing more of this recording.', thrown));
    }
    this.#heardAt = 0;
    // Several that fail together are one failure.
    if (this.#timers.has('retry')) return;
    const delay = Math.max(uploadDelay(this.#failures++, this.#parts.environment.random()), retryAfterSeconds * 1000);
    this.#timers.arm('retry', delay, () => this.#go());
    this.#parts.onProgress();
  }

  #over(error?: RecordingError): void {
    this.#isOver = true;
    this.#timers.clear();
    this.#stopWaking();
    this.#parts.onOver(error);
  }
}
