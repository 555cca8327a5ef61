/** TunRTC's server by the contract, in this process and in memory, with a network between that can be made to fail. */
import type { SocketLike } from '../../src/environment.ts';
import type { CallReport } from '../../src/wire.ts';
import type { LeaveReason, Participant, Permissions, SessionDetail } from '../../src/wire.ts';

const INBOX_WINDOW_MS = 600_000;
const OVERLAP_MS = 30_000;
const TICKET_MS = 60_000;
const GRACE_MS = 30_000;
/** A seat that nobody has connected for is free after this. */
const FIRST_CONNECT_MS = 60_000;
/** The refresh token that was just replaced is taken again for this long. */
const REFRESH_GRACE_MS = 10_000;
/** `sync` is answered at most this often on one connection. */
const SYNC_EVERY_MS = 250;
/** Reports of one participant are at least so far apart. */
const REPORTS_APART_MS = 5_000;
/** What a participant usually may. */
const USUAL: Permissions = {
  publishAudio: true,
  publishVideo: true,
  publishScreen: true,
  chat: true,
  data: true,
  updateOwnAttributes: true,
  moderate: false,
};
const PRESENCE: ReadonlySet<string> = new Set(['userJoined', 'userLeft', 'userStatusUpdated']);

/** What the server needs to know of time. */
export interface ServerClock {
  now(): number;
  timestamp(): string;
  setTimeout(callback: () => void, milliseconds: number): unknown;
}

/** How the network treats one frame: absent answers mean at once, once, unharmed. */
export interface Network {
  /** Milliseconds until a frame arrives. */
  delay?(): number;
  /** A push that is lost although the server was told that it succeeded. */
  losesPush?(): boolean;
  /** A push that arrives twice. */
  doublesPush?(): boolean;
  /** A client's frame on which the connection breaks before it arrives. */
  losesFrame?(action: string): boolean;
  /** An answer on which the connection breaks before it arrives. */
  losesAnswer?(action: string): boolean;
  /** Milliseconds from what a frame does to its answer: pushes that it caused, or that others caused meanwhile, overtake it. */
  slowAnswer?(action: string): number;
  /** Milliseconds that a presence event comes late, on its own: of two the later one may come first. */
  latePresence?(event: string): number;
  /** A function that fails before it acts: API Gateway answers in its own words, and names no frame. */
  crashes?(action: string): boolean;
  /** A connection that is closed for a newer one without having been told `replaced`. */
  losesReplaced?(): boolean;
}

interface Item {
  at: number;
  frame: object;
}

interface Seat extends Participant {
  connections: Set<Connection>;
  current: Connection | undefined;
  attempt: number;
  inbox: Item[];
  /** Whether the others have not been told of this seat yet. */
  untold: boolean;
  recording?: boolean;
}

interface ChatLine {
  messageId: string;
  fromUserId: string;
  fromUsername: string;
  message: string;
  clientMessageId?: string;
  timestamp: string;
}

interface CaptionLine {
  captionId: string;
  fromUserId: string;
  fromUsername: string;
  text: string;
  final: boolean;
  language: string;
  startedAt: string;
  timestamp: string;
}

interface Room {
  detail: Omit<SessionDetail, 'participants' | 'currentParticipants'>;
  seats: Map<string, Seat>;
  chat: ChatLine[];
  /** The final ones. */
  captions: CaptionLine[];
  banned: Set<string>;
  /** Whoever waits to be let in, with the connection that showed itself. */
  waiting: Map<string, Connection | undefined>;
  admitted: Set<string>;
}

/** One login: its refresh token, and the one before, which leads to the same one again for a moment. */
interface Family {
  userId: string;
  current: string;
  previous: string | undefined;
  replacedAt: number;
}

interface Ticket {
  userId: string;
  sessionId: string;
  attempt: number;
  expires: number;
  /** It is for somebody who waits to be let in. */
  waits?: boolean;
}

interface User {
  userId: string;
  username: string;
  email: string;
  password: string;
}

interface Frame {
  action: string;
  id: string;
  data: Record<string, unknown>;
}

/** Thrown where the contract answers an error. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** One WebSocket, seen from both ends. */
export class Connection implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly ticket: Ticket | undefined;
  readonly #server: FakeServer;
  joined = false;
  open = false;
  /** By the client, before it was open as well. */
  closed = false;
  /** When `sync` was answered last. */
  syncedAt = -Infinity;
  /** Takes frames and gives none, as a connection does whose network is gone. */
  dead = false;

  constructor(server: FakeServer, ticket: Ticket | undefined) {
    this.#server = server;
    this.ticket = ticket;
  }

  send(data: string): void {
    if (this.open && !this.dead) this.#server.arrive(this, data);
  }

  close(code = 1005): void {
    this.closed = true;
    this.#server.disconnected(this, code);
  }

  /** To the client, over the network. */
  deliver(frame: object, delay: number): void {
    const data = JSON.stringify(frame);
    this.#server.clock.setTimeout(() => {
      if (this.open && !this.dead) this.onmessage?.({ data });
    }, delay);
  }
}

export class FakeServer {
  readonly clock: ServerClock;
  network: Network = {};
  heartbeatSeconds = 240;
  graceMs = GRACE_MS;
  /** The most items that one replay brings. */
  mostReplayed = 2_000;
  /** Sent to the client as they are, in place of the next REST answers. */
  readonly nextResponses: Response[] = [];
  /** Codes with which the next frames of an action are refused. */
  readonly refusals: { action: string; code: string }[] = [];
  /** Every REST request, as `METHOD /path`. */
  readonly requests: string[] = [];
  /** Every frame that arrived. */
  readonly frames: (Frame & { userId: string })[] = [];
  readonly connections = new Set<Connection>();
  iceServers: { urls: string[]; username?: string; credential?: string }[] = [];
  /** How many people may show video in a call. */
  meshLimit = 6;
  /** How often clients report the quality of their calls; not at all when absent. */
  reportEverySeconds: number | undefined;
  /** What came of the quality of calls, and by which way. */
  readonly reports: { way: 'frame' | 'request'; at: number; userId: string; report: CallReport }[] = [];
  tokenLifeSeconds = 86_400;
  unreachable = false;
  /** Breaks the promise on purpose: signals are pushed, and nothing is kept for a replay. */
  forgetsSignals = false;
  #ids = 0;
  #users: User[] = [];
  readonly #tokens = new Map<string, { userId: string; expires: number }>();
  /** Every refresh token that was ever given, with its login; those of a revoked login are unknown. */
  readonly #families = new Map<string, Family>();
  readonly #tickets = new Map<string, Ticket>();
  readonly #rooms = new Map<string, Room>();

  constructor(clock: ServerClock) {
    this.clock = clock;
    for (const name of ['demo', 'alice', 'bob', 'carol', 'dave']) this.#addUser(name, `${name}@tunrtc.com`, `${name}123`);
  }

  room(sessionId: string): Room {
    const room = this.#rooms.get(sessionId);
    if (!room) throw new Refusal(404, 'session_not_found');
    return room;
  }

  userId(name: string): string {
    return this.#users.find(({ username }) => username === name)?.userId ?? '';
  }

  /** Makes access tokens invalid, as their expiry does. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  /** Cuts every connection of somebody; the server notices. */
  cut(userId?: string): void {
    for (const connection of [...this.connections]) {
      if (userId && connection.ticket?.userId !== userId) continue;
      this.#drop(connection, 1006);
    }
  }

  /** REST. */
  fetch = async (address: string, init: RequestInit): Promise<Response> => {
    const url = new URL(address);
    const method = init.method ?? 'GET';
    this.requests.push(`${method} ${url.pathname}`);
    if (this.unreachable) throw new TypeError('fetch failed');
    const canned = this.nextResponses.shift();
    if (canned) return canned;
    try {
      const body = init.body ? (JSON.parse(String(init.body)) as Record<string, string>) : {};
      const headers = new Headers(init.headers);
      const [status, answer, link] = this.#rest(method, url, body, headers.get('authorization'));
      return json(status, answer, link);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return problem(error.status, error.code);
    }
  };

  openSocket = (address: string): SocketLike => {
    const name = new URL(address).searchParams.get('ticket') ?? '';
    const ticket = this.#tickets.get(name);
    this.#tickets.delete(name);
    const connection = new Connection(this, ticket);
    this.clock.setTimeout(() => {
      if (connection.closed) return;
      if (this.unreachable || !ticket || this.clock.now() > ticket.expires) {
        connection.onclose?.({ code: 1006, reason: '' });
        return;
      }
      connection.open = true;
      this.connections.add(connection);
      connection.onopen?.(undefined as never);
    }, this.network.delay?.() ?? 0);
    return connection;
  };

  /** A client's frame, on its way. */
  arrive(connection: Connection, data: string): void {
    const frame = JSON.parse(data) as Frame;
    if (this.network.losesFrame?.(frame.action)) {
      this.#drop(connection, 1006);
      return;
    }
    this.clock.setTimeout(() => {
      // It left the client before the connection broke: it may still arrive.
      this.#handle(connection, frame);
    }, this.network.delay?.() ?? 0);
  }

  disconnected(connection: Connection, code: number): void {
    this.#drop(connection, code);
  }

  /** To everybody else in the room. */
  broadcast(room: Room, event: string, data: object, except?: string): void {
    const timestamp = this.clock.timestamp();
    const late = () => (PRESENCE.has(event) ? (this.network.latePresence?.(event) ?? 0) : 0);
    for (const seat of room.seats.values()) {
      if (seat.userId !== except) this.#push(seat, { event, timestamp, data }, late());
    }
  }

  endSession(sessionId: string): void {
    const room = this.room(sessionId);
    room.detail.status = 'ended';
    this.broadcast(room, 'sessionEnded', { reason: 'ended' });
    for (const seat of room.seats.values()) {
      for (const connection of seat.connections) this.clock.setTimeout(() => this.#drop(connection, 1000), 1);
    }
  }

  removeSeat(sessionId: string, userId: string, reason: LeaveReason): void {
    const room = this.room(sessionId);
    const seat = room.seats.get(userId);
    if (!seat) return;
    room.seats.delete(userId);
    this.broadcast(room, 'userLeft', { userId, username: seat.username, reason });
    for (const connection of [...seat.connections]) this.#drop(connection, 1000);
  }

  #rest(method: string, url: URL, body: Record<string, string>, bearer: string | null): [number, unknown, (string | undefined)?] {
    const route = `${method} ${url.pathname}`;
    switch (route) {
      case 'GET /health':
        return [200, { status: 'healthy', timestamp: this.clock.timestamp(), version: '0.0.0' }];
      case 'POST /api/auth/register':
        if (this.#users.some(({ email }) => email === body['email'])) throw new Refusal(409, 'user_exists');
        return [201, this.#auth(this.#addUser(body['username'] ?? '', body['email'] ?? '', body['password'] ?? ''))];
      case 'POST /api/auth/login': {
        const user = this.#users.find(({ email, password }) => email === body['email'] && password === body['password']);
        if (!user) throw new Refusal(401, 'invalid_credentials');
        return [200, this.#auth(user)];
      }
      case 'POST /api/auth/refresh':
        return [200, this.#refresh(body['refreshToken'] ?? '')];
      case 'POST /api/auth/logout':
        this.#revoke(this.#families.get(body['refreshToken'] ?? ''));
        return [204, undefined];
      default:
    }
    const access = this.#tokens.get(bearer?.replace(/^Bearer /, '') ?? '');
    if (!access || access.expires <= this.clock.now()) throw new Refusal(401, 'unauthorized');
    const user = this.#users.find(({ userId }) => userId === access.userId);
    if (!user) throw new Refusal(401, 'unauthorized');
    return this.#session(route, url, body, user);
  }

  #refresh(token: string): object {
    const family = this.#families.get(token);
    const isGraced = token === family?.previous && this.clock.now() - family.replacedAt <= REFRESH_GRACE_MS;
    const user = this.#users.find(({ userId }) => userId === family?.userId);
    if (!family || !user || (token !== family.current && !isGraced)) {
      this.#revoke(family);
      throw new Refusal(401, 'invalid_refresh_token');
    }
    if (!isGraced) this.#rotate(family);
    return this.#auth(user, family);
  }

  #rotate(family: Family): void {
    const refreshToken = `refresh-${++this.#ids}`;
    Object.assign(family, { current: refreshToken, previous: family.current, replacedAt: this.clock.now() });
    this.#families.set(refreshToken, family);
  }

  #revoke(family: Family | undefined): void {
    for (const [token, known] of this.#families) if (known === family) this.#families.delete(token);
  }

  #session(route: string, url: URL, body: Record<string, string>, user: User): [number, unknown, (string | undefined)?] {
    switch (route) {
      case 'GET /api/auth/me':
        return [200, { id: user.userId, username: user.username, email: user.email, createdAt: this.clock.timestamp(), lastLoginAt: null, defaultVisibility: 'public' }];
      case 'POST /api/session/create':
        return [201, this.#create(body, user)];
      case 'GET /api/session/active':
        return this.#list(url);
      case 'GET /api/iceservers':
        return [200, { iceServers: this.iceServers, ttlSeconds: 3600 }];
      default:
    }
    const sessionId = body['sessionId'] ?? url.pathname.split('/')[3] ?? '';
    const room = this.room(sessionId);
    const { userId } = user;
    switch (route) {
      case 'POST /api/session/join':
        if (this.#mustWait(room, userId)) return [200, this.#knock(room, user)];
        this.#seat(room, user);
        return [
          200,
          {
            ...this.#detail(room),
            admission: 'admitted',
            userId,
            signaling: this.#ticket(room, userId),
            iceServers: this.iceServers,
            media: { topology: 'mesh', limit: this.meshLimit, ...(this.reportEverySeconds && { quality: { everySeconds: this.reportEverySeconds } }) },
          },
        ];
      case 'POST /api/session/ticket':
        if (room.detail.status === 'ended') throw new Refusal(410, 'session_ended');
        if (!room.seats.has(userId)) throw new Refusal(404, 'not_in_session');
        return [200, this.#ticket(room, userId)];
      case 'POST /api/session/leave':
        if (room.waiting.delete(userId)) return [200, { message: 'left' }];
        if (!room.seats.has(userId)) throw new Refusal(404, 'not_in_session');
        this.removeSeat(sessionId, userId, 'left');
        return [200, { message: 'left' }];
      case 'POST /api/session/end':
        if (room.detail.creatorId !== userId) throw new Refusal(403, 'forbidden');
        this.endSession(sessionId);
        return [200, { message: 'ended' }];
      default:
    }
    if (route.endsWith('/stats')) {
      this.#report('request', userId, body as unknown as CallReport);
      return [202, {}];
    }
    const isTranscript = route.endsWith('/transcript');
    if (!isTranscript && !route.endsWith('/messages')) return [200, this.#detail(room)];
    if (!room.seats.has(userId)) throw new Refusal(404, 'not_in_session');
    if (!isTranscript) return page(url, [...room.chat].reverse());
    return page(url, room.captions.map(({ final: _, timestamp: endedAt, ...line }) => ({ ...line, endedAt })));
  }

  #create(body: Record<string, unknown>, user: User): object {
    const sessionId = this.#id();
    const detail = {
      sessionId,
      name: String(body['name']),
      type: 'videoCall' as const,
      status: 'active' as const,
      visibility: body['visibility'] === 'unlisted' ? ('unlisted' as const) : ('public' as const),
      maxParticipants: Number(body['maxParticipants'] ?? 10),
      createdAt: this.clock.timestamp(),
      endedAt: null,
      creatorId: user.userId,
      creatorUsername: user.username,
      locked: false,
      waitingRoom: body['waitingRoom'] === true,
      version: 0,
    };
    this.#rooms.set(sessionId, { detail, seats: new Map(), chat: [], captions: [], banned: new Set(), waiting: new Map(), admitted: new Set() });
    return { ...detail, currentParticipants: 0 };
  }

  #list(url: URL): [number, unknown, (string | undefined)?] {
    const all = [...this.#rooms.values()].filter(({ detail }) => detail.status === 'active').reverse();
    return page(url, all.map((room) => ({ ...room.detail, currentParticipants: room.seats.size })));
  }

  /** Every answer carries the time at which its frame arrived, however long it takes. */
  #handle(connection: Connection, { action, id, data }: Frame): void {
    const { ticket } = connection;
    const room = this.#rooms.get(ticket?.sessionId ?? '');
    if (!ticket || !room) return;
    this.frames.push({ action, id, data, userId: ticket.userId });
    const timestamp = this.clock.timestamp();
    if (this.network.crashes?.(action)) {
      connection.deliver({ message: 'Internal server error', connectionId: 'a', requestId: 'b' }, this.network.delay?.() ?? 0);
      return;
    }
    const answer = this.#outcome(connection, room, ticket, action, data);
    if (this.network.losesAnswer?.(action)) this.#drop(connection, 1006);
    else connection.deliver({ id, timestamp, ...answer }, (this.network.slowAnswer?.(action) ?? 0) + (this.network.delay?.() ?? 0));
  }

  #outcome(connection: Connection, room: Room, ticket: Ticket, action: string, data: Record<string, unknown>): object {
    try {
      const refusal = this.refusals[0]?.action === action ? this.refusals.shift() : undefined;
      if (refusal) throw new Refusal(0, refusal.code);
      return { event: 'ack', data: this.#act(connection, room, ticket, action, data) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { event: 'error', data: { code: error.code, message: error.code } };
    }
  }

  #act(connection: Connection, room: Room, ticket: Ticket, action: string, data: Record<string, unknown>): object {
    if (ticket.waits) return this.#wait(connection, room, ticket, action);
    const seat = room.seats.get(ticket.userId);
    if (action === 'ping') return {};
    if (room.detail.status === 'ended') throw new Refusal(0, 'session_ended');
    if (action === 'joinSession') return this.#join(connection, room, ticket, data['since'] as string | undefined);
    if (!seat || !connection.joined) throw new Refusal(0, 'not_joined');
    switch (action) {
      case 'leaveSession':
        if (seat.current !== connection) throw new Refusal(0, 'not_joined');
        // The answer first: then the server closes.
        this.clock.setTimeout(() => {
          if (room.seats.get(ticket.userId) === seat) this.removeSeat(ticket.sessionId, ticket.userId, 'left');
        }, 1);
        return {};
      case 'sendMessage':
        return this.#chat(room, seat, String(data['message']), data['clientMessageId'] as string | undefined);
      case 'updateStatus':
        Object.assign(seat, data);
        this.#announce(room, seat);
        return {};
      case 'reportStats':
        this.#report('frame', seat.userId, data as unknown as CallReport);
        return {};
      case 'sendData':
        return this.#sendData(room, seat, data);
      case 'sendCaption':
        return this.#caption(room, seat, data as never);
      case 'sendRpc':
      case 'answerRpc':
        return this.#relayRpc(room, seat, action, data);
      case 'updateParticipant':
      case 'muteParticipant':
      case 'removeParticipant':
      case 'admitParticipant':
      case 'denyParticipant':
      case 'updateSession':
        if (seat.role !== 'host' && seat.role !== 'cohost') throw new Refusal(0, 'forbidden');
        return this.#steer(room, seat, action, data);
      case 'sync':
        return this.#sync(room, seat, connection, String(data['since']));
      case 'sendOffer':
      case 'sendAnswer':
      case 'sendIceCandidate':
        return this.#relay(room, seat, action, data);
      default:
        throw new Refusal(0, 'unknown_action');
    }
  }

  /** Takes one every 5 s, and a last one at any time. */
  #report(way: 'frame' | 'request', userId: string, report: CallReport): void {
    const at = this.clock.now();
    const isEarly = this.reports.some((other) => other.userId === userId && at - other.at < REPORTS_APART_MS);
    if (isEarly && !report.final) throw new Refusal(429, 'rate_limited');
    this.reports.push({ way, at, userId, report });
  }

  /** What those who steer a session do, as far as its participants hear of it. */
  #steer(room: Room, by: Seat, action: string, data: Record<string, unknown>): object {
    if (action === 'updateSession') {
      Object.assign(room.detail, data, { version: room.detail.version + 1 });
      const { name, maxParticipants, locked, waitingRoom, version } = room.detail;
      this.broadcast(room, 'sessionUpdated', { name, maxParticipants, locked, waitingRoom, version });
      return {};
    }
    if (action === 'admitParticipant' || action === 'denyParticipant') {
      this.#decide(room, String(data['targetUserId']), action === 'admitParticipant');
      return {};
    }
    const targets = data['all'] ? [...room.seats.values()].filter((seat) => seat !== by) : [room.seats.get(String(data['targetUserId']))];
    for (const target of targets) {
      if (!target) throw new Refusal(0, 'peer_not_found');
      if (action === 'muteParticipant') {
        this.#tell(target, 'muteRequested', { kind: data['kind'], byUserId: by.userId });
      } else if (action === 'updateParticipant') {
        const permissions = { ...USUAL, ...(data['permissions'] as Partial<Permissions>) };
        Object.assign(target, { role: data['role'] ?? target.role, permissions });
        const { userId, username, role } = target;
        this.broadcast(room, 'participantUpdated', { userId, username, role, permissions });
      } else {
        const seconds = data['banSeconds'] as number | undefined;
        if (seconds) room.banned.add(target.userId);
        this.#tell(target, 'removed', seconds ? { reason: 'banned', bannedUntil: this.clock.timestamp() } : { reason: 'removed' });
        // What was told arrives before the end of the connection.
        this.clock.setTimeout(() => this.removeSeat(room.detail.sessionId, target.userId, 'removed'), 1);
      }
    }
    return {};
  }

  #mustWait({ detail, seats, admitted }: Room, userId: string): boolean {
    return detail.waitingRoom && userId !== detail.creatorId && !seats.has(userId) && !admitted.has(userId);
  }

  #knock(room: Room, { userId, username }: User): object {
    if (room.banned.has(userId)) throw new Refusal(403, 'banned');
    room.waiting.set(userId, undefined);
    this.#tellHosts(room, 'participantWaiting', { userId, username, waitingSince: this.clock.timestamp() });
    const signaling = this.#ticket(room, userId, true);
    const media = { topology: 'mesh', limit: this.meshLimit };
    return { ...this.#detail(room), participants: [], admission: 'waiting', userId, signaling, iceServers: [], media };
  }

  #wait(connection: Connection, room: Room, { userId }: Ticket, action: string): object {
    if (action !== 'ping' && action !== 'leaveSession') throw new Refusal(0, 'not_admitted');
    if (!room.waiting.has(userId)) throw new Refusal(0, 'not_joined');
    if (action === 'ping') room.waiting.set(userId, connection);
    else room.waiting.delete(userId);
    return {};
  }

  #decide(room: Room, userId: string, admits: boolean): void {
    if (!room.waiting.has(userId)) throw new Refusal(0, 'peer_not_found');
    const connection = room.waiting.get(userId);
    room.waiting.delete(userId);
    (admits ? room.admitted : room.banned).add(userId);
    const data = { userId, username: userId, ...(!admits && { reason: 'denied' }) };
    const event = admits ? 'admitted' : 'denied';
    if (!this.network.losesPush?.()) connection?.deliver({ event, timestamp: this.clock.timestamp(), data }, 0);
    this.#tellHosts(room, event, data);
  }

  #tellHosts(room: Room, event: string, data: object): void {
    for (const seat of room.seats.values()) if (seat.role === 'host') this.#tell(seat, event, data);
  }

  #tell(seat: Seat, event: string, data: object): void {
    this.#push(seat, { event, timestamp: this.clock.timestamp(), data });
  }

  #join(connection: Connection, room: Room, ticket: Ticket, since: string | undefined): object {
    const seat = room.seats.get(ticket.userId);
    if (!seat) throw new Refusal(0, 'not_joined');
    if (ticket.attempt < seat.attempt) {
      this.#replace(connection);
      throw new Refusal(0, 'not_joined');
    }
    // Closed before its frame arrived: nobody would notice that later.
    if (!connection.open) throw new Refusal(0, 'not_joined');
    seat.attempt = ticket.attempt;
    for (const old of [...seat.connections]) {
      seat.connections.delete(old);
      this.#replace(old);
    }
    seat.current = connection;
    seat.connections.add(connection);
    connection.joined = connection.open;
    seat.status = 'connected';
    const { userId, username, joinedAt, isMuted, isVideoEnabled } = seat;
    const recovered = since !== undefined && this.#catchUp(room, seat, connection, since);
    const joined = { userId, username, joinedAt, isMuted, isVideoEnabled, role: seat.role };
    if (seat.untold) this.broadcast(room, 'userJoined', joined, userId);
    else this.#announce(room, seat);
    seat.untold = false;
    return { session: this.#detail(room), recovered, heartbeatSeconds: this.heartbeatSeconds };
  }

  /** Tells a connection that another one is newer, and closes it. */
  #replace(connection: Connection): void {
    if (!this.network.losesReplaced?.()) connection.deliver({ event: 'replaced', timestamp: this.clock.timestamp(), data: {} }, 0);
    this.clock.setTimeout(() => this.#drop(connection, 1000), 1);
  }

  /** Replays; whether that was everything since then. */
  #catchUp(room: Room, seat: Seat, connection: Connection, since: string): boolean {
    const age = Date.parse(this.clock.timestamp()) - Date.parse(since);
    const replayed = this.#replay(room, seat, connection, since);
    return replayed <= this.mostReplayed && since >= seat.joinedAt && age <= INBOX_WINDOW_MS;
  }

  #sync(room: Room, seat: Seat, connection: Connection, since: string): object {
    const now = this.clock.now();
    if (now - connection.syncedAt < SYNC_EVERY_MS) throw new Refusal(0, 'rate_limited');
    connection.syncedAt = now;
    return { replayed: Math.min(this.#replay(room, seat, connection, since), this.mostReplayed) };
  }

  /** Everything of the inbox window, or since then where that is longer ago; how much that is, whether or not all was brought. */
  #replay(room: Room, seat: Seat, connection: Connection, since: string): number {
    const now = this.clock.now();
    const from = Math.min(Date.parse(since), Date.parse(this.clock.timestamp()) - INBOX_WINDOW_MS) - OVERLAP_MS;
    const signals = seat.inbox.filter(({ at }) => now - at <= INBOX_WINDOW_MS).map(({ frame }) => frame);
    const chat = room.chat
      .filter(({ timestamp }) => timestamp >= seat.joinedAt && Date.parse(timestamp) >= from)
      .map(({ timestamp, ...data }) => ({ event: 'receiveMessage', timestamp, data }));
    const said = room.captions
      .filter(({ timestamp }) => timestamp >= seat.joinedAt && Date.parse(timestamp) >= from)
      .map(({ timestamp, ...data }) => ({ event: 'receiveCaption', timestamp, data }));
    const frames = [...signals, ...chat, ...said];
    for (const frame of frames.slice(0, this.mostReplayed)) connection.deliver(frame, this.network.delay?.() ?? 0);
    return frames.length;
  }

  /** The same `clientMessageId` of the same sender is the same message, told again in case that it was not. */
  #chat(room: Room, seat: Seat, message: string, clientMessageId?: string): object {
    const isSame = (other: ChatLine) => other.fromUserId === seat.userId && other.clientMessageId === clientMessageId;
    let line = clientMessageId === undefined ? undefined : room.chat.find(isSame);
    if (!line) {
      const { userId: fromUserId, username: fromUsername } = seat;
      const id = clientMessageId !== undefined && { clientMessageId };
      line = { messageId: this.#id(), fromUserId, fromUsername, message, ...id, timestamp: this.clock.timestamp() };
      room.chat.push(line);
    }
    const { timestamp, ...data } = line;
    for (const other of room.seats.values()) this.#push(other, { event: 'receiveMessage', timestamp, data });
    return { messageId: line.messageId };
  }

  /** Final ones are kept, each once; others are told and forgotten. */
  #caption(room: Room, { userId, username, permissions }: Seat, data: Pick<CaptionLine, 'captionId' | 'text' | 'final' | 'language' | 'startedAt'>): object {
    if (permissions?.publishAudio === false) throw new Refusal(0, 'forbidden');
    const age = Date.parse(this.clock.timestamp()) - Date.parse(data.startedAt);
    if (!(age <= 600_000 && age >= -60_000)) throw new Refusal(0, 'invalid_frame');
    const line = { ...data, fromUserId: userId, fromUsername: username, timestamp: this.clock.timestamp() };
    const isKept = room.captions.some(({ captionId, fromUserId }) => captionId === line.captionId && fromUserId === userId);
    if (line.final && !isKept) room.captions.push(line);
    const { timestamp, ...told } = line;
    for (const other of room.seats.values()) this.#push(other, { event: 'receiveCaption', timestamp, data: told });
    return {};
  }

  #relay(room: Room, seat: Seat, action: string, { targetUserId, ...data }: Record<string, unknown>): object {
    const target = room.seats.get(String(targetUserId));
    if (!target) throw new Refusal(0, 'peer_not_found');
    const event = { sendOffer: 'receiveOffer', sendAnswer: 'receiveAnswer' }[action] ?? 'receiveIceCandidate';
    const signalId = this.#id();
    const origin = { fromUserId: seat.userId, fromUsername: seat.username, signalId };
    const frame = { event, timestamp: this.clock.timestamp(), data: { ...origin, ...data } };
    if (!this.forgetsSignals) target.inbox.push({ at: this.clock.now(), frame });
    this.#push(target, frame);
    return { delivery: target.current ? 'sent' : 'queued', signalId };
  }

  #sendData(room: Room, { userId, username }: Seat, { to, dataId = this.#id(), ...data }: Record<string, unknown>): object {
    const targets = to ? (to as string[]).map((id) => room.seats.get(id)) : [...room.seats.values()].filter((other) => other.userId !== userId);
    for (const target of targets) {
      if (!target) throw new Refusal(0, 'peer_not_found');
      this.#keep(target, 'receiveData', { fromUserId: userId, fromUsername: username, dataId, ...data });
    }
    return { dataId };
  }

  #relayRpc(room: Room, { userId, username }: Seat, action: string, { targetUserId, ...data }: Record<string, unknown>): object {
    const target = room.seats.get(String(targetUserId));
    if (!target) throw new Refusal(0, 'peer_not_found');
    this.#keep(target, action === 'sendRpc' ? 'receiveRpc' : 'receiveRpcAnswer', { fromUserId: userId, fromUsername: username, ...data });
    return {};
  }

  /** Through the inbox, as signals. */
  #keep(target: Seat, event: string, data: object): void {
    const frame = { event, timestamp: this.clock.timestamp(), data };
    target.inbox.push({ at: this.clock.now(), frame });
    this.#push(target, frame);
  }

  #announce(room: Room, { userId, username, status, isMuted, isVideoEnabled }: Seat): void {
    this.broadcast(room, 'userStatusUpdated', { userId, username, status, isMuted, isVideoEnabled }, userId);
  }

  #push(seat: Seat, frame: object, late = 0): void {
    const { current } = seat;
    if (!current || this.network.losesPush?.()) return;
    const delay = () => late + (this.network.delay?.() ?? 0);
    current.deliver(frame, delay());
    if (this.network.doublesPush?.()) current.deliver(frame, delay());
  }

  #drop(connection: Connection, code: number): void {
    if (!connection.open) return;
    connection.open = false;
    this.connections.delete(connection);
    this.clock.setTimeout(() => connection.onclose?.({ code, reason: '' }), 0);
    const room = this.#rooms.get(connection.ticket?.sessionId ?? '');
    const seat = room?.seats.get(connection.ticket?.userId ?? '');
    seat?.connections.delete(connection);
    if (!room || !seat || seat.current !== connection) return;
    seat.current = undefined;
    seat.status = 'reconnecting';
    this.#announce(room, seat);
    const { attempt } = seat;
    this.clock.setTimeout(() => {
      if (seat.attempt === attempt && !seat.current) this.removeSeat(room.detail.sessionId, seat.userId, 'timeout');
    }, this.graceMs);
  }

  #seat(room: Room, { userId, username }: User): void {
    if (room.detail.status === 'ended') throw new Refusal(410, 'session_ended');
    if (room.seats.has(userId)) return;
    if (room.banned.has(userId)) throw new Refusal(403, 'banned');
    if (room.detail.locked && userId !== room.detail.creatorId) throw new Refusal(403, 'session_locked');
    if (room.seats.size >= room.detail.maxParticipants) throw new Refusal(409, 'session_full');
    const seat: Seat = {
      userId,
      username,
      joinedAt: this.clock.timestamp(),
      status: 'disconnected',
      isMuted: false,
      isVideoEnabled: true,
      role: userId === room.detail.creatorId ? 'host' : 'participant',
      connections: new Set(),
      current: undefined,
      attempt: 0,
      inbox: [],
      untold: true,
    };
    room.seats.set(userId, seat);
    this.clock.setTimeout(() => {
      if (room.seats.get(userId) === seat && seat.status === 'disconnected') this.removeSeat(room.detail.sessionId, userId, 'timeout');
    }, FIRST_CONNECT_MS);
  }

  #ticket(room: Room, userId: string, waits = false): object {
    const { sessionId } = room.detail;
    const ticket = `ticket-${this.#id()}`;
    this.#tickets.set(ticket, { userId, sessionId, attempt: ++this.#ids, expires: this.clock.now() + TICKET_MS, waits });
    // Rounded down to a second, as a token's end is.
    const end = Math.floor((Date.parse(this.clock.timestamp()) + TICKET_MS) / 1000) * 1000;
    const expiresAt = new Date(end).toISOString();
    return { url: 'ws://localhost:5000/ws', ticket, expiresAt };
  }

  #detail(room: Room): SessionDetail {
    const participants = [...room.seats.values()].map(({ userId, username, joinedAt, status, isMuted, isVideoEnabled, role, recording }) => ({
      userId,
      username,
      joinedAt,
      status,
      isMuted,
      isVideoEnabled,
      role,
      ...(recording && { recording }),
    }));
    return { ...room.detail, currentParticipants: room.seats.size, participants };
  }

  #newFamily(userId: string): Family {
    const family = { userId, current: '', previous: undefined, replacedAt: 0 };
    this.#rotate(family);
    return family;
  }

  #auth({ userId, username, email }: User, family = this.#newFamily(userId)): object {
    const expires = this.clock.now() + this.tokenLifeSeconds * 1000;
    const claims = { iat: 1, exp: 1 + this.tokenLifeSeconds, jti: ++this.#ids };
    const token = `h.${btoa(JSON.stringify(claims)).replace(/=+$/, '')}.s`;
    this.#tokens.set(token, { userId, expires });
    const expiresAt = new Date(Date.parse(this.clock.timestamp()) + this.tokenLifeSeconds * 1000).toISOString();
    const refreshToken = family.current;
    return { token, tokenType: 'Bearer', expiresAt, refreshToken, refreshExpiresAt: expiresAt, userId, username, email };
  }

  #addUser(username: string, email: string, password: string): User {
    const user = { userId: this.#id(), username, email, password };
    this.#users = [...this.#users, user];
    return user;
  }

  #id(): string {
    return `01900000-0000-7000-8000-${(++this.#ids).toString(16).padStart(12, '0')}`;
  }
}

/** The part of a list that was asked for, with a link to the next one. */
function page(url: URL, all: object[]): [number, object[], string?] {
  const start = Number(url.searchParams.get('cursor') ?? 0);
  const end = start + Number(url.searchParams.get('limit') ?? 50);
  const next = `<${url.pathname}?cursor=${end}>; rel="next"`;
  return end < all.length ? [200, all.slice(start, end), next] : [200, all.slice(start, end)];
}

export function json(status: number, body: unknown, link?: string): Response {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'request-1', ...(link && { link }) };
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
}

export function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Response {
  const body = { type: 'about:blank', title: code, status, detail: `refused: ${code}`, code, message: code, requestId: 'request-1', ...more };
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json', ...headers } });
}

/** What API Gateway answers of its own, before or in place of a function: no code, no field that this server would name. */
export function gatewayAnswer(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ message }), { status, headers: { 'content-type': 'application/json', ...headers } });
}
