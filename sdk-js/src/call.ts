import type { TunRTCClient } from './client.ts';
import type { Environment } from './environment.ts';
import { asTunRTCError, TunRTCError } from './errors.ts';
import type { Tell, TunRTCEvents } from './events.ts';
import type { Api, Page } from './rest/api.ts';
import type { Mesh } from './media/mesh.ts';
import type { Outgoing, Slot } from './media/peer.ts';
import { Roster } from './roster.ts';
import type { Heartbeat } from './signaling/heartbeat.ts';
import { Signaling, type ConnectionState, type Arrival } from './signaling/signaling.ts';
import { Timers } from './timers.ts';
import { left } from './visit.ts';
import type {
  ChatMessage,
  EventFrame,
  Joined,
  LeaveReason,
  Participant,
  ParticipantUpdatedData,
  ReceivedSignal,
  SessionDetail,
  SignalingTicket,
  UserStatusData,
} from './wire.ts';

/** A frame of somebody who is not known to be there has this long to be explained by another, before the server is asked. */
const DOUBT_MS = 500;
const DOUBT_RETRY_MS = 5_000;
/** After an absence that the server could not bridge, as much chat is fetched as a replay would have brought: 2,000 messages. */
const HISTORY_PAGES = 20;
/** Frames that are kept of somebody until it is clear whether they are there. */
const HELD = 256;

/** What other participants see of this one. */
export interface Status {
  isMuted: boolean;
  isVideoEnabled: boolean;
}

/** What a {@link Call} needs, and whom it tells. */
export interface CallOptions {
  api: Api;
  environment: Environment;
  /** Connects people; absent where there is no WebRTC. */
  Mesh: typeof Mesh | undefined;
  userId: string;
  joined: Joined;
  status: Status;
  /** What the client has learned of its network. */
  heartbeat: Heartbeat;
  /** For every peer connection. With `iceServers` in it, these are used in place of the server's. */
  configuration: RTCConfiguration;
  videos: ReadonlySet<HTMLVideoElement>;
  /** Absent where calls are not to be reported. */
  client: TunRTCClient | undefined;
  startedAt: number;
  onFull(limit: number): void;
  onState(state: ConnectionState): void;
  tell: Tell;
}

/** Frames that another one explains, or only the server; until then they wait. */
interface Doubt {
  at: string;
  waiting: (() => void)[];
}

/** Being in one session: who is there, signaling, and a connection to each of them. */
export class Call {
  readonly sessionId: string;
  readonly signaling: Signaling;
  /** Absent where there is no WebRTC. */
  readonly mesh: Mesh | undefined;
  readonly #options: CallOptions;
  readonly #roster = new Roster();
  /** When a participant was last heard of over signaling, and since when what it sends is of its present run. */
  readonly #heard = new Map<string, string>();
  readonly #runs = new Map<string, string>();
  readonly #doubts = new Map<string, Doubt>();
  /** How often what is said of somebody was changed, as far as that was told. */
  readonly #versions: Record<string, number> = {};
  readonly #timers: Timers<'doubt'>;
  #status: Status;
  #telling: Promise<void> | undefined;
  /** A new seat that the server was asked for. */
  #seating: Promise<unknown> | undefined;
  #closed: TunRTCError | undefined;

  constructor(options: CallOptions) {
    const { environment, joined, userId } = options;
    this.#options = options;
    this.#status = options.status;
    this.#timers = new Timers(environment);
    this.sessionId = joined.sessionId;
    this.signaling = new Signaling({
      environment,
      userId,
      sessionId: joined.sessionId,
      heartbeat: options.heartbeat,
      admit: (signal) => this.#admit(signal),
      onJoined: (joined) => this.#joined(joined),
      onState: (state) => this.#stateChanged(state),
      onSignal: (signal) => this.#signal(signal),
      onMessage: (message) => {
        if (!this.#closed) options.tell('message', message);
      },
      onEvent: (frame) => {
        if (!this.#closed) this.#event(frame);
      },
      onBroken: (sender) => {
        if (this.participants.has(sender)) this.mesh?.reset(sender, true);
      },
      onError: (error) => this.#report(error),
    });
    this.mesh = this.#createMesh();
  }

  #createMesh(): Mesh | undefined {
    const options = this.#options;
    const { createPeerConnection } = options.environment;
    if (!createPeerConnection || !options.Mesh) return undefined;
    return new options.Mesh({
      ...options,
      createPeerConnection,
      participants: this.participants,
      signaling: this.signaling,
      onError: (peer, error) => this.#peerFailed(peer, error),
    });
  }

  /** Whose seat it is. */
  get userId(): string {
    return this.#options.userId;
  }

  /** The others, by user id. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#roster.members;
  }

  async start(): Promise<SessionDetail> {
    return (await this.signaling.join(this.#options.joined)).session;
  }

  /** Tells the others, by the next connection if there is none; of several statuses the last one is told last. */
  updateStatus(status: Status): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    this.#status = status;
    return (this.#telling ??= this.#tellStatus());
  }

  /** As {@link updateStatus}, for those who do not wait for it; what the others know is not said again. */
  announce(status: Status): void {
    if (this.#closed || sameStatus(status, this.#status)) return;
    this.#tellInPassing(status);
  }

  send(slot: Slot, outgoing?: Outgoing): void {
    this.mesh?.send(slot, outgoing);
  }

  /** Ends everything but the connection to the server, which {@link leave} may still need. */
  hangUp(cause: TunRTCError): void {
    this.#closed ??= cause;
    this.#timers.clear();
    this.#doubts.clear();
    this.mesh?.close(cause);
  }

  /** Gives the seat back, over whatever reaches the server. */
  async leave(): Promise<void> {
    const cause = left();
    this.hangUp(cause);
    const told = await this.signaling.leave();
    this.signaling.close(cause);
    if (told) return;
    await this.#seating;
    await this.#options.api.leaveSession(this.sessionId);
  }

  close(cause: TunRTCError): void {
    this.hangUp(cause);
    this.signaling.close(cause);
  }

  #tellInPassing(status: Status): void {
    this.updateStatus(status).catch((thrown: unknown) => this.#report(thrown));
  }

  async #tellStatus(): Promise<void> {
    try {
      for (let told: Status | undefined; told !== this.#status; ) {
        told = this.#status;
        await this.signaling.send('updateStatus', told);
      }
    } finally {
      this.#telling = undefined;
    }
  }

  /** A fresh ticket; if the seat was lost meanwhile, a new seat. */
  async #admit(signal: AbortSignal): Promise<SignalingTicket> {
    const { api } = this.#options;
    // While the seat is given back the connection still serves, but no other one is wanted.
    if (this.#closed) throw this.#closed;
    try {
      return await api.ticket(this.sessionId);
    } catch (error) {
      if (this.#closed || signal.aborted || !(error instanceof TunRTCError) || error.code !== 'not_in_session') throw error;
      const joined = api.joinSession(this.sessionId, signal);
      this.#seating = joined.catch(() => {});
      return (await joined).signaling;
    }
  }

  async #joined({ ack, resumed, joinedAt: at, since }: Arrival): Promise<void> {
    if (this.#closed) return;
    this.mesh?.permit(ack.session.participants);
    const others = ack.session.participants.filter(({ userId }) => userId !== this.#options.userId);
    const { present, joined, updated, left } = this.#roster.list(others, at);
    const { tell } = this.#options;
    if (resumed) joined.forEach((participant) => tell('userJoined', participant));
    updated.forEach((participant) => tell('userStatusUpdated', participant));
    left.forEach((participant) => this.#departed(participant, 'left'));
    // At the first join everybody who is connected gets an offer; later, newcomers make theirs.
    for (const { userId, status } of present) if (status !== 'disconnected') this.mesh?.connect(userId, !resumed);
    this.#settleDoubts(at);
    const own = ack.session.participants.find(({ userId }) => userId === this.#options.userId);
    if (own) this.mesh?.seated(own);
    if (!own || !sameStatus(own, this.#status)) this.#tellInPassing(this.#status);
    if (!since || ack.recovered) return;
    if (resumed) this.mesh?.renegotiate();
    await this.#catchUp();
  }

  /** Messages that the replay could not bring are in the history, the newest first; it is read back to what is known. */
  async #catchUp(): Promise<void> {
    try {
      const missed: ChatMessage[] = [];
      for (let cursor: string | undefined = '', pages = 0; cursor !== undefined && pages < HISTORY_PAGES; pages++) {
        const page: Page<ChatMessage> = await this.#options.api.getMessages(this.sessionId, { limit: 100, ...(cursor && { cursor }) });
        missed.push(...page.items);
        cursor = page.items.every((message) => this.signaling.isNews(message)) ? page.cursor : undefined;
      }
      for (const message of missed.reverse()) this.signaling.ingest(message);
    } catch (thrown) {
      this.#report(thrown);
    }
  }

  #event({ event, data, timestamp }: EventFrame): void {
    this.mesh?.permit([data]);
    switch (event) {
      case 'userJoined':
        this.#userJoined({ ...data, status: 'connected' }, timestamp);
        break;
      case 'userLeft':
        this.#userLeft(data.userId, data.reason, timestamp);
        break;
      case 'userStatusUpdated':
        this.#statusUpdated(data, timestamp);
        break;
      default:
        // Whatever else there is goes to the page as it came; of a participant it is news for the roster, too, unless it is older.
        if (event === 'participantUpdated') {
          const { userId, version = this.#versions[userId] ?? 0 } = data;
          if (version < this.#versions[userId]!) return;
          this.#versions[userId] = version;
          this.#statusUpdated(data, timestamp);
        }
        this.#options.tell(event as 'sessionEnded', data as TunRTCEvents['sessionEnded']);
    }
  }

  #userJoined(participant: Participant, at: string): void {
    const { userId } = participant;
    if (userId === this.#options.userId) return;
    const judgement = this.#roster.joined(participant, at);
    if (judgement === 'doubtful') this.#doubt(userId, at);
    if (judgement === 'news') this.#arrived(participant, at);
  }

  /** A fresh start of a participant, known before or not: what an earlier run of it sent is void from here on. */
  #arrived(participant: Participant, at: string): void {
    const { userId } = participant;
    if ((this.#heard.get(userId) ?? '') < at) {
      this.#runs.set(userId, at);
      this.mesh?.reset(userId, false);
    }
    this.#options.tell('userJoined', participant);
    this.#handOn(userId);
  }

  #userLeft(userId: string, reason: LeaveReason, at: string): void {
    const participant = this.#roster.members.get(userId);
    const judgement = this.#roster.left(userId, at);
    if (judgement === 'doubtful') this.#doubt(userId, at);
    if (judgement === 'news' && participant) this.#departed(participant, reason);
  }

  #departed({ userId, username }: Participant, reason: LeaveReason): void {
    this.mesh?.remove(userId);
    this.#options.tell('userLeft', { userId, username, reason });
  }

  #statusUpdated(status: UserStatusData | ParticipantUpdatedData, at: string): void {
    if (status.userId === this.#options.userId) return;
    const judgement = this.#roster.updated(status, at);
    const participant = this.#roster.members.get(status.userId);
    if (judgement === 'doubtful') this.#doubt(status.userId, at, participant ? undefined : () => this.#statusUpdated(status, at));
    if (judgement !== 'news' || !participant) return;
    this.#doubts.delete(status.userId);
    this.#options.tell('userStatusUpdated', participant);
  }

  #signal(signal: ReceivedSignal): void {
    const { fromUserId, timestamp } = signal;
    if (this.#closed || timestamp < (this.#runs.get(fromUserId) ?? '')) return;
    const judgement = this.#roster.signalled(fromUserId, timestamp);
    if (judgement === 'doubtful') this.#doubt(fromUserId, timestamp, () => this.#signal(signal));
    if (judgement !== 'news') return;
    this.#heard.set(fromUserId, timestamp);
    this.mesh?.handle(signal);
  }

  /** Somebody may be there or not: another frame will tell, or the server does when it is asked. */
  #doubt(userId: string, at: string, again?: () => void): void {
    if (this.#closed) return;
    const doubt = this.#doubts.get(userId) ?? { at, waiting: [] };
    if (at > doubt.at) doubt.at = at;
    if (again && doubt.waiting.length < HELD) doubt.waiting.push(again);
    this.#doubts.set(userId, doubt);
    if (!this.#timers.has('doubt')) this.#timers.arm('doubt', DOUBT_MS, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    const asked = new Map(this.#doubts);
    if (asked.size === 0) return;
    try {
      const { participants } = await this.#options.api.getSession(this.sessionId);
      for (const [userId, doubt] of asked) {
        const participant = participants.find((each) => each.userId === userId);
        // Frames that came meanwhile may have told.
        if (this.#doubts.get(userId) === doubt) this.#settleDoubt(userId, doubt, participant);
      }
    } catch {
      if (!this.#closed) this.#timers.arm('doubt', DOUBT_RETRY_MS, () => void this.#ask());
    }
  }

  #settleDoubt(userId: string, { at }: Doubt, participant: Participant | undefined): void {
    const known = this.participants.get(userId);
    const isNew = this.#roster.settle(userId, participant, at);
    if (isNew && participant) this.#options.tell(known ? 'userStatusUpdated' : 'userJoined', participant);
    if (participant) this.mesh?.connect(userId, false);
    else if (known) this.#departed(known, 'left');
    this.#handOn(userId);
  }

  /** A complete list has come: what it says of those in doubt holds, if it is newer than the doubt. */
  #settleDoubts(listedAt: string): void {
    for (const [userId, { at }] of [...this.#doubts]) {
      if (at < listedAt || this.#roster.members.has(userId)) this.#handOn(userId);
    }
  }

  /** Hands on what waited for somebody to be there; if they are not, it is dropped. */
  #handOn(userId: string): void {
    const waiting = this.#doubts.get(userId)?.waiting ?? [];
    this.#doubts.delete(userId);
    if (this.participants.has(userId)) waiting.forEach((again) => again());
  }

  #peerFailed(userId: string, error: TunRTCError): void {
    // They left, and that has not been told here yet; or they came back, and it has.
    if (error.code === 'peer_not_found') this.#doubt(userId, '');
    else this.#report(error);
  }

  #stateChanged(state: ConnectionState): void {
    if (state.status === 'closed') this.hangUp(new TunRTCError(state.code, state.reason));
    this.#options.onState(state);
  }

  #report(thrown: unknown): void {
    const error = asTunRTCError(thrown, 'internal');
    if (!this.#closed && error.code !== 'closed') this.#options.tell('error', error);
  }
}

function sameStatus(a: Status, b: Status): boolean {
  return a.isMuted === b.isMuted && a.isVideoEnabled === b.isVideoEnabled;
}
