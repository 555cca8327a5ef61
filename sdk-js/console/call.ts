import {
  TunRTCError,
  type ChatMessage,
  type DeviceLoss,
  type EndReason,
  type MediaKind,
  type Participant,
  type SessionDetail,
  type TunRTCClient,
} from '../src/index.ts';
import { DeviceSelects } from '../src/ui/devices.ts';
import { LABELS } from '../src/ui/labels.ts';
import type { CaptionsView } from './captions.ts';
import { ask, byId, drawing, dress, entitle, make, startToolbar, type Icon } from './dom.ts';
import { attempt, explain, fail, notify } from './notice.ts';
import { Panel } from './panel.ts';
import { keepDevices } from './ready.ts';
import { RecorderView } from './recorder.ts';
import { self } from './self.ts';
import type { Shortcut } from './shortcuts.ts';
import { Stage } from './stage.ts';

/** What is said to those who did not end the session themselves. */
const ENDED: Record<EndReason, string> = {
  ended: 'The session was ended by the person who started it.',
  empty: 'The session has ended: nobody was in it.',
  maxDuration: 'The session has ended: its time is over.',
  creatorDeleted: 'The session has ended: the account that started it was deleted.',
};

const LOST = 'The connection to the server is lost. You still see and hear each other; what you write goes out when it is back.';
/** What can bring nobody back. */
const FINAL: ReadonlySet<string> = new Set(['session_ended', 'session_not_found', 'removed', 'banned']);
const CAPTIONS = 'M3 5.5h18v13H3zM6.5 11h4M13 11h4.5M6.5 14.5h7M16 14.5h1.5';
const RECORD = 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z';
const LAYOUT = 'M3 5h12v14H3zM18 5h3v4h-3zM18 12h3v7h-3z';

/** How a call ended. */
export interface Departure {
  /** What to say of it; nothing to whoever left or ended it themselves. */
  words: string;
  /** The words of the way back, if there is one. */
  again: string | undefined;
  /** The session, if it was recorded. */
  recorded: string | undefined;
}

/** The fourth view: the call. */
export class CallView {
  readonly #client: TunRTCClient;
  readonly #panel: Panel;
  readonly #stage: Stage;
  readonly #selects: DeviceSelects;
  readonly recorder: RecorderView;
  /** Loaded when captions, or the transcript, are asked for. */
  #captions: CaptionsView | undefined;
  readonly #onLeft: (departure: Departure) => void;
  readonly #narrow = matchMedia('(max-width: 900px)');
  #session: SessionDetail | undefined;
  /** What this participant may do here. */
  #rights: Pick<Participant, 'role' | 'permissions'> | undefined;
  /** Who was what under which name, as the events said last. */
  readonly #known = new Map<string, Pick<Participant, 'username' | 'role'>>();
  #isEnding = false;
  /** What was said of the end before the connection ended. */
  #ending = '';

  /** @param onLeft the call is over, for whatever reason */
  constructor(client: TunRTCClient, onLeft: (departure: Departure) => void) {
    this.#client = client;
    this.#panel = new Panel(client, () => void attempt(null, () => this.#showTranscript()), () => this.#session && this.#refresh());
    this.#stage = new Stage(client, () => this.#refresh());
    this.recorder = new RecorderView(client, () => this.#refresh());
    this.#selects = new DeviceSelects(client, LABELS, (id) => void this.#stage.useSpeaker(id).catch(fail), fail);
    byId('device-choices').append(this.#selects.element);
    this.#onLeft = onLeft;
    client.subscribe(() => this.#refresh());
    this.#listen();
    this.#wire();
  }

  async join(sessionId: string, audio: boolean, video: boolean): Promise<void> {
    if (this.#session) await this.#client.leaveSession();
    this.#panel.open();
    this.#isEnding = false;
    this.#ending = '';
    try {
      this.#session = await this.#client.joinSession(sessionId, audio, video);
    } finally {
      byId<HTMLDialogElement>('knock-dialog').close();
    }
    this.#entitle(this.#session.name);
    this.#panel.steering.settings = this.#session;
    this.#rights = this.#session.participants.find(({ userId }) => userId === self(this.#client)?.userId);
    for (const participant of this.#session.participants) this.#known.set(participant.userId, participant);
    this.#togglePanel(!this.#narrow.matches);
    this.#stage.isSpotlit = false;
    // Its host may see what the call was like; where the server does not keep that, the page says that there is nothing.
    this.#stage.report = this.#session.creatorId === this.#client.user?.userId ? `analytics/index.html#call=${sessionId}` : '';
    this.#refresh();
    void this.#showHistory(sessionId);
    this.#loadHands();
    byId<HTMLAnchorElement>('recordings-link').href = recordingsOf(sessionId);
    void this.recorder.enter(this.#session);
  }

  /** Plays everybody on another loudspeaker, where the browser lets a page choose. */
  useSpeaker(deviceId: string): Promise<void> {
    return this.#stage.useSpeaker(deviceId);
  }

  /** Single keys for what the buttons do. */
  get shortcuts(): Shortcut[] {
    const press = (id: string) => () => byId(id).click();
    const tab = (name: 'chat' | 'people', target: string) => () => {
      this.#togglePanel(true);
      this.#panel.select(name);
      byId(target).focus();
    };
    return [
      { key: 'm', text: 'Mute, or unmute', act: press('mute') },
      { key: 'v', text: 'Camera on, or off', act: press('camera') },
      { key: 's', text: 'Share a screen, or stop', act: press('screen') },
      { key: 't', text: 'Captions on, or off', act: press('captions') },
      { key: 'r', text: 'Record, or stop', act: press('record') },
      { key: 'h', text: 'Raise your hand, or take it down', act: press('hand') },
      { key: 'c', text: 'Write in the chat', act: tab('chat', 'chat-text') },
      { key: 'p', text: 'Show who is there', act: tab('people', 'tab-people') },
      { key: 'l', text: 'Show the speaker large, or all alike', act: press('layout') },
      { key: 'f', text: 'Fill the screen, or leave that', act: () => void attempt(null, () => this.#stage.toggleFullScreen()) },
    ];
  }

  /** After a connection was lost, too: hands were not told meanwhile. */
  #loadHands(): void {
    const { sessionId } = this.#client;
    if (sessionId) this.#panel.hands.load(sessionId).catch((error: unknown) => this.#panel.log(`hands: ${explain(error)}`, true));
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
    client.on('userJoined', (participant) => {
      this.#known.set(participant.userId, participant);
      this.#panel.addEvent(`${participant.username} joined`);
    });
    client.on('userLeft', ({ username, reason }) => this.#panel.addEvent(reason === 'left' ? `${username} left` : `${username} is gone (${reason})`));
    client.on('participantUpdated', (changed) => {
      const isOwn = changed.userId === self(client)?.userId;
      const who = isOwn ? 'You' : changed.username;
      // What somebody says of themselves changes nothing of their seat.
      if (changed.attributes) {
        if (this.#panel.hands.take(changed)) this.#panel.addEvent(`${who} ${changed.handRaisedAt ? 'raised a hand' : 'took the hand down'}`);
        return;
      }
      if (isOwn) this.#rights = changed;
      const before = this.#known.get(changed.userId);
      this.#known.set(changed.userId, changed);
      this.#panel.addEvent(`${isOwn ? 'You are' : `${before?.username ?? who} is`} ${news(changed, before)} now`);
      this.#refresh();
    });
    client.on('sessionUpdated', (settings) => {
      this.#entitle(settings.name);
      this.#panel.steering.settings = settings;
      const doors = settings.waitingRoom ? 'has a waiting room' : 'is open';
      this.#panel.addEvent(`The session ${settings.locked ? 'is locked' : doors}`);
    });
    client.on('waiting', ({ name }) => waitToBeLetIn(client, name));
    client.on('participantWaiting', (who) => {
      this.#panel.steering.knocked(who);
      notify(`${who.username} waits to be let in.`, 'news');
    });
    client.on('admitted', ({ userId }) => this.#panel.steering.answered(userId));
    client.on('denied', ({ userId }) => this.#panel.steering.answered(userId));
    client.on('muteRequested', ({ kind, byUserId = '' }) => notify(muted(kind, this.#name(byUserId)), 'news'));
    client.on('removed', ({ bannedUntil }) => {
      const until = bannedUntil ? ` You may come back at ${new Date(bannedUntil).toLocaleTimeString()}.` : '';
      this.#ending = `You were taken out of the session.${until}`;
    });
    client.on('peerStateChanged', ({ userId, state }) => {
      this.#panel.log(`peer ${this.#name(userId)}: ${state}`);
    });
    client.on('connectionQualityChanged', ({ userId, quality }) => {
      this.#panel.log(`connection to ${this.#name(userId)}: ${quality}`, quality === 'poor' || quality === 'lost');
    });
    // What ends with the call does not count.
    client.on('localStatusChanged', ({ isMuted, isVideoEnabled }) => client.sessionId && keepDevices([!isMuted, isVideoEnabled]));
    client.on('deviceLost', (loss) => notify(lost(loss)));
    client.on('videoLimited', ({ limit }) => notify(`${limit} people show video, and more cannot in one call. You are there with sound.`, 'news'));
    client.on('devicesChanged', () => void this.#selects.refresh());
    client.on('mediaFallback', ({ missing }) => notify(`No ${missing} was found. You joined without it.`, 'news'));
    client.on('remoteStream', ({ username, kind }) => this.#panel.log(`stream of ${username}: ${kind}`));
    client.on('message', (message) => this.#addMessage(message, true));
    client.on('sessionEnded', ({ reason }) => {
      if (!this.#isEnding) this.#ending = ENDED[reason];
    });
    client.on('connectionStateChanged', (state) => {
      this.#showConnection(state.status);
      const more = 'code' in state ? ` (${state.code}: ${state.reason})` : '';
      this.#panel.log(`signaling: ${state.status}${more}`, state.status === 'closed' || state.status === 'reconnecting');
      // Who waits is told anew with the next connection.
      if (state.status === 'reconnecting') this.#panel.steering.clear();
      if (state.status === 'connected' && this.#session) this.#loadHands();
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
    byId('screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.#action('captions', () => this.#toggleCaptions());
    this.#action('record', () => this.recorder.toggle(this.#steers()));
    byId('layout').onclick = () => (this.#stage.isSpotlit = !this.#stage.isSpotlit);
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
    const sent = this.#panel.addWaiting(text);
    this.#client
      .sendMessage(text)
      .catch((error: unknown) => {
        notify(`The message was not sent. ${explain(error)}`);
        field.value ||= text;
      })
      .finally(sent);
  }

  #addMessage(message: ChatMessage, isNews: boolean): void {
    const isShown = byId('messages').querySelector(`[data-message-id="${CSS.escape(message.messageId)}"]`);
    if (!isShown) this.#panel.addMessage(message, isNews);
  }

  async #leave(): Promise<void> {
    const session = this.#session;
    const isCreator = session?.creatorId === self(this.#client)?.userId;
    const answer = isCreator && this.#client.participants.size > 0 ? await ask(byId<HTMLDialogElement>('leave-dialog')) : 'leave';
    this.#isEnding = answer === 'end';
    if (answer === 'end') await this.#client.endSession();
    if (answer === 'leave') await this.#client.leaveSession();
  }

  #left(code: string, reason: string): void {
    if (!this.#session) return;
    const recorded = this.recorder.wasRecorded ? this.#session.sessionId : undefined;
    this.#session = undefined;
    this.recorder.leave();
    this.#captions?.off();
    this.#panel.close();
    this.#stage.update();
    this.#entitle('');
    const isOwn = code === 'closed' || this.#isEnding;
    const words = this.#ending || explain(new TunRTCError(code, reason));
    // With the sign-in over, the page asks for another and does not say more than this.
    if (!self(this.#client)) notify(words);
    this.#onLeft({ words: isOwn ? '' : words, recorded, again: FINAL.has(code) ? undefined : code === 'replaced' ? 'Take it back here' : 'Join again' });
  }

  async #loadCaptions(): Promise<CaptionsView> {
    const { CaptionsView } = await import('./captions.ts');
    return (this.#captions ??= new CaptionsView(this.#client));
  }

  async #toggleCaptions(): Promise<void> {
    (await this.#loadCaptions()).toggle();
  }

  async #showTranscript(): Promise<void> {
    await (await this.#loadCaptions()).showTranscript();
  }

  async #chooseDevices(): Promise<void> {
    await this.#selects.refresh();
    await ask(byId<HTMLDialogElement>('device-dialog'));
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
  }

  /** On a narrow page the panel covers the call, which then is out of reach for keys and screen readers too. */
  #setApart(): void {
    const isCovered = this.#narrow.matches && !byId('call').classList.contains('no-panel');
    for (const part of byId('call').querySelectorAll<HTMLElement>('.stage, .controls')) part.inert = isCovered;
  }

  /** Brings labels, buttons and lists to what the client says. */
  #refresh(): void {
    if (!this.#session) return;
    const client = this.#client;
    this.#stage.update();
    const own = this.#own();
    const others = [...client.participants.values()];
    this.#panel.showPeople(own, others, this.#session.creatorId, this.recorder.who);
    this.#stage.recorded = this.recorder.who;
    const isLost = client.connectionState.status === 'reconnecting';
    const status = isLost ? LOST : client.isScreenShared ? 'You are sharing your screen.' : '';
    if (byId('call-status').textContent !== status) byId('call-status').textContent = status;
    byId('alone').hidden = others.length > 0 || isLost;
    this.#button('mute', 'microphone', client.isMuted ? 'Unmute' : 'Mute', client.isMuted, true);
    const isOff = !client.isVideoEnabled;
    this.#button('camera', 'camera', isOff ? 'Camera on' : 'Camera off', isOff, true);
    this.#button('screen', 'screen', client.isScreenShared ? 'Stop sharing' : 'Share screen', client.isScreenShared);
    const isWriting = this.#captions?.isOn ?? false;
    const captions = isWriting ? 'Captions off' : 'Captions on';
    byId('captions').replaceChildren(drawing(CAPTIONS), make('span', { className: 'text' }, captions));
    byId('captions').classList.toggle('lit', isWriting);
    entitle(byId('captions'), captions);
    const isRecording = this.recorder.isOn(this.#steers());
    const record = isRecording ? 'Stop recording' : 'Record';
    byId('record').replaceChildren(drawing(RECORD), make('span', { className: 'text' }, record));
    byId('record').classList.toggle('lit', isRecording);
    byId('record').hidden = byId('recordings-line').hidden = !this.recorder.isThere;
    entitle(byId('record'), record);
    const layout = this.#stage.isSpotlit ? 'All alike' : 'Speaker large';
    byId('layout').replaceChildren(drawing(LAYOUT), make('span', { className: 'text' }, layout));
    entitle(byId('layout'), layout);
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

  /** Whether what one does here is about everybody. */
  #steers(): boolean {
    const { role, permissions } = this.#own();
    return role === 'host' || permissions?.moderate === true;
  }

  #showConnection(status: string): void {
    const chip = byId('connection');
    chip.hidden = status === 'closed' || status === 'idle';
    chip.dataset['status'] = status;
    chip.textContent = { connecting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting' }[status] ?? status;
  }

  #own(): Participant {
    const { userId = '', username = '' } = self(this.#client) ?? {};
    const { isMuted, isVideoEnabled } = this.#client;
    const { status } = this.#client.connectionState;
    const shown = status === 'connected' ? ('connected' as const) : ('reconnecting' as const);
    return { userId, username, joinedAt: '', status: shown, isMuted, isVideoEnabled, role: 'participant', ...pick(this.#rights) };
  }

  #name(userId: string): string {
    return this.#client.participants.get(userId)?.username ?? userId;
  }
}

/** The page with the recordings of a session. Not below `recordings/`: there is the bucket of a local server. */
export function recordingsOf(sessionId: string): string {
  return `replay/index.html#session=${sessionId}`;
}

/** What became of somebody: another part, another name, or something that they may or may not do. */
function news(changed: Pick<Participant, 'username' | 'role'>, before: Pick<Participant, 'username' | 'role'> | undefined): string {
  if (!before || changed.role !== before.role) return `a ${changed.role}`;
  return changed.username === before.username ? 'allowed something else' : `called ${changed.username}`;
}

/** Until somebody lets this one in; whoever does not want to wait leaves. What closes the dialog in the end is the join. */
function waitToBeLetIn(client: TunRTCClient, name: string): void {
  const dialog = byId<HTMLDialogElement>('knock-dialog');
  byId('knock-name').textContent = name;
  if (dialog.open) return;
  dialog.oncancel = () => void client.leaveSession();
  dialog.onsubmit = () => void client.leaveSession();
  dialog.showModal();
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
