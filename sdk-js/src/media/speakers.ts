/**
 * Who speaks, by how loud everybody is.
 * @module
 */

/** How loud somebody is: 0 is silence, 1 as loud as can be. */
export interface Speaker {
  userId: string;
  level: number;
}

/** From this level on somebody speaks; rooms and keyboards are below it (-34 dB of the loudest). */
const SPEECH = 0.02;
/** Pauses between words and sentences do not end a speech. */
const PAUSE_MS = 1_500;
/** How much of a level is left at the next reading, when it falls. */
const DECAY = 0.6;

/** Whoever is in front stays there until the next one is so many times as loud. */
const LOUDER = 2;

interface Voice {
  level: number;
  /** When it was last loud enough. */
  at: number;
  speaks: boolean;
}

/** Tells speech from noise. */
export class Speakers {
  readonly #voices = new Map<string, Voice>();
  /** Who speaks, the loudest first. */
  #order: readonly string[] = [];

  /** How loud each is, by user id; what falls falls slowly. */
  get levels(): ReadonlyMap<string, number> {
    return new Map([...this.#voices].map(([userId, { level }]) => [userId, level]));
  }

  /**
   * Takes everybody's levels, and answers who speaks, the loudest first, when these are others than before.
   *
   * @param now in milliseconds, on a clock that never jumps
   */
  read(levels: ReadonlyMap<string, number>, now: number): Speaker[] | undefined {
    for (const userId of this.#voices.keys()) if (!levels.has(userId)) this.#voices.delete(userId);
    for (const [userId, level] of levels) this.#hear(userId, level, now);
    const before = this.#order;
    this.#order = this.#arrange();
    if (this.#order.join() === before.join()) return undefined;
    return this.#order.map((userId) => ({ userId, level: this.#levelOf(userId) }));
  }

  #hear(userId: string, level: number, now: number): void {
    const voice = this.#voices.get(userId) ?? { level: 0, at: -Infinity, speaks: false };
    this.#voices.set(userId, voice);
    voice.level = Math.max(level, voice.level * DECAY);
    const wasLately = now - voice.at <= PAUSE_MS;
    const isLoud = level >= SPEECH;
    // A click is over by the next reading, and is no speech.
    voice.speaks = wasLately && (voice.speaks || isLoud);
    if (isLoud) voice.at = now;
  }

  #arrange(): string[] {
    const speaks = (userId: string) => this.#voices.get(userId)?.speaks;
    const order = this.#order.filter(speaks);
    for (const userId of this.#voices.keys()) if (speaks(userId) && !order.includes(userId)) order.push(userId);
    for (let place = 1; place < order.length; place++) {
      const [ahead = '', behind = ''] = order.slice(place - 1);
      if (this.#levelOf(behind) > LOUDER * this.#levelOf(ahead)) order.splice(place - 1, 2, behind, ahead);
    }
    return order;
  }

  #levelOf(userId: string): number {
    return this.#voices.get(userId)?.level ?? 0;
  }
}
