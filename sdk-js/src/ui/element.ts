/**
 * `<tunrtc-call>`: a call as an element of the page, without a framework. Loading this defines it.
 * @module
 */
import { TunRTCClient } from 'tunrtc-client';
import { mountCall, type MountedCall } from './call-view.ts';
import type { Labels } from './labels.ts';

/** The attributes that make another call of it. */
const SHOWN: readonly string[] = ['session', 'room', 'heading', 'no-preview', 'no-chat', 'muted', 'no-video'];

/** On a server there are no elements; there this can be loaded, and does nothing. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/**
 * Attributes: `url` is the server and `token` an app's join token; without them the property `client` is a client that is signed in.
 * `session` is the session's id, or `room` is there, or a `token`, and it joins the room that the token is for. `heading` stands above
 * the preview; `no-preview` joins at once; `no-chat`, `muted` and `no-video` leave out what they say. The property `labels` are words of
 * your own. It dispatches `joined`, `left` (`detail.code`) and `error` (`detail`, a TunRTCError), which do not bubble.
 */
export class TunRTCCallElement extends Base {
  static readonly observedAttributes: readonly string[] = ['url', 'token', ...SHOWN];

  #client: TunRTCClient | undefined;
  #labels: Partial<Labels> | undefined;
  /** One made of `url` and `token`. */
  #own: TunRTCClient | undefined;
  #mounted: MountedCall | undefined;
  #isChanging = false;
  /** What the mounted call was made of. */
  #made: readonly unknown[] = [];

  get client(): TunRTCClient | undefined {
    return this.#client;
  }

  set client(client: TunRTCClient | undefined) {
    if (client === this.#client) return;
    this.#client = client;
    this.#change();
  }

  get labels(): Partial<Labels> | undefined {
    return this.#labels;
  }

  set labels(labels: Partial<Labels> | undefined) {
    this.#labels = labels;
    this.#change();
  }

  connectedCallback(): void {
    // A framework, or the page before this was loaded, may have set them on the bare element.
    for (const name of ['client', 'labels'] as const) {
      const given = Object.getOwnPropertyDescriptor(this, name);
      if (!given) continue;
      delete (this as Partial<TunRTCCallElement>)[name];
      Object.assign(this, { [name]: given.value as unknown });
    }
    this.#change();
  }

  disconnectedCallback(): void {
    this.#change();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === 'url') this.#own = undefined;
    this.#change();
  }

  /** Whatever changes in one turn, a move within the page too, is one change. */
  #change(): void {
    if (this.#isChanging) return;
    this.#isChanging = true;
    queueMicrotask(() => {
      this.#isChanging = false;
      this.#mount();
    });
  }

  /** The token is read when it is needed: a new one, in place of one that ran out, disturbs no call. */
  #ownClient(): TunRTCClient | undefined {
    const url = this.getAttribute('url');
    if (!url || !this.hasAttribute('token')) return undefined;
    return (this.#own ??= new TunRTCClient({ url, getToken: () => this.getAttribute('token') ?? '' }));
  }

  #mount(): void {
    const client = this.#client ?? this.#ownClient();
    const sessionId = this.getAttribute('session') ?? undefined;
    const attributes = SHOWN.map((name) => this.getAttribute(name));
    const made = this.isConnected ? [client, this.#labels, ...attributes] : [];
    if (made.length === this.#made.length && made.every((part, at) => part === this.#made[at])) return;
    this.#made = made;
    void this.#mounted?.unmount();
    this.#mounted = undefined;
    if (!client || !(sessionId || this.hasAttribute('room') || client === this.#own) || !this.isConnected) return;
    this.#mounted = mountCall(this, {
      client,
      sessionId,
      heading: this.getAttribute('heading') ?? undefined,
      preview: !this.hasAttribute('no-preview'),
      chat: !this.hasAttribute('no-chat'),
      audio: !this.hasAttribute('muted'),
      video: !this.hasAttribute('no-video'),
      labels: this.#labels,
      onJoined: () => this.dispatchEvent(new CustomEvent('joined')),
      onLeft: (code) => this.dispatchEvent(new CustomEvent('left', { detail: { code } })),
      onError: (error) => this.dispatchEvent(new CustomEvent('error', { detail: error })),
    });
  }
}

// Two copies of this on one page are one element.
if (globalThis.customElements && !customElements.get('tunrtc-call')) customElements.define('tunrtc-call', TunRTCCallElement);

declare global {
  interface HTMLElementTagNameMap {
    'tunrtc-call': TunRTCCallElement;
  }
}
