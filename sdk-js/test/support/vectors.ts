/** Runs the scripts of docs/vectors against the signaling of this SDK. */
import { TunRTCError } from '../../src/errors.ts';
import { Signaling, type Arrival, type ConnectionState } from '../../src/signaling/signaling.ts';
import type { SocketLike } from '../../src/environment.ts';
import type { JoinAck, ReceivedSignal, SignalBody, SignalingTicket } from '../../src/wire.ts';
import { FakeClock, settle } from './clock.ts';
import { testEnvironment } from './environment.ts';
import { FakeServer } from './server.ts';

const LATENCY_MS = 5;
const TICKET_MS = 60_000;

type Failure = 'ok' | { fail: string; retryAfter?: number };

interface Answer {
  action: string;
  error?: string;
  ack?: object;
  reply?: 'none';
  close?: number;
  after?: number;
  events?: Event[];
}

interface Event {
  event: string;
  timestamp?: string;
  data: object;
}

interface Step {
  at: number;
  do: string;
  to?: string;
  sdp?: string;
  candidates?: string[];
  text?: string;
  data?: { isMuted: boolean; isVideoEnabled: boolean };
  frame?: Event;
  on?: number;
  code?: number;
}

export interface Vector {
  title: string;
  random?: number;
  tickets?: Failure[];
  handshakes?: ('open' | 'refuse' | 'never')[];
  answers?: Answer[];
  script: Step[];
  until: number;
  expected?: Expected;
}

export interface Expected {
  wire: string[];
  app: string[];
}

/** Everything that the client sends and tells in the course of a script. */
export async function play(vector: Vector): Promise<Expected> {
  const world = new World(vector);
  for (const [place, step] of vector.script.entries()) {
    await world.clock.advance(step.at - world.clock.now());
    world.take(step, place);
    await settle();
  }
  await world.clock.advance(vector.until - world.clock.now());
  return { wire: world.wire, app: world.app };
}

/** A network and a server that do what the script says, and write down what they see. */
class World {
  readonly clock = new FakeClock();
  readonly wire: string[] = [];
  readonly app: string[] = [];
  readonly #answers: Answer[];
  readonly #handshakes: string[];
  readonly #tickets: Failure[];
  readonly #connections: Connection[] = [];
  readonly #counts = new Map<string, number>();
  readonly #signaling: Signaling;
  readonly #wake: () => void;

  constructor({ answers = [], handshakes = [], tickets = [], random = 0.5 }: Vector) {
    this.#answers = [...answers];
    this.#handshakes = [...handshakes];
    this.#tickets = [...tickets];
    const environment = testEnvironment(this.clock, new FakeServer(this.clock), {
      openSocket: () => this.#open(),
      random: () => random,
    });
    this.#wake = environment.wake;
    this.#signaling = new Signaling({
      environment,
      sessionId: 'session',
      userId: 'me',
      admit: () => this.#admit(),
      onJoined: (arrival) => this.#tell(describeArrival(arrival)),
      onState: (state) => this.#tell(describeState(state)),
      onSignal: (signal) => this.#tell(describeSignal(signal)),
      onMessage: ({ messageId, message }) => this.#tell(`message ${messageId} ${message}`),
      onEvent: ({ event, data }) => this.#tell(`event ${event} ${canonical(data)}`),
      onBroken: (sender) => this.#tell(`broken ${sender}`),
    });
  }

  take(step: Step, place: number): void {
    const signaling = this.#signaling;
    const { to = '', text = '' } = step;
    switch (step.do) {
      case 'join':
        return this.#await(place, signaling.join({ participants: [participant('me', this.#timeAt(0))], signaling: this.#ticket(0) }), () => '');
      case 'offer':
        return this.#await(place, signaling.signal(to, { offer: { type: 'offer', sdp: step.sdp ?? '' } }), () => '');
      case 'answer':
        return this.#await(place, signaling.signal(to, { answer: { type: 'answer', sdp: step.sdp ?? '' } }), () => '');
      case 'candidates':
        return this.#await(place, signaling.signal(to, candidates(step.candidates)), () => '');
      case 'message':
        return this.#await(place, signaling.sendMessage(text), (id) => ` ${id}`);
      case 'status':
        return this.#await(place, signaling.send('updateStatus', step.data ?? {}), () => '');
      case 'renew':
        return signaling.renew(to);
      case 'wake':
        return this.#wake();
      case 'leave':
        return this.#await(place, signaling.leave(), (told) => ` told=${told}`);
      case 'close':
        return signaling.close(new TunRTCError('closed', 'The app ends it.'));
      case 'receive':
        return this.#connection(step).deliver(this.stamped(step.frame ?? { event: '', data: {} }));
      case 'text':
        return this.#connection(step).deliverText(text);
      case 'drop':
        return this.#connection(step).drop(step.code ?? 1006);
      case 'deaf':
        this.#connection(step).isDeaf = true;
        return;
      default:
        throw new Error(`a script cannot ${step.do}`);
    }
  }

  /** A frame that the client sent. */
  arrived(connection: Connection, text: string): void {
    const { action, id, data } = JSON.parse(text) as { action: string; id: string; data: { since?: string } };
    this.note(`${connection.number}> ${action} ${canonical(data)}`);
    if (connection.isDeaf) return;
    const timestamp = this.#time();
    const place = this.#answers.findIndex((answer) => answer.action === action);
    const [answer = { action }] = place < 0 ? [] : this.#answers.splice(place, 1);
    if (answer.reply === 'none') return;
    const { after = LATENCY_MS, events = [], close, error } = answer;
    this.clock.setTimeout(() => {
      if (close !== undefined) return connection.drop(close);
      for (const event of events) connection.deliver(this.stamped(event));
      if (error) connection.deliver({ event: 'error', id, timestamp, data: { code: error, message: error } });
      else connection.deliver({ event: 'ack', id, timestamp, data: answer.ack ?? this.#acknowledgement(action, data) });
    }, after);
  }

  note(line: string): void {
    this.wire.push(`${this.#now()} ${line}`);
  }

  stamped({ event, timestamp = this.#time(), data }: Event): object {
    return { event, timestamp, data };
  }

  #tell(line: string): void {
    this.app.push(`${this.#now()} ${line}`);
  }

  #await<Outcome>(place: number, outcome: Promise<Outcome>, describe: (outcome: Outcome) => string): void {
    outcome.then(
      (value) => this.#tell(`call ${place} done${describe(value)}`),
      (error: TunRTCError) => this.#tell(`call ${place} failed ${error.code}`),
    );
  }

  async #admit(): Promise<SignalingTicket> {
    this.note('ticket');
    const outcome = this.#tickets.shift() ?? 'ok';
    await new Promise<void>((resolve) => this.clock.setTimeout(resolve, LATENCY_MS));
    if (outcome === 'ok') return this.#ticket(this.clock.now());
    throw new TunRTCError(outcome.fail, outcome.fail, outcome.retryAfter === undefined ? {} : { retryAfterSeconds: outcome.retryAfter });
  }

  #open(): SocketLike {
    const connection = new Connection(this, this.#connections.length + 1);
    this.#connections.push(connection);
    this.note(`connect ${connection.number}`);
    const outcome = this.#handshakes.shift() ?? 'open';
    if (outcome !== 'never') this.clock.setTimeout(() => connection.settle(outcome === 'open'), LATENCY_MS);
    return connection;
  }

  #connection({ on }: Step): Connection {
    const connection = this.#connections[(on ?? this.#connections.length) - 1];
    if (!connection) throw new Error('there is no such connection');
    return connection;
  }

  #acknowledgement(action: string, data: { since?: string }): object {
    switch (action) {
      case 'joinSession':
        return joinAck(data.since !== undefined, this.#timeAt(0));
      case 'sendMessage':
        return { messageId: `message-${this.#count(action)}` };
      case 'sync':
        return { replayed: 0 };
      case 'sendOffer':
      case 'sendAnswer':
      case 'sendIceCandidate':
        return { delivery: 'sent', signalId: `signal-${this.#count('signal')}` };
      default:
        return {};
    }
  }

  #count(name: string): number {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count;
  }

  #ticket(madeAt: number): SignalingTicket {
    return { url: 'ws://server/ws', ticket: 'ticket', expiresAt: this.#timeAt(madeAt + TICKET_MS) };
  }

  #now(): number {
    return Math.round(this.clock.now());
  }

  #time(): string {
    return this.#timeAt(this.#now());
  }

  #timeAt(milliseconds: number): string {
    return new Date(Date.UTC(2026, 10, 22, 12) + milliseconds).toISOString();
  }
}

class Connection implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly number: number;
  isDeaf = false;
  readonly #world: World;
  #isClosed = false;

  constructor(world: World, number: number) {
    this.#world = world;
    this.number = number;
  }

  settle(opens: boolean): void {
    if (this.#isClosed) return;
    if (opens) this.onopen?.(undefined as never);
    else this.drop(1006);
  }

  send(data: string): void {
    if (!this.#isClosed) this.#world.arrived(this, data);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#world.note(`${this.number} closed`);
  }

  deliver(frame: object): void {
    this.deliverText(JSON.stringify(frame));
  }

  deliverText(data: string): void {
    if (!this.#isClosed && !this.isDeaf) this.onmessage?.({ data });
  }

  drop(code: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onclose?.({ code, reason: '' });
  }
}

function participant(userId: string, joinedAt: string): JoinAck['session']['participants'][number] {
  return { userId, username: userId, joinedAt, status: 'connected', isMuted: false, isVideoEnabled: true, role: 'participant' };
}

function joinAck(recovered: boolean, at: string): JoinAck {
  const session = {
    sessionId: 'session',
    name: 'vector',
    type: 'videoCall',
    status: 'active',
    visibility: 'public',
    maxParticipants: 10,
    currentParticipants: 2,
    createdAt: at,
    endedAt: null,
    creatorId: 'me',
    creatorUsername: 'me',
    locked: false,
    waitingRoom: false,
    version: 0,
    participants: [participant('me', at), participant('bob', at)],
  } as const;
  return { session: { ...session, participants: [...session.participants] }, recovered, heartbeatSeconds: 240 };
}

function candidates(names: string[] = []): SignalBody {
  return { candidates: names.map((candidate) => ({ candidate })) };
}

function describeState(state: ConnectionState): string {
  switch (state.status) {
    case 'connected':
      return `state connected recovered=${state.recovered}`;
    case 'reconnecting':
      return `state reconnecting ${state.attempt} ${state.code}`;
    case 'closed':
      return `state closed ${state.code}`;
    default:
      return `state ${state.status}`;
  }
}

function describeArrival({ ack, resumed, since }: Arrival): string {
  return `joined resumed=${resumed} recovered=${ack.recovered} since=${since || 'never'}`;
}

function describeSignal(signal: ReceivedSignal): string {
  const order = `${signal.fromUserId} ${signal.epoch ?? '-'} ${signal.seq ?? '-'}`;
  if ('offer' in signal) return `signal ${order} offer ${signal.offer.sdp}`;
  if ('answer' in signal) return `signal ${order} answer ${signal.answer.sdp}`;
  return `signal ${order} candidates ${signal.candidates.map(({ candidate }) => candidate).join(' ')}`;
}

/** The same text for the same data, whoever writes it: keys are sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}
