import type { ChatMessage, Participant, PeerQuality, TunRTCClient } from '../src/index.ts';
import { linked } from '../src/ui/chat.ts';
import { byId, clock, icon, initials, make } from './dom.ts';
import { Hands } from './hands.ts';
import { Inviting } from './inviting.ts';
import { guest, self } from './self.ts';
import { Steering } from './steering.ts';

const TABS = ['chat', 'people', 'transcript', 'stats', 'log'] as const;
type Tab = (typeof TABS)[number];
const LOG_LENGTH = 500;
const STATISTICS_MS = 2_000;

/** The side panel: chat, people, statistics, log. */
export class Panel {
  readonly #client: TunRTCClient;
  readonly #onTranscript: () => void;
  /** What those who steer the session do. */
  readonly steering: Steering;
  readonly #inviting: Inviting;
  /** Who has a hand up. */
  readonly hands: Hands;
  /** The people as they are shown. */
  #shown = '';
  #tab: Tab = 'chat';
  #unread = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param onTranscript the transcript is to be shown
   * @param onHands who has a hand up changed: the people are to be shown anew
   */
  constructor(client: TunRTCClient, onTranscript: () => void, onHands: () => void) {
    this.#client = client;
    this.#onTranscript = onTranscript;
    this.#inviting = new Inviting(client);
    this.steering = new Steering(client, () => this.#inviting.refresh());
    this.hands = new Hands(client, onHands);
    for (const tab of TABS) byId(`tab-${tab}`).onclick = () => this.select(tab);
    byId('panel').querySelector<HTMLElement>('[role=tablist]')?.addEventListener('keydown', (event) => this.#moveTab(event));
  }

  /** Empties everything for a new session. */
  open(): void {
    for (const id of ['messages', 'people', 'log', 'panel-stats']) byId(id).replaceChildren();
    this.#shown = '';
    this.steering.clear();
    this.hands.clear();
    this.select('chat');
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#measure(), STATISTICS_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#inviting.show(false);
  }

  select(tab: Tab): void {
    this.#tab = tab;
    for (const each of TABS) {
      const button = byId<HTMLButtonElement>(`tab-${each}`);
      button.setAttribute('aria-selected', String(each === tab));
      button.tabIndex = each === tab ? 0 : -1;
      byId(`panel-${each}`).hidden = each !== tab;
    }
    this.markRead();
    if (tab === 'stats') void this.#measure();
    if (tab === 'transcript') this.#onTranscript();
  }

  /** To be called when the panel is opened: what the chat holds is seen now, if that is the tab. */
  markRead(): void {
    if (this.#tab !== 'chat') return;
    this.#unread = 0;
    this.#showUnread();
  }

  /** @param isNews whether it counts as unread until it was seen; what was said before one came does not */
  addMessage({ messageId, fromUserId, fromUsername, message, timestamp }: ChatMessage, isNews: boolean): void {
    const isOwn = fromUserId === self(this.#client)?.userId;
    // It may come before the answer to it does.
    if (isOwn) [...document.querySelectorAll('#messages .unsent')].find((item) => item.querySelector('p')?.textContent === message)?.remove();
    const time = make('time', { dateTime: timestamp }, clock(timestamp));
    const from = make('div', { className: 'from' }, make('b', {}, isOwn ? 'You' : fromUsername), time);
    const item = make('li', { className: isOwn ? 'own' : '' }, from, make('p', {}, ...linked(message)));
    item.dataset['messageId'] = messageId;
    this.#append(item, messageId);
    // `offsetParent` would not do: on a narrow page the panel is fixed, and then it has none.
    const isSeen = byId('panel-chat').getClientRects().length > 0;
    if (!isNews || isOwn || isSeen) return;
    this.#unread++;
    this.#showUnread();
  }

  /** What the server does not have yet, at the end of the messages; the answer takes it away. */
  addWaiting(text: string): () => void {
    const item = make('li', { className: 'own unsent' }, make('div', { className: 'from' }, make('b', {}, 'You'), 'being sent…'), make('p', {}, text));
    this.#append(item);
    return () => item.remove();
  }

  /** A line between the messages: who came, who went. */
  addEvent(text: string): void {
    this.#append(make('li', { className: 'event' }, text));
  }

  /**
   * @param creatorId whoever created the session: nobody steers them
   * @param recorded who records themselves
   */
  showPeople(own: Participant, others: Participant[], creatorId: string, recorded: ReadonlySet<string>): void {
    const everybody = this.hands.inOrder([own, ...others]);
    const places = everybody.map(({ userId }) => this.hands.place(userId));
    this.steering.show(own);
    this.#inviting.show(!guest && own.role === 'host');
    // What did not change is left alone: a menu in it may be open.
    const shown = JSON.stringify([creatorId, everybody, places, [...recorded]]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const lines = everybody.map((participant, index) => {
      const menu = this.steering.menu(own, participant, creatorId);
      const line = person(participant, participant === own, places[index] ?? 0, recorded.has(participant.userId));
      if (menu) line.append(menu);
      return line;
    });
    byId('people').replaceChildren(...lines);
    byId('people-count').textContent = String(everybody.length);
  }

  log(text: string, isBad = false): void {
    const now = new Date();
    const time = make('time', { dateTime: now.toISOString() }, now.toISOString().slice(11, 23));
    const list = byId('log');
    list.prepend(make('li', { className: isBad ? 'bad' : '' }, time, text));
    while (list.children.length > LOG_LENGTH) list.lastElementChild?.remove();
  }

  /** Messages may overtake each other on their way; their ids sort. Anything else goes to the end. */
  #append(item: HTMLLIElement, messageId?: string): void {
    const list = byId('messages');
    const log = byId('messages-log');
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    const later = messageId && [...list.children].find((other) => ((other as HTMLElement).dataset['messageId'] ?? '') > messageId);
    list.insertBefore(item, later || null);
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  /** At the tab, and at the button that opens the panel, for those who have it closed. */
  #showUnread(): void {
    const count = this.#unread === 0 ? '' : String(this.#unread);
    const [badge, opener] = [byId('unread'), byId('details')];
    badge.hidden = !count;
    badge.textContent = opener.dataset['unread'] = count;
    badge.setAttribute('aria-label', `${count} unread`);
    opener.setAttribute('aria-description', count && `${count} unread`);
  }

  /** Arrow keys move between tabs, as screen reader users expect of a tab list. */
  #moveTab(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = TABS[(TABS.indexOf(this.#tab) + step + TABS.length) % TABS.length] ?? 'chat';
    this.select(next);
    byId(`tab-${next}`).focus();
  }

  async #measure(): Promise<void> {
    if (this.#tab !== 'stats') return;
    const { latencyMs, reconnects, unacknowledged } = this.#client.signalingStatistics;
    const sections: Node[] = [
      make('h2', {}, 'Signaling'),
      facts([
        ['Latency', latencyMs === undefined ? '–' : `${Math.round(latencyMs)} ms`],
        ['Reconnects', String(reconnects)],
        ['Waiting for an answer', String(unacknowledged)],
      ]),
    ];
    for (const { userId, username } of this.#client.participants.values()) {
      sections.push(...peer(username, await this.#client.getQuality(userId)));
    }
    byId('panel-stats').replaceChildren(...sections);
  }
}

/** @param hand which hand of those that are up is theirs, from 1 */
function person(participant: Participant, isOwn: boolean, hand: number, isRecorded: boolean): HTMLLIElement {
  const { userId, username, status, isMuted, isVideoEnabled, role } = participant;
  const marks = make('div', { className: 'marks' });
  const mark = (isOff: boolean, on: 'microphone' | 'camera', text: string) => {
    const drawing = icon(on, isOff);
    drawing.classList.toggle('off', isOff);
    marks.append(drawing, make('span', { className: 'hidden' }, `${text} ${isOff ? 'off' : 'on'}`));
  };
  if (hand > 0) marks.append(make('span', { className: 'hand' }, `Hand ${hand}`));
  mark(isMuted, 'microphone', 'Microphone');
  mark(!isVideoEnabled, 'camera', 'Camera');
  const facts = [...(role === 'participant' ? [] : [role]), status, ...(isRecorded ? ['recording'] : [])];
  const item = make(
    'li',
    {},
    make('div', { className: 'avatar', ariaHidden: 'true' }, initials(username)),
    make('div', { className: 'who' }, make('b', {}, isOwn ? `${username} (you)` : username), make('small', {}, facts.join(', '))),
    marks,
  );
  item.dataset['userId'] = userId;
  return item;
}

function peer(name: string, quality: PeerQuality): Node[] {
  const level = make('span', { className: 'level', role: 'img', ariaLabel: `Connection ${quality.level}` });
  level.dataset['level'] = quality.level;
  const { roundTripMs, incomingKbps, outgoingKbps, loss, jitterMs, localCandidate, remoteCandidate, protocol, frame } = quality;
  const { availableKbps, outgoingLoss, limitedBy } = quality;
  const share = (value: number | undefined) => (value === undefined ? '–' : `${(value * 100).toFixed(1)} %`);
  const unit = (value: number | undefined, text: string) => (value === undefined ? '–' : `${value} ${text}`);
  return [
    make('h2', {}, level, name),
    facts([
      ['Round trip', unit(roundTripMs, 'ms')],
      ['Receiving', unit(incomingKbps, 'kbit/s')],
      ['Sending', unit(outgoingKbps, 'kbit/s')],
      ['Carries', unit(availableKbps, 'kbit/s')],
      ['Held back by', limitedBy && limitedBy !== 'none' ? limitedBy : '–'],
      ['Loss', share(loss)],
      ['Loss there', share(outgoingLoss)],
      ['Jitter', unit(jitterMs, 'ms')],
      ['Picture', frame ? `${frame.width}×${frame.height}, ${Math.round(frame.framesPerSecond)}/s` : '–'],
      ['Path', localCandidate ? `${localCandidate} – ${remoteCandidate} (${protocol})` : '–'],
    ]),
  ];
}

function facts(rows: [string, string][]): HTMLElement {
  return make('dl', {}, ...rows.flatMap(([term, value]) => [make('dt', {}, term), make('dd', {}, value)]));
}
