import { Call, type Status } from './call.ts';
import { bindMembers, Emitter } from './emitter.ts';
import { defaultEnvironment, type Environment } from './environment.ts';
import { asTunRTCError, TunRTCError } from './errors.ts';
import type { TunRTCEvents } from './events.ts';
import { Api, type PageOptions } from './rest/api.ts';
import { LocalMedia, type Capture, type Devices } from './media/local.ts';
import type { Mesh } from './media/mesh.ts';
import type { Slot } from './media/peer.ts';
import type { HTMLVideoElement, MediaStream, RTCDataChannel, RTCDataChannelInit, RTCPeerConnection } from './platform.ts';
import type { PeerQuality } from './media/quality.ts';
import { checkCaptures, checkOptions, type TunRTCOptions } from './options.ts';
import { Heartbeat } from './signaling/heartbeat.ts';
import type { ConnectionState } from './signaling/signaling.ts';
import { Snapshots, type Snapshot } from './snapshot.ts';
import { within } from './timers.ts';
import { left, Visit } from './visit.ts';
import type {
  Account,
  AnswerRpc,
  Auth,
  ChatMessage,
  IceServers,
  Joined,
  MuteParticipant,
  MuteRequestedData,
  Participant,
  RemoveParticipant,
  Session,
  SessionDetail,
  RaiseHand,
  SendCaption,
  SendData,
  SendRpc,
  SessionType,
  Target,
  UpdateAttributes,
  UpdateParticipant,
  UpdateSession,
  Visibility,
} from './wire.ts';

export type { TunRTCEvents } from './events.ts';
export type { TunRTCOptions } from './options.ts';

/** What comes after a leave waits so long for it; the server frees the seat in any case. */
const LEAVE_MS = 5_000;
const SLOTS: readonly Slot[] = ['microphone', 'camera', 'screen'];

/** How a session is created, beside its name. */
export interface SessionOptions {
  /** Who can find it. Left out: what the server's operator set (`(await client.me()).defaultVisibility`), which is `public` unless they changed it. */
  visibility?: Visibility;
}

/** What those who steer a session can do, and what each of it takes. */
export interface Moderation {
  /** Another role, single permissions, or both. */
  updateParticipant: UpdateParticipant;
  /** Asks one participant, or with `all` everybody but the hosts, to switch a track off. */
  muteParticipant: MuteParticipant;
  /** Takes somebody out, and keeps them out for `banSeconds`; 0 takes nobody out, and lifts a ban. */
  removeParticipant: RemoveParticipant;
  /** Lets somebody in who waits. */
  admitParticipant: Target;
  /** Turns somebody away who waits; they may knock again after a minute. */
  denyParticipant: Target;
  /** Another name, number of seats, a lock, or a waiting room. */
  updateSession: UpdateSession;
}

/** What everybody in a session may do, as far as their permissions go, and what each of it takes. */
export interface Participation {
  /** Sets one's own attributes; null takes one away. All receive `participantUpdated`. */
  updateAttributes: UpdateAttributes;
  /** Raises one's hand, or lowers it. The server's time orders hands. All receive `participantUpdated`. */
  raiseHand: RaiseHand;
  /** `tunrtc-client/data` is more convenient. */
  sendData: SendData;
  sendRpc: SendRpc;
  answerRpc: AnswerRpc;
  /** `tunrtc-client/captions` is more convenient. */
  sendCaption: SendCaption;
}

/** All that {@link TunRTCClient.moderate} sends. */
export interface Actions extends Moderation, Participation {}

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
 *
 * Calls may overlap in any order: the last one wins. What it overtakes is undone, and settles: `joinSession` and
 * `startScreenShare` reject with `closed`, turning something on or off resolves.
 */
export class TunRTCClient extends Emitter<TunRTCEvents> {
  readonly #environment: Environment;
  readonly #options: TunRTCOptions;
  readonly #api: Api;
  readonly #media: LocalMedia;
  readonly #heartbeat = new Heartbeat();
  /** Visits that are not over at the server yet. */
  readonly #visits = new Set<Visit>();
  /** Signing in and out, one after the other. */
  #account: Promise<unknown> = Promise.resolve();
  /** Counts the calls that join or leave. */
  #turn = 0;
  /** Where the last call said this client should be. */
  #visit: Visit | undefined;
  /** A visit that is just being left: what ends with it is still told. */
  #ending: Visit | undefined;
  #state: ConnectionState = { status: 'idle' };
  readonly #snapshots: Snapshots;
  #Mesh: typeof Mesh | undefined;
  readonly #videos = new Set<HTMLVideoElement>();

  /** @throws {TunRTCError} `invalid_option` */
  constructor(options: string | TunRTCOptions) {
    super();
    const surroundings = defaultEnvironment();
    const { url, getToken, storage, environment } = (this.#options = checkOptions(options, surroundings));
    this.#environment = { ...surroundings, storage, ...environment };
    this.#api = new Api(url, this.#environment, getToken);
    bindMembers(this.#api);
    this.#media = new LocalMedia(this.#environment, {
      onTrack: (slot) => this.#call?.send(slot, this.#media.outgoing(slot)),
      onStatus: () => this.#call?.announce(this.#status()),
      tell: (name, data) => this.emit(name, data),
    });
    this.#snapshots = new Snapshots(this);
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
    return this.#media.status.isMuted;
  }

  get isVideoEnabled(): boolean {
    return this.#media.status.isVideoEnabled;
  }

  get isScreenShared(): boolean {
    return this.#media.status.isScreenShared;
  }

  /**
   * Calls back, once for all that happened in one turn, when {@link getSnapshot} answers something new; the answer stops
   * that. The two are what React's `useSyncExternalStore`, and the stores of other frameworks, take.
   */
  subscribe(listener: () => void): () => void {
    return this.#snapshots.subscribe(listener);
  }

  /** All that a page shows, as it is now; the same object until something of it changes. */
  getSnapshot(): Snapshot {
    return this.#snapshots.current;
  }

  /** Makes an account and signs in to it; the session that another user of this client is in is left. */
  register(username: string, email: string, password: string): Promise<Auth> {
    return this.#signIn(() => this.#api.register(username, email, password));
  }

  /** Signs in; the session that another user of this client is in is left. */
  login(email: string, password: string): Promise<Auth> {
    return this.#signIn(() => this.#api.login(email, password));
  }

  /** Leaves the session, if in one, and revokes the tokens. Here they are forgotten even if the server cannot be reached. */
  logout(): Promise<void> {
    const left = this.#patiently(this.leaveSession());
    return this.#inTurn(async () => {
      await left;
      await this.#api.logout();
    });
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
   * client was in before; a camera or microphone that was turned on outside a session, for a preview say, is taken over.
   * When both are asked for and one is not there, joins with the other (`mediaFallback`). Rejects with `closed` as soon as a
   * later call joins or leaves. The first call loads the part of this package that connects people, where there is WebRTC;
   * `network_error` when that cannot be had.
   *
   * @param sessionId `undefined`: the room that the app's token is for, as {@link joinRoom}
   * @param audio `true`, `false`, or constraints for the microphone
   * @param video `true`, `false`, or constraints for the camera
   */
  async joinSession(sessionId: string | undefined, audio: Capture = true, video: Capture = true): Promise<SessionDetail> {
    checkCaptures({ audio, video });
    const turn = this.#turn + 1;
    const startedAt = this.#environment.now();
    const earlier = Promise.all([this.#patiently(this.#retire(true)), this.#account]);
    // A listener of what ended just now has joined or left: that is the later call.
    if (this.#turn !== turn) throw left();
    const visit: Visit = new Visit({
      api: this.#api,
      sessionId,
      prepare: () => Promise.all([this.#media.start(audio, video), this.#loadMesh(), earlier]),
      wait: async (joined, signal) => {
        const { waitOutside } = await import('./signaling/waiting.ts');
        this.emit('waiting', joined);
        await waitOutside(TunRTCError, this.#environment, joined, signal);
      },
      open: (joined) => this.#open(visit, joined, startedAt),
    });
    this.#begin(visit);
    try {
      const session = await visit.joined;
      this.#snapshots.update();
      return session;
    } catch (thrown) {
      const error = asTunRTCError(thrown, 'internal');
      this.#end(visit, { status: 'closed', code: error.code, reason: error.message });
      throw error;
    }
  }

  /**
   * Captures what is asked for, to be seen and heard by oneself before one joins. The join that asks the same takes it over;
   * {@link leaveSession} ends it. Rejects as {@link joinSession} does where a device cannot be had.
   */
  async preview(audio: Capture = true, video: Capture = true): Promise<void> {
    checkCaptures({ audio, video });
    await this.#media.start(audio, video);
  }

  /**
   * Joins the room that the app's token is for; see {@link TunRTCOptions.getToken}. Everything else is as with
   * {@link joinSession}.
   */
  joinRoom(audio?: Capture, video?: Capture): Promise<SessionDetail> {
    return this.joinSession(undefined, audio, video);
  }

  /** Leaves the session and releases the devices; does nothing outside a session. Here it is left at once. */
  async leaveSession(): Promise<void> {
    const visit = this.#visit;
    await this.#retire();
    await visit?.over;
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
    return mesh.open(userId);
  }

  /** Opens a data channel to a participant, who gets the event `dataChannel`. */
  createDataChannel(userId: string, label: string, options?: RTCDataChannelInit): RTCDataChannel {
    return this.createPeerConnection(userId).createDataChannel(label, options);
  }

  /** Says something to everybody in the session; resolves with the message's id once the server has it. */
  async sendMessage(message: string): Promise<string> {
    return this.#inCall().signaling.sendMessage(message);
  }

  /**
   * Steers the session, for those who have the permission `moderate`: `updateParticipant`, `muteParticipant`,
   * `removeParticipant`, `admitParticipant`, `denyParticipant` or `updateSession`. A request to mute is obeyed by the other's client; nobody can be unmuted from afar.
   * The same sends what everybody may: see {@link Participation}.
   */
  async moderate<Action extends keyof Actions>(action: Action, data: Actions[Action]): Promise<void> {
    await this.#inCall().signaling.send(action, data);
  }

  /** Tells the others, and nothing else: {@link setMuted} and {@link setVideoEnabled} also do what they tell. */
  async updateStatus(isMuted: boolean, isVideoEnabled: boolean): Promise<void> {
    await this.#inCall().updateStatus({ isMuted, isVideoEnabled });
  }

  /** Silences the microphone or opens it, and has the others told: now, or as soon as there is a connection again. */
  async setMuted(muted: boolean): Promise<void> {
    await this.#media.setMuted(muted);
    this.#call?.announce(this.#status());
  }

  /**
   * Turns the camera off, its light too, or on, and has the others told: now, or as soon as there is a connection again.
   * Rejects with `video_limit` when as many others show video as the server allows in a call.
   */
  async setVideoEnabled(enabled: boolean): Promise<void> {
    if (enabled) this.#call?.mesh?.mustHaveRoom();
    await this.#media.setVideoEnabled(enabled);
    this.#call?.announce(this.#status());
  }

  /**
   * Shares a screen beside the camera; ends by {@link stopScreenShare} or the browser's own button. Rejects with `closed`
   * when it is stopped before the user has chosen one.
   */
  startScreenShare(): Promise<MediaStream> {
    return this.#media.startScreen();
  }

  async stopScreenShare(): Promise<void> {
    this.#media.stopScreen();
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
    return this.#call?.mesh?.measure(userId) ?? { level: 'unknown' };
  }

  /** How loud everybody in the call is, oneself too, by user id: 0 is silence, 1 as loud as can be. */
  get audioLevels(): ReadonlyMap<string, number> {
    return this.#call?.mesh?.levels ?? new Map<string, number>();
  }

  /**
   * Has others send pictures as large as this element shows them, and none while it is out of sight. Which stream it shows is
   * seen by its `srcObject`, now or later. Of several elements with the same stream the largest counts; a stream that no
   * such element shows is sent as large as the line allows. The answer stops it.
   */
  observe(video: HTMLVideoElement): () => void {
    this.#videos.add(video);
    return () => void this.#videos.delete(video);
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

  /** The call of the visit that counts. */
  get #call(): Call | undefined {
    return this.#visit?.call;
  }

  #begin(visit: Visit): void {
    this.#visit = visit;
    this.#visits.add(visit);
    const stop = this.#options.leaveOnPageHide !== false ? this.#environment.onHide(() => visit.vanish()) : () => {};
    const over = () => {
      stop();
      this.#visits.delete(visit);
    };
    visit.over.then(over, over);
  }

  /** It is there before the seat is: so nothing of a call ever waits for it, and without it no seat is taken. */
  async #loadMesh(): Promise<void> {
    if (this.#Mesh || !this.#environment.createPeerConnection) return;
    try {
      this.#Mesh = (await import('./media/mesh.ts')).Mesh;
    } catch (cause) {
      throw new TunRTCError('network_error', 'The client could not be loaded.', { cause });
    }
  }

  #open(visit: Visit, joined: Joined, startedAt: number): Call {
    const limit = this.isVideoEnabled && this.#Mesh?.fullAt(joined, joined.userId);
    if (limit) this.#yieldVideo(limit);
    const call = new Call({
      api: this.#api,
      environment: this.#environment,
      Mesh: this.#Mesh,
      userId: joined.userId,
      joined,
      status: this.#status(),
      heartbeat: this.#heartbeat,
      configuration: this.#options.rtcConfiguration ?? {},
      videos: this.#videos,
      client: this.#options.reportQuality !== false ? this : undefined,
      startedAt,
      onFull: (limit) => this.#yieldVideo(limit),
      onState: (state) => this.#stateChanged(visit, state),
      tell: (name, data) => {
        if (this.#visit === visit || this.#ending === visit) this.emit(name, data);
      },
    });
    for (const slot of SLOTS) call.send(slot, this.#media.outgoing(slot));
    return call;
  }

  #yieldVideo(limit: number): void {
    void this.#media.setVideoEnabled(false);
    this.emit('videoLimited', { limit });
  }

  /**
   * Ends what the last call wanted, here at once; answers when every visit has given its seat back, as far as that can
   * be done.
   *
   * @param joins whether a join follows, which takes over the camera and microphone that were turned on outside a session
   */
  #retire(joins = false): Promise<unknown> {
    this.#turn++;
    const visit = this.#visit;
    const gone = [...this.#visits].map(({ over }) => over);
    visit?.leave().catch(() => {});
    if (visit) this.#end(visit, { status: 'closed', code: 'closed', reason: left().message });
    else if (joins) this.#media.stopScreen();
    else this.#media.stop();
    if (!this.#visit) this.dropHeld(this.#media.stream ? 'localStream' : undefined);
    return Promise.allSettled(gone);
  }

  /** A visit is no longer what counts. A listener of what is told here may have joined anew: that is left alone. */
  #end(visit: Visit, state: ConnectionState): void {
    if (this.#visit !== visit) return;
    this.#visit = undefined;
    this.#ending = visit;
    this.#media.stop();
    this.#ending = undefined;
    if (this.#visit === undefined) this.#tellState(state);
  }

  #stateChanged(visit: Visit, state: ConnectionState): void {
    if (this.#visit !== visit) return;
    if (state.status !== 'closed') {
      this.#tellState(state);
      return;
    }
    visit.ended(new TunRTCError(state.code, state.reason));
    this.#end(visit, state);
  }

  #tellState(state: ConnectionState): void {
    this.#state = state;
    this.emit('connectionStateChanged', state);
  }

  /** Nothing fails silently: without a listener a failure is at least in the console. */
  protected override emit<Name extends keyof TunRTCEvents>(name: Name, data: TunRTCEvents[Name]): void {
    if (name === 'error' && !this.isHeard(name)) console.warn('TunRTC', data);
    this.#snapshots.note(name, data);
    if (name === 'muteRequested') {
      const { kind } = data as MuteRequestedData;
      // Done before the page hears of it. Turning off does not fail.
      void (kind === 'audio' ? this.setMuted(true) : kind === 'video' ? this.setVideoEnabled(false) : this.stopScreenShare());
    }
    super.emit(name, data);
  }

  #status(): Status {
    const { isMuted, isVideoEnabled } = this.#media.status;
    return { isMuted, isVideoEnabled };
  }

  #signIn(ask: () => Promise<Auth>): Promise<Auth> {
    const visit = this.#visit;
    return this.#inTurn(async () => {
      const before = visit?.call?.userId ?? this.user?.userId;
      const auth = await ask();
      // The seat is not this user's: a reconnect would take another one, in a call that takes itself for somebody else.
      if (visit && visit === this.#visit && before && before !== auth.userId) this.leaveSession().catch(() => {});
      return auth;
    });
  }

  /** Signing in and out happens in the order of the calls, so that the last one wins. */
  #inTurn<Answer>(step: () => Promise<Answer>): Promise<Answer> {
    const done = this.#account.then(step);
    this.#account = done.catch(() => {}).then(() => this.#snapshots.update());
    return done;
  }

  /** A leave that does not reach the server must not keep this client from what comes next. */
  #patiently(leave: Promise<unknown>): Promise<unknown> {
    return within(this.#environment, LEAVE_MS, leave).catch(() => {});
  }

  #inCall(): Call {
    if (!this.#call) throw new TunRTCError('not_joined', 'Join a session first.');
    return this.#call;
  }
}

