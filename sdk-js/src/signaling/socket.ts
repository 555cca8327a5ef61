import type { Environment, SocketLike, Timer } from '../environment.ts';
import { TunRTCError } from '../errors.ts';
import type { AnswerFrame, EventFrame, ServerFrame } from '../wire.ts';

/** A handshake that takes longer is given up. */
const OPEN_TIMEOUT_MS = 10_000;
/** A connection on which nothing at all comes for this long after a frame was sent is dead. */
const SILENCE_MS = 10_000;

/** What a {@link Socket} tells its owner. */
export interface SocketHandlers {
  onEvent(frame: EventFrame): void;
  /** Any frame's time, by the server's clock. */
  onTimestamp(timestamp: string): void;
  onClose(cause: TunRTCError): void;
}

interface Pending {
  resolve(data: unknown): void;
  reject(error: TunRTCError): void;
}

/** One WebSocket: frames with their answers, and a watch for silence. Knows nothing of sessions. */
export class Socket {
  readonly #environment: Environment;
  readonly #socket: SocketLike;
  #handlers: SocketHandlers | undefined;
  readonly #pending = new Map<string, Pending>();
  #nextId = 1;
  #watch: Timer | undefined;
  #closed: TunRTCError | undefined;
  /** When the last frame was sent, on the environment's clock. */
  lastSent: number;
  /** Milliseconds from the last answered frame to its answer. */
  latency: number | undefined;

  /** Opens a connection; rejects when the handshake is refused or takes too long. */
  static open(environment: Environment, url: string, handlers: SocketHandlers): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const raw = environment.openSocket(url);
      const refuse = (error: TunRTCError) => {
        environment.clearTimeout(timer);
        raw.onopen = raw.onclose = raw.onerror = null;
        reject(error);
      };
      const timer = environment.setTimeout(() => {
        refuse(new TunRTCError('timeout', 'The signaling connection did not open in time.'));
        raw.close();
      }, OPEN_TIMEOUT_MS);
      raw.onerror = () => {};
      raw.onclose = () => refuse(new TunRTCError('network_error', 'The signaling connection was refused.'));
      raw.onopen = () => {
        environment.clearTimeout(timer);
        resolve(new Socket(environment, raw, handlers));
      };
    });
  }

  private constructor(environment: Environment, socket: SocketLike, handlers: SocketHandlers) {
    this.#environment = environment;
    this.#socket = socket;
    this.#handlers = handlers;
    this.lastSent = environment.now();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) =>
      this.#end(new TunRTCError('connection_lost', reason || `The signaling connection closed (${code}).`));
  }

  /** Sends a frame and waits for its answer; rejects with the server's code, or `connection_lost`. */
  request(action: string, data: object): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = String(this.#nextId++);
    const sentAt = (this.lastSent = this.#environment.now());
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.latency = this.#environment.now() - sentAt;
      };
      this.#pending.set(id, {
        resolve: (answer) => (settle(), resolve(answer)),
        reject: (error) => (settle(), reject(error)),
      });
      this.#watch ??= this.#environment.setTimeout(() => this.#silent(), SILENCE_MS);
      this.#socket.send(JSON.stringify({ action, id, data }));
    });
  }

  /** Asks for a sign of life, to be given within `milliseconds`; without one the connection counts as lost. */
  async probe(milliseconds: number): Promise<void> {
    const timer = this.#environment.setTimeout(() => this.#silent(), milliseconds);
    try {
      await this.request('ping', {});
    } finally {
      this.#environment.clearTimeout(timer);
    }
  }

  /** Closes without telling the owner. */
  close(): void {
    this.#handlers = undefined;
    this.#end(new TunRTCError('connection_lost', 'The signaling connection was closed.'));
  }

  #receive(data: unknown): void {
    if (this.#closed) return;
    this.#unwatch();
    const frame = parse(data);
    if (!frame) return;
    this.#handlers?.onTimestamp(frame.timestamp);
    if (frame.event === 'ack' || frame.event === 'error') this.#answer(frame);
    else this.#handlers?.onEvent(frame);
  }

  #answer(frame: AnswerFrame): void {
    const pending = this.#pending.get(frame.id ?? '');
    if (!pending) return;
    this.#pending.delete(frame.id ?? '');
    if (frame.event === 'ack') pending.resolve(frame.data);
    else pending.reject(new TunRTCError(frame.data.code, frame.data.message));
  }

  /** Whatever came, it shows that the connection lives. */
  #unwatch(): void {
    this.#environment.clearTimeout(this.#watch);
    this.#watch = undefined;
  }

  #silent(): void {
    this.#end(new TunRTCError('connection_lost', 'The signaling connection fell silent.'));
  }

  #end(cause: TunRTCError): void {
    if (this.#closed) return;
    this.#closed = cause;
    this.#unwatch();
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
    for (const pending of this.#pending.values()) pending.reject(cause);
    this.#pending.clear();
    this.#handlers?.onClose(cause);
  }
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
