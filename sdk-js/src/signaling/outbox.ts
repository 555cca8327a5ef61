import type { Environment, Timer } from '../environment.ts';
import { isTransient, KEPT } from './backoff.ts';
import { asTunRTCError, type TunRTCError } from '../errors.ts';
import type { Socket } from './socket.ts';

/** An unanswered frame is sent again after this. */
const RESEND_MS = 3_000;

/** A frame that may safely arrive twice. */
interface Entry {
  action: string;
  data: object;
  /** What it belongs to, for {@link Outbox.drop}. */
  topic: string;
  resolve(ack: unknown): void;
  reject(error: TunRTCError): void;
  timer: Timer | undefined;
}

/**
 * Frames that were not answered yet. Each is sent again, unchanged, after a reconnect and every 3 s, until the
 * server acknowledges or finally refuses it. Only for frames that the receiver can tell from their repetition.
 */
export class Outbox {
  readonly #environment: Environment;
  readonly #onRefused: (error: TunRTCError) => void;
  readonly #entries = new Set<Entry>();
  #socket: Socket | undefined;

  /** @param onRefused hears of every refusal, final or not */
  constructor(environment: Environment, onRefused: (error: TunRTCError) => void) {
    this.#environment = environment;
    this.#onRefused = onRefused;
  }

  /** Frames that wait for their acknowledgement. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sends now, or as soon as there is a connection; resolves with the ack's data. */
  send(action: string, data: object, topic: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const entry: Entry = { action, data, topic, resolve, reject, timer: undefined };
      this.#entries.add(entry);
      this.#transmit(entry);
    });
  }

  /** Uses this connection from now on, and sends everything that waits over it, oldest first. */
  attach(socket: Socket): void {
    this.#socket = socket;
    for (const entry of this.#entries) this.#transmit(entry);
  }

  /** There is no connection for now. */
  detach(): void {
    this.#socket = undefined;
    for (const entry of this.#entries) this.#environment.clearTimeout(entry.timer);
  }

  /** Gives up on what belongs to `topic`, or on everything. */
  drop(cause: TunRTCError, topic?: string): void {
    for (const entry of this.#entries) {
      if (topic === undefined || entry.topic === topic) this.#settle(entry, () => entry.reject(cause));
    }
  }

  #transmit(entry: Entry): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#environment.clearTimeout(entry.timer);
    entry.timer = this.#environment.setTimeout(() => this.#transmit(entry), RESEND_MS);
    socket.request(entry.action, entry.data).then(
      (ack) => this.#settle(entry, () => entry.resolve(ack)),
      (error: unknown) => this.#refused(entry, asTunRTCError(error, 'internal')),
    );
  }

  #refused(entry: Entry, error: TunRTCError): void {
    if (!isTransient(error.code) && !KEPT.has(error.code)) this.#settle(entry, () => entry.reject(error));
    this.#onRefused(error);
  }

  #settle(entry: Entry, report: () => void): void {
    if (!this.#entries.delete(entry)) return;
    this.#environment.clearTimeout(entry.timer);
    report();
  }
}
