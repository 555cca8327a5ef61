import type { ParticipantDetail } from '../src/generated.ts';
import type { Participant, ParticipantUpdatedData, TunRTCClient } from '../src/index.ts';
import { byId } from './dom.ts';
import { attempt } from './notice.ts';
import { self } from './self.ts';

/** Who has a hand up, and since when: the server's time puts hands in order. */
export class Hands {
  readonly #client: TunRTCClient;
  readonly #raisedAt = new Map<string, string>();
  readonly #onChange: () => void;
  /** Who was heard of since the hands were asked for: what the server answers then may be older. */
  #heard = new Set<string>();

  constructor(client: TunRTCClient, onChange: () => void) {
    this.#client = client;
    this.#onChange = onChange;
    const button = byId('hand');
    button.onclick = () => void attempt(button, () => client.moderate('raiseHand', { raised: !this.#isUp(self(client)?.userId) }));
    client.on('userLeft', ({ userId }) => this.#set(userId, undefined));
  }

  /** Whoever came later did not hear who had raised a hand before. */
  async load(sessionId: string): Promise<void> {
    const heard = (this.#heard = new Set());
    const { items } = await this.#client.api.list<ParticipantDetail>(`/api/session/${encodeURIComponent(sessionId)}/participants`);
    if (this.#client.sessionId !== sessionId || this.#heard !== heard) return;
    for (const userId of [...this.#raisedAt.keys()]) if (!heard.has(userId)) this.#raisedAt.delete(userId);
    for (const { userId, handRaisedAt } of items) if (handRaisedAt && !heard.has(userId)) this.#raisedAt.set(userId, handRaisedAt);
    this.#show();
  }

  /** Takes what an event says; whether it says something of a hand that is news. */
  take({ userId, handRaisedAt }: Pick<ParticipantUpdatedData, 'userId'> & { handRaisedAt?: string | null }): boolean {
    return handRaisedAt !== undefined && this.#set(userId, handRaisedAt ?? undefined);
  }

  clear(): void {
    this.#raisedAt.clear();
    this.#show();
  }

  /** Whose hand it is counts first in the list, in the order in which they were raised; the others stay as they are. */
  inOrder(people: Participant[]): Participant[] {
    const at = ({ userId }: Participant) => this.#raisedAt.get(userId) ?? '~';
    return [...people].sort((one, other) => (at(one) < at(other) ? -1 : Number(at(one) > at(other))));
  }

  /** Which hand it is of those that are up, from 1; 0 for none. */
  place(userId: string): number {
    return [...this.#raisedAt].sort(([, one], [, other]) => (one < other ? -1 : 1)).findIndex(([each]) => each === userId) + 1;
  }

  #isUp(userId = ''): boolean {
    return this.#raisedAt.has(userId);
  }

  #set(userId: string, since: string | undefined): boolean {
    this.#heard.add(userId);
    if (this.#raisedAt.get(userId) === since) return false;
    if (since) this.#raisedAt.set(userId, since);
    else this.#raisedAt.delete(userId);
    this.#show();
    return true;
  }

  #show(): void {
    const isUp = this.#isUp(self(this.#client)?.userId);
    const button = byId('hand');
    button.setAttribute('aria-pressed', String(isUp));
    button.textContent = isUp ? 'Take your hand down' : 'Raise your hand';
    this.#onChange();
  }
}
