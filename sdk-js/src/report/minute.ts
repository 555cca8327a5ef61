/**
 * What there is to say of a peer after a minute of samples.
 * @module
 */
import { present, type Rates, type Sample } from './sample.ts';
import { score, voice } from './score.ts';
import type { CallPeer } from '../wire.ts';

const MOST_MS = 3_600_000;

/** The mean of what was there, weighted. */
class Mean {
  #total = 0;
  #weight = 0;

  add(value: number | undefined, weight = 1): void {
    if (value === undefined) return;
    this.#total += value * weight;
    this.#weight += weight;
  }

  /** With so many digits after the point. */
  value(digits = 0): number | undefined {
    return this.#weight > 0 ? rounded(this.#total / this.#weight, digits) : undefined;
  }
}

/** Adds up; nothing as long as nothing was there. */
class Total {
  #value: number | undefined;

  add(value: number | undefined): void {
    if (value !== undefined) this.#value = (this.#value ?? 0) + value;
  }

  get value(): number | undefined {
    return this.#value;
  }

  /** As a share of another, in percent. */
  percentOf(all: Total): number | undefined {
    if (this.#value === undefined || !all.value) return undefined;
    return rounded(Math.min(100, (100 * this.#value) / all.value), 1);
  }
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** What came and went of one kind of media. */
class Flow {
  readonly lost = new Total();
  readonly expected = new Total();
  readonly #in = new Mean();
  readonly #out = new Mean();
  #codec: string | undefined;

  add({ inKbps, outKbps, codec }: Rates, seconds: number): void {
    this.#in.add(inKbps, seconds);
    this.#out.add(outKbps, seconds);
    this.#codec = codec ?? this.#codec;
  }

  count({ packets, lost }: { packets: number; lost: number }): void {
    this.lost.add(lost);
    this.expected.add(packets + lost);
  }

  get rates(): Rates & { lossPercent?: number } {
    return present({ lossPercent: this.lost.percentOf(this.expected), inKbps: this.#in.value(), outKbps: this.#out.value(), codec: this.#codec });
  }
}

/** One minute of the connection to one peer. */
export class PeerMinute {
  readonly #score = new Mean();
  readonly #mos = new Mean();
  readonly #roundTrip = new Mean();
  readonly #available = new Mean();
  readonly #jitter = new Mean();
  readonly #concealed = new Total();
  readonly #samples = new Total();
  readonly #fps = new Mean();
  readonly #width = new Mean();
  readonly #height = new Mean();
  readonly #freezes = new Total();
  readonly #freezeMs = new Total();
  readonly #audio = new Flow();
  readonly #video = new Flow();
  #limitedBy: Sample['limitedBy'];
  #path: Sample['path'] = {};

  add(sample: Sample): void {
    const { seconds, path, sound, picture, limitedBy } = sample;
    this.#score.add(score(sample), seconds);
    // A voice over a disturbed connection is gone.
    this.#mos.add(sample.isDisturbed ? 1 : voice(sample), seconds);
    this.#path = { ...this.#path, ...path };
    this.#roundTrip.add(path.roundTripMs, seconds);
    this.#available.add(path.availableKbps, seconds);
    this.#audio.add(sample.audio, seconds);
    this.#video.add(sample.video, seconds);
    if (limitedBy && limitedBy !== 'none') this.#limitedBy = limitedBy;
    else this.#limitedBy ??= limitedBy;
    if (sound) {
      this.#audio.count(sound);
      this.#jitter.add(sound.jitterMs, seconds);
      this.#concealed.add(sound.concealed);
      this.#samples.add(sound.samples);
    }
    if (picture) {
      this.#video.count(picture);
      this.#fps.add(picture.fps, seconds);
      this.#width.add(picture.width, seconds);
      this.#height.add(picture.height, seconds);
      this.#freezes.add(picture.freezes);
      this.#freezeMs.add(picture.freezeMs);
    }
  }

  get score(): number | undefined {
    return this.#score.value(2);
  }

  get mos(): number | undefined {
    return this.#mos.value(2);
  }

  report(userId: string): CallPeer {
    const { localCandidate, remoteCandidate, protocol } = this.#path;
    const candidate = remoteCandidate === 'relay' ? remoteCandidate : localCandidate;
    return {
      userId,
      ...present({
        score: this.score,
        candidate: candidate as CallPeer['candidate'],
        protocol: protocol as CallPeer['protocol'],
        rttMs: this.#roundTrip.value(),
        availableKbps: this.#available.value(),
        audio: filled({ mos: this.mos, jitterMs: this.#jitter.value(), concealedPercent: this.#concealed.percentOf(this.#samples), ...this.#audio.rates }),
        video: filled({
          fps: this.#fps.value(1),
          width: this.#width.value(),
          height: this.#height.value(),
          freezes: this.#freezes.value,
          freezeMs: this.#freezeMs.value && bounded(this.#freezeMs.value),
          ...this.#video.rates,
          limitedBy: this.#limitedBy,
        }),
      }),
    };
  }
}

/** A time span as the server takes it: whole milliseconds, an hour at most. */
export function bounded(milliseconds: number): number {
  return Math.round(Math.min(Math.max(milliseconds, 0), MOST_MS));
}

/** Nothing, where all of it is absent. */
function filled<Parts extends object>(parts: Parts): ReturnType<typeof present<Parts>> | undefined {
  const there = present(parts);
  return Object.keys(there).length > 0 ? there : undefined;
}
