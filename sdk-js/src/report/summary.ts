/**
 * What there is to say of a whole run, minute by minute: the newest report says everything.
 * @module
 */
import { bounded, rounded, type PeerMinute } from './minute.ts';
import { present } from './sample.ts';
import type { CallPeer, CallSummary } from '../wire.ts';

/** Of one minute. */
export interface Minute {
  /** The worst peer's. */
  score?: number;
  mos?: number;
  peers: CallPeer[];
}

/** A minute of several peers. */
export function minuteOf(peers: ReadonlyMap<string, PeerMinute>): Minute {
  const all = [...peers.values()];
  const scores = all.map(({ score }) => score).filter((score) => score !== undefined);
  const opinions = all.map(({ mos }) => mos).filter((mos) => mos !== undefined);
  return {
    ...present({ score: scores.length > 0 ? Math.min(...scores) : undefined, mos: mean(opinions) }),
    peers: [...peers].map(([userId, peer]) => peer.report(userId)),
  };
}

/** What the minutes of a run come to. */
export type MinutesSummary = Pick<CallSummary, 'minutes' | 'score' | 'worstScore' | 'audioMos' | 'relayed' | 'freezes' | 'freezeMs'>;

/** The minutes of one run; the last one may still grow. */
export class Run {
  readonly #minutes = new Map<number, Omit<Minute, 'peers'> & { freezes: number; freezeMs: number; isMeasured: boolean }>();
  #relayed: boolean | undefined;

  /** Takes a minute, in the place of what was known of it before. */
  set(at: number, { peers, ...minute }: Minute): void {
    const total = (name: 'freezes' | 'freezeMs') => peers.reduce((sum, { video }) => sum + (video?.[name] ?? 0), 0);
    const isMeasured = peers.some(({ video }) => video?.freezes !== undefined);
    this.#minutes.set(at, { ...minute, freezes: total('freezes'), freezeMs: total('freezeMs'), isMeasured });
    for (const { candidate } of peers) if (candidate) this.#relayed = this.#relayed || candidate === 'relay';
  }

  get summary(): MinutesSummary {
    const all = [...this.#minutes.values()];
    const scores = all.map(({ score }) => score).filter((score) => score !== undefined);
    const opinions = all.map(({ mos }) => mos).filter((mos) => mos !== undefined);
    const isMeasured = all.some((minute) => minute.isMeasured);
    const total = (name: 'freezes' | 'freezeMs') => (isMeasured ? bounded(all.reduce((sum, minute) => sum + minute[name], 0)) : undefined);
    return {
      minutes: all.length,
      ...present({
        score: mean(scores),
        worstScore: scores.length > 0 ? Math.min(...scores) : undefined,
        audioMos: mean(opinions),
        relayed: this.#relayed,
        freezes: total('freezes'),
        freezeMs: total('freezeMs'),
      }),
    };
  }
}

function mean(values: number[]): number | undefined {
  return values.length > 0 ? rounded(values.reduce((sum, value) => sum + value, 0) / values.length, 2) : undefined;
}
