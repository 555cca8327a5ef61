import type { Actions, Moderation, Participant, ParticipantWaitingData, SessionUpdatedData, TunRTCClient } from '../src/index.ts';
import { isGuest } from '../src/invites.ts';
import { byId, initials, make } from './dom.ts';
import { attempt } from './notice.ts';

const HOUR = 3600;

/** What those who steer the session do in the list of people: a menu for each person, who waits, switches, silence for all. */
export class Steering {
  readonly #client: TunRTCClient;
  readonly #onRemoved: () => void;
  readonly #waiting = new Map<string, ParticipantWaitingData>();

  /** @param onRemoved somebody was taken out */
  constructor(client: TunRTCClient, onRemoved: () => void) {
    this.#client = client;
    this.#onRemoved = onRemoved;
    for (const [id, setting] of SWITCHES) {
      const input = byId<HTMLInputElement>(id);
      input.onchange = () => {
        const wanted = input.checked;
        // As it is until the server says otherwise.
        input.checked = !wanted;
        void attempt(input, () => this.#do('updateSession', { [setting]: wanted }));
      };
    }
    byId('mute-all').onclick = () => void attempt(byId('mute-all'), () => this.#do('muteParticipant', { all: true, kind: 'audio' }));
  }

  /** How the session is set by now. */
  set settings(settings: Pick<SessionUpdatedData, 'locked' | 'waitingRoom'>) {
    for (const [id, setting] of SWITCHES) byId<HTMLInputElement>(id).checked = settings[setting];
  }

  /** Nobody is known to wait. */
  clear(): void {
    this.#waiting.clear();
    this.#showWaiting();
  }

  /** Somebody waits to be let in. */
  knocked(who: ParticipantWaitingData): void {
    this.#waiting.set(who.userId, who);
    this.#showWaiting();
  }

  /** Somebody waits no more. */
  answered(userId: string): void {
    if (this.#waiting.delete(userId)) this.#showWaiting();
  }

  /** Lines that stay are not touched: a button in one may have the focus. */
  #showWaiting(): void {
    const list = byId('waiting-people');
    const shown = new Set([...list.children].map((item) => (item as HTMLElement).dataset['userId'] ?? ''));
    for (const item of [...list.children] as HTMLElement[]) if (!this.#waiting.has(item.dataset['userId'] ?? '')) item.remove();
    for (const who of this.#waiting.values()) if (!shown.has(who.userId)) list.append(this.#waiter(who));
    byId('waiting').hidden = this.#waiting.size === 0;
  }

  #waiter({ userId, username }: ParticipantWaitingData): HTMLLIElement {
    const answer = (text: string, action: 'admitParticipant' | 'denyParticipant', className: string) => {
      const button = make('button', { type: 'button', className, ariaLabel: `${text} ${username}` }, text);
      button.onclick = () => void attempt(button, () => this.#do(action, { targetUserId: userId }));
      return button;
    };
    const answers = make('div', { className: 'answers' }, answer('Let in', 'admitParticipant', 'primary'), answer('Turn away', 'denyParticipant', ''));
    const name = make('div', { className: 'who' }, make('b', {}, username));
    const item = make('li', {}, make('div', { className: 'avatar', ariaHidden: 'true' }, initials(username)), name, answers);
    item.dataset['userId'] = userId;
    return item;
  }

  /** Shows what one may do. */
  show(own: Participant): void {
    byId('steering').hidden = !steers(own);
  }

  /** The menu of a person; none where there is nothing that one may do. */
  menu(own: Participant, other: Participant, creatorId: string): HTMLElement | undefined {
    const choices = this.#choices(own, other);
    if (other === own || other.userId === creatorId || choices.length === 0) return undefined;
    const summary = make('summary', { ariaLabel: `What to do with ${other.username}` }, '⋯');
    const list = make('div', { className: 'choices' });
    const menu = make('details', { className: 'menu' }, summary, list);
    for (const [text, action, data, isGrave] of choices) {
      const button = make('button', { type: 'button', className: isGrave ? 'danger' : '' }, text);
      button.onclick = () => {
        menu.open = false;
        summary.focus();
        void attempt(button, () => this.#do(action, data));
      };
      list.append(button);
    }
    menu.onkeydown = (event) => {
      if (event.key !== 'Escape' || !menu.open) return;
      event.stopPropagation();
      menu.open = false;
      summary.focus();
    };
    menu.addEventListener('toggle', () => menu.open && closeOthers(menu));
    return menu;
  }

  #choices(own: Participant, other: Participant): Choice[] {
    const { userId, isMuted, isVideoEnabled, role } = other;
    if (!steers(own) || (role === 'host' && own.role !== 'host')) return [];
    const target = { targetUserId: userId };
    const choices: Choice[] = [];
    if (!isMuted) choices.push(['Mute', 'muteParticipant', { ...target, kind: 'audio' }]);
    if (isVideoEnabled) choices.push(['Turn the camera off', 'muteParticipant', { ...target, kind: 'video' }]);
    if (own.role === 'host' && role !== 'cohost') choices.push(['Make a cohost', 'updateParticipant', { ...target, role: 'cohost' }]);
    const isAssistant = role === 'cohost' || role === 'host';
    if (role === 'viewer' || (own.role === 'host' && isAssistant)) choices.push(['Make a participant', 'updateParticipant', { ...target, role: 'participant' }]);
    if (role === 'participant') choices.push(['Make a viewer', 'updateParticipant', { ...target, role: 'viewer' }]);
    choices.push(['Remove', 'removeParticipant', target, true]);
    choices.push([isGuest(other) ? 'Remove for an hour, with their link' : 'Remove for an hour', 'removeParticipant', { ...target, banSeconds: HOUR }, true]);
    return choices;
  }

  async #do<Action extends keyof Moderation>(action: Action, data: Moderation[keyof Moderation]): Promise<void> {
    await this.#client.moderate(action, data as Actions[Action]);
    if (action === 'removeParticipant') this.#onRemoved();
  }
}

/** The switches of a session, by the element and by the setting. */
const SWITCHES = [['lock', 'locked'], ['waiting-room', 'waitingRoom']] as const;

/** A line of a menu: its words, what it does, and whether it hurts. */
type Choice = [text: string, action: keyof Moderation, data: Moderation[keyof Moderation], isGrave?: boolean];

function steers({ role, permissions }: Participant): boolean {
  return permissions?.moderate ?? (role === 'host' || role === 'cohost');
}

function closeOthers(menu: HTMLDetailsElement): void {
  for (const other of document.querySelectorAll<HTMLDetailsElement>('details.menu[open]')) if (other !== menu) other.open = false;
}
