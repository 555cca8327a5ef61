import type { Snapshot, TunRTCClient, TunRTCError } from 'tunrtc-client';
import { Before } from './before.ts';
import { make } from './dom.ts';
import { During } from './during.ts';
import { explain, LABELS, type Labels } from './labels.ts';
import { styled } from './styles.ts';

/** What a ready-made call shows, and whom it tells. */
export interface CallOptions {
  /** One that is signed in. */
  client: TunRTCClient;
  /** The session to join; when absent, the room that the client's token is for (`getToken`). */
  sessionId?: string | undefined;
  /** Whether one sees oneself and chooses devices before joining; `true` when absent. Otherwise it joins at once. */
  preview?: boolean | undefined;
  /** Whether to start with the microphone; `true` when absent. */
  audio?: boolean | undefined;
  /** Whether to start with the camera; `true` when absent. */
  video?: boolean | undefined;
  /** Whether there is a chat; `true` when absent. */
  chat?: boolean | undefined;
  /** What stands above the preview. */
  heading?: string | undefined;
  /** Words of your own. */
  labels?: Partial<Labels> | undefined;
  onJoined?: (() => void) | undefined;
  /** The call was left, or is over; `code` says why: `closed`, `session_ended`, `replaced`, ... */
  onLeft?: ((code: string) => void) | undefined;
  onError?: ((error: TunRTCError) => void) | undefined;
}

/** A call that is on the page. */
export interface MountedCall {
  /** Leaves the call, releases the devices and empties the element; resolves when the server knows. */
  unmount(): Promise<void>;
}

/** How long a problem stands in the call, in milliseconds. */
const PROBLEM_MS = 10_000;

type Phase = 'before' | 'joining' | 'during' | 'after';

/**
 * Puts a ready-made call into an element, which gives it its size. It can be taken away and put there again as often as you
 * like, before the last one has ended too: frameworks do so.
 */
export function mountCall(host: HTMLElement, options: CallOptions): MountedCall {
  const view = new View(styled(host), options);
  return { unmount: () => view.close() };
}

class View {
  readonly #root: ShadowRoot;
  readonly #options: CallOptions;
  readonly #client: TunRTCClient;
  readonly #labels: Labels;
  readonly #before: Before;
  readonly #during: During;
  readonly #frame: HTMLElement;
  readonly #stop: () => void;
  #phase: Phase = 'before';
  #problem = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the browser is still asked for what the preview shows. */
  #isAsking = false;
  #isClosed = false;

  constructor(root: ShadowRoot, options: CallOptions) {
    this.#root = root;
    this.#options = options;
    this.#client = options.client;
    this.#labels = { ...LABELS, ...options.labels };
    const { ready, call } = this.#labels;
    const { audio = true, video = true } = options;
    const onError = (thrown: unknown) => this.#failed(thrown as TunRTCError);
    this.#during = new During(this.#client, this.#labels, options.chat ?? true, { leave: () => void this.#client.leaveSession().catch(() => {}), onError });
    this.#before = new Before(this.#client, this.#labels, options.heading ?? ready, {
      join: () => void (this.#isAsking ? this.#join(audio, video) : this.#join(!this.#client.isMuted, this.#client.isVideoEnabled)),
      onSpeaker: (deviceId) => this.#during.useSpeaker(deviceId),
      onError,
    });
    this.#frame = make('section', { className: 'root', ariaLabel: call });
    this.#frame.setAttribute('part', 'root');
    root.replaceChildren(this.#frame);
    this.#stop = this.#client.subscribe(() => this.#update());
    this.#start();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    clearTimeout(this.#timer);
    const left = this.#client.leaveSession();
    this.#before.close();
    this.#during.close();
    // Another one may have been put here meanwhile.
    this.#frame.remove();
    await left.catch(() => {});
  }

  #start(): void {
    const { sessionId, preview = true, audio = true, video = true } = this.#options;
    if (sessionId && this.#client.sessionId === sessionId) return this.#enter('during');
    if (!preview) return void this.#join(audio, video);
    this.#enter('before');
    this.#isAsking = true;
    this.#client
      .preview(audio, video)
      .catch((thrown: unknown) => this.#failed(thrown as TunRTCError))
      .finally(() => (this.#isAsking = false));
  }

  async #join(audio: boolean, video: boolean): Promise<void> {
    this.#problem = '';
    this.#enter('joining');
    try {
      await this.#client.joinSession(this.#options.sessionId, audio, video);
      if (this.#isClosed) return;
      this.#enter('during');
      this.#options.onJoined?.();
    } catch (thrown) {
      if (this.#isClosed) return;
      this.#enter('before');
      this.#failed(thrown as TunRTCError);
    }
  }

  /** The call ended, by whomever. */
  #over(code: string, reason: string): void {
    this.#enter('after', explain(this.#labels, { code, message: reason }));
    this.#options.onLeft?.(code);
  }

  #failed(error: TunRTCError): void {
    // What was overtaken by a later call is no failure.
    if (this.#isClosed || error.code === 'closed') return;
    this.#problem = explain(this.#labels, error);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#clearProblem(), PROBLEM_MS);
    this.#update();
    this.#options.onError?.(error);
  }

  /** Before the call it stands for as long as it holds. */
  #clearProblem(): void {
    if (this.#phase !== 'during') return;
    this.#problem = '';
    this.#update();
  }

  #enter(phase: Phase, words = ''): void {
    const hadFocus = this.#root.activeElement !== null;
    const before = this.#frame.firstElementChild;
    this.#phase = phase;
    const [element, heading] = this.#scene(words);
    if (element !== before) {
      this.#frame.replaceChildren(element);
      if (phase === 'during') this.#during.start();
      // The button that was pressed is gone; the focus must not be.
      if (hadFocus) heading?.focus();
    }
    this.#update();
  }

  /** What is shown in a phase, and what gets the focus there. */
  #scene(words: string): [HTMLElement, HTMLElement | null] {
    if (this.#phase === 'during') return [this.#during.element, this.#during.element.querySelector('button')];
    if (this.#phase !== 'after') return [this.#before.element, this.#before.heading];
    const heading = make('h2', { tabIndex: -1 }, words);
    const again = make('button', { type: 'button', className: 'primary' }, this.#labels.joinAgain);
    again.onclick = () => this.#start();
    return [make('div', { className: 'after' }, heading, again), heading];
  }

  #update(): void {
    if (this.#isClosed) return;
    const snapshot: Snapshot = this.#client.getSnapshot();
    const { connection } = snapshot;
    if (this.#phase === 'during' && connection.status === 'closed') this.#over(connection.code, connection.reason);
    else if (this.#phase === 'during') this.#during.update(snapshot, this.#problem);
    else if (this.#phase !== 'after') this.#before.update(snapshot, this.#phase === 'joining', this.#problem);
  }
}
