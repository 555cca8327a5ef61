import type { Environment, Timer } from '../environment.ts';
import { isTransient, KEPT, resendDelay } from './backoff.ts';
import { asTunRTCError, type TunRTCError } from '../errors.ts';
import type { Ack, Socket } from './socket.ts';

/** At most so many frames are sent and not acknowledged; the others wait their turn. */
const WINDOW = 64;

/** A frame that may safely arrive twice. */
export interface Frame {
  action: string;
  /** What it belongs to: frames of one topic keep their order, and {@link Outbox.drop} takes them together. */
  topic: string;
  /** Its data, asked for once, when it is sent for the first time. */
  data(): object;
  /** Whether one of the same topic that comes later makes it void, as long as it was never sent. */
  isReplaceable?: boolean;
}

interface Entry {
  frame: Frame;
  /** `resting`: refused for a passing reason, and not to be sent before its timer runs out. */
  phase: 'waiting' | 'underWay' | 'resting';
  data: object | undefined;
  /** How often it was sent. */
  sent: number;
  timer: Timer | undefined;
  answer: Promise<Ack>;
  resolve(ack: Ack): void;
  reject(error: TunRTCError): void;
}

/**
 * Frames that were not answered yet. Each is sent again, unchanged, after a reconnect, else further and further apart,
 * until the server acknowledges or finally refuses it. Only for frames that the receiver can tell from their repetition.
 */
export class Outbox {
  readonly #environment: Environment;
  readonly #onRefused: (error: TunRTCError) => void;
  readonly #entries = new Set<Entry>();
  #socket: Socket | undefined;
  #closed: TunRTCError | undefined;

  /** @param onRefused hears of every refusal, final or not */
  constructor(environment: Environment, onRefused: (error: TunRTCError) => void) {
    this.#environment = environment;
    this.#onRefused = onRefused;
  }

  /** Frames that wait for their acknowledgement. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sends as soon as there is a connection and room in the window; resolves with the acknowledgement. */
  send(frame: Frame): Promise<Ack> {
    if (this.#closed) return Promise.reject(this.#closed);
    const older = frame.isReplaceable && this.#unsent(frame.topic);
    if (older) {
      // In its place: what follows may build on it.
      older.frame = frame;
      return older.answer;
    }
    const entry = newEntry(frame);
    this.#entries.add(entry);
    this.#pump();
    return entry.answer;
  }

  /** Uses this connection from now on, and sends everything that waits over it, oldest first. */
  attach(socket: Socket): void {
    this.detach();
    this.#socket = socket;
    this.#pump();
  }

  /** There is no connection for now. */
  detach(): void {
    this.#socket = undefined;
    for (const entry of this.#entries) this.#rest(entry, 'waiting');
  }

  /** Gives up on what belongs to `topic`. */
  drop(cause: TunRTCError, topic: string): void {
    for (const entry of this.#entries) {
      if (entry.frame.topic === topic) this.#settle(entry, () => entry.reject(cause));
    }
  }

  /** Gives up on everything, and takes nothing more. */
  close(cause: TunRTCError): void {
    this.#closed = cause;
    this.#socket = undefined;
    for (const entry of this.#entries) this.#settle(entry, () => entry.reject(cause));
  }

  /** Sends what may be sent now. Nothing overtakes a frame of its own topic that was refused. */
  #pump(): void {
    const blocked = new Set<string>();
    let unanswered = 0;
    for (const entry of this.#entries) {
      if (!this.#socket || unanswered === WINDOW) return;
      const { topic } = entry.frame;
      if (entry.phase === 'waiting' && !blocked.has(topic)) this.#transmit(entry, this.#socket);
      if (entry.phase === 'resting') blocked.add(topic);
      if (entry.phase !== 'waiting') unanswered++;
    }
  }

  #transmit(entry: Entry, socket: Socket): void {
    entry.phase = 'underWay';
    entry.data ??= entry.frame.data();
    this.#arm(entry, resendDelay(entry.sent++, this.#environment.random()), () => this.#transmit(entry, socket));
    socket.request(entry.frame.action, entry.data).then(
      (ack) => this.#settle(entry, () => entry.resolve(ack)),
      (error: unknown) => this.#refused(entry, socket, asTunRTCError(error, 'internal')),
    );
  }

  #refused(entry: Entry, socket: Socket, error: TunRTCError): void {
    if (!isTransient(error.code) && !KEPT.has(error.code)) this.#settle(entry, () => entry.reject(error));
    else if (socket === this.#socket && this.#entries.has(entry)) this.#backOff(entry, error);
    this.#onRefused(error);
  }

  /** The next try waits as long as one without an answer would have, and no shorter than the server asks. */
  #backOff(entry: Entry, { retryAfterSeconds = 0 }: TunRTCError): void {
    const delay = resendDelay(entry.sent - 1, this.#environment.random());
    this.#rest(entry, 'resting');
    this.#arm(entry, Math.max(delay, retryAfterSeconds * 1000), () => {
      entry.phase = 'waiting';
      this.#pump();
    });
  }

  #arm(entry: Entry, milliseconds: number, callback: () => void): void {
    this.#environment.clearTimeout(entry.timer);
    entry.timer = this.#environment.setTimeout(callback, milliseconds);
  }

  #rest(entry: Entry, phase: 'waiting' | 'resting'): void {
    this.#environment.clearTimeout(entry.timer);
    entry.phase = phase;
  }

  #settle(entry: Entry, report: () => void): void {
    if (!this.#entries.delete(entry)) return;
    this.#environment.clearTimeout(entry.timer);
    report();
    this.#pump();
  }

  /** A replaceable frame of this topic that was never sent. */
  #unsent(topic: string): Entry | undefined {
    for (const entry of this.#entries) {
      if (entry.frame.topic === topic && entry.frame.isReplaceable && !entry.data) return entry;
    }
    return undefined;
  }
}

function newEntry(frame: Frame): Entry {
  const entry: Partial<Entry> = { frame, phase: 'waiting', data: undefined, sent: 0, timer: undefined };
  entry.answer = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
  return entry as Entry;
}
