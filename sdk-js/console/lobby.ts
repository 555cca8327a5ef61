import type { Session, TunRTCClient, Visibility } from '../src/index.ts';
import { inviteCode } from '../src/invites.ts';
import { byId, clock, make } from './dom.ts';
import { attempt, attemptForm, fail, mark, unmark } from './notice.ts';

const REFRESH_MS = 10_000;
/** Sessions of one page of the list. */
const PAGE = 50;
const ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const TOUR = 'tunrtc.toured';

/** A session that is to be made. */
export interface Wish {
  name: string;
  seats: number;
  visibility: Visibility;
}

/** What is done with what is chosen here. */
export interface LobbyHandlers {
  join(sessionId: string): Promise<void>;
  /** Opens a guest link by its code. */
  open(code: string): Promise<void>;
  start(wish: Wish): void;
}

/** The second view: the list of sessions, and ways into one. */
export class Lobby {
  readonly #client: TunRTCClient;
  readonly #handlers: LobbyHandlers;
  readonly #search = byId<HTMLInputElement>('search');
  #timer: ReturnType<typeof setInterval> | undefined;
  #requests = 0;
  /** How many pages of the list are shown. */
  #pages = 1;
  #sessions: readonly Session[] = [];
  #hasMore = false;
  #at = '';
  /** Who can find a session where nobody says so. The first TunRTC's default, until the server has told its own. */
  #usual: Visibility = 'public';

  constructor(client: TunRTCClient, handlers: LobbyHandlers) {
    this.#client = client;
    this.#handlers = handlers;
    const refresh = byId('refresh');
    refresh.onclick = () => void attempt(refresh, () => this.#refresh());
    const more = byId('more');
    more.onclick = () => void attempt(more, () => this.#showMore());
    this.#search.oninput = () => this.#render();
    this.#startForms();
    this.#startTour();
  }

  /** Shows the list, and keeps it fresh until {@link hide}. */
  show(): void {
    void this.#refreshQuietly();
    void this.#askUsual();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => document.visibilityState === 'visible' && void this.#refreshQuietly(), REFRESH_MS);
  }

  hide(): void {
    this.#requests++;
    clearInterval(this.#timer);
  }

  /** What was written is kept until the session was joined. */
  forgetWish(): void {
    byId<HTMLInputElement>('create-name').value = '';
  }

  #startForms(): void {
    const create = byId<HTMLFormElement>('create-form');
    create.onsubmit = (event) => {
      event.preventDefault();
      unmark(create);
      const name = byId<HTMLInputElement>('create-name');
      const seats = byId<HTMLInputElement>('create-seats').valueAsNumber;
      const visibility = chosenVisibility();
      if (seats >= 2 && seats <= 100) this.#handlers.start({ name: name.value.trim() || name.placeholder, seats: Math.round(seats), visibility });
      else mark(create, [['maxParticipants', 'Choose 2 to 100 seats.']]);
    };
    byId('create-visibility').onchange = showHint;
    const join = byId<HTMLFormElement>('join-form');
    join.onsubmit = (event) => {
      event.preventDefault();
      const code = inviteCode(byId<HTMLInputElement>('join-id').value);
      if (code) return void attemptForm(join, () => this.#handlers.open(code));
      const id = ID.exec(byId<HTMLInputElement>('join-id').value.toLowerCase())?.[0];
      if (id) return void attemptForm(join, () => this.#handlers.join(id));
      unmark(join);
      mark(join, [['id', 'That is not a session id or a link to one.']]);
    };
  }

  /** What the operator wants for sessions is chosen already, unless somebody was faster. */
  async #askUsual(): Promise<void> {
    // Where it cannot be had, what is chosen stays: the form says what that means.
    const usual = (await this.#client.me().catch(() => undefined))?.defaultVisibility ?? this.#usual;
    if (chosenVisibility() === this.#usual) byId<HTMLSelectElement>('create-visibility').value = usual;
    this.#usual = usual;
    showHint();
  }

  #startTour(): void {
    const tour = byId('tour');
    tour.hidden = localStorage.getItem(TOUR) !== null;
    byId('tour-done').onclick = () => {
      localStorage.setItem(TOUR, 'yes');
      tour.hidden = true;
      byId('create-name').focus();
    };
  }

  async #showMore(): Promise<void> {
    const shown = byId('sessions').childElementCount;
    this.#pages++;
    await this.#refresh();
    // The button may be gone; whoever used the keyboard goes on at what is new.
    if (byId('more').hidden) byId('sessions').children[shown]?.querySelector('button')?.focus();
  }

  async #refresh(): Promise<void> {
    const request = ++this.#requests;
    try {
      const [sessions, hasMore] = await this.#fetch();
      // An answer that was overtaken by a later one is older than what is shown.
      if (request !== this.#requests) return;
      this.#sessions = sessions;
      this.#hasMore = hasMore;
      this.#at = clock(new Date());
      this.#render();
    } catch (error) {
      if (request === this.#requests) throw error;
    }
  }

  async #fetch(): Promise<[Session[], boolean]> {
    const sessions: Session[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < this.#pages && (page === 0 || cursor); page++) {
      const answer = await this.#client.api.listSessions({ limit: PAGE, ...(cursor && { cursor }) });
      sessions.push(...answer.items);
      cursor = answer.cursor;
    }
    return [sessions, cursor !== undefined];
  }

  /** Nobody asked for this one: what fails stands above the list until the next one does not. */
  async #refreshQuietly(): Promise<void> {
    try {
      await this.#refresh();
    } catch (error) {
      if (!this.#client.user) return fail(error);
      const from = this.#at && ` The list is from ${this.#at}.`;
      say('list-state', `The server cannot be reached.${from} This page tries again every ${REFRESH_MS / 1000} seconds.`);
    }
  }

  #render(): void {
    const wanted = this.#search.value.trim().toLowerCase();
    const found = this.#sessions.filter(({ name, creatorUsername }) => `${name} ${creatorUsername}`.toLowerCase().includes(wanted));
    showSessions(found, this.#handlers.join);
    const newest = this.#hasMore ? `the ${this.#sessions.length} newest` : `${this.#sessions.length}`;
    say('list-state', wanted ? `${found.length} of ${newest} match.` : this.#hasMore ? `These are ${newest}.` : '');
    byId('more').hidden = !this.#hasMore;
    byId('more').textContent = wanted ? 'Search older ones too' : 'Show more';
    byId('no-sessions').hidden = found.length > 0;
    byId('no-sessions').textContent = wanted ? 'No session has that in its name or its host’s.' : 'No session is open. Start one; a public one shows here for everybody.';
    this.#search.parentElement?.toggleAttribute('hidden', this.#sessions.length === 0);
  }
}

function chosenVisibility(): Visibility {
  return byId<HTMLSelectElement>('create-visibility').value === 'unlisted' ? 'unlisted' : 'public';
}

function showHint(): void {
  byId('visibility-hint').textContent =
    chosenVisibility() === 'public'
      ? 'Public: everybody who signs in here finds it and can walk in.'
      : 'By link only: it is in nobody’s list; whoever has the link can walk in.';
}

/** A screen reader reads it only when it changes. */
function say(id: string, text: string): void {
  if (byId(id).textContent !== text) byId(id).textContent = text;
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
  const isFull = currentParticipants >= maxParticipants;
  const write = (selector: string, text: string) => {
    const element = item.querySelector(selector);
    if (element && element.textContent !== text) element.textContent = text;
  };
  write('.name', name);
  write('.facts', `${currentParticipants} of ${maxParticipants} seats · by ${creatorUsername} · since ${clock(createdAt)}`);
  write('button', isFull ? 'Full' : 'Join');
  const button = item.querySelector('button');
  if (button) button.disabled = isFull;
  button?.setAttribute('aria-label', isFull ? `${name} is full` : `Join ${name}`);
}
