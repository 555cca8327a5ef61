/**
 * Epochs name the starts of a sender, so that receivers can tell a late frame from a new start. Ours sort: by the
 * server's time at which the run joined, or started over with this target, then by how often it has done that. By time,
 * because a run that lost its seat to another one and took it back is behind that one until it starts over.
 * What is sent in an epoch belongs to one RTCPeerConnection at its sender.
 * @module
 */

/** Names a start of a client: the server's time, and chance, the same for all starts of one run, against ties. */
export function newRun(at: string, random: number): string {
  const time = Date.parse(at).toString(36).padStart(9, '0');
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
