import type { Environment } from '../environment.ts';
import type { TunRTCError } from '../errors.ts';
import { Peer, type Outgoing, type PeerState, type Slot, type StreamKind } from './peer.ts';
import type { IceServer, Signal, SignalBody } from '../wire.ts';

/** What a {@link Mesh} needs, and whom it tells. */
export interface MeshOptions {
  environment: Environment;
  createPeerConnection(configuration: RTCConfiguration): RTCPeerConnection;
  /** This participant. */
  userId: string;
  /** What every connection is made with; `iceServers` are added. */
  configuration: RTCConfiguration;
  iceServers: IceServer[];
  freshIceServers(): Promise<IceServer[]>;
  send(userId: string, body: SignalBody): Promise<unknown>;
  /** The connection to a peer is made anew: what was sent for the old one is void. */
  renew(userId: string): void;
  onStream(userId: string, stream: MediaStream, kind: StreamKind): void;
  onStreamRemoved(userId: string, stream: MediaStream): void;
  onState(userId: string, state: PeerState): void;
  onChannel(userId: string, channel: RTCDataChannel): void;
  onError(error: TunRTCError): void;
}

/** A connection to each other participant. The newcomer offers; of two offers that cross, the lower user id gives way. */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #outgoing = new Map<Slot, Outgoing>();
  #iceServers: IceServer[];

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#iceServers = options.iceServers;
  }

  /** The ICE servers that the next connections are made with. */
  set iceServers(iceServers: IceServer[]) {
    this.#iceServers = iceServers;
  }

  /** Everybody there is a connection to. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /** The connection to a participant; made now if there is none. */
  connect(userId: string, initiator: boolean): Peer {
    return this.#peers.get(userId) ?? this.#create(userId, initiator);
  }

  /** Closes the connection to a participant, if there is one, and makes a new one. */
  reset(userId: string, initiator: boolean): Peer {
    this.remove(userId);
    return this.#create(userId, initiator);
  }

  remove(userId: string): void {
    const peer = this.#peers.get(userId);
    if (!peer) return;
    this.#peers.delete(userId);
    peer.close();
    this.#options.renew(userId);
  }

  handle(signal: Signal): void {
    this.connect(signal.fromUserId, false).handle(signal);
  }

  /** Sends a track to everybody in this slot, or nothing any more when `outgoing` is absent. */
  async send(slot: Slot, outgoing?: Outgoing): Promise<void> {
    if (outgoing) this.#outgoing.set(slot, outgoing);
    else this.#outgoing.delete(slot);
    await Promise.all([...this.#peers.values()].map((peer) => peer.update(this.#outgoing)));
  }

  /** Signals may have been lost: connections that work are described again, the others made anew. */
  renegotiate(): void {
    for (const [userId, peer] of [...this.#peers]) {
      if (peer.state === 'connected') peer.negotiate();
      else this.reset(userId, true);
    }
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #create(userId: string, initiator: boolean): Peer {
    const { environment, configuration, ...options } = this.#options;
    const peer: Peer = new Peer({
      environment,
      createPeerConnection: options.createPeerConnection,
      initiator,
      polite: options.userId < userId,
      configuration: { ...configuration, iceServers: this.#iceServers },
      iceServers: async () => (this.#iceServers = await options.freshIceServers()),
      send: (body) => options.send(userId, body),
      onStream: (stream, kind) => options.onStream(userId, stream, kind),
      onStreamRemoved: (stream) => options.onStreamRemoved(userId, stream),
      onState: (state) => options.onState(userId, state),
      onChannel: (channel) => options.onChannel(userId, channel),
      onError: (error) => options.onError(error),
      onBroken: () => this.reset(userId, true),
      onStray: (signal) => this.#stray(userId, peer, signal),
    });
    this.#peers.set(userId, peer);
    peer.update(this.#outgoing).catch(options.onError);
    return peer;
  }

  /** The other side has a new connection: meet it with a new one, or, if its offer was missed, ask for another. */
  #stray(userId: string, peer: Peer, signal: Signal): void {
    const present = this.#peers.get(userId);
    if (present === peer) {
      const fresh = this.reset(userId, !('offer' in signal));
      if ('offer' in signal) fresh.handle(signal);
    } else {
      present?.handle(signal);
    }
  }
}
