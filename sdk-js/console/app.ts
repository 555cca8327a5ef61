/** The console page: sign in, find a session, hold a call. One client serves all of it. */
import { TunRTCClient, TunRTCError } from '../src/index.ts';
import { CallView } from './call.ts';
import { byId } from './dom.ts';
import { startLobby } from './lobby.ts';
import { attempt, whenFailed } from './notice.ts';
import { startSignIn } from './sign-in.ts';
import { startTheme } from './theme.ts';

type View = 'sign-in' | 'lobby' | 'call';

/** What the server says of a session that nobody can come back to. */
const GONE: ReadonlySet<string> = new Set(['session_ended', 'session_not_found']);

// In the console of a developer's tools, `tunrtc` is the client of this page.
const client = new TunRTCClient({ url: location.origin, storage: sessionStorage });
Object.assign(window, { tunrtc: client });

const lobby = startLobby(client, join);
const call = new CallView(client, left);
startTheme();
startSignIn(client, () => void enter());
// A sign-in that the server no longer takes is forgotten by the client: then the page asks for another. A call goes on
// until it is closed.
whenFailed(() => {
  if (!client.user && document.body.dataset['view'] === 'lobby') show('sign-in');
});
byId('sign-out').onclick = (event) =>
  void attempt(event.currentTarget as HTMLElement, async () => {
    // Signed out on purpose, nobody is meant to come back into the session.
    forgetSession();
    await client.logout();
    show('sign-in');
  });
// An invitation that is pasted into the address bar of this page.
addEventListener('hashchange', () => void enter());
void enter();

/** After signing in, or on a reload: into the session that the address names, else to the list. */
async function enter(): Promise<void> {
  if (!client.user) return show('sign-in');
  const sessionId = sessionInAddress();
  if (sessionId && sessionId === client.sessionId) return;
  if (!client.sessionId) show('lobby');
  if (sessionId) await attempt(null, () => joinAsInvited(sessionId));
}

async function joinAsInvited(sessionId: string): Promise<void> {
  try {
    await join(sessionId);
  } catch (error) {
    if (error instanceof TunRTCError && GONE.has(error.code)) forgetSession();
    throw error;
  }
}

async function join(sessionId: string): Promise<void> {
  const audio = byId<HTMLInputElement>('with-audio').checked;
  const video = byId<HTMLInputElement>('with-video').checked;
  await call.join(sessionId, audio, video);
  history.replaceState(null, '', `#session=${sessionId}`);
  show('call');
}

/** The call is over: to the list or, with the sign-in over too, to the way back into the session. */
function left(): void {
  if (!client.user) return show('sign-in');
  forgetSession();
  show('lobby');
}

function sessionInAddress(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('session');
}

function forgetSession(): void {
  history.replaceState(null, '', location.pathname);
}

function show(view: View): void {
  document.body.dataset['view'] = view;
  byId('account').hidden = !client.user;
  byId('account-name').textContent = client.user?.username ?? '';
  byId('account-name').title = client.user?.username ?? '';
  byId('invited').hidden = !sessionInAddress();
  if (view === 'lobby') lobby.show();
  else lobby.hide();
  byId('main').focus({ preventScroll: true });
  dispatchEvent(new Event('resize'));
}
