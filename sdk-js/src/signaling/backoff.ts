import type { TunRTCError } from '../errors.ts';

const BASE_MS = 400;
const CAP_MS = 10_000;
/** An unanswered frame is sent again after these; the last one repeats. */
const RESEND_MS = [3_000, 6_000, 12_000, 24_000] as const;
/** Waits after the server closed a connection on purpose, in seconds: the first, and the longest. */
const DISMISSED_SECONDS = { first: 3, longest: 60 };

/** After these, connecting again cannot help: the session is over, full, locked or gone, or closed to this user. */
const FINAL = /^(banned|closed|forbidden|invalid_refresh_token|not_admitted|not_signed_in|replaced|session_|unauthorized|waiting_)/;

/** Whether connecting again is of no use after this. What a proxy on the way says in the server's place may pass. */
export function isFinal(cause: TunRTCError): boolean {
  return FINAL.test(cause.code) && !cause.isForeign;
}

/**
 * How long to wait before connecting again, in milliseconds, or `undefined` to give up: exponential backoff
 * with full jitter, never sooner than the server asked for.
 *
 * @param attempt 0 for the first try after the connection was lost
 * @param cause why the connection, or the last try, ended
 * @param random in [0, 1)
 */
export function reconnectDelay(attempt: number, cause: TunRTCError, random: number): number | undefined {
  if (isFinal(cause)) return undefined;
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** attempt);
  return (cause.retryAfterSeconds ?? 0) * 1000 + random * ceiling;
}

/**
 * How long to wait for the answer to a frame, in milliseconds, before it is sent again. Further apart each time, or a
 * server that is behind would be kept behind by the repetitions; and spread, or all clients would repeat at once.
 *
 * @param sent how often it was sent before, from 0
 * @param random in [0, 1)
 */
export function resendDelay(sent: number, random: number): number {
  const longest = RESEND_MS[Math.min(sent, RESEND_MS.length - 1)] ?? 0;
  return (longest * (1 + random)) / 2;
}

/**
 * How many seconds to stay away after the server closed a connection on purpose without saying why: most likely another
 * tab of the same user took over, and two tabs must not take the seat from each other for ever.
 *
 * @param before how often that happened in a row before this time, from 0
 */
export function dismissedDelay(before: number): number {
  return Math.min(DISMISSED_SECONDS.first * 2 ** before, DISMISSED_SECONDS.longest);
}

/** Whether the same frame, sent again a little later, may be accepted. */
export function isTransient(code: string): boolean {
  return code === 'rate_limited' || code === 'internal' || code === 'unavailable';
}

/** The connection's trouble, not the frame's: the frame goes out again over the next one. */
export const KEPT: ReadonlySet<string> = new Set(['connection_lost', 'not_joined', 'unauthorized']);
