import type { Snapshot, TunRTCClient } from 'tunrtc-client';
import { DeviceSelects } from './devices.ts';
import { entitle, icon, make } from './dom.ts';
import type { Labels } from './labels.ts';
import { Level } from './level.ts';

export interface BeforeHandlers {
  join(): void;
  onSpeaker(deviceId: string): void;
  onError(error: unknown): void;
}

/** Before the call: one's own picture, the level of the microphone, the choice of devices. */
export class Before {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  readonly selects: DeviceSelects;
  readonly #labels: Labels;
  readonly #video = make('video', { autoplay: true, playsInline: true, muted: true });
  readonly #microphone: HTMLButtonElement;
  readonly #camera: HTMLButtonElement;
  readonly #join: HTMLButtonElement;
  readonly #problem = make('p', { className: 'alert', role: 'alert' });
  readonly #level: Level;

  constructor(client: TunRTCClient, labels: Labels, title: string, handlers: BeforeHandlers) {
    this.#labels = labels;
    const toggle = (act: () => Promise<void>) => {
      const button = make('button', { type: 'button' });
      button.onclick = () => void act().catch(handlers.onError).finally(() => this.selects.refresh());
      return button;
    };
    this.#microphone = toggle(() => client.setMuted(!client.isMuted));
    this.#camera = toggle(() => client.setVideoEnabled(!client.isVideoEnabled));
    this.#join = make('button', { type: 'button', className: 'primary' }, labels.join);
    this.#join.onclick = () => handlers.join();
    const bar = make('div');
    this.#level = new Level(bar);
    this.selects = new DeviceSelects(client, labels, handlers.onSpeaker, handlers.onError);
    this.heading = make('h2', { tabIndex: -1 }, title);
    const quick = make('div', { className: 'quick' }, this.#microphone, this.#camera);
    this.element = make(
      'div',
      { className: 'before' },
      this.heading,
      make('div', { className: 'preview' }, this.#video, quick),
      make('div', { className: 'level', role: 'img', ariaLabel: labels.inputLevel }, bar),
      this.selects.element,
      this.#problem,
      this.#join,
    );
  }

  update({ local, streams, devices }: Snapshot, isJoining: boolean, problem: string): void {
    const stream = streams.find(({ isLocal, kind }) => isLocal && kind === 'camera')?.stream ?? null;
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
    this.#video.hidden = !local.isVideoEnabled;
    const labels = this.#labels;
    dressToggle(this.#microphone, 'microphone', !local.isMuted, local.isMuted ? labels.unmute : labels.mute);
    dressToggle(this.#camera, 'camera', local.isVideoEnabled, local.isVideoEnabled ? labels.cameraOff : labels.cameraOn);
    this.#level.follow(local.isMuted ? undefined : stream?.getAudioTracks()[0]);
    this.#join.disabled = isJoining;
    this.#join.textContent = isJoining ? labels.joining : labels.join;
    this.#problem.textContent = problem;
    const state = JSON.stringify([local, devices]);
    if (this.element.dataset['devices'] !== state) void this.selects.refresh();
    this.element.dataset['devices'] = state;
  }

  close(): void {
    this.#level.follow(undefined);
    this.#video.srcObject = null;
  }
}

/** A button for a microphone or a camera, as that stands now. */
export function dressToggle(button: HTMLButtonElement, name: 'microphone' | 'camera', isOn: boolean, label: string): void {
  if (button.title === label) return;
  button.replaceChildren(icon(name, !isOn));
  entitle(button, label);
  button.classList.toggle('off', !isOn);
}
