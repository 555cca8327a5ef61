/** A clock that tests move, and chance that repeats. */

interface Alarm {
  at: number;
  order: number;
  callback: () => void;
}

/** Time stands still until {@link FakeClock.advance}; timers run in order, each after everything that the last one set off. */
export class FakeClock {
  #now = 0;
  #order = 0;
  readonly #alarms = new Set<Alarm>();

  now = (): number => this.#now;

  /** Timers that still run. */
  get pending(): number {
    return this.#alarms.size;
  }

  setTimeout = (callback: () => void, milliseconds: number): unknown => {
    const alarm = { at: this.#now + Math.max(0, milliseconds), order: this.#order++, callback };
    this.#alarms.add(alarm);
    return alarm;
  };

  clearTimeout = (timer: unknown): void => {
    this.#alarms.delete(timer as Alarm);
  };

  /** Server time: this clock, counted from a fixed instant. */
  timestamp = (): string => new Date(Date.UTC(2026, 10, 22, 12) + Math.floor(this.#now)).toISOString();

  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (let alarm = this.#next(end); alarm; alarm = this.#next(end)) {
      this.#alarms.delete(alarm);
      this.#now = Math.max(this.#now, alarm.at);
      alarm.callback();
      await settle();
    }
    this.#now = end;
  }

  /** Lets time pass until this holds; fails after `limit` milliseconds of it. */
  async until(holds: () => boolean, limit = 60_000): Promise<void> {
    const end = this.#now + limit;
    await settle();
    while (!holds()) {
      if (this.#now >= end) throw new Error(`nothing came of it within ${limit} ms`);
      await this.advance(10);
    }
  }

  #next(end: number): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue;
      if (!next || alarm.at < next.at || (alarm.at === next.at && alarm.order < next.order)) next = alarm;
    }
    return next;
  }
}

/** Lets every promise that can go on go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A generator of numbers in [0, 1) that repeats for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
