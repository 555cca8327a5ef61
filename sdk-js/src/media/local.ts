import type { MediaDeviceInfo, MediaStream, MediaTrackConstraints } from '../platform.ts';
import type { Environment } from '../environment.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import type { Tell } from '../events.ts';
import type { Outgoing, Slot } from './peer.ts';
import { Prompts, release, unavailable } from './prompts.ts';

/** What to capture: yes, no, or with constraints of one's own. */
export type Capture = boolean | MediaTrackConstraints;

/** Cameras, microphones and loudspeakers. Labels are empty until the user has allowed one of them. */
export interface Devices {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/** What is captured of this participant. */
export interface LocalStatus {
  isMuted: boolean;
  isVideoEnabled: boolean;
  isScreenShared: boolean;
}

/** A device that one can choose. */
export type DeviceKind = 'microphone' | 'camera';

/**
 * Why a device that was in use is gone: it is not there any more, the user took the permission back, or it
 * stopped by itself (the computer slept, another program took it).
 */
export type DeviceLossReason = 'unplugged' | 'revoked' | 'failed';

/** A device that stopped while it was in use. */
export interface DeviceLoss {
  kind: DeviceKind;
  reason: DeviceLossReason;
  deviceId: string;
  label: string;
}

/** Whom {@link LocalMedia} tells. */
export interface LocalMediaHandlers {
  /** A slot has another track, or none: send that. */
  onTrack(slot: Slot): void;
  /** What is captured has changed, and the page was told. */
  onStatus(): void;
  tell: Tell;
}

/** A microphone or a camera. */
interface Device {
  track: MediaStreamTrack | undefined;
  constraints: MediaTrackConstraints;
  /** Ids of chosen devices, the latest first; older ones until the latest was captured. */
  choices: string[];
  /** Whether its track is to be enabled. */
  enabled: boolean;
  /** Aborted by the next call that decides about this device. */
  turn: AbortController | undefined;
  /** The way to being turned on, while under way. */
  opening: Promise<void> | undefined;
  /** The id of a device that was lost in use, to be taken again when it comes back; may be empty where ids are hidden. */
  lost: string | undefined;
}

const KINDS = ['microphone', 'camera'] as const;

/**
 * The local camera, microphone and screen. Calls may overlap in any order, the last one wins: one that was overtaken
 * resolves then, and what it captured is released. The stream stays the same object while its tracks are switched,
 * so that a video element needs to be told only once.
 */
export class LocalMedia {
  readonly #environment: Environment;
  readonly #handlers: LocalMediaHandlers;
  readonly #prompts = new Prompts();
  readonly #devices: Record<DeviceKind, Device> = { microphone: newDevice(), camera: newDevice() };
  #stream: MediaStream | undefined;
  #screen: MediaStream | undefined;
  #sharing: { answer: Promise<MediaStream>; turn: AbortController } | undefined;
  #told = JSON.stringify(this.status);

  constructor(environment: Environment, handlers: LocalMediaHandlers) {
    this.#environment = environment;
    this.#handlers = handlers;
    this.#watch(environment.mediaDevices);
  }

  /** Camera and microphone, once one of them was captured. */
  get stream(): MediaStream | undefined {
    return this.#stream;
  }

  /** The shared screen, while there is one. */
  get screen(): MediaStream | undefined {
    return this.#screen;
  }

  get status(): LocalStatus {
    return {
      isMuted: !this.#devices.microphone.track?.enabled,
      isVideoEnabled: this.#devices.camera.track !== undefined,
      isScreenShared: this.#screen !== undefined,
    };
  }

  track(slot: Slot): MediaStreamTrack | undefined {
    return slot === 'screen' ? this.#screen?.getVideoTracks()[0] : this.#devices[slot].track;
  }

  /** What is to be sent in a slot. A screen that is no longer shared loses its place; a camera that is off keeps it. */
  outgoing(slot: Slot): Outgoing | undefined {
    const stream = slot === 'screen' ? this.#screen : this.#stream;
    return stream && { track: this.track(slot) ?? null, stream };
  }

  /**
   * Captures what is asked for, and only that; with neither, nothing is captured and nobody is asked. Where one of the two
   * is missing, the other is captured alone. What is on already, and asked for without other constraints, is taken as it is.
   */
  async start(audio: Capture, video: Capture): Promise<void> {
    const asked = KINDS.filter((kind) => this.#prepare(kind, kind === 'microphone' ? audio : video));
    const [only, other] = asked;
    if (only && other) await this.#startBoth();
    else if (only) await this.#turnOn(only);
  }

  /** The page's devices outlive a client, and must not keep it from being collected: an app may make many. */
  #watch(mediaDevices: MediaDevices | undefined): void {
    const self = new WeakRef(this);
    const changed = () => {
      const media = self.deref();
      if (media) void media.#devicesChanged();
      else mediaDevices?.removeEventListener('devicechange', changed);
    };
    mediaDevices?.addEventListener?.('devicechange', changed);
  }

  /** Brings a device to where it is captured as asked for; answers whether that is still to be done. */
  #prepare(kind: DeviceKind, asked: Capture): boolean {
    const device = this.#devices[kind];
    if (typeof asked === 'object') device.constraints = asked;
    if (asked !== true) {
      device.turn?.abort();
      this.#drop(kind);
    }
    if (asked) device.enabled = true;
    if (device.track) device.track.enabled = true;
    this.#changed();
    return Boolean(asked) && !device.track;
  }

  /** Silences the microphone, or opens it, asking for it first if there was none. */
  async setMuted(muted: boolean): Promise<void> {
    const device = this.#devices.microphone;
    device.enabled = !muted;
    if (device.track) device.track.enabled = !muted;
    else if (muted) device.turn?.abort();
    this.#changed();
    if (!muted) await this.#turnOn('microphone');
  }

  /** Turns the camera off, its light too, or on again. */
  async setVideoEnabled(enabled: boolean): Promise<void> {
    if (enabled) return this.#turnOn('camera');
    this.#devices.camera.turn?.abort();
    this.#devices.camera.lost = undefined;
    this.#drop('camera');
    this.#changed();
  }

  /**
   * Goes over to another camera or microphone, also in the middle of a call. If that fails, the present one stays. One that
   * is chosen while it is off is captured when it is turned on, and given up when it cannot be had then; that it is not
   * there is told at once, where the user has allowed to see which there are.
   */
  async use(kind: DeviceKind, deviceId: string): Promise<void> {
    const device = this.#devices[kind];
    device.choices = [deviceId, ...device.choices.filter((id) => id !== deviceId)].slice(0, 2);
    device.lost = undefined;
    const turn = device.track || device.opening ? this.#claim(kind) : undefined;
    try {
      await this.#mustBeThere(kind, deviceId);
      if (!turn) return;
      // Most phones open one camera at a time.
      if (kind === 'camera' && !turn.aborted) device.track?.stop();
      await this.#capture(kind, deviceId, turn);
    } catch (thrown) {
      if (turn?.aborted) return;
      device.choices = device.choices.filter((id) => id !== deviceId);
      if (turn) await this.#restore(kind, turn);
      throw thrown;
    }
  }

  /** Shares a screen; while one is shared, or the user is choosing, that is the answer. Rejects with `closed` when stopped before. */
  startScreen(): Promise<MediaStream> {
    if (this.#screen) return Promise.resolve(this.#screen);
    if (this.#sharing) return this.#sharing.answer;
    const turn = new AbortController();
    const sharing = { turn, answer: this.#share(turn.signal) };
    const done = () => {
      if (this.#sharing === sharing) this.#sharing = undefined;
    };
    this.#sharing = sharing;
    sharing.answer.then(done, done);
    return sharing.answer;
  }

  stopScreen(): void {
    this.#sharing?.turn.abort();
    this.#sharing = undefined;
    const screen = this.#screen;
    if (!screen) return;
    this.#screen = undefined;
    release(screen);
    this.#handlers.onTrack('screen');
    this.#handlers.tell('localStreamRemoved', { stream: screen, kind: 'screen' });
    this.#changed();
  }

  async devices(): Promise<Devices> {
    const { mediaDevices } = this.#environment;
    if (!mediaDevices) throw unavailable();
    const all = await mediaDevices.enumerateDevices();
    const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind);
    return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
  }

  /** Releases every device, and whatever is still being asked for. */
  stop(): void {
    const [stream, screen] = [this.#stream, this.#screen];
    this.#sharing?.turn.abort();
    this.#stream = this.#screen = this.#sharing = undefined;
    release(stream);
    release(screen);
    for (const kind of KINDS) {
      this.#devices[kind].turn?.abort();
      Object.assign(this.#devices[kind], { track: undefined, lost: undefined, enabled: true });
    }
    // Told last: a listener may begin anew.
    if (screen) this.#handlers.tell('localStreamRemoved', { stream: screen, kind: 'screen' });
    if (stream) this.#handlers.tell('localStreamRemoved', { stream, kind: 'camera' });
    this.#changed();
  }

  /** Both with one question to the user; if one of them is not there, each by itself. */
  async #startBoth(): Promise<void> {
    const turns = { microphone: this.#claim('microphone'), camera: this.#claim('camera') };
    const { microphone, camera } = this.#devices;
    const constraints = { audio: constraintsOf(microphone), video: constraintsOf(camera) };
    const opening = this.#ask(constraints, bothAborted(turns.microphone, turns.camera), (stream) => {
      for (const track of stream.getTracks()) {
        const kind = track.kind === 'audio' ? 'microphone' : 'camera';
        if (turns[kind].aborted) track.stop();
        else this.#take(kind, track);
      }
    }).catch((thrown: unknown) => this.#startEach(turns, asTunRTCError(thrown, 'media_unavailable')));
    this.#opens(microphone, turns.microphone, opening);
    this.#opens(camera, turns.camera, opening);
    await opening.catch((thrown: unknown) => {
      if (!turns.microphone.aborted || !turns.camera.aborted) throw thrown;
    });
  }

  async #startEach(turns: Record<DeviceKind, AbortSignal>, both: TunRTCError): Promise<void> {
    if (both.code !== 'media_not_found') throw both;
    const missing: [DeviceKind, TunRTCError][] = [];
    for (const kind of KINDS) {
      await this.#open(kind, turns[kind]).catch((thrown: unknown) => {
        const error = asTunRTCError(thrown, 'media_unavailable');
        if (turns[kind].aborted) return;
        if (error.code !== 'media_not_found') throw error;
        missing.push([kind, error]);
      });
    }
    if (missing.length === KINDS.length) throw both;
    const { tell } = this.#handlers;
    for (const [kind, error] of missing) {
      tell('mediaFallback', { missing: kind, error });
      tell('error', error);
    }
  }

  /** Captures a device unless that was done; whoever asks while it is under way waits for the same. */
  async #turnOn(kind: DeviceKind): Promise<void> {
    const device = this.#devices[kind];
    if (device.track) return;
    if (!device.opening) {
      device.enabled = true;
      const turn = this.#claim(kind);
      this.#opens(device, turn, this.#open(kind, turn));
    }
    const turn = device.turn?.signal;
    await device.opening?.catch((thrown: unknown) => {
      if (!turn?.aborted) throw thrown;
    });
  }

  /** Remembers what is under way for as long as it is, and no later call has decided otherwise. */
  #opens(device: Device, turn: AbortSignal, opening: Promise<void>): void {
    const done = () => {
      if (device.opening === opening) device.opening = undefined;
    };
    device.opening = opening;
    turn.addEventListener('abort', done, { once: true });
    opening.then(done, done);
  }

  /** Captures the chosen device, or the one chosen before, or any: a choice that cannot be had is given up. */
  async #open(kind: DeviceKind, turn: AbortSignal): Promise<void> {
    const device = this.#devices[kind];
    for (;;) {
      const [choice, before] = device.choices;
      try {
        await this.#capture(kind, choice, turn);
        return;
      } catch (thrown) {
        const { code } = asTunRTCError(thrown, 'media_unavailable');
        const isLast = choice === undefined || (before === undefined && code !== 'media_not_found');
        if (turn.aborted || isLast || code === 'media_denied') throw thrown;
        device.choices = device.choices.filter((id) => id !== choice);
      }
    }
  }

  #capture(kind: DeviceKind, deviceId: string | undefined, turn: AbortSignal): Promise<void> {
    const device = this.#devices[kind];
    const constraints = constraintsOf(device, deviceId);
    return this.#ask(kind === 'camera' ? { video: constraints } : { audio: constraints }, turn, (stream) => {
      if (deviceId !== undefined) device.choices = [deviceId];
      for (const track of stream.getTracks()) this.#take(kind, track);
    });
  }

  /** Spares the present device what would fail in any case. Where ids are hidden, only the attempt tells. */
  async #mustBeThere(kind: DeviceKind, deviceId: string): Promise<void> {
    const present = await this.#present(kind).catch(() => []);
    const ids = present.map((device) => device.deviceId).filter(Boolean);
    if (ids.length > 0 && !ids.includes(deviceId)) throw new TunRTCError('media_not_found', 'There is no such device.');
  }

  async #present(kind: DeviceKind): Promise<MediaDeviceInfo[]> {
    return (await this.devices())[`${kind}s`];
  }

  /** After a failed choice: the camera that was stopped for it is opened again. */
  async #restore(kind: DeviceKind, turn: AbortSignal): Promise<void> {
    const { track } = this.#devices[kind];
    if (track?.readyState === 'live') return;
    await this.#open(kind, turn).catch(() => {
      if (turn.aborted) return;
      this.#drop(kind);
      this.#changed();
    });
  }

  #share(turn: AbortSignal): Promise<MediaStream> {
    const { mediaDevices } = this.#environment;
    if (!mediaDevices?.getDisplayMedia) return Promise.reject(unavailable());
    const take = (screen: MediaStream) => {
      this.#screen = screen;
      const track = this.track('screen');
      // Unless the page has said otherwise: on a screen there is text.
      if (track?.contentHint === '') track.contentHint = 'detail';
      // The browser has its own button to stop sharing.
      track?.addEventListener('ended', () => {
        if (this.#screen === screen) this.stopScreen();
      });
      this.#handlers.tell('localStream', { stream: screen, kind: 'screen' });
      this.#handlers.onTrack('screen');
      this.#changed();
      return screen;
    };
    return this.#prompts.ask('screen', () => mediaDevices.getDisplayMedia({ video: true }), take, turn);
  }

  /** Takes the decision about a device from whoever had it. */
  #claim(kind: DeviceKind): AbortSignal {
    const device = this.#devices[kind];
    device.turn?.abort();
    device.turn = new AbortController();
    device.lost = undefined;
    return device.turn.signal;
  }

  /** Puts a track into its device's place, as enabled as the last one was. */
  #take(kind: DeviceKind, track: MediaStreamTrack): void {
    const device = this.#devices[kind];
    const last = device.track;
    device.track = track;
    device.lost = undefined;
    track.enabled = device.enabled;
    track.addEventListener('ended', () => {
      if (device.track === track) this.#lost(kind, track);
    });
    const isNew = !this.#stream;
    const stream = (this.#stream ??= new MediaStream());
    if (last) stream.removeTrack(last);
    last?.stop();
    stream.addTrack(track);
    if (isNew) this.#handlers.tell('localStream', { stream, kind: 'camera' });
    this.#handlers.onTrack(kind);
    this.#changed();
  }

  #drop(kind: DeviceKind): void {
    const device = this.#devices[kind];
    const { track } = device;
    if (!track) return;
    device.track = undefined;
    track.stop();
    this.#stream?.removeTrack(track);
    this.#handlers.onTrack(kind);
  }

  /** A track ended that nobody here ended. */
  #lost(kind: DeviceKind, track: MediaStreamTrack): void {
    const device = this.#devices[kind];
    const deviceId = track.getSettings?.().deviceId ?? '';
    this.#drop(kind);
    device.lost = deviceId;
    this.#changed();
    void this.#tellLoss({ kind, deviceId, label: track.label });
  }

  async #tellLoss(loss: Omit<DeviceLoss, 'reason'>): Promise<void> {
    const device = this.#devices[loss.kind];
    const stream = this.#stream;
    const reason = await this.#present(loss.kind).then(
      (present) => lossReason(loss.deviceId, present),
      () => 'failed' as const,
    );
    // Whoever took the permission back does not want to be asked again.
    if (reason === 'revoked') device.lost = undefined;
    if (stream !== this.#stream) return;
    const { tell } = this.#handlers;
    tell('deviceLost', { ...loss, reason });
    tell('error', new TunRTCError('media_lost', `The ${loss.kind} stopped (${reason}).`));
  }

  /** Tells which devices there are now, and takes one again that was lost in use and came back. */
  async #devicesChanged(): Promise<void> {
    const devices = await this.devices().catch(() => undefined);
    if (!devices) return;
    this.#handlers.tell('devicesChanged', devices);
    for (const kind of KINDS) {
      const { lost, track, opening } = this.#devices[kind];
      if (lost === undefined || track || opening) continue;
      if (devices[`${kind}s`].some(({ deviceId }) => deviceId === lost || !lost)) void this.#recover(kind, lost);
    }
  }

  async #recover(kind: DeviceKind, lost: string): Promise<void> {
    const device = this.#devices[kind];
    const turn = this.#claim(kind);
    await this.#capture(kind, lost || undefined, turn).catch(() => {
      // Not yet: the next change of devices is the next chance.
      if (!turn.aborted) device.lost = lost;
    });
  }

  #ask<Taken>(constraints: MediaStreamConstraints, turn: AbortSignal, take: (stream: MediaStream) => Taken): Promise<Taken> {
    const { mediaDevices } = this.#environment;
    if (!mediaDevices) return Promise.reject(unavailable());
    return this.#prompts.ask(JSON.stringify(constraints), () => mediaDevices.getUserMedia(constraints), take, turn);
  }

  /** Tells how things stand, if they stand otherwise than last told. */
  #changed(): void {
    const { status } = this;
    const told = JSON.stringify(status);
    if (told === this.#told) return;
    this.#told = told;
    this.#handlers.tell('localStatusChanged', status);
    this.#handlers.onStatus();
  }
}

function newDevice(): Device {
  return { track: undefined, constraints: {}, choices: [], enabled: true, turn: undefined, opening: undefined, lost: undefined };
}

function constraintsOf({ constraints, choices }: Device, deviceId: string | undefined = choices[0]): MediaTrackConstraints {
  return deviceId === undefined ? constraints : { ...constraints, deviceId: { exact: deviceId } };
}

/** By the list of devices: without permission their ids are empty. */
function lossReason(deviceId: string, present: MediaDeviceInfo[]): DeviceLossReason {
  if (present.some((device) => device.deviceId === deviceId && deviceId)) return 'failed';
  return present.length > 0 && present.every((device) => !device.deviceId) ? 'revoked' : 'unplugged';
}

/** Aborted when both are. */
function bothAborted(one: AbortSignal, other: AbortSignal): AbortSignal {
  const both = new AbortController();
  const check = () => {
    if (one.aborted && other.aborted) both.abort();
  };
  for (const signal of [one, other]) signal.addEventListener('abort', check, { once: true });
  return both.signal;
}
