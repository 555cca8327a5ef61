import type { Environment, Timer } from './environment.ts';
import { TunRTCError } from './errors.ts';

type Clockwork = Pick<Environment, 'setTimeout' | 'clearTimeout'>;

/** What `promise` answers, if it does so in time; else rejects with `timeout`. */
export function within<Answer>(environment: Clockwork, milliseconds: number, promise: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new TunRTCError('timeout', 'The server did not answer in time.'));
    const timer = environment.setTimeout(late, milliseconds);
    promise.then(resolve, reject).finally(() => environment.clearTimeout(timer));
  });
}

/** Timers by name: at most one of each runs, and all of them end together. */
export class Timers<Name extends string> {
  readonly #environment: Clockwork;
  readonly #running = new Map<Name, Timer>();

  constructor(environment: Clockwork) {
    this.#environment = environment;
  }

  /** Calls back once, after `milliseconds`; one of the same name that still runs is given up. */
  arm(name: Name, milliseconds: number, callback: () => void): void {
    this.disarm(name);
    const timer = this.#environment.setTimeout(() => {
      this.#running.delete(name);
      callback();
    }, milliseconds);
    this.#running.set(name, timer);
  }

  disarm(name: Name): void {
    this.#environment.clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  /** Whether one of this name still runs. */
  has(name: Name): boolean {
    return this.#running.has(name);
  }

  /** Ends all of them. */
  clear(): void {
    for (const name of [...this.#running.keys()]) this.disarm(name);
  }
}
