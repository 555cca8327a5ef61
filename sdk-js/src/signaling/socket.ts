import type { Environment, SocketLike } from '../environment.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import { Timers } from '../timers.ts';
import type { AnswerFrame, EventFrame, ServerFrame } from '../wire.ts';

/** A handshake that takes longer is given up. */
const OPEN_TIMEOUT_MS = 10_000;
/** A connection on which nothing at all comes for this long after a frame was sent is dead. */
const SILENCE_MS = 10_000;
/** With this code the server closes a connection that it has no more use for. */
const NORMAL_CLOSURE = 1000;
/** What a WebSocket says when its network ended without a word. */
const ABNORMAL_CLOSURE = 1006;

/** How a connection ended. */
export interface Ending {
  cause: TunRTCError;
  /** For how many milliseconds nothing had been said when the connection died without a word; else 0. */
  silence: number;
  /** Whether the server closed it on purpose. */
  dismissed: boolean;
}

/** What a {@link Socket} tells its owner. */
export interface SocketHandlers {
  onEvent(frame: EventFrame): void;
  /** Any frame's time, by the server's clock. */
  onTimestamp(timestamp: string): void;
  onClose(ending: Ending): void;
}

/** The server's acknowledgement of a frame. */
export interface Ack {
  data: unknown;
  /** When the frame arrived, by the server's clock. Events that are later may have been heard before. */
  timestamp: string;
}

interface Pending {
  sentAt: number;
  resolve(ack: Ack): void;
  reject(error: TunRTCError): void;
}

const ignore = (): void => {};

/** One WebSocket: frames with their answers, and a watch for silence. Knows nothing of sessions. */
export class Socket {
  readonly #environment: Environment;
  readonly #socket: SocketLike;
  readonly #timers: Timers<'silence'>;
  readonly #pending = new Map<string, Pending>();
  #handlers: SocketHandlers | undefined;
  #nextId = 1;
  #closed: TunRTCError | undefined;
  /** When the last frame went either way, and how long nothing had when the one that is unanswered was sent. */
  #lastTraffic: number;
  #quietBefore = 0;
  /** When the last frame was sent, on the environment's clock. */
  lastSent: number;
  /** Milliseconds from the last answered frame to its answer. */
  latency: number | undefined;

  /** Opens a connection; rejects when the handshake is refused, takes too long, or `signal` gives it up. */
  static open(environment: Environment, url: string, handlers: SocketHandlers, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const raw = environment.openSocket(url);
      const settle = () => {
        environment.clearTimeout(timer);
        signal.removeEventListener('abort', abandon);
      };
      const refuse = (code: string, message: string) => {
        settle();
        discard(raw);
        reject(new TunRTCError(code, message));
      };
      const abandon = () => refuse('closed', 'The signaling connection is not wanted now.');
      const late = () => refuse('timeout', 'The signaling connection did not open in time.');
      // First of all: an error event that nobody listens to ends a Node process.
      raw.onerror = ignore;
      raw.onclose = () => refuse('network_error', 'The signaling connection was refused.');
      raw.onopen = () => {
        settle();
        resolve(new Socket(environment, raw, handlers));
      };
      const timer = environment.setTimeout(late, OPEN_TIMEOUT_MS);
      signal.addEventListener('abort', abandon);
      if (signal.aborted) abandon();
    });
  }

  private constructor(environment: Environment, socket: SocketLike, handlers: SocketHandlers) {
    this.#environment = environment;
    this.#socket = socket;
    this.#handlers = handlers;
    this.#timers = new Timers(environment);
    this.lastSent = this.#lastTraffic = environment.now();
    socket.onopen = ignore;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      const cause = new TunRTCError('connection_lost', reason || `The signaling connection closed (${code}).`);
      this.#end({ cause, silence: code === ABNORMAL_CLOSURE ? this.#silence() : 0, dismissed: code === NORMAL_CLOSURE });
    };
  }

  /** Why it ended, once it has. */
  get closed(): TunRTCError | undefined {
    return this.#closed;
  }

  /** Sends a frame and waits for its answer; rejects with the server's code, or `connection_lost`. */
  request(action: string, data: object): Promise<Ack> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = String(this.#nextId++);
    const sentAt = this.#environment.now();
    if (!this.#timers.has('silence')) {
      this.#quietBefore = sentAt - this.#lastTraffic;
      this.#timers.arm('silence', SILENCE_MS, () => this.#fellSilent());
    }
    this.lastSent = this.#lastTraffic = sentAt;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { sentAt, resolve, reject });
      try {
        this.#socket.send(JSON.stringify({ action, id, data }));
      } catch (thrown) {
        this.#end({ cause: asTunRTCError(thrown, 'connection_lost'), silence: 0, dismissed: false });
      }
    });
  }

  /** Asks for a sign of life, to be given within `milliseconds`; without one the connection counts as lost. */
  async probe(milliseconds: number): Promise<void> {
    const timer = this.#environment.setTimeout(() => this.#fellSilent(), milliseconds);
    try {
      await this.request('ping', {});
    } finally {
      this.#environment.clearTimeout(timer);
    }
  }

  /** Closes without telling the owner. */
  close(): void {
    this.#handlers = undefined;
    const cause = new TunRTCError('connection_lost', 'The signaling connection was closed.');
    this.#end({ cause, silence: 0, dismissed: false }, () => this.#socket.close(NORMAL_CLOSURE));
  }

  #receive(data: unknown): void {
    if (this.#closed) return;
    // Whatever came, it shows that the connection lives.
    this.#timers.disarm('silence');
    this.#lastTraffic = this.#environment.now();
    const frame = parse(data);
    if (!frame) return;
    this.#handlers?.onTimestamp(frame.timestamp);
    if (frame.event === 'ack' || frame.event === 'error') this.#answer(frame);
    else this.#handlers?.onEvent(frame);
  }

  #answer(frame: AnswerFrame): void {
    const id = frame.id ?? '';
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.latency = this.#environment.now() - pending.sentAt;
    if (frame.event === 'ack') pending.resolve({ data: frame.data, timestamp: frame.timestamp });
    else pending.reject(new TunRTCError(frame.data.code, frame.data.message));
  }

  /** How long nothing had been said before the connection was found dead. */
  #silence(): number {
    return this.#timers.has('silence') ? this.#quietBefore : this.#environment.now() - this.#lastTraffic;
  }

  #fellSilent(): void {
    const cause = new TunRTCError('connection_lost', 'The signaling connection fell silent.');
    this.#end({ cause, silence: this.#quietBefore, dismissed: false });
  }

  #end(ending: Ending, shut: () => void = () => discard(this.#socket)): void {
    if (this.#closed) return;
    this.#closed = ending.cause;
    this.#timers.clear();
    this.#socket.onmessage = this.#socket.onclose = ignore;
    shut();
    for (const pending of this.#pending.values()) pending.reject(ending.cause);
    this.#pending.clear();
    this.#handlers?.onClose(ending);
  }
}

/**
 * Gives up a WebSocket that does not answer. Its handlers stay: packages for Node report an error when a connection is
 * closed before it is open, and keep the process alive while they wait for the other side to close.
 */
function discard(raw: SocketLike): void {
  raw.onopen = raw.onmessage = raw.onclose = raw.onerror = ignore;
  if (raw.terminate) raw.terminate();
  else raw.close();
}

/** A frame of the contract, or nothing: an API gateway sends frames of its own when a function failed. */
function parse(data: unknown): ServerFrame | undefined {
  try {
    const frame = JSON.parse(String(data)) as ServerFrame;
    return typeof frame.event === 'string' && typeof frame.data === 'object' ? frame : undefined;
  } catch {
    return undefined;
  }
}
