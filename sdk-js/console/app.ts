/** The console page: sign in, find a session, look at oneself, hold a call. One client serves all of it. */
import { TunRTCClient, TunRTCError } from '../src/index.ts';
import { CallView, type Departure } from './call.ts';
import { byId } from './dom.ts';
import { Lobby, type Wish } from './lobby.ts';
import { attempt, whenFailed } from './notice.ts';
import { lastDevices, Ready } from './ready.ts';
import { startShortcuts } from './shortcuts.ts';
import { startSignIn } from './sign-in.ts';
import { startTheme } from './theme.ts';

type View = 'sign-in' | 'lobby' | 'ready' | 'call' | 'over';

/** What the server says of a session that nobody can come back to. */
const GONE: ReadonlySet<string> = new Set(['session_ended', 'session_not_found']);
/** The session that this tab is in: after a reload it goes on there. */
const INSIDE = 'tunrtc.inside';

// In the console of a developer's tools, `tunrtc` is the client of this page.
const client = new TunRTCClient({ url: location.origin, storage: sessionStorage });
Object.assign(window, { tunrtc: client });

const lobby = new Lobby(client, { join: prepare, start });
const call = new CallView(client, left);
const ready = new Ready(client, (deviceId) => void attempt(null, () => call.useSpeaker(deviceId)));
startTheme();
startSignIn(client, () => void enter());
startShortcuts(call.shortcuts);
// A sign-in that the server no longer takes is forgotten by the client: then the page asks for another. A call goes on
// until it is closed.
whenFailed(() => {
  const { view } = document.body.dataset;
  if (!client.user && (view === 'lobby' || view === 'ready')) show('sign-in');
});
byId('sign-out').onclick = (event) =>
  void attempt(event.currentTarget as HTMLElement, async () => {
    // Signed out on purpose, nobody is meant to come back into the session.
    forgetSession();
    await client.logout();
    show('sign-in');
  });
byId('ready-back').onclick = () => backToList();
byId('over-list').onclick = () => backToList();
// A page that is reloaded, or comes back from the browser's memory, goes on where it was.
let isGoing = false;
addEventListener('pagehide', () => (isGoing = true));
addEventListener('pageshow', ({ persisted }) => {
  isGoing = false;
  if (persisted) void enter();
});
// An invitation that is pasted into the address bar of this page.
addEventListener('hashchange', () => void enter());
void enter();

/** After signing in, or on a reload: to the session that the address names, else to the list. */
async function enter(): Promise<void> {
  if (!client.user) return show('sign-in');
  const sessionId = sessionInAddress();
  if (sessionId && sessionId === client.sessionId) return;
  if (!client.sessionId) show('lobby');
  if (sessionId) await attempt(null, () => enterAsInvited(sessionId));
}

async function enterAsInvited(sessionId: string): Promise<void> {
  const isInside = client.sessionId !== undefined || sessionStorage.getItem(INSIDE) === sessionId;
  try {
    // Whoever is in a call, or was before a reload, has been in front of the mirror.
    await (isInside ? join(sessionId, ...lastDevices()) : prepare(sessionId));
  } catch (error) {
    if (error instanceof TunRTCError && GONE.has(error.code)) forgetSession();
    throw error;
  }
}

/** In front of the mirror, before one joins a session that is there. */
async function prepare(sessionId: string): Promise<void> {
  const { name, participants } = await client.getSession(sessionId);
  const names = participants.map(({ username }) => username);
  const about = names.length === 0 ? 'Nobody is there yet.' : names.length > 3 ? `${names.length} people are there.` : `There: ${names.join(', ')}.`;
  ready.open({ name, about, join: (audio, video) => join(sessionId, audio, video) });
  show('ready');
}

/** In front of the mirror, before one makes a session. */
function start(wish: Wish): void {
  ready.open({ name: wish.name, about: 'It begins when you join.', join: (audio, video) => joinNew(wish, audio, video) });
  show('ready');
}

/** Makes a session and joins it; when that fails it is ended, so that nobody finds it empty in the list. */
async function joinNew({ name, seats, visibility }: Wish, audio: boolean, video: boolean): Promise<void> {
  const { sessionId } = await client.createSession(name, seats, 'videoCall', { visibility });
  try {
    await join(sessionId, audio, video);
    lobby.forgetWish();
  } catch (error) {
    // If this fails too, the server ends the session itself after it was empty for a while.
    await client.endSession(sessionId).catch(() => {});
    throw error;
  }
}

async function join(sessionId: string, audio: boolean, video: boolean): Promise<void> {
  await call.join(sessionId, audio, video);
  sessionStorage.setItem(INSIDE, sessionId);
  history.replaceState(null, '', `#session=${sessionId}`);
  show('call');
}

/** The call is over: to the list, to the way back or, with the sign-in over too, to that. */
function left({ words, again }: Departure): void {
  if (isGoing) return;
  if (!client.user) return show('sign-in');
  const sessionId = sessionInAddress() ?? '';
  if (!words) return backToList();
  byId('over-title').textContent = words;
  const button = byId('over-again');
  button.hidden = !again;
  button.textContent = again ?? '';
  button.onclick = () => void attempt(button, () => join(sessionId, ...lastDevices()));
  show('over');
}

function backToList(): void {
  // The preview ends with it.
  client.leaveSession().catch(() => {});
  forgetSession();
  show('lobby');
}

function sessionInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('session');
}

function forgetSession(): void {
  sessionStorage.removeItem(INSIDE);
  history.replaceState(null, '', location.pathname);
}

function show(view: View): void {
  document.body.dataset['view'] = view;
  byId('account').hidden = !client.user;
  byId('account-name').textContent = client.user?.username ?? '';
  byId('account-name').title = client.user?.username ?? '';
  byId('invited').hidden = !sessionInAddress();
  if (view !== 'ready') ready.close();
  if (view === 'lobby') lobby.show();
  else lobby.hide();
  byId('main').scrollTop = 0;
  byId('main').focus({ preventScroll: true });
}
