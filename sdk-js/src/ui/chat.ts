import type { ChatMessage, TunRTCClient } from 'tunrtc-client';
import { clock, icon, make } from './dom.ts';
import { explain, type Labels } from './labels.ts';

/** Messages of the history that are fetched when a call is joined. */
const HISTORY = 50;
const ADDRESS = /(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)])/;

/** What is said and was said, and a line to say something. */
export class Chat {
  readonly element: HTMLElement;
  readonly #client: TunRTCClient;
  readonly #labels: Labels;
  readonly #list = make('ol');
  readonly #log: HTMLElement;
  readonly #input: HTMLInputElement;
  readonly #problem = make('p', { className: 'alert', role: 'alert', hidden: true });
  /** The history, the oldest first. */
  #before: readonly ChatMessage[] = [];
  #shown: readonly ChatMessage[] | undefined;
  #session = '';

  constructor(client: TunRTCClient, labels: Labels, onClose: () => void) {
    this.#client = client;
    this.#labels = labels;
    const close = make('button', { type: 'button', ariaLabel: labels.close, title: labels.close }, icon('close'));
    close.onclick = onClose;
    this.#log = make('div', { className: 'log', role: 'log', tabIndex: 0, ariaLabel: labels.chat }, this.#list);
    this.#input = make('input', { ariaLabel: labels.message, placeholder: labels.message, maxLength: 4096, autocomplete: 'off' });
    const send = make('button', { className: 'primary', ariaLabel: labels.send, title: labels.send }, icon('send'));
    const form = make('form', {}, this.#problem, this.#input, send);
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#send();
    };
    this.element = make('section', { className: 'chat', ariaLabel: labels.chat }, make('header', {}, make('h2', {}, labels.chat), close), this.#log, form);
    this.element.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') onClose();
    });
  }

  /** Shows these, with the history of the session before them. */
  update(sessionId: string, messages: readonly ChatMessage[]): void {
    if (sessionId !== this.#session) void this.#load(sessionId);
    if (messages === this.#shown) return;
    this.#shown = messages;
    this.#render();
  }

  focus(): void {
    this.#input.focus();
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  async #load(sessionId: string): Promise<void> {
    this.#session = sessionId;
    this.#before = [];
    // Without a history the chat goes on from here.
    const newest = await this.#client.getMessages(sessionId, { limit: HISTORY }).catch(() => []);
    if (this.#session !== sessionId) return;
    this.#before = newest.reverse();
    this.#render();
  }

  #render(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    const isAtEnd = scrollTop + clientHeight > scrollHeight - 40;
    const messages = new Map([...this.#before, ...(this.#shown ?? [])].map((message) => [message.messageId, message]));
    const known = new Map([...this.#list.children].map((item) => [(item as HTMLElement).dataset['id'], item]));
    const items = [...messages.values()]
      .sort((one, other) => (one.messageId < other.messageId ? -1 : 1))
      .map((message) => known.get(message.messageId) ?? item(message));
    const none = make('li', {}, this.#labels.noMessages);
    // Only what is new is put in: a screen reader reads what is added to a log.
    known.forEach((element) => !items.includes(element) && element.remove());
    (items.length > 0 ? items : [none]).forEach((element, at) => {
      if (this.#list.children[at] !== element) this.#list.insertBefore(element, this.#list.children[at] ?? null);
    });
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  async #send(): Promise<void> {
    const text = this.#input.value.trim();
    if (!text) return;
    this.#input.value = '';
    this.#problem.hidden = true;
    try {
      await this.#client.sendMessage(text);
    } catch (thrown) {
      // What was written is not lost, unless something else stands there by now.
      this.#input.value ||= text;
      this.#problem.textContent = explain(this.#labels, thrown as Error);
      this.#problem.hidden = false;
    }
  }
}

/** A text, its addresses as links. */
export function linked(text: string): (Node | string)[] {
  return text.split(ADDRESS).map((part, at) => (at % 2 === 0 ? part : make('a', { href: part, target: '_blank', rel: 'noopener noreferrer' }, part)));
}

function item({ messageId, fromUsername, message, timestamp }: ChatMessage): HTMLLIElement {
  const from = make('div', { className: 'from' }, make('b', {}, fromUsername), make('time', { dateTime: timestamp }, clock(timestamp)));
  const element = make('li', {}, from, make('div', { className: 'said' }, ...linked(message)));
  element.dataset['id'] = messageId;
  return element;
}
