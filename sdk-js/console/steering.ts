import type { Moderation, Participant, TunRTCClient } from '../src/index.ts';
import { byId, make } from './dom.ts';
import { attempt } from './notice.ts';

const HOUR = 3600;

/** What those who steer the session do in the list of people: a menu for each person, a lock, silence for all. */
export class Steering {
  readonly #client: TunRTCClient;
  #locked = false;

  constructor(client: TunRTCClient) {
    this.#client = client;
    const lock = byId<HTMLInputElement>('lock');
    lock.onchange = () => {
      const wanted = lock.checked;
      // As it is until the server says otherwise.
      lock.checked = this.#locked;
      void attempt(lock, () => this.#do('updateSession', { locked: wanted }));
    };
    byId('mute-all').onclick = () => void attempt(byId('mute-all'), () => this.#do('muteParticipant', { all: true, kind: 'audio' }));
  }

  /** The session is locked, or open again. */
  set locked(locked: boolean) {
    this.#locked = byId<HTMLInputElement>('lock').checked = locked;
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

  #choices(own: Participant, { userId, isMuted, isVideoEnabled, role }: Participant): Choice[] {
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
    choices.push(['Remove for an hour', 'removeParticipant', { ...target, banSeconds: HOUR }, true]);
    return choices;
  }

  #do<Action extends keyof Moderation>(action: Action, data: Moderation[keyof Moderation]): Promise<void> {
    return this.#client.moderate(action, data as Moderation[Action]);
  }
}

/** A line of a menu: its words, what it does, and whether it hurts. */
type Choice = [text: string, action: keyof Moderation, data: Moderation[keyof Moderation], isGrave?: boolean];

function steers({ role, permissions }: Participant): boolean {
  return permissions?.moderate ?? (role === 'host' || role === 'cohost');
}

function closeOthers(menu: HTMLDetailsElement): void {
  for (const other of document.querySelectorAll<HTMLDetailsElement>('details.menu[open]')) if (other !== menu) other.open = false;
}
