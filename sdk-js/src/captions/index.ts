/**
 * Captions of a call, as `tunrtc-client/captions`: everybody's own client writes down what its microphone hears, and sends the
 * text alone. So who spoke is known, and no sound reaches a server for it.
 *
 * ```ts
 * const captions = new Captions(client);
 * captions.on('caption', ({ fromUsername, text, final }) => show(fromUsername, text, final));
 * await captions.start({ engine: 'device', language: 'en' });
 * captions.stop();
 * download(toVtt(await captions.transcript(), recordingStartedAt));
 * ```
 * @module
 */
import type { TunRTCClient } from 'tunrtc-client';
import { Emitter } from '../emitter.ts';
import type { Environment } from '../environment.ts';
import { ServerClock } from '../server-clock.ts';
import { Recent } from '../signaling/inbox.ts';
import { asCaptionError, CaptionError, type CaptionEngine } from './engine.ts';
import { openMicrophone, type Microphone } from './microphone.ts';
import { Sentences } from './sentences.ts';
import type { TranscribeRequest } from './transcribe/index.ts';
import type { Caption, TranscriptLine } from '../wire.ts';

export { CaptionError } from './engine.ts';
export type { CaptionEngine, CaptionErrorCode, Ear, Heard } from './engine.ts';
export type { Microphone } from './microphone.ts';
export type { TranscribeRequest } from './transcribe/index.ts';
export { toText, toVtt } from './transcript.ts';
export type { Caption, TranscriptLine } from '../wire.ts';

/** `loading`: the engine is not ready yet. */
export type CaptionsStatus = 'off' | 'loading' | 'listening';

/** What captions tell, by name. */
export interface CaptionsEvents {
  /** Somebody's words, one's own too. A final one comes once, and nothing of its sentence after it. */
  caption: Caption;
  /** The own microphone is written down, or not. */
  statusChanged: { status: CaptionsStatus };
  /** Something failed that nobody was waiting for. */
  error: CaptionError;
}

/** How one's own words are written down. */
export interface StartOptions {
  /**
   * `device`: on this machine, in English, with files that are loaded for it (46 MB, once). `browser`: by the browser's own speech recognition,
   * where it has one; it may ask its maker's servers. `transcribe`: by Amazon Transcribe, where the server offers it: the sound goes to AWS, and
   * `language` needs a region in it, such as `de-DE`. Or an engine of the app's own.
   */
  engine?: 'device' | 'browser' | 'transcribe' | CaptionEngine;
  /** What is spoken, as a BCP 47 tag of 2 to 35 characters; `en` when absent. */
  language?: string;
  /** Whether a sentence is told while it is spoken, too, at most twice a second; `true` when absent. Without it there is less to pay. */
  partial?: boolean;
}

/** Where captions get what they need. */
export interface CaptionsOptions {
  /** Where the files of the engines are; `/captions/` of the page's own origin when absent. */
  assets?: string;
  /** Opens the microphone, where there is no Web Audio. */
  openMicrophone?: (client: TunRTCClient) => Promise<Microphone>;
  environment?: Pick<Environment, 'now' | 'setTimeout' | 'clearTimeout'>;
}

/** Of one transcript so many pages are read, of 1,000 sentences each. */
const PAGES = 50;
const PAGE_SIZE = 1_000;

const REAL: Pick<Environment, 'now' | 'setTimeout' | 'clearTimeout'> = {
  now: () => performance.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** What runs while the own microphone is written down. */
interface Run {
  sentences: Sentences;
  stop: () => void;
  /** What is stopped with it. */
  parts: (() => void)[];
}

/** The captions of one client: what everybody says, and one's own words if they are wanted. One for each client is enough. */
export class Captions extends Emitter<CaptionsEvents> {
  readonly #client: TunRTCClient;
  readonly #options: CaptionsOptions;
  readonly #environment: Pick<Environment, 'now' | 'setTimeout' | 'clearTimeout'>;
  readonly #clock: ServerClock;
  readonly #finished = new Recent();
  readonly #listening: (() => void)[];
  #run: Run | undefined;
  #status: CaptionsStatus = 'off';

  constructor(client: TunRTCClient, options: CaptionsOptions = {}) {
    super();
    this.#client = client;
    this.#options = options;
    this.#environment = options.environment ?? REAL;
    this.#clock = new ServerClock(async () => (await client.api.health()).timestamp, this.#environment.now);
    this.#listening = [
      client.on('receiveCaption', (caption) => this.#receive(caption)),
      // How it is now counts: the first listener is also told what was before.
      client.on('localStatusChanged', () => {
        if (this.#run) this.#run.sentences.isMuted = client.isMuted;
      }),
      client.on('connectionStateChanged', () => {
        const { status } = client.connectionState;
        if (status === 'closed') this.stop();
        // A machine that slept has another idea of the time now.
        if (status === 'connected' && this.#run) void this.#clock.look();
      }),
    ];
  }

  /** Whether one's own microphone is written down. */
  get status(): CaptionsStatus {
    return this.#status;
  }

  /**
   * Writes down what the own microphone hears, and sends it to everybody, until {@link stop} or the end of the session. Nothing
   * that is said while the microphone is muted is heard. Resolves once the engine listens; rejects with a {@link CaptionError}.
   * Starting again starts anew.
   */
  async start({ engine = 'device', language = 'en', partial = true }: StartOptions = {}): Promise<void> {
    this.stop();
    if (!this.#client.sessionId) throw new CaptionError('closed', 'Join a session first.');
    const run = (this.#run = this.#prepare(language, partial));
    this.#tellStatus('loading');
    try {
      await Promise.all([this.#listen(run, engine, language), this.#clock.look()]);
    } catch (thrown) {
      if (this.#run === run) this.stop();
      throw asCaptionError(thrown);
    }
    if (this.#run !== run) throw new CaptionError('closed', 'Captions were stopped.');
    this.#tellStatus('listening');
  }

  /** Writes down nothing more of the own microphone. What others say still comes. */
  stop(): void {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run.sentences.close();
    run.stop();
    this.#tellStatus('off');
  }

  /** What was said in the last 24 hours, the oldest first: the sentences that are over. */
  async transcript(sessionId: string | undefined = this.#client.sessionId): Promise<TranscriptLine[]> {
    const path = `/api/session/${encodeURIComponent(sessionId ?? '')}/transcript`;
    const lines: TranscriptLine[] = [];
    for (let cursor: string | undefined, page = 0; page < PAGES; page++) {
      const { items, cursor: next } = await this.#client.api.list<TranscriptLine>(path, { limit: PAGE_SIZE, ...(cursor && { cursor }) });
      lines.push(...items);
      cursor = next;
      if (!cursor) break;
    }
    return lines;
  }

  /** Stops, and hears nobody any more. */
  close(): void {
    this.stop();
    this.#listening.forEach((stop) => stop());
  }

  #prepare(language: string, partial: boolean): Run {
    const client = this.#client;
    const sentences = new Sentences({
      environment: this.#environment,
      language,
      partial,
      serverTime: (instant) => this.#clock.at(instant),
      isConnected: () => client.connectionState.status === 'connected',
      send: (caption) => client.moderate('sendCaption', caption),
      onRefused: (cause) => this.#refused(cause),
    });
    sentences.isMuted = client.isMuted;
    const parts: (() => void)[] = [];
    return { sentences, parts, stop: () => parts.splice(0).forEach((stop) => stop()) };
  }

  async #listen(run: Run, engine: NonNullable<StartOptions['engine']>, language: string): Promise<void> {
    const microphone = await (this.#options.openMicrophone ?? openMicrophone)(this.#client);
    run.parts.push(() => microphone.close());
    const isOver = () => this.#run !== run;
    // Stopped meanwhile: nobody else closes what was opened since.
    if (isOver()) return run.stop();
    const listen = typeof engine === 'function' ? engine : await ENGINES[engine](this.#client);
    const stop = await listen(microphone.track, {
      language,
      assets: this.#assets(),
      heard: (heard) => !isOver() && run.sentences.hear(heard),
      failed: (error) => {
        if (isOver()) return;
        this.stop();
        this.emit('error', asCaptionError(error));
      },
    });
    run.parts.unshift(stop);
    if (isOver()) run.stop();
  }

  #assets(): string {
    const { assets = '/captions/' } = this.#options;
    const address = typeof location === 'undefined' ? assets : new URL(assets, location.href).href;
    return address.endsWith('/') ? address : `${address}/`;
  }

  #refused(cause: unknown): void {
    const { code, message } = cause as { code?: string; message: string };
    // Whoever may not send sound is refused every sentence.
    if (code === 'forbidden') this.stop();
    // The end of the session takes what was not sent along.
    if (code !== 'closed') this.emit('error', new CaptionError('not_sent', message, cause));
  }

  /** What comes again, or late, of a sentence that is over is dropped. */
  #receive(caption: Caption): void {
    const key = `${caption.fromUserId}/${caption.captionId}`;
    if (this.#finished.has(key)) return;
    if (caption.final) this.#finished.add(key);
    this.emit('caption', caption);
  }

  #tellStatus(status: CaptionsStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.emit('statusChanged', { status });
  }
}

/** Each engine is loaded when it is asked for. */
const ENGINES: Record<'device' | 'browser' | 'transcribe', (client: TunRTCClient) => Promise<CaptionEngine>> = {
  device: async () => (await import('./device.ts')).device,
  browser: async () => (await import('./browser.ts')).browser,
  transcribe: async (client) => (await import('./transcribe/index.ts')).ofServer(client),
};

/**
 * The engine for Amazon Transcribe's streaming where the app's own backend signs the addresses, not TunRTC's server: what is said goes to AWS, in
 * any language that it knows, over a line that is open only while somebody speaks.
 *
 * @param sign gets an address signed by the app's backend, each time that a line is opened: of
 * `wss://transcribestreaming.<region>.amazonaws.com:8443/stream-transcription-websocket`, with these values in its query
 */
export function transcribe(sign: (request: TranscribeRequest) => Promise<string>): CaptionEngine {
  return async (audio, ear) => (await import('./transcribe/index.ts')).engine(sign)(audio, ear);
}
