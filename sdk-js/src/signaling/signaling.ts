import { isTransient, KEPT, reconnectDelay } from './backoff.ts';
import type { Environment, Timer } from '../environment.ts';
import { epochOf, newRun } from './epoch.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import { Inbox, Recent } from './inbox.ts';
import { Outbox } from './outbox.ts';
import { Socket } from './socket.ts';
import type { ChatMessage, EventFrame, JoinAck, ReceivedSignal, Signal, SignalBody, SignalingTicket } from '../wire.ts';

/** A missing signal is asked for after this, and after each of the following waits once more. */
const GAP_MS = [500, 1_500, 4_000, 8_000, 16_000] as const;
/** The server lets no connection live longer than 2 h; ours is replaced between these ages. */
const ROLLOVER_MS = { earliest: 105 * 60_000, latest: 115 * 60_000 };
const ROLLOVER_RETRY_MS = 30_000;
/** The server's answer to `joinSession` may take this long. */
const JOIN_TIMEOUT_MS = 10_000;
/** After a hint that the network changed, the connection has this long to show that it lives. */
const PROBE_MS = 4_000;
/** First connection: tries before `joinSession` is rejected. */
const FIRST_TRIES = 4;
/** A replay has this long to show that an unanswered message did arrive. */
const ECHO_MS = 1_500;
/** A message without an answer is in doubt after this. */
const CHAT_TIMEOUT_MS = 10_000;
/** A message that was refused for a passing reason is sent again after this. */
const CHAT_RETRY_MS = 3_000;

/** How the signaling connection stands. */
export type ConnectionState =
  | { status: 'idle' }
  | { status: 'connecting' }
  | { status: 'connected'; recovered: boolean }
  | { status: 'reconnecting'; attempt: number; code: string; reason: string }
  | { status: 'closed'; code: string; reason: string };

/** What a {@link Signaling} needs to know and to tell. */
export interface SignalingOptions {
  environment: Environment;
  sessionId: string;
  userId: string;
  /** Gets a fresh ticket; called before every connection. */
  admit(): Promise<SignalingTicket>;
  /** After each `joinSession`: the first, and every resume. */
  onJoined(ack: JoinAck, resumed: boolean, at: string): void | Promise<void>;
  onState(state: ConnectionState): void;
  /** A signal in its sender's order, exactly once. */
  onSignal(signal: ReceivedSignal): void;
  /** A chat message, exactly once. */
  onMessage(message: ChatMessage): void;
  /** Every other event. */
  onEvent(frame: EventFrame): void;
  /** A sender's signals are lost for good: the two have to start over. */
  onBroken(userId: string): void;
}

type TimerName = 'chat' | 'gap' | 'heartbeat' | 'pause' | 'rollover';

/** Where the next signal to one target stands. */
interface Course {
  generation: number;
  seq: number;
}

interface PendingChat {
  message: string;
  resolve(messageId: string): void;
  reject(error: TunRTCError): void;
  /** When it was first sent, by the server's clock; from then on it may have arrived without our knowing. */
  sentAt: string | undefined;
}

/**
 * One membership of one session, over as many connections as it takes: reconnects with a fresh ticket, rolls over
 * before the server's limit, keeps unacknowledged frames, and hands signals on in order and once.
 */
export class Signaling {
  readonly #options: SignalingOptions;
  readonly #environment: Environment;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  readonly #messages = new Recent();
  readonly #acknowledged = new Recent();
  /** Messages without an answer, oldest first; only the first is under way, so that they keep their order. */
  readonly #chats: PendingChat[] = [];
  readonly #lossy = new Set<string>();
  readonly #courses = new Map<string, Course>();
  readonly #timers = new Map<TimerName, Timer>();
  readonly #stopWake: () => void;
  #state: ConnectionState = { status: 'idle' };
  #socket: Socket | undefined;
  /** A connection that is being opened while the old one may still serve. */
  #next: Socket | undefined;
  /** Whether an attempt was given up unanswered: it may still take over, and that is no other tab's doing. */
  #unsettled = false;
  /** The latest time that the server has told; `since` for a resume. */
  #since = '';
  /** When the first join was answered; signals from before it were meant for an earlier run. */
  #joinedAt = '';
  #run = '';
  /** Events that came before the first join was answered. */
  #early: EventFrame[] = [];
  #gapRound = 0;
  #heartbeatMs = 0;
  #endPause: (() => void) | undefined;
  #moving = false;
  /** Times that the connection was lost and came back. */
  reconnects = 0;

  constructor(options: SignalingOptions) {
    this.#options = options;
    this.#environment = options.environment;
    this.#outbox = new Outbox(options.environment, (error) => this.#refused(error));
    this.#stopWake = options.environment.onWake(() => this.#wake());
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Milliseconds from a frame to its answer, lately. */
  get latency(): number | undefined {
    return this.#socket?.latency;
  }

  /** Signals that wait for their acknowledgement. */
  get unacknowledged(): number {
    return this.#outbox.size;
  }

  /** Joins with a ticket that is at hand; after a failure, a few more times with fresh ones. */
  async join(first: SignalingTicket): Promise<JoinAck> {
    this.#setState({ status: 'connecting' });
    let ticket: SignalingTicket | undefined = first;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attach(ticket ?? (await this.#options.admit()));
      } catch (thrown) {
        const cause = asTunRTCError(thrown, 'network_error');
        const delay = reconnectDelay(attempt, cause, this.#environment.random());
        if (this.#isClosed() || delay === undefined || attempt + 1 >= FIRST_TRIES) {
          this.close(cause);
          throw cause;
        }
        ticket = undefined;
        await this.#pause(delay);
      }
    }
  }

  /** Sends a signal; resolves when the server has it safely, whatever happens to connections meanwhile. */
  signal(targetUserId: string, body: SignalBody): Promise<unknown> {
    const course = this.#course(targetUserId);
    const epoch = epochOf(this.#run, course.generation);
    const data = { targetUserId, ...body, epoch, seq: ++course.seq };
    return this.#outbox.send(actionOf(body), data, targetUserId);
  }

  /** Starts a new epoch towards a target: what was sent to it before is void. */
  renew(targetUserId: string): void {
    const course = this.#course(targetUserId);
    if (course.seq === 0) return;
    this.#courses.set(targetUserId, { generation: course.generation + 1, seq: 0 });
    this.#outbox.drop(new TunRTCError('closed', 'The peer started over.'), targetUserId);
  }

  /** Sends a frame that may arrive twice without harm; resolves with the ack's data. */
  send(action: string, data: object): Promise<unknown> {
    return this.#outbox.send(action, data, action);
  }

  /** Sends a chat message once, even if the connection is lost before the answer; resolves with its id. */
  sendMessage(message: string): Promise<string> {
    if (this.#isClosed()) return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => {
      this.#chats.push({ message, resolve, reject, sentAt: undefined });
      if (this.#chats.length === 1) this.#sendChat();
    });
  }

  /** Takes a chat message from elsewhere (the history), unless it was handed on already. */
  ingest(message: ChatMessage): void {
    if (!this.#messages.add(message.messageId)) return;
    if (message.fromUserId === this.#options.userId) this.#settleEcho(message);
    this.#options.onMessage(message);
  }

  /** Tells the server that this participant leaves, if there is a connection to tell it over. */
  async leave(): Promise<boolean> {
    const socket = this.#socket;
    if (!socket) return false;
    try {
      await this.#within(socket.request('leaveSession', {}), 3_000);
      return true;
    } catch {
      return false;
    }
  }

  /** Checks at once that the connection lives, or hastens the next try to get one. */
  #wake(): void {
    this.#endPause?.();
    this.probe();
  }

  /** Looks for a dead connection when something else suggests one, say a peer's silence. */
  probe(): void {
    this.#socket?.probe(PROBE_MS).catch(this.#refused);
  }

  /** Ends the membership here; everything that waits is rejected with `cause`. */
  close(cause: TunRTCError): void {
    if (this.#isClosed()) return;
    this.#setState({ status: 'closed', code: cause.code, reason: cause.message });
    this.#stopWake();
    for (const timer of this.#timers.values()) this.#environment.clearTimeout(timer);
    this.#endPause?.();
    this.#dropSocket();
    this.#next?.close();
    this.#outbox.drop(cause);
    for (const chat of this.#chats.splice(0)) chat.reject(cause);
  }

  /** Opens a connection, joins (or resumes) over it, and makes it the one in use. */
  async #attach({ url, ticket }: SignalingTicket): Promise<JoinAck> {
    if (this.#isClosed()) throw this.#closedError();
    const address = new URL(url);
    address.searchParams.set('ticket', ticket);
    // What is heard before the answer to `joinSession` counts only once that has come: a replay may still be under way, and
    // if this connection is lost before its end, the next one has to ask for all of it again.
    let told = '';
    const socket: Socket = await Socket.open(this.#environment, address.href, {
      onEvent: (frame) => this.#receive(socket, frame),
      onTimestamp: (timestamp) => {
        if (socket === this.#socket) this.#advance(timestamp);
        else if (timestamp > told) told = timestamp;
      },
      onClose: (cause) => this.#lost(socket, cause),
    });
    if (this.#isClosed()) {
      socket.close();
      throw this.#closedError();
    }
    this.#next = socket;
    const since = this.#run && this.#since;
    try {
      const join = socket.request('joinSession', { sessionId: this.#options.sessionId, ...(since && { since }) });
      const ack = (await this.#within(join, JOIN_TIMEOUT_MS)) as JoinAck;
      this.#advance(told);
      this.#adopt(socket, ack, since !== '');
      return ack;
    } catch (error) {
      this.#unsettled = true;
      socket.close();
      throw error;
    } finally {
      if (this.#next === socket) this.#next = undefined;
    }
  }

  #adopt(socket: Socket, ack: JoinAck, resumed: boolean): void {
    const old = this.#socket;
    this.#socket = socket;
    this.#next = undefined;
    this.#unsettled = false;
    old?.close();
    this.#heartbeatMs = ack.heartbeatSeconds * 1000;
    this.#beat();
    const { earliest, latest } = ROLLOVER_MS;
    this.#arm('rollover', earliest + this.#environment.random() * (latest - earliest), () => void this.#rollOver());
    if (!resumed) this.#begin();
    if (resumed && !ack.recovered) this.#inbox.senders().forEach((sender) => this.#lossy.add(sender));
    this.#setState({ status: 'connected', recovered: !resumed || ack.recovered });
    this.#outbox.attach(socket);
    void this.#afterJoin(ack, resumed);
  }

  /** The first join: from here on this run has a name, and what came early can be judged. */
  #begin(): void {
    this.#joinedAt = this.#since;
    this.#run = newRun(this.#joinedAt, this.#environment.random());
  }

  async #afterJoin(ack: JoinAck, resumed: boolean): Promise<void> {
    const told = this.#options.onJoined(ack, resumed, this.#since);
    for (const frame of this.#early.splice(0)) this.#receive(this.#socket, frame);
    await told;
    if (this.#chats.length > 0) this.#arm('chat', resumed ? ECHO_MS : 0, () => this.#retryChat());
  }

  #advance(timestamp: string): void {
    if (timestamp > this.#since) this.#since = timestamp;
  }

  #receive(socket: Socket | undefined, frame: EventFrame): void {
    if (!this.#run) {
      this.#early.push(frame);
      return;
    }
    switch (frame.event) {
      case 'receiveOffer':
      case 'receiveAnswer':
      case 'receiveIceCandidate':
        this.#receiveSignal(frame.data, frame.timestamp);
        break;
      case 'receiveMessage':
        this.ingest({ ...frame.data, timestamp: frame.timestamp });
        break;
      case 'replaced':
        // While this client itself moves to a new connection, the old one is told the same.
        if (this.#unsettled && socket && socket === this.#socket) {
          this.#lost(socket, new TunRTCError('network_error', 'An attempt of our own that was given up came through late.'));
        } else if (socket === this.#next || !this.#next) {
          this.close(new TunRTCError('replaced', 'A newer connection of the same user took over.'));
        }
        break;
      case 'sessionEnded':
        this.#options.onEvent(frame);
        this.close(new TunRTCError('session_ended', `The session ended (${frame.data.reason}).`));
        break;
      default:
        this.#options.onEvent(frame);
    }
  }

  #receiveSignal(signal: Signal, timestamp: string): void {
    if (signal.epoch !== undefined && timestamp < this.#joinedAt) return;
    this.#inbox.accept({ ...signal, timestamp }).forEach(this.#options.onSignal);
    this.#watchGaps();
  }

  #watchGaps(): void {
    if (this.#inbox.gaps().length === 0) {
      this.#gapRound = 0;
      this.#disarm('gap');
      return;
    }
    if (!this.#timers.has('gap')) this.#arm('gap', GAP_MS[this.#gapRound] ?? 0, () => this.#closeGaps());
  }

  #closeGaps(): void {
    if (!this.#socket) return this.#watchGaps();
    for (const sender of this.#inbox.gaps()) {
      if (this.#gapRound > 0 && this.#lossy.delete(sender)) {
        this.#inbox.skip(sender).forEach(this.#options.onSignal);
      } else if (this.#gapRound === GAP_MS.length - 1) {
        this.#inbox.abandon(sender);
        this.#options.onBroken(sender);
      }
    }
    if (this.#inbox.gaps().length > 0) {
      this.#socket?.request('sync', { since: this.#since }).catch(this.#refused);
      this.#gapRound++;
    }
    this.#watchGaps();
  }

  #lost(socket: Socket, cause: TunRTCError): void {
    if (socket !== this.#socket) return;
    this.#dropSocket();
    void this.#reconnect(cause);
  }

  #dropSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#outbox.detach();
    this.#disarm('heartbeat');
    this.#disarm('rollover');
  }

  /** Tries until there is a connection, or there is no use in trying. */
  async #reconnect(lost: TunRTCError): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    let cause = lost;
    for (let attempt = 0; !this.#socket && !this.#isClosed(); attempt++) {
      const delay = reconnectDelay(attempt, cause, this.#environment.random());
      if (delay === undefined) {
        this.close(cause);
        break;
      }
      this.#setState({ status: 'reconnecting', attempt, code: cause.code, reason: cause.message });
      await this.#pause(delay);
      try {
        await this.#attach(await this.#options.admit());
        this.reconnects++;
      } catch (thrown) {
        cause = asTunRTCError(thrown, 'network_error');
      }
    }
    this.#moving = false;
  }

  /** Moves to a new connection while the old one still works, so that nothing pauses. */
  async #rollOver(): Promise<void> {
    if (this.#moving || !this.#socket) return;
    this.#moving = true;
    let failure: TunRTCError | undefined;
    try {
      // A fresh `since`: a quiet session may not have told the time for longer than the inbox reaches back.
      await this.#within(this.#socket.request('ping', {}), PROBE_MS).catch(() => {});
      await this.#attach(await this.#options.admit());
    } catch (thrown) {
      failure = asTunRTCError(thrown, 'network_error');
    }
    this.#moving = false;
    if (!failure || this.#isClosed()) return;
    if (!this.#socket) return this.#reconnect(failure);
    if (reconnectDelay(0, failure, 0) === undefined) this.close(failure);
    else this.#arm('rollover', ROLLOVER_RETRY_MS, () => void this.#rollOver());
  }

  /** The server does not know this connection any more, or the access behind it ran out: a new one helps. */
  readonly #refused = (thrown: unknown): void => {
    const { code } = asTunRTCError(thrown, 'internal');
    if (code === 'session_ended') this.close(new TunRTCError(code, 'The session ended.'));
    if (code === 'unauthorized' || code === 'not_joined') void this.#rollOver();
  };

  /** Pings when nothing else was sent for the length of a heartbeat: that renews the seat's lease. */
  #beat(): void {
    const socket = this.#socket;
    if (!socket) return;
    const idle = this.#environment.now() - socket.lastSent;
    if (idle >= this.#heartbeatMs) socket.request('ping', {}).catch(this.#refused);
    this.#arm('heartbeat', idle >= this.#heartbeatMs ? this.#heartbeatMs : this.#heartbeatMs - idle, () => this.#beat());
  }

  #sendChat(): void {
    const [chat] = this.#chats;
    const socket = this.#socket;
    if (!chat || !socket) return;
    chat.sentAt ??= this.#since;
    this.#within(socket.request('sendMessage', { message: chat.message }), CHAT_TIMEOUT_MS).then(
      (ack) => {
        const { messageId } = ack as { messageId: string };
        this.#acknowledged.add(messageId);
        this.#settleChat(chat, () => chat.resolve(messageId));
      },
      (thrown: unknown) => this.#chatFailed(chat, asTunRTCError(thrown, 'internal')),
    );
  }

  #chatFailed(chat: PendingChat, error: TunRTCError): void {
    if (!this.#chats.includes(chat)) return;
    if (UNANSWERED.has(error.code) || isTransient(error.code) || KEPT.has(error.code)) {
      if (!UNANSWERED.has(error.code)) chat.sentAt = undefined;
      if (this.#socket) this.#arm('chat', CHAT_RETRY_MS, () => this.#retryChat());
    } else {
      this.#settleChat(chat, () => chat.reject(error));
    }
    this.#refused(error);
  }

  /** Sends the first message again, unless a replay shows that it did arrive. */
  #retryChat(): void {
    const since = this.#chats[0]?.sentAt;
    if (since === undefined) return this.#sendChat();
    const again = () => this.#arm('chat', ECHO_MS, () => this.#sendChat());
    this.#socket?.request('sync', { since }).then(again, (thrown: unknown) => {
      this.#refused(thrown);
      if (this.#socket) this.#arm('chat', CHAT_RETRY_MS, () => this.#retryChat());
    });
  }

  /** Our own message came back: if its answer was lost, this is the answer. */
  #settleEcho({ message, messageId }: ChatMessage): void {
    const [chat] = this.#chats;
    if (this.#acknowledged.has(messageId)) return;
    if (chat?.sentAt !== undefined && chat.message === message) this.#settleChat(chat, () => chat.resolve(messageId));
  }

  #settleChat(chat: PendingChat, report: () => void): void {
    const place = this.#chats.indexOf(chat);
    if (place < 0) return;
    this.#chats.splice(place, 1);
    report();
    this.#sendChat();
  }

  #course(targetUserId: string): Course {
    let course = this.#courses.get(targetUserId);
    if (!course) this.#courses.set(targetUserId, (course = { generation: 0, seq: 0 }));
    return course;
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.#options.onState(state);
  }

  #isClosed(): boolean {
    return this.#state.status === 'closed';
  }

  #closedError(): TunRTCError {
    return new TunRTCError('closed', 'The session was left.');
  }

  #arm(name: TimerName, milliseconds: number, callback: () => void): void {
    this.#disarm(name);
    const timer = this.#environment.setTimeout(() => {
      this.#timers.delete(name);
      callback();
    }, milliseconds);
    this.#timers.set(name, timer);
  }

  #disarm(name: TimerName): void {
    this.#environment.clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#endPause = () => {
        this.#endPause = undefined;
        this.#disarm('pause');
        resolve();
      };
      this.#arm('pause', milliseconds, this.#endPause);
    });
  }

  #within<Answer>(promise: Promise<Answer>, milliseconds: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new TunRTCError('timeout', 'The server did not answer in time.'));
      const timer = this.#environment.setTimeout(late, milliseconds);
      promise.then(resolve, reject).finally(() => this.#environment.clearTimeout(timer));
    });
  }
}

/** What ends the wait for an answer, not the chance that the frame arrived. */
const UNANSWERED: ReadonlySet<string> = new Set(['connection_lost', 'timeout']);

function actionOf(body: SignalBody): string {
  if ('offer' in body) return 'sendOffer';
  return 'answer' in body ? 'sendAnswer' : 'sendIceCandidate';
}
