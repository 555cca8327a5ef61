import type { Environment, Timer } from './environment.ts';
import { asTunRTCError, TunRTCError } from './errors.ts';
import type { Api } from './rest/api.ts';
import { Mesh } from './media/mesh.ts';
import type { Outgoing, PeerState, Slot, StreamKind } from './media/peer.ts';
import { Signaling, type ConnectionState } from './signaling/signaling.ts';
import type {
  ChatMessage,
  EndReason,
  EventFrame,
  IceServer,
  Joined,
  JoinAck,
  LeaveReason,
  Participant,
  ReceivedSignal,
  SessionDetail,
  SignalingTicket,
} from './wire.ts';

/** ICE credentials are renewed when this share of their life has gone by. */
const ICE_RENEWAL = 0.5;
const ICE_RETRY_MS = 60_000;

/** What other participants see of this one. */
export interface Status {
  isMuted: boolean;
  isVideoEnabled: boolean;
}

/** Whom a {@link Call} tells. */
export interface CallHandlers {
  onState(state: ConnectionState): void;
  onUserJoined(participant: Participant): void;
  onUserLeft(participant: Participant, reason: LeaveReason): void;
  onStatus(participant: Participant): void;
  onMessage(message: ChatMessage): void;
  onStream(participant: Pick<Participant, 'userId' | 'username'>, stream: MediaStream, kind: StreamKind): void;
  onStreamRemoved(userId: string, stream: MediaStream): void;
  onPeerState(userId: string, state: PeerState): void;
  onChannel(userId: string, channel: RTCDataChannel): void;
  onSessionEnded(reason: EndReason): void;
  onError(error: TunRTCError): void;
}

/** One stay in one session: who is there, signaling, and a connection to each of them. */
export class Call {
  readonly sessionId: string;
  readonly signaling: Signaling;
  /** Absent where there is no WebRTC. */
  readonly mesh: Mesh | undefined;
  readonly #api: Api;
  readonly #environment: Environment;
  readonly #userId: string;
  readonly #handlers: CallHandlers;
  readonly #participants = new Map<string, Participant>();
  /** When a participant was last heard of over signaling, and since when what it sends is of its present run. */
  readonly #heard = new Map<string, string>();
  readonly #runs = new Map<string, string>();
  /** Since when a participant's status holds: of two that overtook each other the later one counts. */
  readonly #statusAt = new Map<string, string>();
  #status: Status;
  #statusSent: Promise<unknown> = Promise.resolve();
  #iceTimer: Timer | undefined;

  constructor(
    api: Api,
    environment: Environment,
    userId: string,
    joined: Joined,
    status: Status,
    configuration: RTCConfiguration,
    handlers: CallHandlers,
  ) {
    this.#api = api;
    this.#environment = environment;
    this.#userId = userId;
    this.#handlers = handlers;
    this.#status = status;
    this.sessionId = joined.sessionId;
    this.signaling = new Signaling({
      environment,
      userId,
      sessionId: joined.sessionId,
      admit: () => this.#admit(),
      onJoined: (ack, resumed) => this.#joined(ack, resumed),
      onState: (state) => this.#stateChanged(state),
      onSignal: (signal) => this.#signal(signal),
      onMessage: (message) => handlers.onMessage(message),
      onEvent: (frame) => this.#event(frame),
      onBroken: (sender) => this.mesh?.reset(sender, true),
    });
    this.mesh = environment.createPeerConnection && this.#createMesh(environment.createPeerConnection, joined, configuration);
    const life = credentialLife(joined);
    if (life > 0) this.#renewIceServersIn(life * ICE_RENEWAL);
  }

  #createMesh(
    createPeerConnection: NonNullable<Environment['createPeerConnection']>,
    { iceServers }: Joined,
    configuration: RTCConfiguration,
  ): Mesh {
    const handlers = this.#handlers;
    return new Mesh({
      environment: this.#environment,
      createPeerConnection,
      userId: this.#userId,
      configuration,
      iceServers,
      freshIceServers: () => this.#freshIceServers(),
      send: (target, body) => this.signaling.signal(target, body),
      renew: (target) => this.signaling.renew(target),
      onStream: (from, stream, kind) => handlers.onStream(this.#name(from), stream, kind),
      onStreamRemoved: (from, stream) => handlers.onStreamRemoved(from, stream),
      onState: (peer, state) => this.#peerChanged(peer, state),
      onChannel: (from, channel) => handlers.onChannel(from, channel),
      onError: (error) => handlers.onError(error),
    });
  }

  /** The others, by user id. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#participants;
  }

  async start(ticket: SignalingTicket): Promise<SessionDetail> {
    return (await this.signaling.join(ticket)).session;
  }

  /** Tells the others; the latest status always arrives last. */
  updateStatus(status: Status): Promise<void> {
    this.#status = status;
    const sent = this.#statusSent.then(async () => {
      await this.signaling.send('updateStatus', status);
    });
    this.#statusSent = sent.catch(() => {});
    return sent;
  }

  async send(slot: Slot, outgoing?: Outgoing): Promise<void> {
    await this.mesh?.send(slot, outgoing);
  }

  /** Gives the seat back, over whatever reaches the server. */
  async leave(): Promise<void> {
    const told = await this.signaling.leave();
    this.close(new TunRTCError('closed', 'The session was left.'));
    if (told) return;
    await this.#api.leaveSession(this.sessionId).catch((error: unknown) => {
      // The seat may be free by now: the answer over signaling was lost, or the session is over.
      if (!(error instanceof TunRTCError) || !SEATLESS.has(error.code)) throw error;
    });
  }

  close(cause: TunRTCError): void {
    this.signaling.close(cause);
  }

  /** A fresh ticket; if the seat was lost meanwhile, a new seat. */
  async #admit(): Promise<SignalingTicket> {
    try {
      return await this.#api.ticket(this.sessionId);
    } catch (error) {
      if (!(error instanceof TunRTCError) || error.code !== 'not_in_session') throw error;
      return (await this.#api.joinSession(this.sessionId)).signaling;
    }
  }

  async #joined(ack: JoinAck, resumed: boolean): Promise<void> {
    const others = ack.session.participants.filter(({ userId }) => userId !== this.#userId);
    for (const participant of others) this.#meet(participant, resumed);
    const present = new Set(others.map(({ userId }) => userId));
    for (const participant of [...this.#participants.values()]) {
      if (!present.has(participant.userId)) this.#part(participant.userId, 'left');
    }
    const own = ack.session.participants.find(({ userId }) => userId === this.#userId);
    const { isMuted, isVideoEnabled } = this.#status;
    if (own?.isMuted !== isMuted || own.isVideoEnabled !== isVideoEnabled) {
      this.updateStatus(this.#status).catch((thrown: unknown) => this.#report(thrown));
    }
    if (resumed && !ack.recovered) {
      this.mesh?.renegotiate();
      await this.#catchUp();
    }
  }

  /** Somebody in the roster. At the first join everybody who is connected gets an offer; later, newcomers make theirs. */
  #meet(participant: Participant, resumed: boolean): void {
    const { userId } = participant;
    const known = this.#participants.get(userId);
    this.#participants.set(userId, participant);
    if (!known && resumed) this.#handlers.onUserJoined(participant);
    if (known && !sameStatus(known, participant)) this.#handlers.onStatus(participant);
    if (participant.status !== 'disconnected') this.mesh?.connect(userId, !resumed);
  }

  #part(userId: string, reason: LeaveReason): void {
    const participant = this.#participants.get(userId);
    this.#participants.delete(userId);
    this.mesh?.remove(userId);
    if (participant) this.#handlers.onUserLeft(participant, reason);
  }

  /** Messages that the replay could not bring are in the history. */
  async #catchUp(): Promise<void> {
    try {
      const { items } = await this.#api.getMessages(this.sessionId);
      for (const message of items.reverse()) this.signaling.ingest(message);
    } catch (thrown) {
      this.#report(thrown);
    }
  }

  #event(frame: EventFrame): void {
    switch (frame.event) {
      case 'userJoined':
        this.#arrived({ ...frame.data, status: 'connected' }, frame.timestamp);
        break;
      case 'userLeft':
        this.#part(frame.data.userId, frame.data.reason);
        break;
      case 'userStatusUpdated':
        this.#statusUpdated(frame.data, frame.timestamp);
        break;
      case 'sessionEnded':
        this.#handlers.onSessionEnded(frame.data.reason);
        break;
      default:
    }
  }

  /** A fresh start of a participant, known before or not: what an earlier run of it sent is void from here on. */
  #arrived(participant: Participant, timestamp: string): void {
    const { userId } = participant;
    if (userId === this.#userId) return;
    this.#participants.set(userId, participant);
    if ((this.#heard.get(userId) ?? '') < timestamp) {
      this.#runs.set(userId, timestamp);
      this.mesh?.reset(userId, false);
    }
    this.#handlers.onUserJoined(participant);
  }

  #statusUpdated(status: Omit<Participant, 'joinedAt'>, timestamp: string): void {
    if (status.userId === this.#userId || timestamp < (this.#statusAt.get(status.userId) ?? '')) return;
    this.#statusAt.set(status.userId, timestamp);
    const known = this.#participants.get(status.userId);
    const participant = { joinedAt: known?.joinedAt ?? timestamp, ...status };
    this.#participants.set(status.userId, participant);
    this.#handlers.onStatus(participant);
  }

  #signal(signal: ReceivedSignal): void {
    const { fromUserId, timestamp } = signal;
    if (timestamp < (this.#runs.get(fromUserId) ?? '')) return;
    this.#heard.set(fromUserId, timestamp);
    this.mesh?.handle(signal);
  }

  #peerChanged(userId: string, state: PeerState): void {
    // The same trouble may have cut signaling off; a dead connection is found sooner by asking.
    if (state === 'reconnecting') this.signaling.probe();
    this.#handlers.onPeerState(userId, state);
  }

  #stateChanged(state: ConnectionState): void {
    if (state.status === 'closed') {
      this.#environment.clearTimeout(this.#iceTimer);
      this.mesh?.close();
    }
    this.#handlers.onState(state);
  }

  /** Later connections need credentials that still hold: the next ones are fetched in time. */
  async #freshIceServers(): Promise<IceServer[]> {
    const { iceServers, ttlSeconds } = await this.#api.iceServers();
    this.#renewIceServersIn(ttlSeconds * 1000 * ICE_RENEWAL);
    return iceServers;
  }

  #renewIceServersIn(milliseconds: number): void {
    this.#environment.clearTimeout(this.#iceTimer);
    this.#iceTimer = this.#environment.setTimeout(() => {
      this.#freshIceServers().then(
        (iceServers) => {
          if (this.mesh) this.mesh.iceServers = iceServers;
        },
        () => this.#renewIceServersIn(ICE_RETRY_MS),
      );
    }, milliseconds);
  }

  #name(userId: string): Pick<Participant, 'userId' | 'username'> {
    return { userId, username: this.#participants.get(userId)?.username ?? '' };
  }

  #report(thrown: unknown): void {
    const error = asTunRTCError(thrown, 'internal');
    if (error.code !== 'closed') this.#handlers.onError(error);
  }
}

/** What the server says of a seat that there is no need to give back. */
const SEATLESS: ReadonlySet<string> = new Set(['not_in_session', 'session_ended', 'session_not_found']);

function sameStatus(a: Participant, b: Participant): boolean {
  return a.status === b.status && a.isMuted === b.isMuted && a.isVideoEnabled === b.isVideoEnabled;
}

/**
 * How long TURN credentials hold, in milliseconds; 0 without any. Their user name starts with the Unix time of their
 * end, and the ticket, which lives 60 s, tells what the server's clock says.
 */
function credentialLife({ iceServers, signaling }: Joined): number {
  const ends = iceServers.map(({ username }) => parseInt(username ?? '', 10)).filter((end) => end > 0);
  if (ends.length === 0) return 0;
  const now = Date.parse(signaling.expiresAt) - 60_000;
  return Math.max(Math.min(...ends) * 1000 - now, ICE_RETRY_MS);
}
