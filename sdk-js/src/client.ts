import { Call, type Status } from './call.ts';
import { Emitter } from './emitter.ts';
import { defaultEnvironment, type Environment, type TokenStorage } from './environment.ts';
import { TunRTCError } from './errors.ts';
import { Api, type PageOptions } from './rest/api.ts';
import { LocalMedia, type Capture, type Devices } from './media/local.ts';
import type { PeerState, Slot, StreamKind } from './media/peer.ts';
import { QualityMeter, type PeerQuality } from './media/quality.ts';
import type { ConnectionState } from './signaling/signaling.ts';
import type {
  Account,
  Auth,
  ChatMessage,
  EndReason,
  IceServers,
  LeaveReason,
  Participant,
  Session,
  SessionDetail,
  SessionType,
  Visibility,
} from './wire.ts';

/** How to reach the server, and what to use on the way. */
export interface TunRTCOptions {
  /** Where the server is, e.g. `http://localhost:5000`. */
  url: string;
  /** Keeps the tokens over a reload; `sessionStorage` fits. Without it they live in memory alone. */
  storage?: TokenStorage;
  /** Added to the configuration of every peer connection, e.g. `{ iceTransportPolicy: 'relay' }`. */
  rtcConfiguration?: RTCConfiguration;
  /** Replaces parts of the surroundings, e.g. `openSocket` in a Node without WebSocket. */
  environment?: Partial<Environment>;
}

/** What the client tells, by name. */
export interface TunRTCEvents {
  /** Somebody came in. Those who were there before are in {@link TunRTCClient.participants}. */
  userJoined: Participant;
  /** Somebody is gone for good: left, removed, or not back in time. */
  userLeft: { userId: string; username: string; reason: LeaveReason };
  /** Somebody was muted, turned the camera off, or lost or regained the connection. */
  userStatusUpdated: Participant;
  /** A chat message, one's own too; each comes once. */
  message: ChatMessage;
  /** Show this: the own camera and microphone, or the own screen. */
  localStream: { stream: MediaStream; kind: StreamKind };
  /** Show this: somebody's camera and microphone, or screen. */
  remoteStream: { userId: string; username: string; stream: MediaStream; kind: StreamKind };
  /** Show this no longer. */
  remoteStreamRemoved: { userId: string; stream: MediaStream };
  /** Somebody opened a data channel. */
  dataChannel: { userId: string; channel: RTCDataChannel };
  /** The signaling connection. `recovered: false` in `connected`: something may have been missed, and was fetched anew. */
  connectionStateChanged: ConnectionState;
  /** The media connection to one participant. */
  peerStateChanged: { userId: string; state: PeerState };
  /** The session is over for everybody. */
  sessionEnded: { reason: EndReason };
  /** Something failed that nobody was waiting for. */
  error: TunRTCError;
}

/** How a session is created, beside its name. */
export interface SessionOptions {
  visibility?: Visibility;
}

/** How signaling does. */
export interface SignalingStatistics {
  /** Milliseconds from a frame to its answer, lately. */
  latencyMs: number | undefined;
  /** Times that the connection was lost and came back. */
  reconnects: number;
  /** Signals that wait for the server's acknowledgement. */
  unacknowledged: number;
}

/**
 * A TunRTC client: accounts, sessions, and calls.
 *
 * ```ts
 * const client = new TunRTCClient('http://localhost:5000');
 * await client.login('demo@tunrtc.com', 'demo123');
 * const session = await client.createSession('My Video Call', 10);
 * client.on('remoteStream', ({ stream }) => (video.srcObject = stream));
 * await client.joinSession(session.sessionId, true, true);
 * await client.sendMessage('Hello everyone!');
 * ```
 *
 * Every call that fails rejects with a {@link TunRTCError}. An event may be listened to after the call that causes
 * it: what came meanwhile is delivered then.
 */
export class TunRTCClient extends Emitter<TunRTCEvents> {
  readonly #environment: Environment;
  readonly #configuration: RTCConfiguration;
  readonly #api: Api;
  readonly #media: LocalMedia;
  readonly #meters = new WeakMap<RTCPeerConnection, QualityMeter>();
  readonly #announced = new WeakSet<MediaStream>();
  #call: Call | undefined;
  #state: ConnectionState = { status: 'idle' };

  constructor(options: string | TunRTCOptions) {
    super();
    const { url, storage, rtcConfiguration, environment } = typeof options === 'string' ? { url: options } as TunRTCOptions : options;
    this.#environment = { ...defaultEnvironment(), storage, ...environment };
    this.#configuration = rtcConfiguration ?? {};
    this.#api = new Api(url, this.#environment);
    this.#media = new LocalMedia(this.#environment, (slot, track) => this.#trackChanged(slot, track));
  }

  /** The REST API, route by route. */
  get api(): Api {
    return this.#api;
  }

  /** Who is signed in, if anybody. */
  get user(): { userId: string; username: string; email: string } | undefined {
    const auth = this.#api.auth;
    return auth && { userId: auth.userId, username: auth.username, email: auth.email };
  }

  /** The session that this client is in. */
  get sessionId(): string | undefined {
    return this.#call?.sessionId;
  }

  /** The others in the session, by user id. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#call?.participants ?? new Map<string, Participant>();
  }

  get connectionState(): ConnectionState {
    return this.#state;
  }

  /** The own camera and microphone. The same object for as long as the session lasts. */
  get localStream(): MediaStream | undefined {
    return this.#media.stream;
  }

  get isMuted(): boolean {
    return this.#media.isMuted;
  }

  get isVideoEnabled(): boolean {
    return this.#media.isVideoEnabled;
  }

  get isScreenShared(): boolean {
    return this.#media.screen !== undefined;
  }

  /** Makes an account and signs in to it. */
  register(username: string, email: string, password: string): Promise<Auth> {
    return this.#api.register(username, email, password);
  }

  login(email: string, password: string): Promise<Auth> {
    return this.#api.login(email, password);
  }

  /** Leaves the session, if in one, and revokes the tokens. */
  async logout(): Promise<void> {
    await this.leaveSession();
    await this.#api.logout();
  }

  me(): Promise<Account> {
    return this.#api.me();
  }

  /**
   * Makes a session; it does not join it.
   *
   * @param name 1 to 100 characters
   * @param maxParticipants 2 to 100
   * @param type a name, or one of the first TunRTC's numbers
   */
  createSession(
    name: string,
    maxParticipants = 10,
    type: SessionType | 0 | 1 | 2 | 3 = 'videoCall',
    options: SessionOptions = {},
  ): Promise<Session> {
    return this.#api.createSession({ name, maxParticipants, type, ...options });
  }

  /**
   * Captures what is asked for, takes a seat and connects to everybody in the session. Leaves the session that this
   * client was in before.
   *
   * @param audio `true`, `false`, or constraints for the microphone
   * @param video `true`, `false`, or constraints for the camera
   */
  async joinSession(sessionId: string, audio: Capture = true, video: Capture = true): Promise<SessionDetail> {
    await this.leaveSession();
    await this.#media.start(audio, video);
    try {
      return await this.#enter(sessionId);
    } catch (error) {
      this.#media.stop();
      throw error;
    }
  }

  /** Leaves the session and releases the devices; does nothing outside a session. */
  async leaveSession(): Promise<void> {
    const call = this.#call;
    this.#call = undefined;
    this.#media.stop();
    this.dropHeld();
    await call?.leave();
  }

  /** Ends a session for everybody; only its creator may. */
  endSession(sessionId: string | undefined = this.sessionId): Promise<void> {
    return this.#api.endSession(sessionId ?? '');
  }

  /** Public sessions that are active, newest first. */
  async listSessions(options: PageOptions = {}): Promise<Session[]> {
    return (await this.#api.listSessions(options)).items;
  }

  getSession(sessionId: string): Promise<SessionDetail> {
    return this.#api.getSession(sessionId);
  }

  /** The chat of the last 24 h, newest first. For more than one page see {@link Api.getMessages}. */
  async getMessages(sessionId: string | undefined = this.sessionId, options: PageOptions = {}): Promise<ChatMessage[]> {
    return (await this.#api.getMessages(sessionId ?? '', options)).items;
  }

  getIceServers(): Promise<IceServers> {
    return this.#api.iceServers();
  }

  /** The connection to a participant, made now if there is none yet. Signals and local tracks are taken care of. */
  createPeerConnection(userId: string): RTCPeerConnection {
    const { mesh } = this.#inCall();
    if (!mesh) throw new TunRTCError('media_unavailable', 'There is no WebRTC here.');
    return mesh.connect(userId, false).connection;
  }

  /** Opens a data channel to a participant, who gets the event `dataChannel`. */
  createDataChannel(userId: string, label: string, options?: RTCDataChannelInit): RTCDataChannel {
    return this.createPeerConnection(userId).createDataChannel(label, options);
  }

  /** Says something to everybody in the session; resolves with the message's id once the server has it. */
  async sendMessage(message: string): Promise<string> {
    return this.#inCall().signaling.sendMessage(message);
  }

  /** Tells the others, and nothing else: {@link setMuted} and {@link setVideoEnabled} also do what they tell. */
  async updateStatus(isMuted: boolean, isVideoEnabled: boolean): Promise<void> {
    await this.#inCall().updateStatus({ isMuted, isVideoEnabled });
  }

  /** Silences the microphone or opens it, and tells the others. */
  async setMuted(muted: boolean): Promise<void> {
    await this.#media.setMuted(muted);
    await this.#call?.updateStatus(this.#status());
  }

  /** Turns the camera off, its light too, or on, and tells the others. */
  async setVideoEnabled(enabled: boolean): Promise<void> {
    await this.#media.setVideoEnabled(enabled);
    await this.#call?.updateStatus(this.#status());
  }

  /** Shares a screen beside the camera; ends by {@link stopScreenShare} or the browser's own button. */
  startScreenShare(): Promise<MediaStream> {
    return this.#media.startScreen();
  }

  stopScreenShare(): Promise<void> {
    return this.#media.stopScreen();
  }

  listDevices(): Promise<Devices> {
    return this.#media.devices();
  }

  /** Goes over to another camera, also in the middle of a call. */
  useCamera(deviceId: string): Promise<void> {
    return this.#media.use('camera', deviceId);
  }

  /** Goes over to another microphone, also in the middle of a call. */
  useMicrophone(deviceId: string): Promise<void> {
    return this.#media.use('microphone', deviceId);
  }

  /** Measures the connection to a participant. Rates are those since the last call. */
  async getQuality(userId: string): Promise<PeerQuality> {
    const connection = this.#call?.mesh?.peers.get(userId)?.connection;
    if (!connection) return { level: 'unknown' };
    let meter = this.#meters.get(connection);
    if (!meter) this.#meters.set(connection, (meter = new QualityMeter()));
    return meter.read(connection);
  }

  get signalingStatistics(): SignalingStatistics {
    const signaling = this.#call?.signaling;
    return {
      latencyMs: signaling?.latency,
      reconnects: signaling?.reconnects ?? 0,
      unacknowledged: signaling?.unacknowledged ?? 0,
    };
  }

  /** Leaves the session, if in one; the tokens stay. */
  disconnect(): Promise<void> {
    return this.leaveSession();
  }

  async #enter(sessionId: string): Promise<SessionDetail> {
    const joined = await this.#api.joinSession(sessionId);
    const userId = this.#api.auth?.userId ?? '';
    const call: Call = new Call(this.#api, this.#environment, userId, joined, this.#status(), this.#configuration, {
      onState: (state) => this.#stateChanged(call, state),
      onUserJoined: (participant) => this.emit('userJoined', participant),
      onUserLeft: ({ userId, username }, reason) => this.emit('userLeft', { userId, username, reason }),
      onStatus: (participant) => this.emit('userStatusUpdated', participant),
      onMessage: (message) => this.emit('message', message),
      onStream: (from, stream, kind) => this.#remoteStream({ ...from, stream, kind }),
      onStreamRemoved: (userId, stream) => {
        this.#announced.delete(stream);
        this.emit('remoteStreamRemoved', { userId, stream });
      },
      onPeerState: (userId, state) => this.emit('peerStateChanged', { userId, state }),
      onChannel: (userId, channel) => this.emit('dataChannel', { userId, channel }),
      onSessionEnded: (reason) => this.emit('sessionEnded', { reason }),
      onError: (error) => this.#report(error),
    });
    this.#call = call;
    for (const slot of ['microphone', 'camera'] as const) await this.#trackChanged(slot, this.#media.track(slot) ?? null);
    return call.start(joined.signaling);
  }

  async #trackChanged(slot: Slot, track: MediaStreamTrack | null): Promise<void> {
    const stream = slot === 'screen' ? this.#media.screen : this.#media.stream;
    if (stream && !this.#announced.has(stream)) {
      this.#announced.add(stream);
      this.emit('localStream', { stream, kind: slot === 'screen' ? 'screen' : 'camera' });
    }
    // A screen that is no longer shared loses its place; a camera that is off keeps it.
    await this.#call?.send(slot, stream && { track, stream });
  }

  #remoteStream(event: TunRTCEvents['remoteStream']): void {
    if (this.#announced.has(event.stream)) return;
    this.#announced.add(event.stream);
    this.emit('remoteStream', event);
  }

  #stateChanged(call: Call, state: ConnectionState): void {
    if (state.status === 'closed' && this.#call === call) {
      this.#call = undefined;
      this.#media.stop();
    }
    this.#state = state;
    this.emit('connectionStateChanged', state);
  }

  /** Nothing fails silently: without a listener a failure is at least in the console. */
  #report(error: TunRTCError): void {
    if (!this.isHeard('error')) console.warn(`TunRTC: ${error.code}: ${error.message}`);
    this.emit('error', error);
  }

  #status(): Status {
    return { isMuted: this.#media.isMuted, isVideoEnabled: this.#media.isVideoEnabled };
  }

  #inCall(): Call {
    if (!this.#call) throw new TunRTCError('not_joined', 'Join a session first.');
    return this.#call;
  }
}

