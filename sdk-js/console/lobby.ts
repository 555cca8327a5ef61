import type { Session, TunRTCClient } from '../src/index.ts';
import { byId, clock, make } from './dom.ts';
import { attempt, attemptForm, fail, mark, notify, unmark } from './notice.ts';

const REFRESH_MS = 10_000;
const ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** What a lobby tells. */
export interface Lobby {
  /** Shows the list, and keeps it fresh until {@link Lobby.hide}. */
  show(): void;
  hide(): void;
}

/** The second view: the list of sessions, and ways into one. */
export function startLobby(client: TunRTCClient, join: (sessionId: string) => Promise<void>): Lobby {
  let timer: ReturnType<typeof setInterval> | undefined;
  let requests = 0;

  const refresh = async () => {
    const request = ++requests;
    try {
      const sessions = await client.listSessions();
      // An answer that was overtaken by a later one is older than what is shown.
      if (request === requests) showSessions(sessions, join);
    } catch (error) {
      if (request === requests) throw error;
    }
  };

  const refreshButton = byId<HTMLButtonElement>('refresh');
  refreshButton.onclick = () => void attempt(refreshButton, refresh);

  const createForm = byId<HTMLFormElement>('create-form');
  createForm.onsubmit = (event) => {
    event.preventDefault();
    void attemptForm(createForm, async () => {
      const name = byId<HTMLInputElement>('create-name');
      const visibility = byId<HTMLSelectElement>('create-visibility').value === 'unlisted' ? 'unlisted' : 'public';
      const seats = byId<HTMLInputElement>('create-seats').valueAsNumber;
      const session = await client.createSession(name.value.trim() || name.placeholder, seats, 'videoCall', { visibility });
      await joinNew(client, session, join);
      name.value = '';
    });
  };

  const joinForm = byId<HTMLFormElement>('join-form');
  joinForm.onsubmit = (event) => {
    event.preventDefault();
    const id = ID.exec(byId<HTMLInputElement>('join-id').value.toLowerCase())?.[0];
    if (id) return void attemptForm(joinForm, () => join(id));
    unmark(joinForm);
    mark(joinForm, ['id']);
    notify('That is not a session id or a link to one.');
  };

  return {
    show: () => {
      refresh().catch(fail);
      clearInterval(timer);
      timer = setInterval(() => {
        if (document.visibilityState === 'visible') refresh().catch(sayIfSignedOut);
      }, REFRESH_MS);
    },
    hide: () => {
      requests++;
      clearInterval(timer);
    },
  };

  /** Other failures of the silent refresh show with the next thing that is clicked. */
  function sayIfSignedOut(error: unknown): void {
    if (!client.user) fail(error);
  }
}

/** Joins a session that was made a moment ago; when that fails it is ended, so that nobody finds it empty in the list. */
async function joinNew(client: TunRTCClient, { sessionId }: Session, join: (sessionId: string) => Promise<void>): Promise<void> {
  try {
    await join(sessionId);
  } catch (error) {
    // If this fails too, the server ends the session itself after it was empty for a while.
    await client.endSession(sessionId).catch(() => {});
    throw error;
  }
}

/** Brings the list to these sessions. Rows that stay are not touched, and so keep the keyboard's focus. */
function showSessions(sessions: readonly Session[], join: (sessionId: string) => Promise<void>): void {
  const list = byId('sessions');
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const focusedAt = [...list.children].findIndex((item) => item.contains(focused));
  const wanted = new Set(sessions.map(({ sessionId }) => sessionId));
  const known = new Map<string, HTMLLIElement>();
  for (const item of list.querySelectorAll('li')) {
    const id = item.dataset['sessionId'] ?? '';
    if (wanted.has(id)) known.set(id, item);
    else item.remove();
  }
  for (const [place, session] of sessions.entries()) {
    const item = known.get(session.sessionId) ?? row(session.sessionId, join);
    describe(item, session);
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  }
  byId('no-sessions').hidden = sessions.length > 0;
  if (focused && !list.contains(document.activeElement)) focusRow(list, focusedAt);
}

/** Of a row that is gone its successor gets the focus, or the last row, or the button above the list. */
function focusRow(list: HTMLElement, place: number): void {
  const next = list.children[place] ?? list.lastElementChild;
  (next?.querySelector('button') ?? byId('refresh')).focus();
}

function row(sessionId: string, join: (sessionId: string) => Promise<void>): HTMLLIElement {
  const button = make('button', { type: 'button' }, 'Join');
  button.onclick = () => void attempt(button, () => join(sessionId));
  const about = make('div', { className: 'about' }, make('p', { className: 'name' }), make('p', { className: 'facts' }));
  const item = make('li', {}, about, button);
  item.dataset['sessionId'] = sessionId;
  return item;
}

/** Writes into a row what is known of its session. */
function describe(item: HTMLLIElement, session: Session): void {
  const { name, currentParticipants, maxParticipants, creatorUsername, createdAt } = session;
  const write = (selector: string, text: string) => {
    const element = item.querySelector(selector);
    if (element && element.textContent !== text) element.textContent = text;
  };
  write('.name', name);
  write('.facts', `${currentParticipants} of ${maxParticipants} seats · by ${creatorUsername} · since ${clock(createdAt)}`);
  item.querySelector('button')?.setAttribute('aria-label', `Join ${name}`);
}
