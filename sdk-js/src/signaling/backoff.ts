import type { TunRTCError } from '../errors.ts';

const BASE_MS = 400;
const CAP_MS = 10_000;

/** After these, connecting again cannot help. */
const FINAL: ReadonlySet<string> = new Set([
  'closed',
  'forbidden',
  'invalid_refresh_token',
  'not_signed_in',
  'replaced',
  'session_ended',
  'session_full',
  'session_not_found',
  'unauthorized',
]);

/**
 * How long to wait before connecting again, in milliseconds, or `undefined` to give up: exponential backoff
 * with full jitter, never sooner than the server asked for.
 *
 * @param attempt 0 for the first try after the connection was lost
 * @param cause why the connection, or the last try, ended
 * @param random in [0, 1)
 */
export function reconnectDelay(attempt: number, cause: TunRTCError, random: number): number | undefined {
  if (FINAL.has(cause.code)) return undefined;
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** attempt);
  return (cause.retryAfterSeconds ?? 0) * 1000 + random * ceiling;
}

/** Whether the same frame, sent again a little later, may be accepted. */
export function isTransient(code: string): boolean {
  return code === 'rate_limited' || code === 'internal' || code === 'unavailable';
}

/** The connection's trouble, not the frame's: the frame goes out again over the next one. */
export const KEPT: ReadonlySet<string> = new Set(['connection_lost', 'not_joined', 'unauthorized']);
