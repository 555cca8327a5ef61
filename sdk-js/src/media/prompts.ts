import { TunRTCError, type ErrorCode } from '../errors.ts';

/** What the browser was asked and has not answered yet. */
interface Prompt {
  question: string;
  /** Whoever waits for the answer, if anybody still does. */
  taker: { take(stream: MediaStream): void; refuse(thrown: unknown): void } | undefined;
}

/**
 * Requests for a camera, a microphone or a screen. They cannot be taken back: a stream that nobody waits for any more is
 * released when it comes, unless the same was asked again meanwhile. Then that caller gets it, and the user is asked once.
 */
export class Prompts {
  readonly #open = new Set<Prompt>();

  /**
   * Asks, and hands the stream to `take` in the moment it comes, so that nothing can happen in between. Rejects with
   * `closed` as soon as `signal` is aborted.
   *
   * @param question names what `open` asks for
   */
  ask<Taken>(
    question: string,
    open: () => Promise<MediaStream>,
    take: (stream: MediaStream) => Taken,
    signal: AbortSignal,
  ): Promise<Taken> {
    return new Promise((resolve, reject) => {
      const overtaken = () => new TunRTCError('closed', 'The session was left.');
      if (signal.aborted) {
        reject(overtaken());
        return;
      }
      const abandoned = [...this.#open].find((prompt) => prompt.question === question && !prompt.taker);
      const prompt = abandoned ?? this.#ask(question, open);
      const abandon = () => {
        prompt.taker = undefined;
        reject(overtaken());
      };
      signal.addEventListener('abort', abandon, { once: true });
      const settled = () => signal.removeEventListener('abort', abandon);
      prompt.taker = {
        take: (stream) => (settled(), resolve(take(stream))),
        refuse: (thrown) => (settled(), reject(refusal(thrown))),
      };
    });
  }

  #ask(question: string, open: () => Promise<MediaStream>): Prompt {
    const answer = open();
    const prompt: Prompt = { question, taker: undefined };
    this.#open.add(prompt);
    answer.then(
      (stream) => {
        this.#open.delete(prompt);
        if (prompt.taker) prompt.taker.take(stream);
        else release(stream);
      },
      (thrown: unknown) => {
        this.#open.delete(prompt);
        prompt.taker?.refuse(thrown);
      },
    );
    return prompt;
  }
}

/** Stops every track of a stream. */
export function release(stream: MediaStream | undefined): void {
  stream?.getTracks().forEach((track) => track.stop());
}

export function unavailable(): TunRTCError {
  return new TunRTCError('media_unavailable', 'No camera, microphone or screen here: the page must be served over HTTPS or from localhost.');
}

type Meaning = readonly [code: ErrorCode, message: string];

const DENIED: Meaning = ['media_denied', 'The camera, the microphone or the screen was not allowed.'];
const NOT_FOUND: Meaning = ['media_not_found', 'There is no such camera or microphone.'];
const IN_USE: Meaning = ['media_in_use', 'The device is in use elsewhere, or failed.'];
/** The browser's refusals (Media Capture and Streams, section 10.2), under this package's codes. */
const REFUSALS: Record<string, Meaning> = {
  NotAllowedError: DENIED,
  SecurityError: DENIED,
  NotFoundError: NOT_FOUND,
  OverconstrainedError: NOT_FOUND,
  NotReadableError: IN_USE,
  AbortError: IN_USE,
};

function refusal(cause: unknown): TunRTCError {
  if (cause instanceof TunRTCError) return cause;
  const [code, message] = REFUSALS[cause instanceof Error ? cause.name : ''] ?? ['media_unavailable', 'The device could not be opened.'];
  return new TunRTCError(code, message, { cause });
}
