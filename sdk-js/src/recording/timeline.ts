import type { RecordingDetail, RecordingFile } from '../wire.ts';

/** What a timeline is made of. */
export type Recorded = Pick<RecordingDetail, 'recordingId' | 'startedAt' | 'files' | 'gaps'>;

/** Where something is to be found at a moment: in which file, and how far into it. */
export interface Place {
  file: RecordingFile;
  seconds: number;
}

/** From and to, in milliseconds from the beginning of the timeline. */
export interface Stretch {
  from: number;
  to: number;
}

/** Several recordings beside each other, by the server's clock: 0 is the first moment of the first one. All times are milliseconds. */
export class Timeline {
  /** The first moment, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly #recordings: readonly Recorded[];

  /** Recordings without a file have no place in it. */
  constructor(recordings: readonly Recorded[]) {
    this.#recordings = recordings.filter(({ files }) => files.length > 0);
    const files = this.#recordings.flatMap((each) => each.files);
    this.startedAt = files.length > 0 ? Math.min(...files.map(({ startedAt }) => Date.parse(startedAt))) : 0;
    this.durationMs = Math.max(0, ...files.map((file) => this.#stretchOf(file).to));
  }

  /** Where a recording is at a moment; nothing where it has a gap, has not begun, or is over. */
  placeOf(recordingId: string, moment: number): Place | undefined {
    const recording = this.#recordings.find((each) => each.recordingId === recordingId);
    if (!recording || this.gapsOf(recordingId).some(({ from, to }) => moment >= from && moment < to)) return undefined;
    const file = recording.files.find((each) => {
      const { from, to } = this.#stretchOf(each);
      return moment >= from && moment < to;
    });
    return file && { file, seconds: (moment - this.#stretchOf(file).from) / 1000 };
  }

  /** When a recording has nothing to show, from the beginning to the end of the timeline. */
  gapsOf(recordingId: string): Stretch[] {
    const recording = this.#recordings.find((each) => each.recordingId === recordingId);
    if (!recording) return [{ from: 0, to: this.durationMs }];
    const origin = Date.parse(recording.startedAt) - this.startedAt;
    const gaps: Stretch[] = recording.gaps.map(({ fromMs, toMs }) => ({ from: origin + fromMs, to: origin + toMs }));
    let end = 0;
    for (const { from, to } of recording.files.map((file) => this.#stretchOf(file)).sort((a, b) => a.from - b.from)) {
      if (from > end) gaps.push({ from: end, to: from });
      end = Math.max(end, to);
    }
    if (end < this.durationMs) gaps.push({ from: end, to: this.durationMs });
    return merged(gaps);
  }

  #stretchOf({ startedAt, durationMs }: RecordingFile): Stretch {
    const from = Date.parse(startedAt) - this.startedAt;
    return { from, to: from + durationMs };
  }
}

function merged(stretches: Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  for (const { from, to } of stretches.sort((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}
