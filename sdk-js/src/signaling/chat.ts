import { Recent } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import type { ChatMessage } from '../wire.ts';

/** Chat of one membership: each message goes out as one message however often its frame is sent, and comes in once. */
export class Chat {
  readonly #outbox: Outbox;
  readonly #onMessage: (message: ChatMessage) => void;
  readonly #received = new Recent();
  #run = '';
  #begunAt = '';
  #count = 0;
  /** Heard on a connection that is still catching up: what was said before may come after. */
  readonly #early = new Map<string, ChatMessage>();
  /** One message at a time, so that their ids are in their order. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(outbox: Outbox, onMessage: (message: ChatMessage) => void) {
    this.#outbox = outbox;
    this.#onMessage = onMessage;
  }

  /**
   * @param run names this run of the client
   * @param begunAt messages from before are history, not news
   */
  begin(run: string, begunAt: string): void {
    this.#run = run;
    this.#begunAt = begunAt;
  }

  /** Resolves with the message's id once the server has it. */
  async send(message: string): Promise<string> {
    const number = this.#count++;
    // The server knows the message by this name when its frame comes again.
    const data = () => ({ message, clientMessageId: `${this.#run}.${number}` });
    const sent = this.#last.then(() => this.#outbox.send({ action: 'sendMessage', topic: 'sendMessage', data }));
    this.#last = sent.catch(() => {});
    return ((await sent).data as { messageId: string }).messageId;
  }

  /**
   * Takes a message from the server, or from the history; hands it on unless it was or is from before.
   *
   * @param isEarly keeps it until {@link release}
   */
  receive(message: ChatMessage, isEarly = false): void {
    if (!this.isNews(message)) return;
    if (isEarly) {
      this.#early.set(message.messageId, message);
      return;
    }
    this.#received.add(message.messageId);
    this.#onMessage(message);
  }

  /** Whether a message was not handed on yet, and is not from before. */
  isNews({ timestamp, messageId }: ChatMessage): boolean {
    return timestamp >= this.#begunAt && !this.#received.has(messageId);
  }

  /** The connection has caught up: what came meanwhile is handed on in the order in which it was said. */
  release(): void {
    const early = [...this.#early.values()].sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
    this.#early.clear();
    for (const message of early) this.receive(message);
  }
}
