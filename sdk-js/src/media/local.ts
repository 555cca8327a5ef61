import type { Environment } from '../environment.ts';
import { TunRTCError } from '../errors.ts';
import type { Slot } from './peer.ts';

/** What to capture: yes, no, or with constraints of one's own. */
export type Capture = boolean | MediaTrackConstraints;

/** Cameras, microphones and loudspeakers. Labels are empty until the user has allowed one of them. */
export interface Devices {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

/**
 * The local camera, microphone and screen. The stream stays the same object while its tracks are switched, so a
 * video element needs to be told only once.
 */
export class LocalMedia {
  readonly #environment: Environment;
  readonly #onChange: (slot: Slot, track: MediaStreamTrack | null) => Promise<void>;
  readonly #constraints: Record<'microphone' | 'camera', MediaTrackConstraints> = { microphone: {}, camera: {} };
  #stream: MediaStream | undefined;
  #screen: MediaStream | undefined;

  /** @param onChange a slot's track was replaced: send the new one */
  constructor(environment: Environment, onChange: (slot: Slot, track: MediaStreamTrack | null) => Promise<void>) {
    this.#environment = environment;
    this.#onChange = onChange;
  }

  /** Camera and microphone, once one of them was captured. */
  get stream(): MediaStream | undefined {
    return this.#stream;
  }

  /** The shared screen, while there is one. */
  get screen(): MediaStream | undefined {
    return this.#screen;
  }

  get isMuted(): boolean {
    return !this.track('microphone')?.enabled;
  }

  get isVideoEnabled(): boolean {
    return this.track('camera') !== undefined;
  }

  track(slot: Slot): MediaStreamTrack | undefined {
    if (slot === 'screen') return this.#screen?.getVideoTracks()[0];
    return slot === 'camera' ? this.#stream?.getVideoTracks()[0] : this.#stream?.getAudioTracks()[0];
  }

  /** Captures what is asked for; with neither, nothing is captured and nobody is asked. */
  async start(audio: Capture, video: Capture): Promise<void> {
    if (typeof audio === 'object') this.#constraints.microphone = audio;
    if (typeof video === 'object') this.#constraints.camera = video;
    if (!audio && !video) return;
    const stream = await this.#capture({
      audio: audio && this.#constraints.microphone,
      video: video && this.#constraints.camera,
    });
    for (const track of stream.getTracks()) this.#take(track);
  }

  /** Silences the microphone, or opens it, asking for it first if there was none. */
  async setMuted(muted: boolean): Promise<void> {
    const track = this.track('microphone');
    if (track) track.enabled = !muted;
    else if (!muted) await this.#replace('microphone');
  }

  /** Turns the camera off, its light too, or on again. */
  async setVideoEnabled(enabled: boolean): Promise<void> {
    if (enabled === this.isVideoEnabled) return;
    if (enabled) return this.#replace('camera');
    this.#drop('camera');
    await this.#onChange('camera', null);
  }

  /** Goes over to another camera or microphone, also in the middle of a call. */
  async use(slot: 'microphone' | 'camera', deviceId: string): Promise<void> {
    this.#constraints[slot] = { ...this.#constraints[slot], deviceId: { exact: deviceId } };
    if (this.track(slot)) await this.#replace(slot);
  }

  async startScreen(): Promise<MediaStream> {
    if (this.#screen) return this.#screen;
    const { mediaDevices } = this.#environment;
    if (!mediaDevices?.getDisplayMedia) throw unavailable();
    const screen = await mediaDevices.getDisplayMedia({ video: true }).catch(refused);
    this.#screen = screen;
    const track = this.track('screen');
    // The browser has its own button to stop sharing.
    if (track) track.onended = () => void this.stopScreen();
    await this.#onChange('screen', track ?? null);
    return screen;
  }

  async stopScreen(): Promise<void> {
    const screen = this.#screen;
    if (!screen) return;
    this.#screen = undefined;
    for (const track of screen.getTracks()) track.stop();
    await this.#onChange('screen', null);
  }

  async devices(): Promise<Devices> {
    const { mediaDevices } = this.#environment;
    if (!mediaDevices) throw unavailable();
    const all = await mediaDevices.enumerateDevices();
    const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind);
    return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
  }

  /** Releases every device. */
  stop(): void {
    for (const stream of [this.#stream, this.#screen]) stream?.getTracks().forEach((track) => track.stop());
    this.#stream = this.#screen = undefined;
  }

  async #replace(slot: 'microphone' | 'camera'): Promise<void> {
    const constraints = this.#constraints[slot];
    const stream = await this.#capture(slot === 'camera' ? { video: constraints } : { audio: constraints });
    const [track] = stream.getTracks();
    if (!track) return;
    track.enabled = this.track(slot)?.enabled ?? true;
    this.#drop(slot);
    this.#take(track);
    await this.#onChange(slot, track);
  }

  #take(track: MediaStreamTrack): void {
    this.#stream ??= new MediaStream();
    this.#stream.addTrack(track);
  }

  #drop(slot: 'microphone' | 'camera'): void {
    const track = this.track(slot);
    if (!track) return;
    track.stop();
    this.#stream?.removeTrack(track);
  }

  #capture(constraints: MediaStreamConstraints): Promise<MediaStream> {
    const { mediaDevices } = this.#environment;
    if (!mediaDevices) return Promise.reject(unavailable());
    return mediaDevices.getUserMedia(constraints).catch(refused);
  }
}

function unavailable(): TunRTCError {
  return new TunRTCError('media_unavailable', 'No camera, microphone or screen here: the page must be served over HTTPS or from localhost.');
}

/** The browser's refusals (Media Capture and Streams, section 10.2), under this package's codes. */
function refused(thrown: unknown): never {
  const name = thrown instanceof Error ? thrown.name : '';
  const details = { cause: thrown };
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      throw new TunRTCError('media_denied', 'The camera, the microphone or the screen was not allowed.', details);
    case 'NotFoundError':
    case 'OverconstrainedError':
      throw new TunRTCError('media_not_found', 'There is no such camera or microphone.', details);
    case 'NotReadableError':
    case 'AbortError':
      throw new TunRTCError('media_in_use', 'The device is in use elsewhere, or failed.', details);
    default:
      throw new TunRTCError('media_unavailable', 'The device could not be opened.', details);
  }
}
