import type { SessionDetail, TunRTCClient, TunRTCEvents } from '../src/index.ts';
import {
  listRecordings,
  RecordingError,
  requestRecording,
  resumeRecordings,
  startRecording,
  whoRecords,
  type Recording,
  type RecordingKind,
} from '../src/recording/index.ts';
import { ask, byId, make } from './dom.ts';
import { offerLeftovers } from './leftovers.ts';
import { explain, notify } from './notice.ts';
import { self } from './self.ts';

/** Pieces that wait longer than a moment for their upload are worth a word. */
const MANY = 3;
/** What screen readers are to say is left there for so many sentences. */
const SAID = 5;

/** Recording of a call: who does, whether this one wants to, and what is still on its way. */
export class RecorderView {
  readonly #client: TunRTCClient;
  readonly #onChange: () => void;
  /** What is recorded here, and what is on its way to the server. */
  readonly #recordings = new Set<Recording>();
  #sessionId: string | undefined;
  #who: ReadonlySet<string> = new Set();
  #requests = 0;
  #isRequested = false;
  #isStarting = false;
  #wasRecorded = false;
  #isThere = false;

  /** @param onChange who records changed, or what the button does */
  constructor(client: TunRTCClient, onChange: () => void) {
    this.#client = client;
    this.#onChange = onChange;
    whoRecords(client, (userIds) => this.#mark(userIds));
    client.on('recordingRequested', (request) => void this.#requested(request));
    client.on('recordingReady', ({ status }) => this.#say(status === 'ready' ? 'A recording is ready.' : 'A recording could not be made.'));
    client.on('localStatusChanged', () => void this.#followScreen());
    // Pieces that are not uploaded yet stay on this device; it is better to wait for them.
    addEventListener('beforeunload', (event) => this.#unsent() > 0 && event.preventDefault());
  }

  /** Who records themselves just now. */
  get who(): ReadonlySet<string> {
    return this.#who;
  }

  /** Whether the server records at all. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Whether a click on the button ends something. */
  isOn(steers: boolean): boolean {
    return (steers && this.#isRequested) || this.#own('participant') !== undefined;
  }

  /** Whether anybody was recorded in the session, so that there is something to look at afterwards. */
  get wasRecorded(): boolean {
    return this.#wasRecorded;
  }

  /** A session was joined: what a reload has interrupted goes on, and who came late is asked as the others were. */
  async enter({ sessionId, recordingRequested = false }: SessionDetail): Promise<void> {
    this.#sessionId = sessionId;
    [this.#isRequested, this.#wasRecorded, this.#isThere, this.#requests] = [recordingRequested, false, false, 0];
    const page = await listRecordings(this.#client, sessionId, { limit: 1 }).catch(() => undefined);
    if (this.#sessionId !== sessionId || !page) return;
    this.#isThere = true;
    this.#wasRecorded ||= page.items.length > 0;
    this.#onChange();
    await this.#resume(true);
    // What was told meanwhile is newer.
    if (recordingRequested && this.#requests === 0) await this.#requested({ sessionId, recording: true, request: 0 });
  }

  /** The session was left; what is on its way goes on. */
  leave(): void {
    this.#sessionId = undefined;
    this.#isRequested = false;
    byId<HTMLDialogElement>('consent-dialog').close();
    this.#show();
  }

  /** Uploads what a crash has left on this device, outside a session. */
  async bringHome(): Promise<void> {
    await this.#resume(false);
  }

  /** What the button does: for those who steer the session it is about everybody, for others about themselves. */
  async toggle(steers: boolean): Promise<void> {
    if (this.isOn(steers)) return this.#stop(steers);
    const answer = steers ? await ask(byId<HTMLDialogElement>('record-dialog')) : 'self';
    if (answer === 'all') await requestRecording(this.#client, true);
    if (answer === 'all' || answer === 'self') await this.#start('participant');
  }

  async #stop(steers: boolean): Promise<void> {
    if (steers && this.#isRequested) {
      await requestRecording(this.#client, false);
      this.#isRequested = false;
    }
    this.#end();
  }

  /** Ends what is recorded here; it is uploaded in the background. */
  #end(): void {
    for (const recording of this.#recordings) if (recording.state === 'recording') recording.stop().catch(() => {});
    this.#onChange();
  }

  /** What was asked; two requests may overtake each other. */
  async #requested({ sessionId, recording, request, byUserId, byUsername }: TunRTCEvents['recordingRequested']): Promise<void> {
    if (sessionId !== this.#sessionId || request < this.#requests) return;
    this.#requests = request;
    this.#isRequested = recording;
    this.#onChange();
    const dialog = byId<HTMLDialogElement>('consent-dialog');
    if (!recording) {
      dialog.close();
      if (this.#own('participant')) notify(`${byUsername ?? 'The app'} has ended the recording.`, 'news');
      return this.#end();
    }
    // Whoever asks has said yes.
    if (byUserId === self(this.#client)?.userId || this.#own('participant') || this.#isStarting || dialog.open) return;
    byId('consent-who').textContent = byUsername ?? 'Whoever hosts this session';
    if ((await ask(dialog)) === 'yes') await this.#start('participant').catch((error: unknown) => notify(words(error)));
  }

  async #start(kind: RecordingKind): Promise<void> {
    this.#isStarting = true;
    try {
      this.#take(await startRecording(this.#client, { kind }));
      void this.#followScreen();
    } finally {
      this.#isStarting = false;
    }
  }

  /** A screen is recorded beside whoever shows it. */
  async #followScreen(): Promise<void> {
    const isWanted = this.#client.isScreenShared && this.#own('participant') && !this.#own('screen');
    if (isWanted && !this.#isStarting) await this.#start('screen').catch((error: unknown) => notify(words(error)));
  }

  async #resume(goOn: boolean): Promise<void> {
    const resumed = await resumeRecordings(this.#client, { goOn }).catch(() => []);
    for (const recording of resumed) {
      if (recording.state === 'failed') void this.#offer(recording);
      else this.#take(recording);
    }
  }

  #take(recording: Recording): void {
    this.#recordings.add(recording);
    recording.on('progress', () => this.#show());
    recording.on('error', (error) => (error.code === 'gone' ? void this.#offer(recording) : notify(words(error))));
    recording.on('stopped', () => this.#onChange());
    recording.on('finished', () => this.#say('Your recording is uploaded.'));
    const over = () => {
      this.#recordings.delete(recording);
      this.#show();
      this.#onChange();
    };
    recording.done.then(over, over);
    this.#show();
    this.#onChange();
  }

  /** What cannot be uploaded any more can be saved. */
  async #offer(recording: Recording): Promise<void> {
    if (!(await offerLeftovers(recording))) notify('A recording ended, because the server takes nothing more of it.');
  }

  #own(kind: RecordingKind): Recording | undefined {
    return [...this.#recordings].find((each) => each.kind === kind && each.state === 'recording');
  }

  /** Pieces that are on this device alone. */
  #unsent(): number {
    return [...this.#recordings].reduce((sum, { progress }) => sum + progress.waiting, 0);
  }

  #mark(who: ReadonlySet<string>): void {
    const before = this.#who;
    this.#who = who;
    this.#wasRecorded ||= who.size > 0;
    for (const userId of who) if (!before.has(userId)) this.#say(`${this.#nameOf(userId)} being recorded.`);
    if (before.size > 0 && who.size === 0) this.#say('Nobody is being recorded any more.');
    this.#show();
    this.#onChange();
  }

  #nameOf(userId: string): string {
    const isOwn = userId === self(this.#client)?.userId;
    return isOwn ? 'You are' : `${this.#client.participants.get(userId)?.username ?? 'Somebody'} is`;
  }

  /** The mark in the bar. */
  #show(): void {
    const chip = byId('recording');
    const waits = this.#unsent() > MANY;
    const text = this.#who.size > 0 ? (waits ? 'Recording, upload waits' : 'Recording') : this.#recordings.size > 0 ? 'Uploading' : '';
    const names = [...this.#who].map((userId) => this.#nameOf(userId));
    chip.hidden = !text;
    chip.title = [...names.map((name) => `${name} being recorded.`), ...(waits ? [`${this.#unsent()} pieces wait on this device.`] : [])].join(' ');
    chip.dataset['status'] = this.#who.size > 0 ? 'recording' : 'connecting';
    if (chip.textContent !== text) chip.textContent = text;
  }

  /** To screen readers, when they have said what they say. */
  #say(text: string): void {
    const said = byId('recording-said');
    said.append(make('p', {}, text));
    while (said.children.length > SAID) said.firstElementChild?.remove();
  }
}

function words(error: unknown): string {
  return error instanceof RecordingError ? error.message : explain(error);
}
