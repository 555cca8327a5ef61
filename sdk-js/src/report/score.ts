/**
 * How good a call was, in one number. Version 1; another formula is another version, so that numbers of different ones are not compared.
 * @module
 */
import { BUFFERED, rate } from '../media/mesh.ts';
import type { Sample, Sound } from './sample.ts';

/** Names the formulas of this module. */
export const SCORE_VERSION = 1;

/** The mean opinion score of the best line: the E-model's 93.2 gives 4.41. */
const BEST_MOS = 4.41;
/** A picture is a film from so many a second on. */
const FLUENT_FPS = 12;
/** A lower picture shows no face. */
const LOW_HEIGHT = 180;
/** What each takes off the score: of a picture that stands still all the time, of one without motion, of a low one, of one that is held back. */
const PENALTY = { frozen: 2, halting: 1, low: 0.25, limited: 0.25 };
/** A picture that stands still for this share of the time is taken for one that stands still. */
const FROZEN_SHARE = 0.2;

/**
 * The opinion that people have of a voice, 1 to 4.5, by the E-model's rating (ITU-T G.107, annex B).
 *
 * @param rating 0 to 100
 */
export function opinion(rating: number): number {
  const r = Math.min(Math.max(rating, 0), 100);
  // Below 6.5 the polynomial falls under the scale's end.
  return Math.max(1, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r));
}

/**
 * How a voice sounded. Simplified: echo, loudness and noise are as the E-model presumes them, and losses come by chance. What was lost and what the
 * jitter buffer held back are as they were played, where the browser tells that: a loss that was repaired in time was none.
 */
export function voice({ path, sound }: Sample): number | undefined {
  if (!sound || path.roundTripMs === undefined) return undefined;
  const bufferMs = sound.bufferMs ?? BUFFERED * (sound.jitterMs ?? 0);
  return opinion(rate(path.roundTripMs, lossOf(sound), bufferMs));
}

function lossOf({ lost, packets, concealed, samples }: Sound): number {
  if (concealed !== undefined && samples) return concealed / samples;
  return lost / Math.max(1, lost + packets);
}

/**
 * How good the connection to somebody was: 5 at best, 1 at worst or when it was disturbed; nothing where nothing was measured. A voice counts by its
 * opinion, stretched to the whole scale; where none came, the delay counts. From that is taken what was wrong with the picture.
 */
export function score(sample: Sample): number | undefined {
  if (sample.isDisturbed) return 1;
  const { roundTripMs } = sample.path;
  if (roundTripMs === undefined) return undefined;
  const heard = voice(sample) ?? opinion(rate(roundTripMs, 0, 0));
  const stretched = 1 + ((heard - 1) * 4) / (BEST_MOS - 1);
  return Math.min(5, Math.max(1, stretched - fault(sample)));
}

function fault({ seconds, picture, limitedBy }: Sample): number {
  const limited = limitedBy === 'bandwidth' || limitedBy === 'cpu' ? PENALTY.limited : 0;
  if (!picture) return limited;
  const { freezeMs = 0, fps = FLUENT_FPS, height = LOW_HEIGHT } = picture;
  const frozen = Math.min(1, freezeMs / 1000 / seconds / FROZEN_SHARE) * PENALTY.frozen;
  const halting = Math.max(0, 1 - fps / FLUENT_FPS) * PENALTY.halting;
  return limited + frozen + halting + (height < LOW_HEIGHT ? PENALTY.low : 0);
}
