/**
 * A peer connection without a network: the signaling states, rollback, negotiationneeded and tracks as the W3C's
 * specification has them, each step taking a turn of the event loop. Two of them are connected when each has the
 * other's newest description.
 */

let serial = 0;

export class FakeTrack {
  readonly id = `track-${++serial}`;
  readonly kind: 'audio' | 'video';
  enabled = true;
  readyState = 'live';
  label = '';
  readonly #deviceId: string;
  readonly #listeners = new Set<() => void>();
  constructor(kind: 'audio' | 'video', deviceId = '') {
    this.kind = kind;
    this.#deviceId = deviceId;
  }
  getSettings = (): MediaTrackSettings => ({ deviceId: this.#deviceId });
  addEventListener(_: 'ended', listener: () => void): void {
    this.#listeners.add(listener);
  }
  stop(): void {
    this.readyState = 'ended';
  }
  /** Ends by itself, as when its device is unplugged. */
  end(): void {
    if (this.readyState === 'ended') return;
    this.stop();
    this.#listeners.forEach((listener) => listener());
  }
}

export class FakeStream {
  readonly id = `stream-${++serial}`;
  onremovetrack: (() => void) | null = null;
  #tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = []) {
    this.#tracks = [...tracks];
  }
  getTracks = (): FakeTrack[] => [...this.#tracks];
  getAudioTracks = (): FakeTrack[] => this.#tracks.filter(({ kind }) => kind === 'audio');
  getVideoTracks = (): FakeTrack[] => this.#tracks.filter(({ kind }) => kind === 'video');
  addTrack = (track: FakeTrack): void => void this.#tracks.push(track);
  removeTrack = (track: FakeTrack): void => void (this.#tracks = this.#tracks.filter((each) => each !== track));
}

interface Line {
  track: FakeTrack | null;
  stream: string;
  direction: 'sendrecv' | 'recvonly';
  mid: string;
}

class FakeSender {
  track: FakeTrack | null;
  readonly #line: Line;
  constructor(line: Line) {
    this.#line = line;
    this.track = line.track;
  }
  getStats = async (): Promise<Map<string, object>> => new Map();
  parameters: RTCRtpSendParameters = { encodings: [{}], transactionId: '', codecs: [], headerExtensions: [], rtcp: {} };
  getParameters(): RTCRtpSendParameters {
    return structuredClone(this.parameters);
  }
  async setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.parameters = parameters;
  }
  async replaceTrack(track: FakeTrack | null): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.track = this.#line.track = track;
  }
}

/** A channel that both sides have made, under one label: open once they are connected. */
class FakeChannel {
  readonly label: string;
  readyState = 'connecting';
  onmessage: ((event: { data: unknown }) => void) | null = null;
  other: FakeChannel | undefined;
  constructor(label: string) {
    this.label = label;
  }
  send(data: unknown): void {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError');
    setImmediate(() => this.other?.onmessage?.({ data }));
  }
}

/** The place of data channels in a description. */
const CHANNELS = 'm=application 9\r\n';

type Type = 'offer' | 'answer';
interface Description {
  type: Type;
  sdp: string;
}

export class FakePeerConnection {
  static readonly #all = new Map<string, FakePeerConnection>();

  configuration: RTCConfiguration;
  signalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ondatachannel: ((event: { channel: unknown }) => void) | null = null;
  ontrack: ((event: { track: FakeTrack; streams: FakeStream[]; transceiver: { mid: string } }) => void) | null = null;
  readonly applied: RTCIceCandidateInit[] = [];
  readonly id = `pc${++serial}`;
  restarts = 0;
  #generation = 0;
  #needed = false;
  /** As in Chromium: a channel whose first offer gave way to one without any is never offered again, and asked for always. */
  #hasLostChannel = false;
  #lines: Line[] = [];
  #senders: FakeSender[] = [];
  #current: { local?: Description; remote?: Description } = {};
  #pending: { local?: Description; remote?: Description } = {};
  #seen = new Set<string>();
  #chain: Promise<unknown> = Promise.resolve();
  #busy = 0;

  constructor(configuration: RTCConfiguration) {
    this.configuration = configuration;
    FakePeerConnection.#all.set(this.id, this);
  }

  get localDescription(): Description | null {
    return this.#pending.local ?? this.#current.local ?? null;
  }

  get remoteDescription(): Description | null {
    return this.#pending.remote ?? this.#current.remote ?? null;
  }

  /** Streams that arrived, by id, as the remote side sees them. */
  readonly received = new Map<string, FakeStream>();

  readonly channels = new Map<string, FakeChannel>();

  createDataChannel(label: string): FakeChannel {
    this.#need();
    const channel = new FakeChannel(label);
    this.channels.set(label, channel);
    return channel;
  }

  addTrack(track: FakeTrack, stream: FakeStream): FakeSender {
    const line: Line = { track, stream: stream.id, direction: 'sendrecv', mid: String(this.#lines.length + 1) };
    const sender = new FakeSender(line);
    this.#lines.push(line);
    this.#senders.push(sender);
    this.#need();
    return sender;
  }

  /** How loud the other side is, and when that was played. */
  voice: { audioLevel: number; timestamp: number } | undefined;

  getReceivers(): object[] {
    return [{ track: { kind: 'audio' }, getSynchronizationSources: () => (this.voice ? [this.voice] : []) }];
  }

  getSenders(): FakeSender[] {
    return this.#senders;
  }

  removeTrack(sender: FakeSender): void {
    const line = this.#lines[this.#senders.indexOf(sender)];
    if (!line) return;
    sender.track = line.track = null;
    line.direction = 'recvonly';
    this.#need();
  }

  getTransceivers(): { sender: FakeSender; mid: string; direction: string }[] {
    const need = () => this.#need();
    return this.#senders.map((sender, place) => {
      const line = this.#lines[place] as Line;
      return {
        sender,
        mid: line.mid,
        get direction() {
          return line.direction;
        },
        set direction(direction: string) {
          line.direction = direction as Line['direction'];
          need();
        },
      };
    });
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  restartIce(): void {
    this.restarts++;
    this.#generation++;
    this.#need();
  }

  setLocalDescription(): Promise<void> {
    return this.#operation(() => {
      const type: Type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
      const description = { type, sdp: this.#describe(type) };
      if (type === 'offer') {
        this.#pending.local = description;
        this.#enter('have-local-offer');
      } else {
        this.#current = { local: description, ...(this.#pending.remote && { remote: this.#pending.remote }) };
        this.#stabilize();
      }
      this.#gather();
    });
  }

  setRemoteDescription(description: Description): Promise<void> {
    return this.#operation(() => {
      // As browsers do: what they do not know is not in the description that they give back.
      const known = { ...description, sdp: description.sdp.replace(/a=content:.*\r\n/g, '') };
      if (description.type === 'offer') {
        if (this.signalingState === 'have-local-offer') {
          this.#pending = {};
          this.#needed = true;
          if (this.channels.size > 0 && !this.#current.remote && !description.sdp.includes(CHANNELS)) this.#hasLostChannel = true;
        }
        this.#pending.remote = known;
        this.#enter('have-remote-offer');
      } else {
        if (this.signalingState !== 'have-local-offer') throw new Error(`an answer in ${this.signalingState}`);
        this.#current = { remote: known, ...(this.#pending.local && { local: this.#pending.local }) };
        this.#stabilize();
      }
      this.#announceTracks(description.sdp);
    });
  }

  async addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (!this.remoteDescription) throw new Error('a candidate before any remote description');
    this.applied.push(candidate);
  }

  close(): void {
    this.signalingState = 'closed';
    this.connectionState = 'closed';
    FakePeerConnection.#all.delete(this.id);
  }

  /** What a network does to a connection. */
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  /** What ICE finds out after a while: that the other side is gone, or is not the one that was described. */
  findOut(): void {
    if (this.signalingState === 'stable' && this.#current.remote && !this.#other()) this.become('failed');
  }

  /** What it is told to have measured, by id. */
  readonly stats = new Map<string, object>();

  async getStats(): Promise<Map<string, object>> {
    if (this.connectionState === 'closed') throw new DOMException('closed', 'InvalidStateError');
    return this.stats;
  }

  #fragment(): string {
    return `${this.id}-${this.#generation}`;
  }

  /** An answer has no more places of a kind than the offer; what finds none needs an offer of its own. */
  #describe(type: Type): string {
    const places = { audio: Infinity, video: Infinity };
    if (type === 'answer') {
      const offered = this.#pending.remote?.sdp ?? '';
      for (const kind of ['audio', 'video'] as const) places[kind] = offered.split(`m=${kind} `).length - 1;
    }
    const lines = this.#lines.filter(({ track, direction }) => track && direction === 'sendrecv');
    const placed = lines.filter(({ track }) => track && places[track.kind]-- > 0);
    const offersChannels = this.channels.size > 0 && !this.#hasLostChannel;
    const hasChannels = type === 'offer' ? offersChannels : (this.#pending.remote?.sdp.includes(CHANNELS) ?? false);
    this.#needed = placed.length < lines.length || this.#hasLostChannel || (offersChannels && !hasChannels);
    const sections = placed.map(({ track, stream, mid }) => `m=${track?.kind} 9\r\na=mid:${mid}\r\na=msid:${stream} ${track?.id}\r\n`);
    return `v=0\r\na=ice-ufrag:${this.#fragment()}\r\n${sections.join('')}${hasChannels ? CHANNELS : ''}`;
  }

  #gather(): void {
    const candidate = { candidate: `candidate:1 1 udp 1 127.0.0.1 9 typ host`, sdpMid: '0', usernameFragment: this.#fragment() };
    setImmediate(() => {
      if (this.signalingState !== 'closed') this.onicecandidate?.({ candidate: { ...candidate, toJSON: () => candidate } });
    });
  }

  #announceTracks(sdp: string): void {
    for (const [, kind, mid, stream = '', track = ''] of sdp.matchAll(/m=(\w+) 9\r\na=mid:(\d+)\r\n(?:a=content:\w+\r\n)?a=msid:(\S+) (\S+)/g)) {
      if (this.#seen.has(track)) continue;
      this.#seen.add(track);
      const received = this.received.get(stream) ?? new FakeStream();
      this.received.set(stream, received);
      const arrived = new FakeTrack(kind as 'audio' | 'video');
      received.addTrack(arrived);
      this.ontrack?.({ track: arrived, streams: [received], transceiver: { mid: mid ?? '' } });
    }
  }

  #need(): void {
    this.#needed = true;
    this.#fire();
  }

  #fire(): void {
    setImmediate(() => {
      if (!this.#needed || this.signalingState !== 'stable' || this.#busy > 0) return;
      this.#needed = false;
      this.onnegotiationneeded?.();
    });
  }

  #enter(state: string): void {
    this.signalingState = state;
  }

  #stabilize(): void {
    this.#pending = {};
    this.signalingState = 'stable';
    if (this.#needed) this.#fire();
    this.#connect();
  }

  #connect(): void {
    const other = this.#other();
    for (const [label, channel] of other ? this.channels : []) {
      const far = other?.channels.get(label);
      for (const [end, there] of [[channel, far], [far, channel]] as const) if (end) Object.assign(end, { other: there, readyState: 'open' });
    }
    for (const side of other ? [this, other] : []) if (side.connectionState !== 'connected') side.become('connected');
  }

  /** The other side, if both have the other's description as it is: then it can be reached. */
  #other(): FakePeerConnection | undefined {
    const fragment = /a=ice-ufrag:(\S+)/.exec(this.#current.remote?.sdp ?? '')?.[1] ?? '';
    const other = FakePeerConnection.#all.get(fragment.split('-')[0] ?? '');
    if (!other || other.signalingState !== 'stable' || other.#fragment() !== fragment) return undefined;
    return other.#current.remote?.sdp.includes(`a=ice-ufrag:${this.#fragment()}\r\n`) ? other : undefined;
  }

  /** One after the other, each taking a turn; only when none is left the need for negotiation shows. */
  #operation(step: () => void): Promise<void> {
    this.#busy++;
    const next = this.#chain.then(() => new Promise<void>((resolve) => setImmediate(resolve))).then(() => {
      if (this.signalingState === 'closed') return new Promise<void>(() => {});
      step();
      return undefined;
    });
    const done = () => {
      if (--this.#busy === 0 && this.#needed) this.#fire();
    };
    this.#chain = next.then(done, done);
    return next;
  }
}
