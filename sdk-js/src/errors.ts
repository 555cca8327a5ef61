import type { FieldError } from './wire.ts';

/** The server's error codes; see the contract for when each one is answered. */
export type ServerErrorCode =
  | 'invalid_request'
  | 'unauthorized'
  | 'token_expired'
  | 'token_not_active'
  | 'token_revoked'
  | 'key_disabled'
  | 'invalid_credentials'
  | 'invalid_refresh_token'
  | 'forbidden'
  | 'not_found'
  | 'not_offered'
  | 'session_not_found'
  | 'not_in_session'
  | 'user_exists'
  | 'session_full'
  | 'room_exists'
  | 'session_ended'
  | 'session_locked'
  | 'banned'
  | 'not_admitted'
  | 'waiting_room_full'
  | 'invite_not_found'
  | 'too_many_invites'
  | 'recording_not_found'
  | 'recording_active'
  | 'recording_finished'
  | 'participant_not_found'
  | 'version_mismatch'
  | 'idempotency_key_reused'
  | 'payload_too_large'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'internal'
  | 'unavailable'
  | 'invalid_frame'
  | 'unknown_action'
  | 'not_joined'
  | 'peer_not_found';

/** Codes that arise in the client itself. */
export type ClientErrorCode =
  /** The server could not be reached. */
  | 'network_error'
  /** The server did not answer in time. */
  | 'timeout'
  /** The answer was not what the contract says. */
  | 'invalid_response'
  /** Call `login` or `register` first. */
  | 'not_signed_in'
  /** The app's `getToken` failed, or answered no token. */
  | 'no_token'
  /** The signaling connection ended before the answer came. */
  | 'connection_lost'
  /** Whoever steers the session did not let this participant in. */
  | 'denied'
  /** A newer connection of the same user took over. */
  | 'replaced'
  /** The session was left, or the client disconnected, before the answer came. */
  | 'closed'
  /** Somebody who steers the session took this participant out of it. */
  | 'removed'
  /** The user or the browser refused the camera, the microphone or the screen. */
  | 'media_denied'
  /** There is no such device. */
  | 'media_not_found'
  /** Another program holds the device, or it failed. */
  | 'media_in_use'
  /** The client was given an option that it does not know, or that is not of its type. */
  | 'invalid_option'
  /** A camera or microphone stopped while it was in use. */
  | 'media_lost'
  /** As many people show video as the server allows in a call. */
  | 'video_limit'
  /** No media here: an insecure page, or not a browser. */
  | 'media_unavailable'
  /** A peer connection could not do what was asked of it. */
  | 'peer_failed';

/** Every code that a {@link TunRTCError} can carry. Codes of a newer server pass through. */
export type ErrorCode = ServerErrorCode | ClientErrorCode | (string & {});

/** What a {@link TunRTCError} knows beside its message. */
export interface ErrorDetails {
  /** HTTP status, for answers over REST. */
  status?: number;
  /** Whether something on the way answered in the server's place: an API gateway, a proxy. */
  isForeign?: boolean;
  /** Names the request in the server's log. */
  requestId?: string;
  /** Every bad field of the request. */
  errors?: FieldError[];
  /** The server asks not to come again for this many seconds. */
  retryAfterSeconds?: number;
  /** What went wrong below, e.g. a `DOMException` of the browser. */
  cause?: unknown;
}

/** The one kind of error that this package rejects with; `code` is stable, the message is for people. */
export class TunRTCError extends Error {
  override readonly name = 'TunRTCError';
  readonly code: ErrorCode;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** Whether something on the way answered in the server's place: then `code` follows from `status`. */
  readonly isForeign: boolean;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.isForeign = details.isForeign ?? false;
    this.errors = details.errors ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Whatever was thrown, as the error this package speaks of. */
export function asTunRTCError(thrown: unknown, code: ErrorCode): TunRTCError {
  if (thrown instanceof TunRTCError) return thrown;
  return new TunRTCError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}
