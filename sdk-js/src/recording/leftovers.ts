/** What cannot be uploaded any more, as files that play: for whoever recorded it. */
import type { Saved } from './spool.ts';

/** A stretch of a recording that is on this device alone. */
export interface Leftover {
  /** When it began, by the server's clock, in milliseconds since 1970; to a piece. */
  startedAt: number;
  /** Pieces that are in it. */
  pieces: number;
  /** A file of the recording's type. What is missing in the middle of it is missing there too. */
  file: Blob;
}

/** A head is well within this. */
const LOOKED_AT = 65_536;

/** Where media begins, -1 where none does: a fragment of MP4 four bytes before its name, a cluster of WebM with its identifier (RFC 9559, 5.1.3). */
function mediaAt(bytes: BufferSource): number {
  // A character for each byte.
  return new TextDecoder('latin1').decode(bytes).search(/[^]{4}moof|\x1fC\xb6u/);
}

/** What a segment's first piece begins with, without which no player takes the others: all of it, where the browser gives that as a piece by itself. */
export async function headOf(first: Blob): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await first.slice(0, LOOKED_AT).arrayBuffer());
  const at = mediaAt(bytes);
  return at < 0 ? bytes : bytes.slice(0, at);
}

/** One file for each segment of which something is here. */
export async function leftoversOf({ segments, mimeType, chunkSeconds }: Saved, waiting: readonly number[], read: (seq: number) => Promise<Blob | undefined>): Promise<Leftover[]> {
  const leftovers: Leftover[] = [];
  for (const [index, { fromSeq, startedAt, head }] of segments.entries()) {
    const own = waiting.filter((seq) => seq >= fromSeq && seq < (segments[index + 1]?.fromSeq ?? Infinity));
    const pieces = (await Promise.all(own.map(read))).filter((piece) => piece !== undefined);
    const [seq, first] = [own[0], pieces[0]];
    if (seq === undefined || !first) continue;
    const parts = seq === fromSeq || !head ? pieces : [head, await withoutHalf(first), ...pieces.slice(1)];
    leftovers.push({ startedAt: startedAt + (seq - fromSeq) * chunkSeconds * 1000, pieces: pieces.length, file: new Blob(parts, { type: mimeType }) });
  }
  return leftovers;
}

/** From where something begins: what is before that belongs to a piece that is not here. */
async function withoutHalf(piece: Blob): Promise<Blob> {
  return piece.slice(Math.max(mediaAt(await piece.arrayBuffer()), 0));
}
