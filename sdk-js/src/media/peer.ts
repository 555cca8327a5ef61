import type { Environment } from '../environment.ts';
import { asTunRTCError, type TunRTCError } from '../errors.ts';
import { LineWatch, restrict, type Limits, type Shown } from './policy.ts';
import { Meter, Verdict, type PeerQuality } from './quality.ts';
import { belongsTo, isScreen, markScreen, pack, unpack } from './sdp.ts';
import { Timers } from '../timers.ts';
import { fromText, toText } from './tiles.ts';
import type { Answer, IceServer, Offer, Permissions, Signal, SignalBody } from '../wire.ts';

/** Candidates found within this time travel together. */
const BATCH_MS = 40;
/** A newcomer makes the first offer; if it does not, the other side does after this. */
const NEWCOMER_MS = 4_000;
/** An offer that is not answered is made again. */
const ANSWER_MS = 10_000;
/** A connection may be disturbed for this long before ICE is restarted. */
const DISTURBED_MS = 4_000;
/** After this many restarts in vain the connection is made anew. */
const RESTARTS = 2;
const RESTART_CAP_MS = 16_000;

/** What a participant sends: at most one track of each. */
export type Slot = 'microphone' | 'camera' | 'screen';

/** What somebody may send. */
export type Publishing = Pick<Permissions, 'publishAudio' | 'publishVideo' | 'publishScreen'>;

/** The permission that each slot needs. */
export const PERMISSION = { microphone: 'publishAudio', camera: 'publishVideo', screen: 'publishScreen' } as const;

/** What is sent in a slot; a `null` track keeps its place while there is nothing to send. */
export interface Outgoing {
  track: MediaStreamTrack | null;
  stream: MediaStream;
}

/** How the connection to a peer stands. */
export type PeerState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** Who asks how a connection does: the page, or the mesh for its own decisions. */
export type Reader = 'page' | 'mesh';

/** Whether a stream shows a person or a screen. */
export type StreamKind = 'camera' | 'screen';

/** What a {@link Peer} needs, and whom it tells. */
export interface PeerOptions {
  environment: Environment;
  createPeerConnection(configuration: RTCConfiguration): RTCPeerConnection;
  /** Gives way when both sides offer at the same time. */
  polite: boolean;
  /** Makes the first offer. */
  initiator: boolean;
  configuration: RTCConfiguration;
  /** ICE servers with fresh credentials, for a restart. */
  iceServers(): Promise<IceServer[]>;
  /** Sends a signal; resolves when the server has it. */
  send(body: SignalBody): Promise<unknown>;
  onStream(stream: MediaStream, kind: StreamKind): void;
  /** Of every stream that was told of, once, when it ends: at the latest before the state `closed`. */
  onStreamRemoved(stream: MediaStream): void;
  onState(state: PeerState): void;
  onChannel(channel: RTCDataChannel): void;
  /** The other side shows pictures of here in other sizes than before. */
  onShown(): void;
  onError(error: TunRTCError): void;
  /** Restarting ICE did not help: make the connection anew. */
  onBroken(): void;
  /** What was sent may be taken for old: from now on it is not. */
  renew(): void;
  /** The other side has made its connection anew, or this one was closed meanwhile: this signal is for the next one. */
  onStray(signal: Signal): void;
}

/** One RTCPeerConnection, negotiated perfectly: either side may offer at any time. */
export class Peer {
  readonly connection: RTCPeerConnection;
  /** What is known of what the connection carries. */
  readonly line: LineWatch = new LineWatch();
  readonly verdict: Verdict = new Verdict();
  readonly #options: PeerOptions;
  /** The client's own, for what two of them tell each other. */
  readonly #channel: RTCDataChannel;
  readonly #meters: Record<Reader, Meter> = { page: new Meter(), mesh: new Meter() };
  readonly #senders = new Map<Slot, RTCRtpSender>();
  readonly #timers: Timers<'answer' | 'batch' | 'first' | 'restart'>;
  readonly #streams = new Map<MediaStream, StreamKind>();
  #limits: Limits | undefined;
  #shown: Shown = {};
  #told = toText({});
  /** When something of the other side's voice was last played. */
  #voiceAt = 0;
  /** Tracks are put into their places one after the other, so that the last one stays. */
  #updating: Promise<void> = Promise.resolve();
  /** Descriptions and candidates go out one after the other. */
  #outgoing: Promise<void> = Promise.resolve();
  /** Signals are applied one after the other. */
  #incoming: Promise<void> = Promise.resolve();
  #batch: RTCIceCandidateInit[] = [];
  /** Candidates that belong to no remote description yet. */
  #waiting: RTCIceCandidateInit[] = [];
  /** The other side's description as it came: browsers drop the marks that they do not know. */
  #received = '';
  #making = false;
  #active: boolean;
  #closed = false;
  /** How often new paths were looked for. */
  iceRestarts = 0;
  #restarts = 0;
  /** How many offers in a row were not answered. */
  #unanswered = 0;
  #state: PeerState = 'connecting';
  /** The other side's epoch: it names the connection over there. */
  #epoch: string | undefined;
  #shunned: string | undefined;
  /** What came from the other side, and from which of its slots. */
  readonly #tracks = new Map<MediaStreamTrack, Slot>();
  #permitted: Publishing | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#timers = new Timers(options.environment);
    this.#active = options.initiator;
    const pc = (this.connection = options.createPeerConnection(options.configuration));
    pc.onnegotiationneeded = () => void this.#offer();
    pc.onicecandidate = ({ candidate }) => candidate && this.#gathered(candidate);
    pc.onconnectionstatechange = () => this.#connectionChanged();
    pc.ondatachannel = ({ channel }) => options.onChannel(channel);
    pc.ontrack = (event) => this.#tracked(event);
    // It also makes a connection possible that carries no media at all.
    this.#channel = pc.createDataChannel('tunrtc', { negotiated: true, id: 0 });
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#heard(data);
    if (!this.#active) this.#timers.arm('first', NEWCOMER_MS, () => this.negotiate());
  }

  get state(): PeerState {
    return this.#state;
  }

  /** In what sizes the other side shows the pictures of here. */
  get shown(): Shown {
    return this.#shown;
  }

  /** Tells the other side in what sizes its pictures are shown here, by stream, unless it knows. */
  tellShown(heights: ReadonlyMap<unknown, number>): void {
    if (this.#channel.readyState !== 'open') return;
    const shown: { [Kind in StreamKind]?: number } = {};
    for (const [stream, kind] of this.#streams) {
      const height = heights.get(stream);
      if (height !== undefined) shown[kind] = Math.max(shown[kind] ?? 0, height);
    }
    const text = toText(shown);
    if (text === this.#told) return;
    this.#told = text;
    this.#channel.send(text);
  }

  /** Measures the connection; rates are those since the last time that the same one asked. */
  read(reader: Reader): Promise<PeerQuality> {
    return this.#meters[reader].read(this.connection);
  }

  /** Whether the stream in this place shows a screen. */
  isScreen(mid: string): boolean {
    return isScreen(this.#received, mid);
  }

  /** How loud the other side is just now, 0 to 1. */
  loudness(): number {
    const receiver = this.connection.getReceivers().find(({ track }) => track.kind === 'audio');
    const [source] = receiver?.getSynchronizationSources() ?? [];
    // What was played last stays listed for a while.
    if (!source || source.timestamp === this.#voiceAt) return 0;
    this.#voiceAt = source.timestamp;
    return source.audioLevel ?? 0;
  }

  /** How loud what is sent from the microphone is just now, 0 to 1. */
  async ownLoudness(): Promise<number> {
    const sender = this.#senders.get('microphone');
    if (!sender?.track?.enabled) return 0;
    let level = 0;
    (await sender.getStats()).forEach(({ type, audioLevel }: { type: string; audioLevel?: number }) => {
      if (type === 'media-source') level = audioLevel ?? 0;
    });
    return level;
  }

  #heard(data: unknown): void {
    const shown = fromText(data);
    if (!shown || this.#closed) return;
    this.#shown = shown;
    this.#options.onShown();
  }

  /** Sends what is given, as it is when its turn comes, and stops sending what is not. */
  update(outgoing: ReadonlyMap<Slot, Outgoing>): void {
    this.#updating = this.#updating.then(() => this.#update(outgoing)).catch((thrown: unknown) => this.#fail(thrown));
  }

  /** Sends no more than that in each slot, from when what was given before is in its place. */
  limit(limits: Limits): void {
    this.#limits = limits;
    // A browser that refuses sends what it finds right: that is no reason to stop.
    this.#updating = this.#updating.then(() => this.#restrict()).catch(() => {});
  }

  async #restrict(): Promise<void> {
    for (const [slot, sender] of this.#senders) {
      if (this.#closed || !this.#limits) return;
      const parameters = sender.getParameters();
      if (sender.track && restrict(parameters, slot, this.#limits[slot], sender.track)) await sender.setParameters(parameters);
    }
  }

  async #update(outgoing: ReadonlyMap<Slot, Outgoing>): Promise<void> {
    if (this.#closed) return;
    for (const [slot, sender] of this.#senders) if (!outgoing.has(slot)) this.#vacate(sender);
    for (const [slot, { track, stream }] of outgoing) {
      const sender = this.#senders.get(slot);
      if (!sender) {
        if (track) this.#senders.set(slot, this.connection.addTrack(track, stream));
      } else if (sender.track !== track) {
        await this.#replace(sender, track);
      }
    }
  }

  /** Sends nothing any more, and says so: a place that is only empty would still count as sending. */
  #vacate(sender: RTCRtpSender): void {
    if (sender.track) this.connection.removeTrack(sender);
    const transceiver = this.#transceiverOf(sender);
    if (transceiver?.direction === 'sendrecv') transceiver.direction = 'recvonly';
  }

  #transceiverOf(sender: RTCRtpSender): RTCRtpTransceiver | undefined {
    return this.connection.getTransceivers().find((candidate) => candidate.sender === sender);
  }

  /** What the other side may send: the rest is neither seen nor heard here, though it may still arrive. */
  permit(permissions: Publishing | undefined): void {
    this.#permitted = permissions;
    this.#enforce();
  }

  #enforce(): void {
    for (const [track, slot] of this.#tracks) track.enabled = this.#permitted?.[PERMISSION[slot]] !== false;
  }

  /**
   * A sender is used again, so that turning something on and off does not make the description grow. It keeps its stream's
   * name: Chromium returns to the first one after a `setStreams`, and the other side would see the stream go and come back.
   */
  async #replace(sender: RTCRtpSender, track: MediaStreamTrack | null): Promise<void> {
    await sender.replaceTrack(track);
    const transceiver = this.#transceiverOf(sender);
    if (!track || !transceiver || transceiver.direction.startsWith('send')) return;
    transceiver.direction = 'sendrecv';
  }

  /** Makes an offer, whoever should have made the first one. */
  negotiate(): void {
    this.#active = true;
    void this.#offer();
  }

  /** Applies a signal after all that came before it. */
  handle(signal: Signal): void {
    this.#incoming = this.#incoming.then(() => this.#apply(signal)).catch((thrown: unknown) => this.#fail(thrown));
  }

  /**
   * Takes nothing of this epoch: the connection over there has answered one that this one took the place of, and will be
   * made anew for the offer of this one. To take it up would have the two sides replace their connections for ever.
   */
  shun(epoch: string | undefined): void {
    this.#shunned = epoch;
  }

  /** Finds new paths, with fresh TURN credentials if they can be had. */
  async restartIce(): Promise<void> {
    this.iceRestarts++;
    try {
      const iceServers = await this.#options.iceServers();
      if (!this.#closed) this.connection.setConfiguration({ ...this.#options.configuration, iceServers });
    } catch (thrown) {
      this.#fail(thrown);
    }
    if (this.#closed) return;
    this.connection.restartIce();
    if (this.connection.signalingState === 'have-local-offer') await this.#offer();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timers.clear();
    const pc = this.connection;
    pc.onnegotiationneeded = pc.onicecandidate = pc.onconnectionstatechange = pc.ondatachannel = pc.ontrack = this.#channel.onmessage = null;
    pc.close();
    for (const stream of [...this.#streams.keys()]) this.#removed(stream);
    this.#setState('closed');
  }

  async #offer(): Promise<void> {
    if (!this.#active || this.#closed || this.#making) return;
    this.#making = true;
    try {
      await this.connection.setLocalDescription();
      this.#describe();
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#making = false;
    }
  }

  async #apply(signal: Signal): Promise<void> {
    if (signal.epoch !== undefined && signal.epoch === this.#shunned) return;
    const isNew = signal.epoch !== this.#epoch && this.connection.remoteDescription !== null;
    if (this.#closed || isNew) {
      this.#options.onStray(signal);
      return;
    }
    this.#epoch = signal.epoch;
    if ('offer' in signal) await this.#accept(signal, signal.offer);
    else if ('answer' in signal) await this.#conclude(signal.answer);
    else for (const candidate of signal.candidates) await this.#addCandidate(candidate);
  }

  async #accept(signal: Signal, { sdp }: Offer): Promise<void> {
    const pc = this.connection;
    const offer = await unpack(sdp);
    const collision = this.#making || pc.signalingState !== 'stable';
    if (collision && !this.#options.polite) return;
    // Chromium never offers a data channel again whose first offer gave way to one without any, and asks for it for ever.
    if (collision && !pc.remoteDescription && !offer.includes('m=application')) {
      this.#options.onStray(signal);
      return;
    }
    this.#timers.disarm('first');
    this.#timers.disarm('answer');
    this.#received = offer;
    await pc.setRemoteDescription({ type: 'offer', sdp: offer });
    this.#active = true;
    await this.#described();
    await pc.setLocalDescription();
    this.#describe();
  }

  async #conclude({ sdp }: Answer): Promise<void> {
    if (this.connection.signalingState !== 'have-local-offer') return;
    this.#unanswered = 0;
    this.#timers.disarm('answer');
    this.#received = await unpack(sdp);
    await this.connection.setRemoteDescription({ type: 'answer', sdp: this.#received });
    await this.#described();
  }

  /** A new remote description: waiting candidates that are its own are applied, the others are stale. */
  async #described(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const sdp = this.connection.remoteDescription?.sdp ?? '';
    for (const candidate of waiting) {
      if (belongsTo(candidate, sdp)) await this.#addCandidate(candidate);
    }
  }

  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    const remote = this.connection.remoteDescription;
    if (!remote || !belongsTo(candidate, remote.sdp)) {
      this.#waiting.push(candidate);
      return;
    }
    try {
      await this.connection.addIceCandidate(candidate);
    } catch {
      // One unusable candidate, say of an address family that this machine lacks, is no reason to stop.
    }
  }

  /** Sends the local description as it is now. */
  #describe(): void {
    const { localDescription } = this.connection;
    if (!localDescription) return;
    const { type } = localDescription;
    const screen = this.#senders.get('screen');
    const mid = this.connection.getTransceivers().find(({ sender }) => sender === screen)?.mid ?? null;
    const marked = screen ? markScreen(localDescription.sdp, mid) : localDescription.sdp;
    this.#timers.disarm('answer');
    this.#enqueue(async () => {
      const sdp = await pack(marked);
      if (type === 'answer') return this.#post({ answer: { type: 'answer', sdp } });
      // Only an offer that the server has can be missed by the other side: while this side is offline none pile up.
      return this.#post({ offer: { type: 'offer', sdp } }, () => this.#timers.arm('answer', ANSWER_MS, () => this.#offerAgain()));
    });
  }

  #offerAgain(): void {
    if (this.connection.signalingState !== 'have-local-offer') return;
    // Where not even the second one is answered, the other side may have heard of a newer run of this participant since.
    if (++this.#unanswered > 1 && !this.connection.remoteDescription) this.#options.renew();
    void this.#offer();
  }

  #gathered(candidate: RTCIceCandidate): void {
    if (!candidate.candidate) return;
    this.#batch.push(candidate.toJSON());
    if (this.#timers.has('batch')) return;
    this.#timers.arm('batch', BATCH_MS, () => {
      const candidates = this.#batch;
      this.#batch = [];
      this.#enqueue(() => this.#post({ candidates }));
    });
  }

  #enqueue(step: () => void | Promise<void>): void {
    this.#outgoing = this.#outgoing.then(step).catch((thrown: unknown) => this.#fail(thrown));
  }

  #post(body: SignalBody, onSent?: () => void): void {
    if (this.#closed) return;
    const sent = () => {
      if (!this.#closed) onSent?.();
    };
    this.#options.send(body).then(sent, (thrown: unknown) => this.#fail(thrown));
  }

  #tracked({ track, streams, transceiver }: RTCTrackEvent): void {
    const kind = isScreen(this.#received, transceiver.mid) ? 'screen' : 'camera';
    const stream = streams[0] ?? new MediaStream([track]);
    stream.onremovetrack = () => {
      if (stream.getTracks().length === 0) this.#removed(stream);
    };
    this.#tracks.set(track, track.kind === 'audio' ? 'microphone' : kind);
    this.#enforce();
    if (this.#streams.has(stream)) return;
    this.#streams.set(stream, kind);
    this.#options.onStream(stream, kind);
  }

  #removed(stream: MediaStream): void {
    stream.onremovetrack = null;
    if (this.#streams.delete(stream)) this.#options.onStreamRemoved(stream);
  }

  #connectionChanged(): void {
    switch (this.connection.connectionState) {
      case 'connected':
        // Some browsers have nothing to set before that.
        if (this.#limits) this.limit(this.#limits);
        this.#restarts = 0;
        this.#timers.disarm('restart');
        this.#setState('connected');
        break;
      case 'disconnected':
        this.#setState('reconnecting');
        this.#timers.arm('restart', DISTURBED_MS, () => this.#recover());
        break;
      case 'failed':
        this.#setState('reconnecting');
        this.#recover();
        break;
      default:
    }
  }

  /** Restarts ICE, waits twice as long each time, and in the end asks for a new connection. */
  #recover(): void {
    if (this.connection.connectionState === 'connected' || this.#closed) return;
    if (this.#restarts >= RESTARTS) {
      this.#options.onBroken();
      return;
    }
    void this.restartIce();
    const wait = Math.min(RESTART_CAP_MS, DISTURBED_MS * 2 ** ++this.#restarts);
    this.#timers.arm('restart', wait, () => this.#recover());
  }

  #setState(state: PeerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #fail(thrown: unknown): void {
    if (!this.#closed) this.#options.onError(asTunRTCError(thrown, 'peer_failed'));
  }
}
