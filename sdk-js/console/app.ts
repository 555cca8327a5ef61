/** The console page: sign in, find a session, look at oneself, hold a call. One client serves all of it. */
import { TunRTCClient, TunRTCError } from '../src/index.ts';
import { inviteCode, Invites, type Invitation } from '../src/invites.ts';
import { CallView, recordingsOf, type Departure } from './call.ts';
import { byId } from './dom.ts';
import { Lobby, type Wish } from './lobby.ts';
import { attempt, attemptForm, explain, mark, unmark, whenFailed } from './notice.ts';
import { lastDevices, Ready } from './ready.ts';
import { forgetGuest, guest, keepGuest, self } from './self.ts';
import { startShortcuts } from './shortcuts.ts';
import { startSignIn } from './sign-in.ts';
import { startTheme } from './theme.ts';

type View = 'sign-in' | 'invited' | 'lobby' | 'ready' | 'call' | 'over';

/** What the server says of a session that nobody can come back to. */
const GONE: ReadonlySet<string> = new Set(['session_ended', 'session_not_found']);
/** The session that this tab is in: after a reload it goes on there. */
const INSIDE = 'tunrtc.inside';

// In the console of a developer's tools, `tunrtc` is the client of this page.
const client = new TunRTCClient({ url: location.origin, ...(guest ? { getToken: guest.getToken } : { storage: sessionStorage }) });
const invites = new Invites(client);
Object.assign(window, { tunrtc: client });

const lobby = new Lobby(client, { join: prepare, start, open: openInvitation });
const call = new CallView(client, left);
const ready = new Ready(client, (deviceId) => void attempt(null, () => call.useSpeaker(deviceId)));
startTheme();
startSignIn(client, () => void enter());
startShortcuts(call.shortcuts);
// A sign-in that the server no longer takes is forgotten by the client: then the page asks for another. A call goes on
// until it is closed.
whenFailed(() => {
  const { view } = document.body.dataset;
  if (!self(client) && (view === 'lobby' || view === 'ready')) show('sign-in');
});
byId('sign-out').onclick = (event) =>
  void attempt(event.currentTarget as HTMLElement, async () => {
    // Signed out on purpose, nobody is meant to come back into the session.
    forgetSession();
    await client.logout();
    show('sign-in');
  });
startInvitationForm();
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
  const code = inviteCode(location.hash);
  if (guest && (code ?? guest.code) === guest.code) return enterAsGuest();
  if (code) return openInvitation(code);
  if (!client.user) return show('sign-in');
  const sessionId = sessionInAddress();
  if (sessionId && sessionId === client.sessionId) return;
  if (!client.sessionId) show('lobby');
  // What a crash has left on this device: in the session that it is of it goes on there.
  if (!sessionId) void call.recorder.bringHome();
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

/** A link that lets guests in: whoever is signed in joins as themselves, everybody else says a name. */
async function openInvitation(code: string): Promise<void> {
  // The tab was another session's guest.
  if (guest) return startAnew(`#/join/${code}`);
  let invitation: Invitation;
  try {
    invitation = await invites.lookUp(code);
  } catch (error) {
    return over(explain(error));
  }
  const { sessionId, sessionName, hostUsername } = invitation;
  if (client.user) {
    history.replaceState(null, '', `#session=${sessionId}`);
    return attempt(null, () => enterAsInvited(sessionId));
  }
  byId('invited-title').textContent = sessionName;
  byId('invited-about').textContent = `${hostUsername} invites you. Say who you are; you need no account.`;
  byId<HTMLFormElement>('guest-form').onsubmit = (event) => {
    event.preventDefault();
    void attemptForm(byId<HTMLFormElement>('guest-form'), async () => {
      keepGuest({ ...(await invites.redeem(code, byId<HTMLInputElement>('guest-name').value.trim())), code });
      // With another client, for the guest.
      startAnew(`#/join/${code}`, true);
    });
  };
  byId('guest-sign-in').onclick = () => {
    history.replaceState(null, '', `#session=${sessionId}`);
    show('sign-in');
  };
  show('invited');
  byId('guest-name').focus();
}

/** In front of the mirror, or back in the call that this tab was in before it was loaded anew. */
async function enterAsGuest(): Promise<void> {
  if (!guest || client.sessionId) return;
  const { username, invitation } = guest;
  const { sessionId, sessionName, hostUsername } = invitation;
  byId('ready-back').textContent = 'Not now';
  byId('over-list').textContent = 'Done';
  if (sessionStorage.getItem(INSIDE) === sessionId) {
    return join(sessionId, ...lastDevices()).catch((error: unknown) => over(explain(error)));
  }
  ready.open({ name: sessionName, about: `${hostUsername} invited you. You join as ${username}.`, join: (audio, video) => join(sessionId, audio, video) });
  show('ready');
}

/** A link that is pasted where nobody is signed in. */
function startInvitationForm(): void {
  const form = byId<HTMLFormElement>('invitation-form');
  form.onsubmit = (event) => {
    event.preventDefault();
    unmark(form);
    const code = inviteCode(byId<HTMLInputElement>('invitation').value);
    if (code) location.hash = `#/join/${code}`;
    else mark(form, [['invitation', 'That is not a guest link. To use a link to a session, sign in.']]);
  };
}

/** Loads the page anew, as nobody yet or as the guest who was kept. */
function startAnew(hash: string, isGuest = false): void {
  if (!isGuest) {
    forgetGuest();
    sessionStorage.removeItem(INSIDE);
  }
  history.replaceState(null, '', location.pathname + hash);
  location.reload();
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
  if (!guest) history.replaceState(null, '', `#session=${sessionId}`);
  show('call');
}

/** The call is over: to the list, to the way back or, with the sign-in over too, to that. */
function left({ words, again, recorded }: Departure): void {
  if (isGoing) return;
  if (!self(client)) return show('sign-in');
  if (!words && !guest && !recorded) return backToList();
  over(words || 'You have left.', words ? again : 'Join again', guest?.invitation.sessionId ?? sessionInAddress() ?? '', recorded);
}

/** Says how something ended, the way back to that session, and to what was recorded in it, if there is any. */
function over(words: string, again = '', sessionId = '', recorded?: string): void {
  byId('over-title').textContent = words;
  byId('over-recordings').hidden = !recorded;
  byId<HTMLAnchorElement>('over-recordings-link').href = recordingsOf(recorded ?? '');
  const button = byId('over-again');
  button.hidden = !again;
  button.textContent = again;
  button.onclick = () => void attempt(button, () => join(sessionId, ...lastDevices()));
  show('over');
}

function backToList(): void {
  // The preview ends with it.
  client.leaveSession().catch(() => {});
  if (guest) return startAnew('');
  forgetSession();
  show(client.user ? 'lobby' : 'sign-in');
  if (client.user) void call.recorder.bringHome();
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
  const { username = '' } = self(client) ?? {};
  byId('account').hidden = !username;
  byId('account-name').textContent = username;
  byId('account-name').title = username;
  byId('sign-out').hidden = !client.user;
  byId('invited').hidden = !sessionInAddress();
  if (view !== 'ready') ready.close();
  if (view === 'lobby') lobby.show();
  else lobby.hide();
  byId('main').scrollTop = 0;
  byId('main').focus({ preventScroll: true });
}
