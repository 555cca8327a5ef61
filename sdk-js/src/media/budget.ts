import type { Slot } from './peer.ts';

/** What all connections of a participant may send together, in bit/s: what most lines at home carry besides other things. */
const UPLINK = 2_400_000;
/** What a voice takes at most, with its packets' heads. */
const VOICE = 48_000;
/** More than this nobody sees in a picture of a camera. */
const MOST = 1_500_000;
/** Less than this is no picture any more. */
const LEAST = 80_000;
/** The part of a connection's share that a shared screen gets, where a camera is sent beside it: text must be read. */
const SCREEN_PART = 0.7;

/** The height, in pixels, up to which a camera's picture is worth its bits: from so many bit/s on. */
const HEIGHTS: readonly (readonly [from: number, height: number])[] = [
  [1_000_000, 720],
  [450_000, 480],
  [200_000, 360],
  [0, 240],
];

/** What one connection may send in a slot. */
export interface Limit {
  /** In bit/s. */
  maxBitrate: number;
  /** The picture's height in pixels at most; absent for voices and screens. */
  height?: number;
}

/**
 * What each of `connections` connections may send: in a mesh everything is sent to everybody, so one line is shared by all of
 * them. Voices come first; pictures get what is left, in the size that so many bits are enough for.
 */
export function limits(connections: number, withScreen: boolean): Record<Slot, Limit> {
  const share = UPLINK / Math.max(1, connections) - VOICE;
  const picture = (part: number) => Math.round(Math.min(MOST, Math.max(LEAST, share * part)));
  const camera = picture(withScreen ? 1 - SCREEN_PART : 1);
  const height = HEIGHTS.find(([from]) => camera >= from)?.[1];
  return {
    microphone: { maxBitrate: VOICE },
    camera: { maxBitrate: camera, ...(height !== undefined && { height }) },
    screen: { maxBitrate: picture(SCREEN_PART) },
  };
}

/** Puts a limit into what a sender is set to; false where the browser has nothing to set yet. */
export function restrict(parameters: RTCRtpSendParameters, slot: Slot, limit: Limit, track: MediaStreamTrack): boolean {
  const [encoding] = parameters.encodings ?? [];
  if (!encoding) return false;
  encoding.maxBitrate = limit.maxBitrate;
  if (slot === 'microphone') {
    encoding.priority = encoding.networkPriority = 'high';
    return true;
  }
  const { height } = track.getSettings();
  if (limit.height !== undefined && height !== undefined) encoding.scaleResolutionDownBy = Math.max(1, height / limit.height);
  // On a line that gets worse a face should move on, and a text stay sharp.
  parameters.degradationPreference = slot === 'screen' ? 'maintain-resolution' : 'balanced';
  return true;
}
