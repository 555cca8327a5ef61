/**
 * Epochs name the runs of a sender, so that receivers can tell a late frame from a new start. Ours sort: by the
 * server's time at which the run joined, then by how often the sender has started over with this target since.
 * A new epoch always means a new RTCPeerConnection at its sender.
 * @module
 */

/** Names one run of a client: the server's time of its join, and chance against ties. */
export function newRun(joinedAt: string, random: number): string {
  const time = Date.parse(joinedAt).toString(36).padStart(9, '0');
  const chance = Math.floor(random * 36 ** 6).toString(36).padStart(6, '0');
  return `${time}-${chance}`;
}

/** The epoch of the `generation`th start of a run towards one target. */
export function epochOf(run: string, generation: number): string {
  return `${run}.${generation}`;
}

/** Negative when `a` is older than `b`, or `undefined` when one of them is not ours and cannot be compared. */
export function compareEpochs(a: string, b: string): number | undefined {
  const [x, y] = [OURS.exec(a), OURS.exec(b)];
  if (!x || !y) return undefined;
  const [runA, runB] = [x[1] ?? '', y[1] ?? ''];
  if (runA !== runB) return runA < runB ? -1 : 1;
  return Number(x[2]) - Number(y[2]);
}

const OURS = /^([0-9a-z]{9}-[0-9a-z]{6})\.(\d+)$/;
