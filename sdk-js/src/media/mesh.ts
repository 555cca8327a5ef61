import type { Environment } from '../environment.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import type { Tell } from '../events.ts';
import { Peer, PERMISSION, type Outgoing, type Publishing, type Slot } from './peer.ts';
import { ProcessorWatch, share, type Reading } from './policy.ts';
import type { PeerQuality, QualityLevel } from './quality.ts';
import { fullAt, mustYield } from './room.ts';
import { Speakers } from './speakers.ts';
import { Tiles } from './tiles.ts';
import type { Reporter, Steps } from '../report/reporter.ts';
import { Timers } from '../timers.ts';
import { madeAt } from '../signaling/ticket.ts';
import type { Api } from '../rest/api.ts';
import type { Signaling } from '../signaling/signaling.ts';
import type { TunRTCClient } from '../client.ts';
import type { IceServer, Joined, Participant, Role, Signal } from '../wire.ts';

/** For the part that reports: what it took from there itself would be torn out of this one. */
export { BUFFERED, number, path, rate, sending, statsOf, type PeerQuality, type Stat } from './quality.ts';

/** ICE credentials are renewed when this share of their life has gone by. */
const ICE_RENEWAL = 0.5;
const ICE_RETRY_MS = 60_000;

/** More who show video than the limit are waited for to say otherwise: newcomers are taken to show some until they tell. */
const FULL_READINGS = 2;

/** How often voices are listened to and tiles are measured. */
const LISTEN_MS = 400;
/** How often connections are measured. */
const MEASURE_MS = 2_000;

/** What a {@link Mesh} needs, and whom it tells. */
export interface MeshOptions {
  environment: Environment;
  createPeerConnection(configuration: RTCConfiguration): RTCPeerConnection;
  /** This participant. */
  userId: string;
  /** What every connection is made with; with `iceServers` in it, these are used in place of the server's. */
  configuration: RTCConfiguration;
  /** The answer to joining, with the first ICE servers. */
  joined: Pick<Joined, 'iceServers' | 'media' | 'participants' | 'sessionId' | 'signaling'>;
  /** The others in the session. */
  participants: ReadonlyMap<string, Participant>;
  api: Pick<Api, 'iceServers' | 'reportStats'>;
  signaling: Pick<Signaling, 'probe' | 'renew' | 'send' | 'signal' | 'since' | 'reconnects'>;
  /** Whose calls are measured and reported, where the server asks for it; and when it was told to join. */
  client: TunRTCClient | undefined;
  startedAt: number;
  /** The video elements whose size and visibility count. */
  videos: ReadonlySet<HTMLVideoElement>;
  tell: Tell;
  /** More people show video than the session's limit, and those who were there before go on: the own camera is to be turned off. */
  onFull(limit: number): void;
  /** Something failed between this participant and another. */
  onError(userId: string, error: TunRTCError): void;
}

/** What the data of a roster or an event may say of somebody. */
interface Said {
  userId?: string;
  role?: Role;
  permissions?: Publishing;
}

/** A connection to each other participant. The newcomer offers; of two offers that cross, the lower user id gives way. */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #peers = new Map<string, Peer>();
  /** What there is to be sent, and as much of it as this participant may send. */
  readonly #wanted = new Map<Slot, Outgoing>();
  readonly #outgoing = new Map<Slot, Outgoing>();
  /** What participants may, as far as that was said. */
  readonly #permissions = new Map<string, Publishing>();
  /** Addresses of ICE servers that the browser refused. */
  readonly #refused = new Set<string>();
  readonly #timers: Timers<'ice' | 'listen' | 'measure'>;
  readonly #tiles: Tiles;
  readonly #speakers = new Speakers();
  readonly #processor = new ProcessorWatch();
  /** How loud this participant is. */
  #ownLevel = 0;
  /** When this participant's seat was taken. */
  #joinedAt = '';
  /** How often in a row there were too many who show video. */
  #full = 0;
  #iceServers: IceServer[];
  #freshening: Promise<IceServer[]> | undefined;
  #isClosed = false;
  readonly #steps: Steps;
  #reporter: Promise<Reporter | undefined> | undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#steps = { answeredAt: options.environment.now() };
    this.#iceServers = this.#ownIceServers ?? options.joined.iceServers;
    this.#timers = new Timers(options.environment);
    const life = this.#ownIceServers ? 0 : credentialLife(options.joined);
    if (life > 0) this.#renewIceServersIn(life * ICE_RENEWAL);
    this.permit(options.joined.participants);
    this.#tiles = new Tiles(options.videos, options.environment.now);
    this.#record();
  }

  /** Has the call measured and reported, where the server wants that and the app allows it. */
  #record(): void {
    const { client, joined } = this.#options;
    if (!client || !joined.media?.quality) return;
    this.#reporter = import('../report/reporter.ts').then(
      ({ Reporter }) => new Reporter(this.#options, client, this.#steps, this.#peers),
      // Without it the call is as good.
      () => undefined,
    );
  }

  get #ownIceServers(): IceServer[] | undefined {
    return this.#options.configuration.iceServers as IceServer[] | undefined;
  }

  /** Takes these for the next connections, but for those that the browser has refused. */
  #use(iceServers: IceServer[]): void {
    this.#iceServers = iceServers.filter((server) => !this.#refused.has(addressOf(server)));
  }

  /** Later connections need credentials that still hold: the next ones are fetched in time, once for all who need them. */
  #freshIceServers(): Promise<IceServer[]> {
    if (this.#ownIceServers) return Promise.resolve(this.#iceServers);
    const done = () => (this.#freshening = undefined);
    this.#freshening ??= this.#fetchIceServers().finally(done);
    return this.#freshening;
  }

  async #fetchIceServers(): Promise<IceServer[]> {
    const { iceServers, ttlSeconds } = await this.#options.api.iceServers();
    this.#use(iceServers);
    this.#renewIceServersIn(ttlSeconds * 1000 * ICE_RENEWAL);
    return this.#iceServers;
  }

  #renewIceServersIn(milliseconds: number): void {
    if (this.#isClosed) return;
    this.#timers.arm('ice', milliseconds, () => {
      this.#freshIceServers().catch(() => this.#renewIceServersIn(ICE_RETRY_MS));
    });
  }

  /** The limit of people who show video, where as many others do. */
  static readonly fullAt: typeof fullAt = fullAt;

  /** Takes note of when the own seat was taken: those who came first go on showing video. */
  seated({ joinedAt }: Participant): void {
    this.#joinedAt = joinedAt;
    this.#steps.joinedAt ??= this.#options.environment.now();
  }

  /** @throws {TunRTCError} `video_limit` when as many others show video as the session's limit allows */
  mustHaveRoom(): void {
    const { joined, participants, userId } = this.#options;
    const limit = fullAt({ ...joined, participants: [...participants.values()] }, userId);
    if (limit === undefined) return;
    throw new TunRTCError('video_limit', `Only ${limit} people can show video, and as many do.`);
  }

  /** Everybody there is a connection to. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /** The connection to a participant; made now if there is none. Absent where the browser makes none. */
  connect(userId: string, initiator: boolean): Peer | undefined {
    return this.#peers.get(userId) ?? this.#create(userId, initiator);
  }

  /**
   * The browser's own connection to a participant.
   *
   * @throws {TunRTCError} `peer_not_found`, `peer_failed`
   */
  open(userId: string): RTCPeerConnection {
    if (!this.#options.participants.has(userId)) throw new TunRTCError('peer_not_found', 'There is no such participant.');
    const peer = this.connect(userId, false);
    if (!peer) throw new TunRTCError('peer_failed', 'The browser makes no connection.');
    return peer.connection;
  }

  /** Closes the connection to a participant, if there is one, and makes a new one. */
  reset(userId: string, initiator: boolean): Peer | undefined {
    this.remove(userId);
    // Whoever heard that the old one closed may have made the new one.
    return this.connect(userId, initiator);
  }

  remove(userId: string): void {
    const peer = this.#peers.get(userId);
    if (!peer) return;
    this.#peers.delete(userId);
    peer.close();
    this.#share();
    this.#options.signaling.renew(userId);
  }

  handle(signal: Signal): void {
    this.connect(signal.fromUserId, false)?.handle(signal);
  }

  /** Sends a track to everybody in this slot, or nothing any more when `outgoing` is absent; as long as it may be sent. */
  send(slot: Slot, outgoing?: Outgoing): void {
    if (outgoing) this.#wanted.set(slot, outgoing);
    else this.#wanted.delete(slot);
    this.#settle();
  }

  /**
   * What was said of participants; who has no role in it is left as they were. What somebody may not send is not sent from here,
   * and neither seen nor heard from there.
   */
  permit(said: readonly object[]): void {
    for (const { userId = '', role, permissions } of said as readonly Said[]) {
      if (!role) continue;
      const publishes = role !== 'viewer';
      const may = permissions ?? { publishAudio: publishes, publishVideo: publishes, publishScreen: publishes };
      this.#permissions.set(userId, may);
      this.#peers.get(userId)?.permit(may);
      if (userId === this.#options.userId) this.#settle();
    }
  }

  #settle(): void {
    const may = this.#permissions.get(this.#options.userId);
    this.#outgoing.clear();
    for (const [slot, outgoing] of this.#wanted) if (may?.[PERMISSION[slot]] !== false) this.#outgoing.set(slot, outgoing);
    for (const peer of this.#peers.values()) peer.update(this.#outgoing);
    this.#share();
  }

  /** How loud everybody is, this participant too, by user id: 0 to 1. */
  get levels(): ReadonlyMap<string, number> {
    return this.#speakers.levels;
  }

  /** Every connection gets its part of the one line that they share. */
  #share(): void {
    const now = this.#options.environment.now();
    const isSent = (slot: Slot) => Boolean(this.#outgoing.get(slot)?.track);
    const peers = [...this.#peers.values()];
    const lines = peers.map(({ shown, line }) => ({ shown, carries: line.carries, isThin: line.isThin(now) }));
    const limits = share(lines, { camera: isSent('camera'), screen: isSent('screen') }, this.#processor.steps);
    peers.forEach((peer, place) => limits[place] && peer.limit(limits[place]));
  }

  /** From the first connection on, until the end of the call. */
  #watch(): void {
    if (!this.#timers.has('listen')) this.#timers.arm('listen', LISTEN_MS, () => this.#listen());
    if (!this.#timers.has('measure')) this.#timers.arm('measure', MEASURE_MS, () => void this.#measure());
  }

  #listen(): void {
    this.#watch();
    const { userId: own, environment, tell } = this.#options;
    const shown = this.#tiles.measure();
    const levels = new Map([[own, this.#ownLevel]]);
    for (const [userId, peer] of this.#peers) {
      peer.tellShown(shown);
      levels.set(userId, peer.loudness());
    }
    const speakers = this.#speakers.read(levels, environment.now());
    if (speakers) tell('activeSpeakersChanged', { speakers });
    void this.#hearMicrophone();
  }

  /** Every connection sends the same: what one knows of it holds for all. */
  async #hearMicrophone(): Promise<void> {
    const peer = [...this.#peers.values()].find(({ state }) => state === 'connected');
    this.#ownLevel = (await peer?.ownLoudness().catch(() => 0)) ?? 0;
  }

  async #measure(): Promise<void> {
    const readings = await Promise.all([...this.#peers].map(([userId, peer]) => this.#read(userId, peer)));
    if (this.#isClosed) return;
    this.#processor.read(readings, this.#options.environment.now());
    this.#review();
    this.#share();
    this.#watch();
  }

  /** Those who come at the same moment do not know of each other: whoever was last gives way. */
  #review(): void {
    const { joined, participants, userId, onFull } = this.#options;
    const limit = joined.media?.limit;
    const isSending = Boolean(this.#outgoing.get('camera')?.track);
    const own = { userId, joinedAt: this.#joinedAt };
    const isOver = isSending && limit !== undefined && mustYield(own, participants.values(), limit);
    this.#full = isOver ? this.#full + 1 : 0;
    if (isOver && this.#full >= FULL_READINGS) onFull(limit);
  }

  async #read(userId: string, peer: Peer): Promise<Reading> {
    const quality = await peer.read('mesh').catch(() => undefined);
    if (!quality || this.#peers.get(userId) !== peer) return {};
    this.#judge(userId, peer, quality.level);
    const { availableKbps, limitedBy } = quality;
    const reading = { available: availableKbps && availableKbps * 1000, limitation: limitedBy };
    peer.line.read(reading, this.#options.environment.now());
    return reading;
  }

  #judge(userId: string, peer: Peer, level: QualityLevel): void {
    const quality = peer.verdict.judge(level);
    if (quality) this.#options.tell('connectionQualityChanged', { userId, quality });
  }

  /** Measures the connection to a participant; rejects with `peer_failed` when the browser does not answer. */
  async measure(userId: string): Promise<PeerQuality> {
    try {
      return (await this.#peers.get(userId)?.read('page')) ?? { level: 'unknown' };
    } catch (thrown) {
      throw asTunRTCError(thrown, 'peer_failed');
    }
  }

  /** Signals may have been lost: connections that work are described again, the others made anew. */
  renegotiate(): void {
    for (const [userId, peer] of [...this.#peers]) {
      if (peer.state === 'connected') peer.negotiate();
      else this.reset(userId, true);
    }
  }

  close(cause?: TunRTCError): void {
    this.#isClosed = true;
    void this.#reporter?.then((reporter) => reporter?.finish(cause));
    this.#timers.clear();
    this.#tiles.close();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #create(userId: string, initiator: boolean): Peer | undefined {
    if (this.#isClosed) return undefined;
    const { environment, configuration, participants, tell, signaling, ...options } = this.#options;
    const fail = (error: TunRTCError) => options.onError(userId, error);
    try {
      const peer: Peer = new Peer({
        environment,
        createPeerConnection: (full) => this.#open(full, fail),
        initiator,
        polite: options.userId < userId,
        configuration: { ...configuration, iceServers: this.#iceServers },
        iceServers: () => this.#freshIceServers(),
        send: (body) => signaling.signal(userId, body),
        renew: () => signaling.renew(userId),
        onStream: (stream, kind) => tell('remoteStream', { userId, username: participants.get(userId)?.username ?? '', stream, kind }),
        onStreamRemoved: (stream) => tell('remoteStreamRemoved', { userId, stream }),
        onState: (state) => {
          // The same trouble may have cut signaling off; a dead connection is found sooner by asking.
          if (state === 'reconnecting') signaling.probe();
          if (state === 'connected') this.#steps.mediaAt ??= environment.now();
          tell('peerStateChanged', { userId, state });
          if (state === 'reconnecting') this.#judge(userId, peer, 'lost');
        },
        onChannel: (channel) => tell('dataChannel', { userId, channel }),
        onShown: () => this.#share(),
        onError: fail,
        onBroken: () => this.reset(userId, true),
        onStray: (signal) => this.#stray(userId, peer, signal),
      });
      this.#peers.set(userId, peer);
      peer.permit(this.#permissions.get(userId));
      peer.update(this.#outgoing);
      this.#share();
      this.#watch();
      return peer;
    } catch (thrown) {
      fail(asTunRTCError(thrown, 'peer_failed'));
      return undefined;
    }
  }

  /** One address that the browser refuses must not keep people apart: without it there may be another way. */
  #open(configuration: RTCConfiguration, fail: (error: TunRTCError) => void): RTCPeerConnection {
    const { createPeerConnection } = this.#options;
    try {
      return createPeerConnection(configuration);
    } catch (thrown) {
      const bad = this.#iceServers.filter((server) => !this.#isUsable(server)).map(addressOf);
      if (bad.length === 0) throw thrown;
      for (const address of bad) this.#refused.add(address);
      this.#use(this.#iceServers);
      fail(new TunRTCError('peer_failed', `The browser refuses these ICE servers: ${bad.join(', ')}`, { cause: thrown }));
      return createPeerConnection({ ...configuration, iceServers: this.#iceServers });
    }
  }

  #isUsable(server: IceServer): boolean {
    try {
      this.#options.createPeerConnection({ iceServers: [server] }).close();
      return true;
    } catch {
      return false;
    }
  }

  /** The other side has a new connection: meet it with a new one, or, if its offer was missed, ask for another. */
  #stray(userId: string, peer: Peer, signal: Signal): void {
    const present = this.#peers.get(userId);
    if (present === peer) {
      const fresh = this.reset(userId, !('offer' in signal));
      if ('offer' in signal) fresh?.handle(signal);
      else if ('answer' in signal) fresh?.shun(signal.epoch);
    } else {
      present?.handle(signal);
    }
  }
}

/**
 * How long TURN credentials hold, in milliseconds; 0 without any. Their user name starts with the Unix time of their
 * end, and the ticket tells what the server's clock says.
 */
function credentialLife({ iceServers, signaling }: MeshOptions['joined']): number {
  const ends = iceServers.map(({ username }) => parseInt(username ?? '', 10)).filter((end) => end > 0);
  if (ends.length === 0) return 0;
  return Math.max(Math.min(...ends) * 1000 - madeAt(signaling), ICE_RETRY_MS);
}

function addressOf({ urls }: IceServer): string {
  return String(urls);
}
