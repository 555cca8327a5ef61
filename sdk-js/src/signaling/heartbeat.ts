/** No connection is expected to need more than this: the shortest heartbeat, in milliseconds. */
const SHORTEST_MS = 25_000;

/**
 * How often a client shows that it lives. The server says how often it needs that; a proxy on the way may end quiet
 * connections sooner. A connection that died in a silence shows it: from then on this client is never quiet for so
 * long again. Who has no such proxy pays nothing.
 */
export class Heartbeat {
  #longest = Infinity;

  /** Milliseconds between two signs of life, where the server asks for `asked`. */
  interval(asked: number): number {
    return Math.min(asked, this.#longest);
  }

  /** A connection died after nothing had been said for `silence` milliseconds. */
  learn(silence: number): void {
    if (silence >= SHORTEST_MS) this.#longest = Math.max(SHORTEST_MS, Math.min(this.#longest, silence / 2));
  }
}
