import {
  TunRTCError,
  type ChatMessage,
  type DeviceLoss,
  type Devices,
  type EndReason,
  type MediaKind,
  type Participant,
  type PeerState,
  type SessionDetail,
  type TunRTCClient,
} from '../src/index.ts';
import { ask, byId, dress, make, startToolbar, type Icon } from './dom.ts';
import { attempt, explain, notify } from './notice.ts';
import { Panel } from './panel.ts';
import { Tiles } from './tiles.ts';

/** What is said to those who did not end the session themselves. */
const ENDED: Record<EndReason, string> = {
  ended: 'The session was ended by the person who started it.',
  empty: 'The session has ended: nobody was in it.',
  creatorDeleted: 'The session has ended: the account that started it was deleted.',
};

/** The third view: the call. */
export class CallView {
  readonly #client: TunRTCClient;
  readonly #panel: Panel;
  readonly #tiles: Tiles;
  readonly #onLeft: () => void;
  readonly #peerStates = new Map<string, PeerState>();
  readonly #narrow = matchMedia('(max-width: 900px)');
  #session: SessionDetail | undefined;
  /** What this participant may do here. */
  #rights: Pick<Participant, 'role' | 'permissions'> | undefined;
  #isEnding = false;

  /** @param onLeft the call is over, for whatever reason */
  constructor(client: TunRTCClient, onLeft: () => void) {
    this.#client = client;
    this.#panel = new Panel(client);
    this.#tiles = new Tiles(client);
    this.#onLeft = onLeft;
    this.#listen();
    this.#wire();
  }

  async join(sessionId: string, audio: boolean, video: boolean): Promise<void> {
    if (this.#session) await this.#client.leaveSession();
    this.#tiles.clear();
    this.#panel.open();
    this.#isEnding = false;
    this.#session = await this.#client.joinSession(sessionId, audio, video);
    this.#entitle(this.#session.name);
    this.#panel.locked = this.#session.locked;
    this.#rights = this.#session.participants.find(({ userId }) => userId === this.#client.user?.userId);
    this.#togglePanel(!this.#narrow.matches);
    this.#tiles.add(this.#own().userId, this.#own().username, 'camera', true);
    for (const { userId, username } of this.#client.participants.values()) this.#tiles.add(userId, username);
    this.#refresh();
    void this.#showHistory(sessionId);
  }

  async #showHistory(sessionId: string): Promise<void> {
    try {
      const history = await this.#client.getMessages(sessionId);
      if (this.#session?.sessionId !== sessionId) return;
      for (const message of history.reverse()) this.#addMessage(message, false);
    } catch (error) {
      // The call is there without it.
      this.#panel.log(`history: ${explain(error)}`, true);
    }
  }

  #listen(): void {
    const client = this.#client;
    client.on('userJoined', ({ userId, username }) => {
      this.#tiles.add(userId, username);
      this.#panel.addEvent(`${username} joined`);
      this.#refresh();
    });
    client.on('userLeft', ({ userId, username, reason }) => {
      this.#tiles.remove(userId);
      this.#panel.addEvent(reason === 'left' ? `${username} left` : `${username} is gone (${reason})`);
      this.#refresh();
    });
    client.on('userStatusUpdated', () => this.#refresh());
    client.on('participantUpdated', (changed) => {
      const isOwn = changed.userId === client.user?.userId;
      if (isOwn) this.#rights = changed;
      this.#panel.addEvent(`${isOwn ? 'You are' : `${changed.username} is`} a ${changed.role} now`);
      this.#refresh();
    });
    client.on('sessionUpdated', ({ name, locked }) => {
      this.#entitle(name);
      this.#panel.locked = locked;
      this.#panel.addEvent(locked ? 'The session is locked' : 'The session is open');
    });
    client.on('muteRequested', ({ kind, byUserId = '' }) => notify(muted(kind, this.#name(byUserId)), 'news'));
    client.on('removed', ({ bannedUntil }) => {
      const until = bannedUntil ? ` You may come back at ${new Date(bannedUntil).toLocaleTimeString()}.` : '';
      notify(`You were taken out of the session.${until}`, 'news');
    });
    client.on('peerStateChanged', ({ userId, state }) => {
      this.#peerStates.set(userId, state);
      this.#refresh();
      this.#panel.log(`peer ${this.#name(userId)}: ${state}`);
    });
    client.on('connectionQualityChanged', ({ userId, quality }) => {
      this.#tiles.setQuality(userId, quality);
      this.#refresh();
      this.#panel.log(`connection to ${this.#name(userId)}: ${quality}`, quality === 'poor' || quality === 'lost');
    });
    client.on('activeSpeakersChanged', ({ speakers }) => this.#tiles.setSpeakers(speakers));
    client.on('localStream', ({ stream, kind }) => {
      const { userId, username } = this.#own();
      this.#tiles.show(userId, username, stream, kind, true);
      this.#refresh();
    });
    client.on('localStreamRemoved', ({ kind }) => {
      if (kind === 'screen') this.#tiles.remove(this.#own().userId, 'screen');
    });
    client.on('localStatusChanged', () => this.#session && this.#refresh());
    client.on('deviceLost', (loss) => notify(lost(loss)));
    client.on('videoLimited', ({ limit }) => notify(`${limit} people show video, and more cannot in one call. You are there with sound.`, 'news'));
    client.on('devicesChanged', (devices) => this.#offerDevices(devices));
    client.on('mediaFallback', ({ missing }) => notify(`No ${missing} was found. You joined without it.`, 'news'));
    client.on('remoteStream', ({ userId, username, stream, kind }) => {
      this.#tiles.show(userId, username, stream, kind);
      this.#panel.log(`stream of ${username}: ${kind}`);
      this.#refresh();
    });
    client.on('remoteStreamRemoved', ({ userId, stream }) => this.#tiles.hide(userId, stream));
    client.on('message', (message) => this.#addMessage(message, true));
    client.on('sessionEnded', ({ reason }) => {
      if (!this.#isEnding) notify(ENDED[reason], 'news');
    });
    client.on('connectionStateChanged', (state) => {
      this.#showConnection(state.status);
      const more = 'code' in state ? ` (${state.code}: ${state.reason})` : '';
      this.#panel.log(`signaling: ${state.status}${more}`, state.status === 'closed' || state.status === 'reconnecting');
      if (state.status === 'closed') this.#left(state.code, state.reason);
    });
    client.on('error', (error) => this.#panel.log(`${error.code}: ${error.message}`, true));
  }

  #wire(): void {
    startToolbar(byId('controls'));
    dress(byId('panel-close'), 'close');
    dress(byId<HTMLFormElement>('chat-form').querySelector('button') ?? byId('chat-form'), 'send');
    this.#action('mute', () => this.#client.setMuted(!this.#client.isMuted));
    this.#action('camera', () => this.#client.setVideoEnabled(!this.#client.isVideoEnabled));
    this.#action('screen', () => (this.#client.isScreenShared ? this.#client.stopScreenShare() : this.#client.startScreenShare()));
    this.#action('devices', () => this.#chooseDevices());
    this.#action('leave', () => this.#leave());
    byId('details').onclick = () => this.#togglePanel(byId('call').classList.contains('no-panel'));
    byId('panel-close').onclick = () => this.#togglePanel(false);
    byId('panel').onkeydown = ({ key }) => {
      if (key === 'Escape' && this.#narrow.matches) this.#togglePanel(false);
    };
    this.#narrow.addEventListener('change', () => this.#setApart());
    for (const id of ['copy-link', 'copy-invitation']) byId(id).onclick = () => void copyLink(byId(id));
    byId<HTMLFormElement>('chat-form').onsubmit = (event) => {
      event.preventDefault();
      this.#sendMessage(byId<HTMLInputElement>('chat-text'));
    };
  }

  #action(id: string, action: () => Promise<unknown>): void {
    const button = byId<HTMLButtonElement>(id);
    button.onclick = () => void attempt(button, action).then(() => this.#session && this.#refresh());
  }

  #sendMessage(field: HTMLInputElement): void {
    const text = field.value.trim();
    if (!text) return;
    field.value = '';
    this.#client.sendMessage(text).catch((error: unknown) => {
      notify(`The message was not sent. ${explain(error)}`);
      field.value ||= text;
    });
  }

  #addMessage(message: ChatMessage, isNews: boolean): void {
    const isShown = byId('messages').querySelector(`[data-message-id="${CSS.escape(message.messageId)}"]`);
    if (!isShown) this.#panel.addMessage(message, isNews);
  }

  async #leave(): Promise<void> {
    const session = this.#session;
    const isCreator = session?.creatorId === this.#client.user?.userId;
    const answer = isCreator && this.#client.participants.size > 0 ? await ask(byId<HTMLDialogElement>('leave-dialog')) : 'leave';
    this.#isEnding = answer === 'end';
    if (answer === 'end') await this.#client.endSession();
    if (answer === 'leave') await this.#client.leaveSession();
  }

  #left(code: string, reason: string): void {
    if (!this.#session) return;
    this.#session = undefined;
    this.#peerStates.clear();
    this.#panel.close();
    this.#tiles.clear();
    this.#entitle('');
    if (!['closed', 'session_ended', 'removed'].includes(code)) notify(explain(new TunRTCError(code, reason)));
    this.#onLeft();
  }

  async #chooseDevices(): Promise<void> {
    this.#offerDevices(await this.#client.listDevices());
    await ask(byId<HTMLDialogElement>('device-dialog'));
  }

  #offerDevices({ cameras, microphones, speakers }: Devices): void {
    const media = this.#client.localStream;
    const inUse = (tracks: MediaStreamTrack[] | undefined) => tracks?.[0]?.getSettings().deviceId;
    offer('camera-choice', cameras, inUse(media?.getVideoTracks()), (id) => this.#client.useCamera(id));
    offer('microphone-choice', microphones, inUse(media?.getAudioTracks()), (id) => this.#client.useMicrophone(id));
    offer('speaker-choice', speakers, this.#tiles.speaker, (id) => this.#tiles.useSpeaker(id));
    byId('speaker-field').hidden = speakers.length === 0 || !('setSinkId' in HTMLMediaElement.prototype);
  }

  #entitle(name: string): void {
    document.title = name ? `${name} – TunRTC` : 'TunRTC';
    byId('session-name').textContent = name;
    byId('session-name').title = name;
    byId('call-title').textContent = name;
  }

  #togglePanel(open: boolean): void {
    const call = byId('call');
    const wasOpen = !call.classList.contains('no-panel');
    call.classList.toggle('no-panel', !open);
    byId('details').setAttribute('aria-expanded', String(open));
    this.#setApart();
    if (open) this.#panel.markRead();
    if (this.#narrow.matches && open !== wasOpen) (open ? byId('panel-close') : byId('details')).focus();
    dispatchEvent(new Event('resize'));
  }

  /** On a narrow page the panel covers the call, which then is out of reach for keys and screen readers too. */
  #setApart(): void {
    const isCovered = this.#narrow.matches && !byId('call').classList.contains('no-panel');
    for (const part of byId('call').querySelectorAll<HTMLElement>('.stage, .controls')) part.inert = isCovered;
  }

  /** Brings labels, buttons and lists to what the client says. */
  #refresh(): void {
    const client = this.#client;
    const own = this.#own();
    const others = [...client.participants.values()];
    this.#panel.showPeople(own, others, this.#session?.creatorId ?? '');
    for (const { userId, isMuted, isVideoEnabled } of [own, ...others]) this.#tiles.setStatus(userId, isMuted, isVideoEnabled);
    for (const { userId, status } of others) {
      this.#tiles.setState(userId, this.#peerStates.get(userId) ?? 'connecting', status === 'reconnecting');
    }
    byId('alone').hidden = others.length > 0;
    this.#button('mute', 'microphone', client.isMuted ? 'Unmute' : 'Mute', client.isMuted, true);
    const isOff = !client.isVideoEnabled;
    this.#button('camera', 'camera', isOff ? 'Camera on' : 'Camera off', isOff, true);
    this.#button('screen', 'screen', client.isScreenShared ? 'Stop sharing' : 'Share screen', client.isScreenShared);
    dress(byId('devices'), 'devices', 'Devices');
    dress(byId('details'), 'details', 'Details');
    dress(byId('leave'), 'leave', 'Leave');
  }

  /** The words say what a click does. So there is no `aria-pressed` beside them, which would say the opposite. */
  #button(id: string, drawing: Icon, text: string, isLit: boolean, strikes = false): void {
    const button = byId(id);
    dress(button, drawing, text, strikes && isLit);
    button.classList.toggle('lit', isLit);
  }

  #showConnection(status: string): void {
    const chip = byId('connection');
    chip.hidden = status === 'closed' || status === 'idle';
    chip.dataset['status'] = status;
    chip.textContent = { connecting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting' }[status] ?? status;
  }

  #own(): Participant {
    const { userId = '', username = '' } = this.#client.user ?? {};
    const { isMuted, isVideoEnabled } = this.#client;
    const { status } = this.#client.connectionState;
    const shown = status === 'connected' ? ('connected' as const) : ('reconnecting' as const);
    return { userId, username, joinedAt: '', status: shown, isMuted, isVideoEnabled, role: 'participant', ...pick(this.#rights) };
  }

  #name(userId: string): string {
    return this.#client.participants.get(userId)?.username ?? userId;
  }
}

function pick(rights: Pick<Participant, 'role' | 'permissions'> | undefined): Partial<Participant> {
  return rights ? { role: rights.role, ...(rights.permissions && { permissions: rights.permissions }) } : {};
}

function muted(kind: MediaKind, name: string): string {
  return { audio: `${name} muted you.`, video: `${name} turned your camera off.`, screen: `${name} ended your screen share.` }[kind];
}

/** What a person can do about a device that stopped by itself. */
function lost({ kind, reason }: DeviceLoss): string {
  const texts: Record<DeviceLoss['reason'], string> = {
    revoked: `The ${kind} is no longer allowed. Allow it in the address bar, then turn it on again.`,
    unplugged: `The ${kind} was unplugged. It goes on when it is plugged in again.`,
    failed: `The ${kind} stopped by itself. Turn it on again.`,
  };
  return texts[reason];
}

/** Puts the invitation on the clipboard or, where the browser keeps that to itself, before one's eyes. */
async function copyLink(button: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = 'Link copied';
  } catch {
    notify(`The link is ${location.href}`, 'news');
  }
}

/** Fills a list of devices, and goes over to the one that is chosen. */
function offer(id: string, devices: MediaDeviceInfo[], present: string | undefined, use: (id: string) => Promise<void>): void {
  const select = byId<HTMLSelectElement>(id);
  const options = devices.map(({ deviceId, label }, place) => make('option', { value: deviceId }, label || `Device ${place + 1}`));
  select.replaceChildren(...options);
  if (present) select.value = present;
  select.disabled = options.length === 0;
  select.onchange = () => void attempt(null, () => use(select.value));
}
