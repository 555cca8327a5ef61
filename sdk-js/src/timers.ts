import type { Environment, Timer } from './environment.ts';

/** Timers by name: at most one of each runs, and all of them end together. */
export class Timers<Name extends string> {
  readonly #environment: Pick<Environment, 'setTimeout' | 'clearTimeout'>;
  readonly #running = new Map<Name, Timer>();

  constructor(environment: Pick<Environment, 'setTimeout' | 'clearTimeout'>) {
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
