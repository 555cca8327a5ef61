import type { TunRTCClient } from '../client.ts';
import type { Environment } from '../environment.ts';
import type { TunRTCError } from '../errors.ts';
import type { Peer } from '../media/peer.ts';
import type { Api } from '../rest/api.ts';
import type { Signaling } from '../signaling/signaling.ts';
import { madeAt } from '../signaling/ticket.ts';
import type { CallEvent, CallJoin, CallReport, CallSummary, Joined } from '../wire.ts';
import { machineOf } from './machine.ts';
import { bounded, PeerMinute } from './minute.ts';
import { Post } from './post.ts';
import { compare, present, read, type Reading, type Sample } from './sample.ts';
import { SCORE_VERSION } from './score.ts';
import { minuteOf, Run } from './summary.ts';
import { Timers } from '../timers.ts';

const MINUTE_MS = 60_000;
/** How often connections are measured, and how far apart at least. */
const SAMPLE_MS = 5_000;
const LEAST_MS = 1_000;
/** Everybody's minutes end together: reports are spread over this share of the time between them. */
const SPREAD = 1 / 12;
/** What one report may hold. */
const MOST_EVENTS = 60;
const MOST_PEERS = 49;
const MOST_BYTES = 30_000;

/** When the steps of joining were done, in milliseconds on the environment's clock. */
export interface Steps {
  /** The server gave a seat. */
  answeredAt: number;
  /** This participant was in the session. */
  joinedAt?: number;
  /** The first connection to somebody stood. */
  mediaAt?: number;
}

/** What a {@link Reporter} needs. */
export interface ReporterOptions {
  environment: Environment;
  api: Pick<Api, 'reportStats'>;
  signaling: Pick<Signaling, 'send' | 'since' | 'reconnects'>;
  joined: Pick<Joined, 'sessionId' | 'media' | 'signaling'>;
  /** When the client was told to join, on the environment's clock. */
  startedAt: number;
}

/** What is watched of the client. */
type Watched = Pick<TunRTCClient, 'subscribe' | 'connectionState' | 'isMuted' | 'isVideoEnabled' | 'isScreenShared' | 'localStream'>;

type Kind = CallEvent['kind'];

/** What is told of as events when it changes. */
interface Status {
  isMuted: boolean;
  isVideoEnabled: boolean;
  isScreenShared: boolean;
  isJoined: boolean;
  connection: string;
}

/** Measures a call, and tells the server every minute and at the end. Whatever fails here fails in silence: the call goes on. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #client: Watched;
  readonly #steps: Readonly<Steps>;
  readonly #connections: ReadonlyMap<string, Peer>;
  readonly #timers: Timers<'sample'>;
  readonly #post: Post;
  readonly #run = new Run();
  readonly #name: string;
  readonly #period: number;
  readonly #readings = new WeakMap<Peer, Reading>();
  readonly #stop: (() => void)[] = [];
  #peers = new Map<string, PeerMinute>();
  /** With their times on the environment's clock: what is known of the server's grows. */
  #events: (Omit<CallEvent, 'at'> & { now: number })[] = [];
  /** The minute that is being measured. */
  #minute: number;
  /** When something was reported last. */
  #reportedAt: number;
  #iceRestarts = 0;
  #hasMet = false;
  /** The server's clock, ahead of this one. */
  #ahead: number;
  #was: Status;
  readonly #devices = new Map<string, string>();
  readonly #limits = new Map<string, Sample['limitedBy']>();
  #isOver = false;

  /** @param steps and `peers` change while the call goes on */
  constructor(options: ReporterOptions, client: Watched, steps: Readonly<Steps>, peers: ReadonlyMap<string, Peer>) {
    const { environment, joined } = options;
    this.#options = options;
    this.#client = client;
    this.#steps = steps;
    this.#connections = peers;
    this.#timers = new Timers(environment);
    this.#ahead = madeAt(joined.signaling) - steps.answeredAt;
    this.#reportedAt = this.#time();
    this.#minute = minuteAt(this.#reportedAt);
    this.#name = `${this.#minute.toString(36)}${Math.floor(environment.random() * 2 ** 40).toString(36)}`;
    this.#period = Math.min((joined.media.quality?.everySeconds ?? 60) * 1000, MINUTE_MS);
    this.#post = new Post(environment, {
      send: (report) => options.signaling.send('reportStats', report),
      put: (report) => options.api.reportStats(joined.sessionId, report),
      isConnected: () => client.connectionState.status === 'connected' && !this.#isOver,
      time: () => this.#time(),
    });
    this.#was = { ...this.#status, isJoined: false };
    this.#look();
    this.#stop.push(client.subscribe(() => this.#look()), environment.onHide(() => this.finish()), this.#watchPage());
    this.#sampleLater();
  }

  /** Ends it, and sends what there is. */
  finish(cause?: TunRTCError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timers.clear();
    for (const stop of this.#stop) stop();
    this.#note('left', cause?.code);
    this.#post.last(this.#report({ final: true, failure: cause?.code }));
  }

  get #status(): Status {
    const { isMuted, isVideoEnabled, isScreenShared, connectionState } = this.#client;
    return { isMuted, isVideoEnabled, isScreenShared, isJoined: this.#steps.joinedAt !== undefined, connection: connectionState.status };
  }

  /** A time on the environment's clock, by the server's. */
  #written(now: number): string {
    return new Date(now + this.#ahead).toISOString();
  }

  #time(): number {
    const now = this.#options.environment.now();
    // This clock may stand still while a machine sleeps; what the server told last is a bound.
    this.#ahead = Math.max(this.#ahead, (Date.parse(this.#options.signaling.since) || 0) - now);
    return now + this.#ahead;
  }

  #sampleLater(): void {
    if (this.#isOver) return;
    const left = SAMPLE_MS - (this.#time() % SAMPLE_MS);
    // A timer that rang a little early does not ring twice.
    this.#timers.arm('sample', left < LEAST_MS ? left + SAMPLE_MS : left, () => {
      this.#sample()
        .catch(() => {})
        .finally(() => this.#sampleLater());
    });
  }

  async #sample(): Promise<void> {
    await Promise.all([...this.#connections].map(([userId, peer]) => this.#measure(userId, peer).catch(() => {})));
    if (this.#isOver) return;
    this.#lookAtDevices();
    this.#turn();
  }

  async #measure(userId: string, peer: Peer): Promise<void> {
    this.#hasMet = true;
    const before = this.#readings.get(peer);
    const after = await read(peer, this.#options.environment.now());
    this.#readings.set(peer, after);
    if (!before || this.#isOver) return;
    // A late timer's sample counts where most of it was.
    if (minuteAt((before.at + after.at) / 2 + this.#ahead) > this.#minute) this.#turn();
    const sample = compare(before, after);
    const minute = this.#peers.get(userId) ?? new PeerMinute();
    this.#peers.set(userId, minute);
    minute.add(sample);
    this.#noteSample(userId, sample);
  }

  #noteSample(userId: string, { iceRestarts, limitedBy }: Sample): void {
    this.#iceRestarts += iceRestarts;
    if (iceRestarts > 0) this.#note('iceRestart', userId);
    const isLimited = limitedBy === 'cpu' || limitedBy === 'bandwidth';
    if (isLimited && limitedBy !== this.#limits.get(userId)) this.#note('limited', limitedBy);
    this.#limits.set(userId, limitedBy);
  }

  /** Reports when it is time to; then another minute may begin. */
  #turn(): void {
    const now = this.#time();
    const isDue = Math.floor(now / this.#period) > Math.floor(this.#reportedAt / this.#period);
    if (!isDue && minuteAt(now) === this.#minute) return;
    this.#reportedAt = now;
    const report = this.#report({});
    if (minuteAt(now) !== this.#minute) {
      this.#minute = minuteAt(now);
      this.#peers = new Map();
      this.#events = [];
    }
    this.#post.add(report, this.#options.environment.random() * this.#period * SPREAD);
  }

  #report({ final, failure }: { final?: boolean; failure?: string | undefined }): CallReport {
    const minute = minuteOf(this.#peers);
    this.#run.set(this.#minute, minute);
    return fitted({
      minute: new Date(this.#minute).toISOString(),
      run: this.#name,
      scoreVersion: SCORE_VERSION,
      ...present({ final, score: minute.score }),
      summary: this.#summary(failure),
      client: machineOf(globalThis.navigator?.userAgent),
      join: this.#done,
      events: this.#events.slice(-MOST_EVENTS).map(({ now, ...event }) => ({ at: this.#written(now), ...event })),
      peers: minute.peers.slice(0, MOST_PEERS),
    });
  }

  /** The steps of joining that were done, and when, from its start. */
  get #done(): CallJoin {
    const { answeredAt, joinedAt, mediaAt } = this.#steps;
    const since = (at: number | undefined) => at && bounded(at - this.#options.startedAt);
    return present({ answerMs: since(answeredAt), joinedMs: since(joinedAt), mediaMs: since(mediaAt) });
  }

  #summary(failure: string | undefined): CallSummary {
    const { joinedMs, mediaMs } = this.#done;
    const hasFailed = joinedMs === undefined || (this.#hasMet && mediaMs === undefined);
    const outcome = hasFailed ? 'failed' : mediaMs === undefined ? 'alone' : 'connected';
    return {
      startedAt: this.#written(this.#options.startedAt),
      ...this.#run.summary,
      outcome,
      ...present({ joinMs: joinedMs, mediaMs, failure: hasFailed ? failure?.slice(0, 64) : undefined }),
      reconnects: this.#options.signaling.reconnects,
      iceRestarts: this.#iceRestarts,
    };
  }

  /** Something about the client changed. */
  #look(): void {
    const [was, is] = [this.#was, this.#status];
    this.#was = is;
    const changed = (name: keyof Status, on: Kind, off: Kind) => is[name] !== was[name] && this.#note(is[name] ? on : off);
    if (is.isJoined && !was.isJoined) this.#note('joined', undefined, this.#steps.joinedAt);
    changed('isMuted', 'muted', 'unmuted');
    changed('isVideoEnabled', 'cameraOn', 'cameraOff');
    changed('isScreenShared', 'screenOn', 'screenOff');
    if (is.connection === was.connection) return;
    if (is.connection === 'reconnecting') this.#note('reconnecting');
    if (is.connection === 'connected' && was.connection === 'reconnecting') this.#note('reconnected');
    if (is.connection === 'connected') this.#post.wake();
  }

  #lookAtDevices(): void {
    for (const track of this.#client.localStream?.getTracks() ?? []) {
      const { deviceId } = track.getSettings();
      const known = this.#devices.get(track.kind);
      if (known && deviceId && deviceId !== known) this.#note('deviceChanged', track.kind);
      if (deviceId) this.#devices.set(track.kind, deviceId);
    }
  }

  #watchPage(): () => void {
    const { document } = globalThis;
    const changed = () => this.#note(document.visibilityState === 'hidden' ? 'hidden' : 'visible');
    document?.addEventListener('visibilitychange', changed);
    return () => document?.removeEventListener('visibilitychange', changed);
  }

  #note(kind: Kind, detail?: string, now = this.#options.environment.now()): void {
    this.#events.push({ now, kind, ...(detail && { detail: detail.slice(0, 100) }) });
  }
}

function minuteAt(time: number): number {
  return Math.floor(time / MINUTE_MS) * MINUTE_MS;
}

/** As much as the server takes: what is told of least goes first. */
function fitted(report: CallReport): CallReport {
  while (JSON.stringify(report).length > MOST_BYTES) if (!report.events?.pop() && !report.peers?.pop()) break;
  return report;
}
