import type { TunRTCClient } from '../src/index.ts';
import { CaptionError, Captions, toText, toVtt, type Caption, type TranscriptLine } from '../src/captions/index.ts';
import { byId, clock, make } from './dom.ts';
import { explain, notify } from './notice.ts';

/** A sentence stands so long after its last word, in milliseconds, and so many at a time. */
const STANDS_MS = 6_000;
const LINES = 3;
/** What screen readers are to say is left there for so many sentences. */
const SAID = 5;

/** Captions of a call: under the pictures, and as a transcript beside them. Loaded when they are asked for. */
export class CaptionsView {
  readonly #client: TunRTCClient;
  readonly #captions: Captions;
  readonly #lines = new Map<string, { line: HTMLElement; timer: ReturnType<typeof setTimeout> }>();
  readonly #transcript = new Map<string, TranscriptLine>();
  #sessionId: string | undefined;
  #isOn = false;
  /** What was said before anybody listened comes at once, and is no news. */
  #isLate = true;

  constructor(client: TunRTCClient) {
    this.#client = client;
    this.#captions = new Captions(client);
    this.#captions.on('caption', (caption) => this.#show(caption));
    this.#captions.on('error', (error) => notify(`Your words are not written down. ${words(error)}`));
    byId('transcript-vtt').onclick = () => void this.#download('vtt');
    byId('transcript-text').onclick = () => void this.#download('txt');
    setTimeout(() => (this.#isLate = false));
  }

  /** Whether captions are shown. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Shows what everybody says, and writes down what is said here; or neither. */
  toggle(): void {
    if (this.#isOn) return this.off();
    this.#isOn = true;
    void this.#start();
  }

  off(): void {
    this.#isOn = false;
    this.#captions.stop();
    for (const key of [...this.#lines.keys()]) this.#remove(key);
    byId('captions-said').replaceChildren();
  }

  /** Brings everything that was said in the session. */
  async showTranscript(): Promise<void> {
    const { sessionId } = this.#client;
    this.#enter(sessionId);
    const lines = await this.#captions.transcript(sessionId);
    if (sessionId !== this.#client.sessionId) return;
    for (const line of lines) this.#transcript.set(`${line.fromUserId}/${line.captionId}`, line);
    this.#list();
  }

  async #start(): Promise<void> {
    notify('Captions are being loaded: 42 MB, the first time.', 'news');
    try {
      await this.#captions.start();
      notify('Captions are on. What you say is written down for everybody, on this machine.', 'news');
    } catch (error) {
      if (error instanceof CaptionError && error.code === 'closed') return;
      // What others say is shown all the same.
      notify(`Your words are not written down. ${words(error)}`);
    }
  }

  #show(caption: Caption): void {
    this.#enter(this.#client.sessionId);
    const key = `${caption.fromUserId}/${caption.captionId}`;
    if (caption.final) {
      this.#transcript.set(key, { ...caption, endedAt: new Date().toISOString() });
      this.#list();
    }
    if (!this.#isOn) return;
    this.#put(key, caption);
    if (!caption.final || this.#isLate) return;
    const said = byId('captions-said');
    said.append(make('p', {}, `${caption.fromUsername}: ${caption.text}`));
    while (said.children.length > SAID) said.firstElementChild?.remove();
  }

  #put(key: string, { fromUsername, text }: Caption): void {
    const present = this.#lines.get(key);
    const line = present?.line ?? make('p', {}, make('b', {}, fromUsername), make('span'));
    clearTimeout(present?.timer);
    line.lastElementChild?.replaceChildren(text);
    if (!present) byId('captions-lines').append(line);
    this.#lines.set(key, { line, timer: setTimeout(() => this.#remove(key), STANDS_MS) });
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > LINES && oldest !== undefined) this.#remove(oldest);
  }

  #remove(key: string): void {
    const shown = this.#lines.get(key);
    clearTimeout(shown?.timer);
    shown?.line.remove();
    this.#lines.delete(key);
  }

  /** Another session has another transcript. */
  #enter(sessionId: string | undefined): void {
    if (sessionId === this.#sessionId) return;
    this.#sessionId = sessionId;
    this.#transcript.clear();
    this.#list();
  }

  #sorted(): TranscriptLine[] {
    return [...this.#transcript.values()].sort((one, other) => (one.startedAt < other.startedAt ? -1 : 1));
  }

  #list(): void {
    const lines = this.#sorted().map(({ startedAt, fromUsername, text }) => {
      const from = make('div', { className: 'from' }, make('b', {}, fromUsername), make('time', { dateTime: startedAt }, clock(startedAt)));
      return make('li', {}, from, make('p', {}, text));
    });
    const log = byId('transcript-log');
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    byId('transcript').replaceChildren(...lines);
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  async #download(format: 'vtt' | 'txt'): Promise<void> {
    const { sessionId = '' } = this.#client;
    try {
      await this.showTranscript();
      const { createdAt } = await this.#client.getSession(sessionId);
      save(`transcript.${format}`, format === 'vtt' ? toVtt(this.#sorted(), createdAt) : toText(this.#sorted()));
    } catch (error) {
      notify(`The transcript cannot be had. ${words(error)}`);
    }
  }
}

function save(name: string, text: string): void {
  const href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  make('a', { href, download: name }).click();
  URL.revokeObjectURL(href);
}

function words(error: unknown): string {
  if (!(error instanceof CaptionError)) return explain(error);
  return error.code === 'not_sent' ? explain(error.cause) : error.message;
}
