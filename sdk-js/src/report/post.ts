import type { Environment } from '../environment.ts';
import type { TunRTCError } from '../errors.ts';
import { Timers } from '../timers.ts';
import type { CallReport } from '../wire.ts';

/** The server takes a report every 5 s. */
const EVERY_MS = 6_000;
/** After one that did not get through. */
const RETRY_MS = 30_000;
/** So many wait for the line to come back; the oldest give way. */
const MOST = 15;
/** The server takes none that is older than 15 min. */
const LONGEST_MS = 14 * 60_000;
/** These reports may still be taken later, or in another way; what else is refused is given up. */
const PASSING = /^(network_error|timeout|unavailable|internal|rate_limited|connection_lost|closed|replaced|not_joined)$/;

/** The ways to the server. */
export interface Ways {
  /** Over signaling; resolves when the server has it, which may take until the line is back. */
  send(report: CallReport): Promise<unknown>;
  /** By a request that outlives the page. */
  put(report: CallReport): Promise<unknown>;
  isConnected(): boolean;
  /** Milliseconds by the server's clock. */
  time(): number;
}

/** Reports on their way: one at a time, the newest first when the call is over. */
export class Post {
  readonly #ways: Ways;
  readonly #timers: Timers<'next'>;
  #waiting: CallReport[] = [];
  #isBusy = false;
  /** The call is over: there is no signaling any more. */
  #isOver = false;

  constructor(environment: Environment, ways: Ways) {
    this.#ways = ways;
    this.#timers = new Timers(environment);
  }

  /** Sends a report after so many milliseconds, or when there is a line. One of the same minute that waits is void. */
  add(report: CallReport, delay: number): void {
    this.#waiting = [...this.#waiting.filter(({ minute }) => minute !== report.minute), report].slice(-MOST);
    if (!this.#isBusy && !this.#timers.has('next')) this.#wait(delay);
  }

  /** Sends the last one at once, by a request, and after it what still waits. */
  last(report: CallReport): void {
    this.#isOver = true;
    this.#isBusy = true;
    this.#timers.clear();
    this.add(report, 0);
    void this.#pump();
  }

  /** There may be a line again. */
  wake(): void {
    if (!this.#isBusy && !this.#timers.has('next')) void this.#pump();
  }

  #wait(milliseconds: number): void {
    this.#timers.arm('next', milliseconds, () => void this.#pump());
  }

  async #pump(): Promise<void> {
    const oldest = this.#ways.time() - LONGEST_MS;
    this.#waiting = this.#waiting.filter(({ minute }) => Date.parse(minute) > oldest);
    const isOver = this.#isOver;
    const report = isOver ? this.#waiting.at(-1) : this.#waiting[0];
    this.#isBusy = report !== undefined && (isOver || this.#ways.isConnected());
    if (!report || !this.#isBusy) return;
    const isDone = await (isOver ? this.#ways.put(report) : this.#ways.send(report)).then(
      () => true,
      (thrown: unknown) => !PASSING.test(codeOf(thrown)),
    );
    if (isDone) this.#waiting = this.#waiting.filter((each) => each !== report);
    // The call ended meanwhile: the last one is on its way.
    if (isOver !== this.#isOver) return;
    this.#isBusy = false;
    if (this.#waiting.length > 0) this.#wait(isDone ? EVERY_MS : RETRY_MS);
  }
}

function codeOf(thrown: unknown): string {
  return (thrown as Partial<TunRTCError>).code ?? '';
}
