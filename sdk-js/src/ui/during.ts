import type { Snapshot, TunRTCClient } from 'tunrtc-client';
import { dressToggle } from './before.ts';
import { Chat } from './chat.ts';
import { DeviceSelects } from './devices.ts';
import { entitle, icon, make, startToolbar, type Icon } from './dom.ts';
import { Grid } from './grid.ts';
import type { Labels } from './labels.ts';

/** From this width on, in CSS pixels, the chat has room beside the pictures. */
const WIDE = 960;

export interface DuringHandlers {
  leave(): void;
  onError(error: unknown): void;
}

/** The call itself: pictures, chat and controls. */
export class During {
  readonly element: HTMLElement;
  readonly #client: TunRTCClient;
  readonly #labels: Labels;
  readonly #handlers: DuringHandlers;
  readonly #grid: Grid;
  readonly #chat: Chat | undefined;
  readonly #dialog: HTMLDialogElement;
  readonly #selects: DeviceSelects;
  readonly #status = make('p', { role: 'status' });
  readonly #problem = make('p', { className: 'alert', role: 'alert' });
  readonly #sound: HTMLButtonElement;
  readonly #microphone: HTMLButtonElement;
  readonly #camera: HTMLButtonElement;
  readonly #screen: HTMLButtonElement;
  readonly #talk: HTMLButtonElement;
  readonly #count = make('span', { className: 'count' });
  /** The last message that was on the screen. */
  #seen = '';

  constructor(client: TunRTCClient, labels: Labels, hasChat: boolean, handlers: DuringHandlers) {
    this.#client = client;
    this.#labels = labels;
    this.#handlers = handlers;
    this.#sound = make('button', { type: 'button', className: 'primary', hidden: true }, labels.playSound);
    this.#sound.onclick = () => {
      this.#sound.hidden = true;
      this.#grid.play();
    };
    this.#grid = new Grid(client, labels, () => (this.#sound.hidden = false));
    this.#chat = hasChat ? new Chat(client, labels, () => this.#talks(false)) : undefined;
    this.#selects = new DeviceSelects(client, labels, (id) => this.useSpeaker(id), handlers.onError);
    this.#dialog = this.#createDialog();
    this.#microphone = this.#button('microphone', '', () => client.setMuted(!client.isMuted));
    this.#camera = this.#button('camera', '', () => client.setVideoEnabled(!client.isVideoEnabled));
    this.#screen = this.#button('screen', labels.share, () => this.#share());
    this.#talk = this.#button('details', labels.chat, () => this.#talks(!this.#isTalking));
    this.#talk.append(this.#count);
    const toolbar = this.#createToolbar();
    const banner = make('div', { className: 'banner' }, this.#status, this.#problem, this.#sound);
    this.element = make('div', { className: 'call' }, this.#grid.element, toolbar, banner, this.#dialog);
    this.#grid.element.append(banner);
  }

  /** Takes its place: with the chat beside it where there is room. */
  start(): void {
    if (this.#chat && this.element.clientWidth >= WIDE) this.#talks(true, false);
  }

  update(snapshot: Snapshot, problem: string): void {
    const { local, connection, participants, sessionId, messages } = snapshot;
    const labels = this.#labels;
    this.#grid.update();
    dressToggle(this.#microphone, 'microphone', !local.isMuted, local.isMuted ? labels.unmute : labels.mute);
    dressToggle(this.#camera, 'camera', local.isVideoEnabled, local.isVideoEnabled ? labels.cameraOff : labels.cameraOn);
    this.#screen.classList.toggle('on', local.isScreenShared);
    entitle(this.#screen, local.isScreenShared ? labels.stopSharing : labels.share);
    const status =
      connection.status === 'reconnecting' ? labels.reconnecting : local.isScreenShared ? labels.sharing : participants.length > 0 ? '' : labels.alone;
    if (this.#status.textContent !== status) this.#status.textContent = status;
    if (this.#problem.textContent !== problem) this.#problem.textContent = problem;
    if (sessionId) this.#chat?.update(sessionId, messages);
    this.#countUnread(snapshot);
  }

  /** Plays everybody on this loudspeaker. */
  useSpeaker(deviceId: string): void {
    void this.#grid.useSpeaker(deviceId).catch(this.#handlers.onError);
  }

  close(): void {
    this.#grid.close();
  }

  get #isTalking(): boolean {
    return this.#chat?.element.isConnected ?? false;
  }

  #createToolbar(): HTMLElement {
    const { labels, leave } = { labels: this.#labels, ...this.#handlers };
    const devices = this.#button('devices', labels.devices, () => {
      this.#dialog.showModal();
      return this.#selects.refresh();
    });
    const hangUp = this.#button('leave', labels.leave, leave);
    hangUp.classList.add('danger');
    const canShare = Boolean(globalThis.navigator.mediaDevices?.getDisplayMedia);
    const buttons = [this.#microphone, this.#camera, canShare && this.#screen, this.#chat && this.#talk, devices, hangUp];
    const toolbar = make('div', { className: 'controls', role: 'toolbar', ariaLabel: labels.call }, ...buttons.filter((button) => button instanceof HTMLElement));
    startToolbar(toolbar);
    return toolbar;
  }

  #createDialog(): HTMLDialogElement {
    const done = make('button', { className: 'primary' }, this.#labels.done);
    const form = make('form', { method: 'dialog' }, make('h2', {}, this.#labels.devices), this.#selects.element, done);
    return make('dialog', { ariaLabel: this.#labels.devices }, form);
  }

  #button(drawing: Icon, label: string, act: () => unknown): HTMLButtonElement {
    const button = make('button', { type: 'button' }, icon(drawing));
    if (label) entitle(button, label);
    button.onclick = () => void Promise.resolve(act()).catch(this.#handlers.onError);
    return button;
  }

  async #share(): Promise<void> {
    if (this.#client.isScreenShared) return this.#client.stopScreenShare();
    // Whoever closes the browser's own choice has said so there.
    await this.#client.startScreenShare().catch((error: { code?: string }) => {
      if (error.code !== 'media_denied') throw error;
    });
  }

  #talks(open: boolean, withFocus = true): void {
    const chat = this.#chat;
    if (!chat) return;
    if (open) this.#grid.element.after(chat.element);
    else chat.element.remove();
    this.element.classList.toggle('talking', open);
    this.#talk.setAttribute('aria-expanded', String(open));
    this.#talk.classList.toggle('on', open);
    if (withFocus && open) chat.focus();
    else if (withFocus) this.#talk.focus();
    this.#countUnread(this.#client.getSnapshot());
  }

  #countUnread({ messages, user }: Snapshot): void {
    if (this.#isTalking) this.#seen = messages.at(-1)?.messageId ?? this.#seen;
    const unread = messages.filter(({ messageId, fromUserId }) => messageId > this.#seen && fromUserId !== user?.userId).length;
    this.#count.hidden = unread === 0;
    this.#count.textContent = unread > 99 ? '99+' : String(unread);
    entitle(this.#talk, unread > 0 ? `${this.#labels.chat}, ${unread} ${this.#labels.unread}` : this.#labels.chat);
  }
}
