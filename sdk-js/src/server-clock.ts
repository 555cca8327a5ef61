/** So often the server is asked for the time; the quickest answer counts. */
const QUESTIONS = 3;

/** The server's time, without asking it each time. */
export class ServerClock {
  readonly #ask: () => Promise<string>;
  readonly #now: () => number;
  /** The server's time, in milliseconds since 1970, when the clock of this machine that never jumps shows 0. */
  #zero: number;

  /**
   * @param ask gets the server's time, as RFC 3339
   * @param now a clock that never jumps, in milliseconds
   */
  constructor(ask: () => Promise<string>, now: () => number) {
    this.#ask = ask;
    this.#now = now;
    this.#zero = Date.now() - now();
  }

  /** Compares the clocks. Where the server cannot be asked, what was known before holds; at first, this machine's clock. */
  async look(): Promise<void> {
    let quickest = Infinity;
    for (let question = 0; question < QUESTIONS; question++) {
      const asked = this.#now();
      const told = Date.parse(await this.#ask().catch(() => ''));
      const took = this.#now() - asked;
      if (Number.isNaN(told) || took >= quickest) continue;
      quickest = took;
      this.#zero = told - asked - took / 2;
    }
  }

  /** The server's time at an instant of this machine's clock, in milliseconds since 1970. */
  time(instant: number): number {
    return this.#zero + instant;
  }

  /** The same as RFC 3339 in UTC. */
  at(instant: number): string {
    return new Date(this.time(instant)).toISOString();
  }
}
