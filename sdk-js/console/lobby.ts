import type { Session, TunRTCClient } from '../src/index.ts';
import { byId, clock, make } from './dom.ts';
import { attempt, explain, notify } from './notice.ts';

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
  const list = byId('sessions');
  let timer: ReturnType<typeof setInterval> | undefined;

  const refresh = async () => {
    const sessions = await client.listSessions();
    list.replaceChildren(...sessions.map((session) => row(session, join)));
    byId('no-sessions').hidden = sessions.length > 0;
  };

  const refreshButton = byId<HTMLButtonElement>('refresh');
  refreshButton.onclick = () => void attempt(refreshButton, refresh);

  byId<HTMLFormElement>('create-form').onsubmit = (event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = byId<HTMLInputElement>('create-name');
    void attempt(form.querySelector('button'), async () => {
      const visibility = byId<HTMLSelectElement>('create-visibility').value === 'unlisted' ? 'unlisted' : 'public';
      const seats = byId<HTMLInputElement>('create-seats').valueAsNumber;
      const session = await client.createSession(name.value.trim() || name.placeholder, seats, 'videoCall', { visibility });
      name.value = '';
      await join(session.sessionId);
    });
  };

  byId<HTMLFormElement>('join-form').onsubmit = (event) => {
    event.preventDefault();
    const field = byId<HTMLInputElement>('join-id');
    const id = ID.exec(field.value.toLowerCase())?.[0];
    field.setAttribute('aria-invalid', String(!id));
    if (!id) notify('That is not a session id or a link to one.');
    else void attempt((event.currentTarget as HTMLFormElement).querySelector('button'), () => join(id));
  };

  return {
    show: () => {
      refresh().catch((error: unknown) => notify(explain(error)));
      clearInterval(timer);
      timer = setInterval(() => {
        // A failure of this silent refresh shows with the next thing that is clicked.
        if (document.visibilityState === 'visible') refresh().catch(() => {});
      }, REFRESH_MS);
    },
    hide: () => clearInterval(timer),
  };
}

function row(session: Session, join: (sessionId: string) => Promise<void>): HTMLLIElement {
  const { name, sessionId, currentParticipants, maxParticipants, creatorUsername, createdAt } = session;
  const button = make('button', { type: 'button' }, 'Join');
  button.setAttribute('aria-label', `Join ${name}`);
  button.onclick = () => void attempt(button, () => join(sessionId));
  const facts = `${currentParticipants} of ${maxParticipants} seats · by ${creatorUsername} · since ${clock(createdAt)}`;
  const about = make(
    'div',
    { className: 'about' },
    make('p', { className: 'name' }, name),
    make('p', { className: 'facts' }, facts),
  );
  const item = make('li', {}, about, button);
  item.dataset['sessionId'] = sessionId;
  return item;
}
