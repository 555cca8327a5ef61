/** The page with the recordings of a session: a list, and a player that shows everybody as it was. */
import { TunRTCClient, TunRTCError, type SessionDetail } from '../../src/index.ts';
import { deleteRecording, listRecordings, type RecordingDetail } from '../../src/recording/index.ts';
import type { TranscriptLine } from '../../src/wire.ts';
import { ask, byId, make } from '../dom.ts';
import { attempt, explain, fail, whenFailed } from '../notice.ts';
import { guest, self } from '../self.ts';
import { startSignIn } from '../sign-in.ts';
import { startTheme } from '../theme.ts';
import { PlayerView } from './player.ts';
import { facts, missing } from './words.ts';

type View = 'sign-in' | 'none' | 'session';

/** While something is being made, the list is looked at so often, in milliseconds. */
const LOOK_MS = 3_000;
/** And so often anyway: the addresses of its files end. */
const RENEW_MS = 1_800_000;
const SENTENCES = 1_000;

const client = new TunRTCClient({ url: location.origin, ...(guest ? { getToken: guest.getToken } : { storage: sessionStorage }) });
const player = new PlayerView(client);
let session: SessionDetail | undefined;
let pages = 1;
let timer: ReturnType<typeof setTimeout> | undefined;

startTheme();
startSignIn(client, () => void enter(), '../');
whenFailed(() => {
  if (!self(client)) show('sign-in');
});
byId('sign-out').onclick = (event) =>
  void attempt(event.currentTarget as HTMLElement, async () => {
    await client.logout();
    show('sign-in');
  });
byId('more').onclick = (event) =>
  void attempt(event.currentTarget as HTMLElement, async () => {
    pages++;
    await look();
  });
addEventListener('hashchange', () => void enter());
void enter();

function sessionId(): string {
  return new URLSearchParams(location.hash.slice(1)).get('session') ?? '';
}

async function enter(): Promise<void> {
  [session, pages] = [undefined, 1];
  if (!self(client)) return show('sign-in');
  if (!sessionId()) return show('none');
  show('session');
  await attempt(null, async () => {
    // An old session may be gone, and its recordings still there.
    session = await client.getSession(sessionId()).catch(() => undefined);
    const title = session ? `Recordings of ${session.name}` : 'Recordings';
    byId('session-title').textContent = title;
    document.title = `${title} – TunRTC`;
    await look();
  });
}

/** Brings the list to what the server has, again and again while something is being made. */
async function look(): Promise<void> {
  clearTimeout(timer);
  const id = sessionId();
  try {
    const [recordings, hasMore] = await read(id);
    const lines = await transcript(id);
    if (id !== sessionId()) return;
    byId('more').hidden = !hasMore;
    list(recordings);
    player.show(recordings, lines);
    const isPending = recordings.some(({ status }) => status === 'active' || status === 'composing');
    timer = setTimeout(() => void look().catch(fail), isPending ? LOOK_MS : RENEW_MS);
  } catch (error) {
    say(explain(error));
    if (!(error instanceof TunRTCError) || error.code !== 'not_offered') throw error;
  }
}

async function read(id: string): Promise<[RecordingDetail[], boolean]> {
  const recordings: RecordingDetail[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pages && (page === 0 || cursor); page++) {
    const answer = await listRecordings(client, id, { limit: 100, ...(cursor && { cursor }) });
    recordings.push(...answer.items);
    cursor = answer.cursor;
  }
  return [recordings, cursor !== undefined];
}

/** What was said, if anything was written down and is still kept. */
async function transcript(id: string): Promise<TranscriptLine[]> {
  const page = await client.api.list<TranscriptLine>(`/api/session/${encodeURIComponent(id)}/transcript`, { limit: SENTENCES }).catch(() => undefined);
  return page?.items ?? [];
}

function list(recordings: readonly RecordingDetail[]): void {
  const ready = recordings.filter(({ status }) => status === 'ready').length;
  const pending = recordings.filter(({ status }) => status === 'active' || status === 'composing').length;
  const counts = [...(ready > 0 ? [`${ready} ready`] : []), ...(pending > 0 ? [`${pending} not yet`] : [])];
  say(recordings.length === 0 ? 'Nothing was recorded in this session.' : `${recordings.length} in all${counts.length > 0 ? `: ${counts.join(', ')}` : ''}.`);
  const shown = new Map([...byId('recordings').querySelectorAll<HTMLElement>(':scope > li')].map((item) => [item.dataset['key'] ?? '', item]));
  // What did not change is left alone, and so keeps the keyboard's focus.
  byId('recordings').replaceChildren(...recordings.map((recording) => renewed(shown.get(keyOf(recording)) ?? row(recording), recording)));
}

/** Addresses of files are good for a while only. */
function renewed(item: HTMLElement, { files }: RecordingDetail): HTMLElement {
  for (const [index, link] of [...item.querySelectorAll('a')].entries()) link.href = files[index]?.url ?? '';
  return item;
}

const keyOf = ({ recordingId, status }: RecordingDetail) => `${recordingId} ${status}`;

function row(recording: RecordingDetail): HTMLLIElement {
  const { username, status, error, files, recordingId, userId } = recording;
  const about = make('div', { className: 'about' }, make('p', { className: 'who' }, username), make('p', { className: 'facts' }, facts(recording)));
  if (missing(recording)) about.append(make('p', { className: 'missing' }, missing(recording)));
  if (status === 'failed') about.append(make('p', { className: 'bad' }, `No file could be made of it.${error ? ` ${error}` : ''}`));
  const actions = make('div', { className: 'actions' });
  for (const index of files.keys()) {
    const part = files.length > 1 ? ` part ${index + 1}` : '';
    const link = make('a', { download: '' }, `Save${part}`);
    link.setAttribute('aria-label', `Save the recording of ${username}${part && `,${part}`}`);
    actions.append(link);
  }
  const own = self(client)?.userId;
  if (own === userId || own === session?.creatorId) {
    const button = make('button', { type: 'button' }, 'Delete');
    button.setAttribute('aria-label', `Delete the recording of ${username}`);
    button.onclick = () => void remove(button, recordingId, username);
    actions.append(button);
  }
  const item = make('li', {}, about, actions);
  item.dataset['key'] = keyOf(recording);
  return item;
}

async function remove(button: HTMLElement, recordingId: string, username: string): Promise<void> {
  byId('delete-who').textContent = username;
  if ((await ask(byId<HTMLDialogElement>('delete-dialog'))) !== 'yes') return;
  await attempt(button, async () => {
    await deleteRecording(client, recordingId);
    await look();
    byId('main').focus({ preventScroll: true });
  });
}

function say(text: string): void {
  if (byId('session-state').textContent !== text) byId('session-state').textContent = text;
}

function show(view: View): void {
  document.body.dataset['view'] = view;
  byId('account').hidden = view === 'sign-in';
  byId('account-name').textContent = self(client)?.username ?? '';
  byId('sign-out').hidden = !client.user;
  byId('main').scrollTop = 0;
  byId('main').focus({ preventScroll: true });
}
