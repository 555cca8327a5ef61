/** The page about calls: what they were like in some days, and each of them minute by minute. */
import { TunRTCClient, TunRTCError } from '../../src/index.ts';
import { byId } from '../dom.ts';
import { attempt, fail, notify, whenFailed } from '../notice.ts';
import { startSignIn } from '../sign-in.ts';
import { startTheme } from '../theme.ts';
import { CallPage } from './call.ts';
import { Calls, OPERATOR } from './data.ts';
import { OverviewView } from './overview.ts';

type View = 'sign-in' | 'overview' | 'call';

/** What the server says of others' calls too: it does not tell whether they are there. */
const NO_CALL = 'There are no reports of such a call. They come when its first minute is over, and are for whoever started it.';
/** Whether this tab asks with an API key, which the browser keeps. */
const WITH_KEY = 'tunrtc.withKey';

const client = new TunRTCClient({ url: location.origin, storage: sessionStorage });
const isOperator = () => sessionStorage.getItem(WITH_KEY) !== null;
const calls = () => new Calls(client, isOperator());
const overview = new OverviewView(calls);
const page = new CallPage(calls, () => client.user?.userId);

startTheme();
new MutationObserver(() => page.redraw()).observe(document.documentElement, { attributeFilter: ['data-theme'] });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => page.redraw());
startSignIn(client, () => void enter(), '../');
whenFailed(() => {
  if (!client.user && !isOperator()) show('sign-in');
});
/** The browser has the key no more, or the key holds no more. */
function forgetKey(error: unknown): void {
  if (error instanceof TunRTCError && error.code === 'unauthorized') sessionStorage.removeItem(WITH_KEY);
}
byId('sign-out').onclick = (event) =>
  void attempt(event.currentTarget as HTMLElement, async () => {
    if (isOperator()) sessionStorage.removeItem(WITH_KEY);
    else await client.logout();
    show('sign-in');
  });
const keyLink = byId<HTMLAnchorElement>('with-key');
keyLink.hidden = !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname);
keyLink.href = OPERATOR;
addEventListener('hashchange', () => void enter());
void enter();

/** To the call that the address names, else to all of them. */
async function enter(): Promise<void> {
  const named = new URLSearchParams(location.hash.slice(1));
  if (named.has('key')) {
    sessionStorage.setItem(WITH_KEY, 'yes');
    history.replaceState(null, '', location.pathname);
  }
  if (!client.user && !isOperator()) return show('sign-in');
  const sessionId = named.get('call');
  try {
    if (sessionId) await page.show(sessionId);
    else await overview.show();
    show(sessionId ? 'call' : 'overview');
    if (sessionId) page.redraw();
  } catch (error) {
    forgetKey(error);
    show(client.user || isOperator() ? 'overview' : 'sign-in');
    if (error instanceof TunRTCError && error.code === 'session_not_found') notify(NO_CALL);
    else fail(error);
  }
}

function show(view: View): void {
  document.body.dataset['view'] = view;
  const { user } = client;
  byId('account').hidden = view === 'sign-in';
  byId('account-name').textContent = isOperator() ? 'API key' : (user?.username ?? '');
  byId('whose').textContent = isOperator() ? 'Of the project that the key belongs to.' : 'Of the sessions that you started.';
  byId('main').scrollTop = 0;
  byId('main').focus({ preventScroll: true });
}
