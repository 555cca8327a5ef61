/** The console page: sign in, find a session, hold a call. One client serves all of it. */
import { TunRTCClient } from '../src/index.ts';
import { CallView } from './call.ts';
import { byId } from './dom.ts';
import { startLobby } from './lobby.ts';
import { attempt } from './notice.ts';
import { startSignIn } from './sign-in.ts';
import { startTheme } from './theme.ts';

type View = 'sign-in' | 'lobby' | 'call';

// In the address bar of a developer's tools, `tunrtc` is the client of this page.
const client = new TunRTCClient({ url: location.origin, storage: sessionStorage });
Object.assign(window, { tunrtc: client });

const lobby = startLobby(client, join);
const call = new CallView(client, () => {
  history.replaceState(null, '', location.pathname);
  show('lobby');
});
startTheme();
startSignIn(client, () => void enter());
byId('sign-out').onclick = (event) =>
  void attempt(event.currentTarget as HTMLButtonElement, () => client.logout()).then(() => show('sign-in'));
void enter();

/** After signing in, or on a reload: into the session that the address names, else to the list. */
async function enter(): Promise<void> {
  if (!client.user) return show('sign-in');
  show('lobby');
  const sessionId = new URLSearchParams(location.hash.slice(1)).get('session');
  if (sessionId) await attempt(null, () => join(sessionId));
}

async function join(sessionId: string): Promise<void> {
  const audio = byId<HTMLInputElement>('with-audio').checked;
  const video = byId<HTMLInputElement>('with-video').checked;
  await call.join(sessionId, audio, video);
  history.replaceState(null, '', `#session=${sessionId}`);
  show('call');
}

function show(view: View): void {
  document.body.dataset['view'] = view;
  byId('account').hidden = !client.user;
  byId('account-name').textContent = client.user?.username ?? '';
  if (view === 'lobby') lobby.show();
  else lobby.hide();
  byId('main').focus({ preventScroll: true });
  dispatchEvent(new Event('resize'));
}
