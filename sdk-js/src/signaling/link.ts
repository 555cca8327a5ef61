import { dismissedDelay, reconnectDelay } from './backoff.ts';
import type { Environment } from '../environment.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import type { Heartbeat } from './heartbeat.ts';
import { connectionOf, describe, isTrying, transition } from './link-state.ts';
import type { ConnectionState, LinkEvent, LinkState } from './link-state.ts';
import { Socket, type Ack, type Ending } from './socket.ts';
import { Timers, within } from '../timers.ts';
import type { EventFrame, JoinAck, SignalingTicket } from '../wire.ts';

/** The server lets no connection live longer than 2 h; ours is replaced between these ages. */
const ROLLOVER_MS = { earliest: 105 * 60_000, latest: 115 * 60_000 };
const ROLLOVER_RETRY_MS = 30_000;
/** Where frames are refused for their connection, a new one is made at most this often. */
const MOVE_AGAIN_MS = 2_000;
/** The server's answer to `joinSession` may take this long, and that to `leaveSession`. */
const JOIN_TIMEOUT_MS = 10_000;
const LEAVE_TIMEOUT_MS = 3_000;
/** After a hint that the network changed, the connection has this long to show that it lives. */
const PROBE_MS = 4_000;
/** A connection that lived this long, longer than a tab that was dismissed stays away, was not lost in a fight of two. */
const STEADY_MS = 150_000;

/** How a membership was joined, or resumed. */
export interface Arrival {
  ack: JoinAck;
  /** When the server began to join, by its clock. */
  joinedAt: string;
  /** Whether this goes on with what an earlier connection began. */
  resumed: boolean;
  /** From when on the server was asked for what was missed; empty when it was not. */
  since: string;
}

/** What a {@link Link} needs to know and to tell. */
export interface LinkOptions {
  environment: Environment;
  sessionId: string;
  heartbeat: Heartbeat;
  /** Gets a fresh ticket; called before every connection but the first. */
  admit(signal: AbortSignal): Promise<SignalingTicket>;
  onState(state: ConnectionState): void;
  /** There is a connection: the first, or another one. */
  onJoined(socket: Socket, arrival: Arrival): void;
  /** There is none. */
  onLost(): void;
  /** `isEarly`: it came on a connection on which `joinSession` is not answered yet, so a replay may still be under way. */
  onEvent(frame: EventFrame, isEarly: boolean): void;
}

/** A connection on which `joinSession` was answered. */
interface Opened extends Arrival {
  socket: Socket;
  /** The latest time that the server told on it before the answer. */
  told: string;
}

type TimerName = 'heartbeat' | 'pause' | 'rollover';

/**
 * The connection of one membership, over as many WebSockets as it takes: reconnects with a fresh ticket, rolls over
 * before the server's limit, shows that it lives. What it does follows from {@link LinkState} alone.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #environment: Environment;
  readonly #timers: Timers<TimerName>;
  readonly #stopWake: () => void;
  #state: LinkState<Socket> = { status: 'idle' };
  /** The try that is under way, and its end. */
  #attempt: AbortController | undefined;
  #trying: Promise<unknown> = Promise.resolve();
  /** A connection on which `joinSession` is not answered yet, while another may still serve. */
  #next: Socket | undefined;
  /** Whether a `joinSession` was given up unanswered: it may still take over, and that is no other tab's doing. */
  #isUnsettled = false;
  /** The latest time that the server has told; `since` for a resume. Empty until `joinSession` is sent for the first time. */
  #since = '';
  /** Whether `joinSession` was ever answered. */
  #isMember = false;
  #begunAt = '';
  #joinedAt = 0;
  #heartbeatMs = 0;
  /** When the connection was last replaced because it was refused frames. */
  #movedAt = -Infinity;
  /** How quiet it had been when the last connection died. */
  #silence = 0;
  /** How often in a row the server closed a young connection on purpose. */
  #dismissals = 0;
  #outcome: { resolve(ack: JoinAck): void; reject(cause: TunRTCError): void } | undefined;
  /** Times that the connection was lost and came back. */
  reconnects = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#environment = options.environment;
    this.#timers = new Timers(options.environment);
    this.#stopWake = options.environment.onWake(() => this.#wake());
  }

  get state(): ConnectionState {
    return describe(this.#state);
  }

  /** The connection that serves, if one does. */
  get socket(): Socket | undefined {
    return connectionOf(this.#state);
  }

  /** The latest time that the server has told. */
  get since(): string {
    return this.#since;
  }

  get isClosed(): boolean {
    return this.#state.status === 'closed';
  }

  /**
   * Joins with a ticket that is at hand; after a failure, a few more times with fresh ones.
   *
   * @param begunAt nothing that concerns this membership is older, by the server's clock
   */
  join(ticket: SignalingTicket, begunAt: string): Promise<JoinAck> {
    return new Promise((resolve, reject) => {
      this.#begunAt = begunAt;
      this.#outcome = { resolve, reject };
      if (this.#state.status === 'closed') reject(this.#state.cause);
      this.#dispatch({ type: 'join' }, ticket);
    });
  }

  /**
   * Tells the server that this participant leaves, if there is a connection to tell it over. Else it waits for the try
   * that is under way: what that asked of the server must not arrive after the leave that follows over REST.
   */
  async leave(): Promise<boolean> {
    const { socket } = this;
    this.#timers.disarm('pause');
    this.#attempt?.abort();
    try {
      await within(this.#environment, LEAVE_TIMEOUT_MS, socket ? socket.request('leaveSession', {}) : this.#trying);
      return socket !== undefined;
    } catch {
      return false;
    }
  }

  /** Looks for a dead connection when something suggests one, say a peer's silence. */
  probe(): void {
    this.socket?.probe(PROBE_MS).catch(this.refused);
  }

  close(cause: TunRTCError): void {
    this.#dispatch({ type: 'close', cause });
  }

  /** A frame was refused: where the server does not know this connection any more, or its access ran out, a new one helps. */
  readonly refused = (thrown: unknown): void => {
    const { code } = asTunRTCError(thrown, 'internal');
    if (code === 'session_ended') this.close(new TunRTCError(code, 'The session ended.'));
    if (this.socket && (code === 'unauthorized' || code === 'not_joined')) this.#moveSoon();
  };

  /** Not at once if the last one was made for the same: a server that refuses every connection is not stormed. */
  #moveSoon(): void {
    const wait = this.#movedAt + MOVE_AGAIN_MS - this.#environment.now();
    if (wait > 0) return this.#timers.arm('rollover', wait, () => this.#moveSoon());
    this.#movedAt = this.#environment.now();
    this.#dispatch({ type: 'move' });
  }

  #dispatch(event: LinkEvent<Socket>, ticket?: SignalingTicket): void {
    const before = this.#state;
    const state = (this.#state = transition(before, event));
    if (state === before) return;
    const [old, connection] = [connectionOf(before), connectionOf(state)];
    if (old && old !== connection) this.#drop(old, !connection);
    if (state.status === 'closed') this.#end(state.cause);
    // Moving shows only once it is done.
    if (!old || old !== connection) this.#options.onState(describe(state));
    if (state !== this.#state) return;
    if (isTrying(state) && !this.#attempt) this.#tryLater(state, ticket);
    if (state.status === 'connected' && old === connection) this.#rollOverIn(ROLLOVER_RETRY_MS);
  }

  #drop(old: Socket, isLast: boolean): void {
    this.#timers.disarm('heartbeat');
    this.#timers.disarm('rollover');
    old.close();
    if (isLast) this.#options.onLost();
  }

  #end(cause: TunRTCError): void {
    this.#stopWake();
    this.#timers.clear();
    this.#attempt?.abort();
    this.#next?.close();
    this.#outcome?.reject(cause);
  }

  /** The first try, and one that moves, need not wait. */
  #tryLater(state: LinkState<Socket>, ticket: SignalingTicket | undefined): void {
    const cause = 'attempt' in state ? state.cause : undefined;
    if (!cause) return this.#start(ticket);
    const delay = 'attempt' in state ? reconnectDelay(state.attempt, cause, this.#environment.random()) : 0;
    this.#timers.arm('pause', delay ?? 0, () => this.#start());
  }

  #start(ticket?: SignalingTicket): void {
    this.#trying = this.#try(ticket);
  }

  async #try(first?: SignalingTicket): Promise<void> {
    const attempt = (this.#attempt = new AbortController());
    const opened = await this.#open(attempt.signal, first).catch((thrown: unknown) => asTunRTCError(thrown, 'network_error'));
    const hasFailed = opened instanceof TunRTCError;
    if (attempt.signal.aborted) {
      if (!hasFailed) opened.socket.close();
      return;
    }
    this.#attempt = undefined;
    // Its end may have come right behind the answer to the join, when nobody looked.
    const failure = hasFailed ? opened : opened.socket.closed;
    if (failure) this.#dispatch({ type: 'failed', cause: failure });
    else if (!hasFailed) this.#adopt(opened);
  }

  /** Opens a connection and joins, or resumes, over it. Asks for nothing more once it is given up. */
  async #open(signal: AbortSignal, first: SignalingTicket | undefined): Promise<Opened> {
    // A fresh `since`: a quiet session may not have told the time for longer than the inbox reaches back.
    if (this.socket) await within(this.#environment, PROBE_MS, this.socket.request('ping', {})).catch(() => {});
    signal.throwIfAborted();
    const { url, ticket } = first ?? (await this.#options.admit(signal));
    signal.throwIfAborted();
    const address = new URL(url);
    address.searchParams.set('ticket', ticket);
    // What is heard before the answer to `joinSession` counts only once that has come: a replay may still be under way, and
    // if this connection is lost before its end, the next one has to ask for all of it again.
    let told = '';
    const socket: Socket = await Socket.open(this.#environment, address.href, {
      onEvent: (frame) => this.#receive(socket, frame),
      onTimestamp: (timestamp) => {
        if (socket === this.socket) this.#advance(timestamp);
        else if (timestamp > told) told = timestamp;
      },
      onClose: (ending) => this.#lost(socket, ending),
    }, signal);
    if (signal.aborted) socket.close();
    const since = this.#since;
    const { data, timestamp } = await this.#joinOver(socket);
    return { socket, told, ack: data as JoinAck, joinedAt: timestamp, resumed: this.#isMember, since };
  }

  async #joinOver(socket: Socket): Promise<Ack> {
    this.#next = socket;
    try {
      const since = this.#since && { since: this.#since };
      const join = socket.request('joinSession', { sessionId: this.#options.sessionId, ...since });
      // From here on others may send something to this participant, whether or not the answer arrives.
      this.#since ||= this.#begunAt;
      return await within(this.#environment, JOIN_TIMEOUT_MS, join);
    } catch (thrown) {
      this.#isUnsettled = true;
      socket.close();
      throw thrown;
    } finally {
      if (this.#next === socket) this.#next = undefined;
    }
  }

  #adopt({ socket, told, ...arrival }: Opened): void {
    const before = this.#state;
    if (before.status === 'reconnecting') {
      this.reconnects++;
      // Where the first try succeeds the network was not gone: it was the silence that the connection died of.
      if (before.attempt === 0) this.#options.heartbeat.learn(this.#silence);
    }
    this.#isUnsettled = false;
    this.#isMember = true;
    this.#joinedAt = this.#environment.now();
    this.#advance(arrival.joinedAt);
    this.#advance(told);
    const { ack, resumed } = arrival;
    this.#dispatch({ type: 'joined', connection: socket, recovered: !resumed || ack.recovered });
    // Whoever was told of the new state may have closed this by now.
    if (socket !== this.socket) return socket.close();
    this.#heartbeatMs = this.#options.heartbeat.interval(ack.heartbeatSeconds * 1000);
    this.#beat();
    const { earliest, latest } = ROLLOVER_MS;
    this.#rollOverIn(earliest + this.#environment.random() * (latest - earliest));
    this.#options.onJoined(socket, arrival);
    this.#outcome?.resolve(ack);
  }

  #receive(socket: Socket, frame: EventFrame): void {
    if (frame.event === 'replaced') this.#replaced(socket);
    else this.#options.onEvent(frame, socket !== this.socket);
  }

  /** While this client itself moves to a new connection, the old one is told the same. */
  #replaced(socket: Socket): void {
    if (this.#isUnsettled && socket === this.socket) {
      const cause = new TunRTCError('network_error', 'The server did not answer in time.');
      this.#dispatch({ type: 'lost', connection: socket, cause });
    } else if (socket === this.#next || !this.#next) {
      this.close(new TunRTCError('replaced', 'A newer connection of the same user took over.'));
    }
  }

  #lost(socket: Socket, { cause, silence, dismissed }: Ending): void {
    this.#silence = silence;
    this.#dispatch({ type: 'lost', connection: socket, cause: dismissed && !this.#next ? this.#dismissed(cause) : cause });
  }

  /** Closed on purpose without a word why: the next try waits, longer each time that this happens in a row. */
  #dismissed({ code, message }: TunRTCError): TunRTCError {
    if (this.#environment.now() - this.#joinedAt >= STEADY_MS) this.#dismissals = 0;
    return new TunRTCError(code, message, { retryAfterSeconds: dismissedDelay(this.#dismissals++) });
  }

  /** Checks at once that the connection lives, or hastens the next try to get one. */
  #wake(): void {
    if (this.#timers.has('pause')) {
      this.#timers.disarm('pause');
      this.#start();
    }
    this.probe();
  }

  #rollOverIn(milliseconds: number): void {
    this.#timers.arm('rollover', milliseconds, () => this.#dispatch({ type: 'move' }));
  }

  /** Pings when nothing else was sent for the length of a heartbeat: that renews the seat's lease. */
  #beat(): void {
    const { socket } = this;
    if (!socket) return;
    const idle = this.#environment.now() - socket.lastSent;
    const isDue = idle >= this.#heartbeatMs;
    if (isDue) socket.request('ping', {}).catch(this.refused);
    this.#timers.arm('heartbeat', isDue ? this.#heartbeatMs : this.#heartbeatMs - idle, () => this.#beat());
  }

  #advance(timestamp: string): void {
    if (timestamp > this.#since) this.#since = timestamp;
  }
}
