import { Chat } from './chat.ts';
import type { Environment } from '../environment.ts';
import { epochOf, newRun } from './epoch.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import { GapWatch } from './gaps.ts';
import { Heartbeat } from './heartbeat.ts';
import { Inbox } from './inbox.ts';
import { Link, type Arrival } from './link.ts';
import type { ConnectionState } from './link-state.ts';
import { Outbox } from './outbox.ts';
import type { Socket } from './socket.ts';
import { begunAt } from './ticket.ts';
import type { ChatMessage, EventFrame, JoinAck, Joined, ReceivedSignal, Signal, SignalBody, SignalingTicket } from '../wire.ts';

export type { Arrival } from './link.ts';
export type { ConnectionState } from './link-state.ts';

/** The server answers `sync` at most every 250 ms: one that was sent so lately answers for another. */
const SYNC_EVERY_MS = 300;

/** What a {@link Signaling} needs to know and to tell. */
export interface SignalingOptions {
  environment: Environment;
  sessionId: string;
  userId: string;
  /** What the client has learned of its network; its own for each membership when absent. */
  heartbeat?: Heartbeat;
  /**
   * Gets a fresh ticket; called before every connection but the first. Once `signal` is aborted nothing more may be
   * asked of the server.
   */
  admit(signal: AbortSignal): Promise<SignalingTicket>;
  /** After each `joinSession` that was answered: the first, and every resume. */
  onJoined(arrival: Arrival): void | Promise<void>;
  onState(state: ConnectionState): void;
  /** A signal in its sender's order, exactly once. */
  onSignal(signal: ReceivedSignal): void;
  /** A chat message, exactly once. */
  onMessage(message: ChatMessage): void;
  /** Every other event. */
  onEvent(frame: EventFrame): void;
  /** A sender's signals are lost for good: the two have to start over. */
  onBroken(userId: string): void;
  /** `onJoined` failed. */
  onError?(error: TunRTCError): void;
}

/** Where the next signal to one target stands. */
interface Course {
  /** Absent until this run has started over with the target. */
  run?: string;
  generation: number;
  seq: number;
}

/**
 * One membership of one session: keeps unacknowledged frames over however many connections it takes, and hands signals
 * on in order and once.
 */
export class Signaling {
  readonly #options: SignalingOptions;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #chat: Chat;
  readonly #inbox = new Inbox();
  readonly #gaps: GapWatch;
  readonly #courses = new Map<string, Course>();
  /** When this run began, by the server's clock; signals from before were meant for an earlier run. */
  #begunAt = '';
  /** Names this run of the client; empty before the first join. */
  #run = '';
  readonly #chance: number;
  /** Events that came before the first join was answered. */
  #early: EventFrame[] = [];
  #syncedAt = -Infinity;

  constructor(options: SignalingOptions) {
    const { environment } = options;
    this.#options = options;
    this.#chance = environment.random();
    this.#link = new Link({
      environment,
      sessionId: options.sessionId,
      heartbeat: options.heartbeat ?? new Heartbeat(),
      admit: options.admit,
      onState: (state) => this.#stateChanged(state),
      onJoined: (socket, arrival) => this.#joined(socket, arrival),
      onLost: () => this.#outbox.detach(),
      onEvent: (frame, isEarly) => this.#receive(frame, isEarly),
    });
    this.#outbox = new Outbox(environment, this.#link.refused);
    this.#chat = new Chat(this.#outbox, options.onMessage);
    this.#gaps = new GapWatch({
      environment,
      inbox: this.#inbox,
      sync: (onFailed) => this.#sync(onFailed),
      onSignal: options.onSignal,
      onBroken: options.onBroken,
    });
  }

  get state(): ConnectionState {
    return this.#link.state;
  }

  /** Milliseconds from a frame to its answer, lately. */
  get latency(): number | undefined {
    return this.#link.socket?.latency;
  }

  /** Times that the connection was lost and came back. */
  get reconnects(): number {
    return this.#link.reconnects;
  }

  /** The latest time that the server has told. */
  get since(): string {
    return this.#link.since;
  }

  /** Frames that wait for their acknowledgement. */
  get unacknowledged(): number {
    return this.#outbox.size;
  }

  /** Joins with the ticket that came with the seat; after a failure, a few more times with fresh ones. */
  join(joined: Pick<Joined, 'participants' | 'signaling'>): Promise<JoinAck> {
    return this.#link.join(joined.signaling, begunAt(joined, this.#options.userId));
  }

  /**
   * Sends a signal; resolves when the server has it safely, whatever happens to connections meanwhile. A description
   * that was not sent yet when the next one comes is void: that one goes out in its place.
   */
  signal(targetUserId: string, body: SignalBody): Promise<unknown> {
    const course = this.#course(targetUserId);
    return this.#outbox.send({
      action: actionOf(body),
      topic: targetUserId,
      isReplaceable: !('candidates' in body),
      data: () => ({ targetUserId, ...body, epoch: epochOf(course.run ?? this.#run, course.generation), seq: ++course.seq }),
    });
  }

  /** Starts a new epoch towards a target: what was sent to it before is void. */
  renew(targetUserId: string): void {
    const { seq, generation } = this.#course(targetUserId);
    const run = newRun(this.#link.since, this.#chance);
    if (seq > 0) this.#courses.set(targetUserId, { run, generation: generation + 1, seq: 0 });
    this.#outbox.drop(new TunRTCError('closed', 'The signaling connection was closed.'), targetUserId);
  }

  /** Sends a frame that may arrive twice without harm; resolves with the ack's data. */
  async send(action: string, data: object): Promise<unknown> {
    return (await this.#outbox.send({ action, topic: action, data: () => data })).data;
  }

  /** Sends a chat message once, even if the connection is lost before the answer; resolves with its id. */
  sendMessage(message: string): Promise<string> {
    return this.#chat.send(message);
  }

  /** Takes a chat message from elsewhere (the history), unless it was handed on already or is from before joining. */
  ingest(message: ChatMessage): void {
    this.#chat.receive(message);
  }

  /** Whether {@link ingest} would hand this on. */
  isNews(message: ChatMessage): boolean {
    return this.#chat.isNews(message);
  }

  /** Tells the server that this participant leaves, if there is a connection to tell it over; nothing else is sent any more. */
  leave(): Promise<boolean> {
    this.#gaps.stop();
    this.#outbox.detach();
    return this.#link.leave();
  }

  /** Looks for a dead connection when something else suggests one, say a peer's silence. */
  probe(): void {
    this.#link.probe();
  }

  /** Ends the membership here; everything that waits is rejected with `cause`. */
  close(cause: TunRTCError): void {
    this.#link.close(cause);
  }

  #stateChanged(state: ConnectionState): void {
    if (state.status === 'closed') {
      this.#gaps.stop();
      this.#chat.release();
      this.#outbox.close(new TunRTCError(state.code, state.reason));
    }
    this.#options.onState(state);
  }

  #joined(socket: Socket, arrival: Arrival): void {
    const { ack, joinedAt, resumed, since } = arrival;
    // Where an earlier try was not answered, it may be that one by which this participant is there.
    if (!resumed) this.#begin(joinedAt, since || joinedAt);
    if (resumed && !ack.recovered) this.#gaps.expectLoss();
    this.#outbox.attach(socket);
    const report = (thrown: unknown) => this.#options.onError?.(asTunRTCError(thrown, 'internal'));
    this.#afterJoin(arrival).catch(report);
  }

  /** The first join: from here on this run has a name, and what came early can be judged. */
  #begin(joinedAt: string, begunAt: string): void {
    this.#begunAt = begunAt;
    this.#run = newRun(joinedAt, this.#chance);
    this.#chat.begin(this.#run, begunAt);
  }

  async #afterJoin(arrival: Arrival): Promise<void> {
    const told = this.#options.onJoined(arrival);
    for (const frame of this.#early.splice(0)) this.#receive(frame, true);
    this.#chat.release();
    await told;
  }

  #receive(frame: EventFrame, isEarly = false): void {
    if (this.#link.isClosed) return;
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
        this.#chat.receive({ ...frame.data, timestamp: frame.timestamp }, isEarly);
        break;
      case 'removed':
      case 'sessionEnded':
        this.#options.onEvent(frame);
        this.close(new TunRTCError(frame.event === 'removed' ? frame.event : 'session_ended', 'The session ended.'));
        break;
      default:
        this.#options.onEvent(frame);
    }
  }

  #receiveSignal(signal: Signal, timestamp: string): void {
    if (timestamp < this.#begunAt) return;
    this.#inbox.accept({ ...signal, timestamp }).forEach(this.#options.onSignal);
    this.#gaps.look();
  }

  #sync(onFailed: () => void): boolean {
    const { socket, since } = this.#link;
    const now = this.#options.environment.now();
    if (!socket) return false;
    if (now - this.#syncedAt < SYNC_EVERY_MS) return true;
    this.#syncedAt = now;
    socket.request('sync', { since }).catch((thrown: unknown) => {
      onFailed();
      this.#link.refused(thrown);
    });
    return true;
  }

  #course(targetUserId: string): Course {
    let course = this.#courses.get(targetUserId);
    if (!course) this.#courses.set(targetUserId, (course = { generation: 0, seq: 0 }));
    return course;
  }
}

function actionOf(body: SignalBody): string {
  if ('offer' in body) return 'sendOffer';
  return 'answer' in body ? 'sendAnswer' : 'sendIceCandidate';
}
