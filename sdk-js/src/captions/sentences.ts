import type { Environment } from '../environment.ts';
import { Timers } from '../timers.ts';
import type { SendCaption } from '../wire.ts';
import type { Heard } from './engine.ts';

/** A sentence that is not over is told at most this often. */
const PARTIAL_MS = 500;
/** No caption is longer, in characters. */
const LONGEST = 1_000;

/** What {@link Sentences} needs, and whom it tells. */
export interface SentencesOptions {
  environment: Pick<Environment, 'now' | 'setTimeout' | 'clearTimeout'>;
  language: string;
  /** Whether sentences are told before they are over. */
  partial: boolean;
  /** The server's time at an instant of `environment.now`. */
  serverTime(instant: number): string;
  /** Whether something that is not final would arrive at once. */
  isConnected(): boolean;
  /** Keeps a caption until the server has it. */
  send(caption: SendCaption): Promise<unknown>;
  onRefused(error: unknown): void;
}

interface Sentence {
  captionId: string;
  /** On the environment's clock, and on the server's. */
  began: number;
  startedAt: string;
  /** What is to be told of it next. */
  text: string;
}

/**
 * One's own sentences on their way to the server: those that are not over at most twice a second and one at a time, since the
 * next one says it all again; final ones each once and in order.
 */
export class Sentences {
  readonly #options: SentencesOptions;
  readonly #timers: Timers<'partial'>;
  #sentence: Sentence | undefined;
  #mutedAt: number | undefined;
  #toldAt = -Infinity;
  #isTelling = false;

  constructor(options: SentencesOptions) {
    this.#options = options;
    this.#timers = new Timers(options.environment);
  }

  /** From now on the microphone is silent, or open. A sentence that began before is still told to its end. */
  set isMuted(isMuted: boolean) {
    this.#mutedAt = isMuted ? (this.#mutedAt ?? this.#options.environment.now()) : undefined;
  }

  hear({ text, final, beganMsAgo = 0 }: Heard): void {
    const words = text.replace(/\s+/g, ' ').trim();
    const sentence = this.#sentence ?? this.#begin(this.#options.environment.now() - beganMsAgo);
    if (final) this.#sentence = undefined;
    if (!words || sentence.began >= (this.#mutedAt ?? Infinity)) return;
    if (final) return this.#end(sentence, words);
    this.#sentence = sentence;
    if (!this.#options.partial) return;
    sentence.text = words.slice(-LONGEST);
    if (!this.#timers.has('partial')) this.#tellLater();
  }

  /** What is not over is not told any more. */
  close(): void {
    this.#sentence = undefined;
    this.#timers.clear();
  }

  #begin(began: number): Sentence {
    return { captionId: crypto.randomUUID(), began, startedAt: this.#options.serverTime(began), text: '' };
  }

  #tellLater(): void {
    const wait = this.#toldAt + PARTIAL_MS - this.#options.environment.now();
    if (wait > 0) this.#timers.arm('partial', wait, () => this.#tell());
    else this.#tell();
  }

  #tell(): void {
    const sentence = this.#sentence;
    if (!sentence?.text || this.#isTelling || !this.#options.isConnected()) return;
    this.#isTelling = true;
    this.#toldAt = this.#options.environment.now();
    const { text } = sentence;
    sentence.text = '';
    void this.#send(sentence, text, false).finally(() => {
      this.#isTelling = false;
      this.#tellLater();
    });
  }

  /** What is too long for one caption becomes several, parted between words. */
  #end({ captionId, startedAt }: Sentence, words: string): void {
    this.#timers.clear();
    for (let rest = words, id = captionId; rest; id = crypto.randomUUID()) {
      const cut = rest.length > LONGEST ? rest.lastIndexOf(' ', LONGEST) : rest.length;
      const piece = rest.slice(0, cut > 0 ? cut : LONGEST);
      rest = rest.slice(piece.length).trimStart();
      void this.#send({ captionId: id, startedAt }, piece, true);
    }
  }

  async #send({ captionId, startedAt }: Pick<Sentence, 'captionId' | 'startedAt'>, text: string, final: boolean): Promise<void> {
    const { send, language, onRefused } = this.#options;
    await send({ captionId, text, final, language, startedAt }).catch(onRefused);
  }
}
