/**
 * Session descriptions on their way: large ones are compressed, and a shared screen is marked as such.
 * @module
 */
import { TunRTCError } from '../errors.ts';

/** A frame may have 32 KB; the rest is for the frame around the description and what the server adds. */
const PLAIN_LIMIT = 28 * 1024;
/** Stands before a compressed description: raw DEFLATE (RFC 1951) in base64. Only TunRTC's own clients read it. */
const COMPRESSED = 'tunrtc-deflate:';

/** The description as it fits a frame. Rejects with `payload_too_large` when nothing makes it fit. */
export async function pack(sdp: string): Promise<string> {
  if (new Blob([JSON.stringify(sdp)]).size <= PLAIN_LIMIT) return sdp;
  const bytes = await pipe(sdp, new CompressionStream('deflate-raw')).arrayBuffer();
  const packed = COMPRESSED + toBase64(new Uint8Array(bytes));
  if (packed.length <= PLAIN_LIMIT) return packed;
  throw new TunRTCError('payload_too_large', 'The session description does not fit a frame.');
}

/** The description as it was before {@link pack}. */
export async function unpack(sdp: string): Promise<string> {
  if (!sdp.startsWith(COMPRESSED)) return sdp;
  const bytes = Uint8Array.from(atob(sdp.slice(COMPRESSED.length)), (character) => character.charCodeAt(0));
  return pipe(bytes, new DecompressionStream('deflate-raw')).text();
}

function pipe(data: BlobPart, through: GenericTransformStream): Response {
  const stream = new Blob([data]).stream().pipeThrough(through as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array>);
  return new Response(stream);
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Marks a media section as a presentation (RFC 4796), so that the other side can tell a screen from a camera. */
export function markScreen(sdp: string, mid: string | null): string {
  if (mid === null) return sdp;
  return sdp.replace(new RegExp(`^a=mid:${mid}\r?\n`, 'm'), (line) => `${line}a=content:slides\r\n`);
}

/** Whether a media section is marked as a presentation. */
export function isScreen(sdp: string, mid: string | null): boolean {
  const section = sdp.split(/^m=/m).find((part) => part.includes(`a=mid:${mid}\r\n`));
  return section?.includes('a=content:slides') ?? false;
}

/** Whether a candidate belongs to a description: its user name fragment is one of the description's. */
export function belongsTo(candidate: RTCIceCandidateInit, sdp: string): boolean {
  const fragment = candidate.usernameFragment ?? / ufrag (\S+)/.exec(candidate.candidate ?? '')?.[1];
  return !fragment || sdp.includes(`a=ice-ufrag:${fragment}\r\n`);
}
