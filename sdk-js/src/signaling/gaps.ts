import type { Environment } from '../environment.ts';
import type { Inbox } from './inbox.ts';
import { Timers } from '../timers.ts';
import type { ReceivedSignal } from '../wire.ts';

/**
 * A missing signal is asked for after this, and after each of the following waits once more. The server answers `sync`
 * at most every 250 ms.
 */
const WAITS_MS = [500, 1_500, 4_000, 8_000, 16_000] as const;

/** What a {@link GapWatch} can do. */
export interface GapOptions {
  environment: Environment;
  inbox: Inbox;
  /**
   * Asks the server for what was missed; `false` where there is nobody to ask. A server that is too busy to answer says
   * nothing about what is lost: then `onFailed` is called, and the round does not count.
   */
  sync(onFailed: () => void): boolean;
  onSignal(signal: ReceivedSignal): void;
  /** A sender's signals are lost for good. */
  onBroken(sender: string): void;
}

/** Watches for signals that are missing in the middle of a sender's order, and asks for them. */
export class GapWatch {
  readonly #options: GapOptions;
  /** One for each sender. */
  readonly #timers: Timers<string>;
  /** How often each sender's gap was asked for. */
  readonly #rounds = new Map<string, number>();
  /** Senders whose lost signals the server may not have any more. */
  readonly #lossy = new Set<string>();

  constructor(options: GapOptions) {
    this.#options = options;
    this.#timers = new Timers(options.environment);
  }

  /** To be called after each signal. */
  look(): void {
    const gaps = new Set(this.#options.inbox.gaps());
    for (const sender of this.#rounds.keys()) {
      if (gaps.has(sender)) continue;
      this.#rounds.delete(sender);
      this.#timers.disarm(sender);
    }
    for (const sender of gaps) {
      const round = this.#rounds.get(sender) ?? 0;
      this.#rounds.set(sender, round);
      if (!this.#timers.has(sender)) this.#timers.arm(sender, WAITS_MS[round] ?? 0, () => this.#close(sender));
    }
  }

  /** The absence was longer than the server could bridge: gaps of those known by now may never be filled. */
  expectLoss(): void {
    this.#options.inbox.senders().forEach((sender) => this.#lossy.add(sender));
  }

  stop(): void {
    this.#timers.clear();
  }

  #close(sender: string): void {
    const { inbox, onSignal, onBroken, sync } = this.#options;
    const round = this.#rounds.get(sender) ?? 0;
    if (round > 0 && this.#lossy.delete(sender)) {
      inbox.skip(sender).forEach(onSignal);
    } else if (round === WAITS_MS.length - 1) {
      inbox.abandon(sender);
      onBroken(sender);
    } else if (sync(() => this.#rounds.has(sender) && this.#rounds.set(sender, round))) {
      this.#rounds.set(sender, round + 1);
    }
    this.look();
  }
}
