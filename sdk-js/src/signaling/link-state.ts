/**
 * How the connection of a membership stands, and what each happening makes of that. Pure: {@link transition} decides,
 * the link acts on it.
 * @module
 */
import { isFinal } from './backoff.ts';
import type { TunRTCError } from '../errors.ts';

/** First connection: tries before joining is given up. */
const FIRST_TRIES = 4;

/** How the signaling connection stands. */
export type ConnectionState =
  | { status: 'idle' }
  | { status: 'connecting' }
  | { status: 'connected'; recovered: boolean }
  | { status: 'reconnecting'; attempt: number; code: string; reason: string }
  | { status: 'closed'; code: string; reason: string };

/** The same in full. `moving`: a new connection is being opened while the old one serves. */
export type LinkState<Connection> =
  | { status: 'idle' }
  | { status: 'connecting'; attempt: number; cause?: TunRTCError }
  | { status: 'connected'; connection: Connection; recovered: boolean }
  | { status: 'moving'; connection: Connection; recovered: boolean }
  | { status: 'reconnecting'; attempt: number; cause: TunRTCError }
  | { status: 'closed'; cause: TunRTCError };

/** What can happen to a link. */
export type LinkEvent<Connection> =
  /** The application wants in. */
  | { type: 'join' }
  /** The server has answered a join. */
  | { type: 'joined'; connection: Connection; recovered: boolean }
  /** A try to connect ended without a connection. */
  | { type: 'failed'; cause: TunRTCError }
  /** A connection ended. */
  | { type: 'lost'; connection: Connection; cause: TunRTCError }
  /** It is time for a new connection, though the old one serves. */
  | { type: 'move' }
  | { type: 'close'; cause: TunRTCError };

/** The state after an event; the same object where the event changes nothing. */
export function transition<Connection>(state: LinkState<Connection>, event: LinkEvent<Connection>): LinkState<Connection> {
  if (state.status === 'closed') return state;
  switch (event.type) {
    case 'join':
      return state.status === 'idle' ? { status: 'connecting', attempt: 0 } : state;
    case 'joined':
      return isTrying(state) ? { status: 'connected', connection: event.connection, recovered: event.recovered } : state;
    case 'failed':
      return failed(state, event.cause);
    case 'lost':
      return connectionOf(state) === event.connection ? { status: 'reconnecting', attempt: 0, cause: event.cause } : state;
    case 'move':
      return state.status === 'connected' ? { ...state, status: 'moving' } : state;
    case 'close':
      return { status: 'closed', cause: event.cause };
  }
}

/** Whether a new connection is wanted. */
export function isTrying<Connection>({ status }: LinkState<Connection>): boolean {
  return status === 'connecting' || status === 'moving' || status === 'reconnecting';
}

/** The connection that serves, if one does. */
export function connectionOf<Connection>(state: LinkState<Connection>): Connection | undefined {
  return state.status === 'connected' || state.status === 'moving' ? state.connection : undefined;
}

/** What the application is told. */
export function describe<Connection>(state: LinkState<Connection>): ConnectionState {
  switch (state.status) {
    case 'idle':
    case 'connecting':
      return { status: state.status };
    case 'connected':
    case 'moving':
      return { status: 'connected', recovered: state.recovered };
    case 'reconnecting':
      return { status: state.status, attempt: state.attempt, code: state.cause.code, reason: state.cause.message };
    case 'closed':
      return { status: state.status, code: state.cause.code, reason: state.cause.message };
  }
}

function failed<Connection>(state: LinkState<Connection>, cause: TunRTCError): LinkState<Connection> {
  if (!isTrying(state)) return state;
  if (isFinal(cause)) return { status: 'closed', cause };
  switch (state.status) {
    case 'connecting':
      return state.attempt + 1 < FIRST_TRIES ? { ...state, attempt: state.attempt + 1, cause } : { status: 'closed', cause };
    case 'reconnecting':
      return { ...state, attempt: state.attempt + 1, cause };
    case 'moving':
      return { ...state, status: 'connected' };
    default:
      return state;
  }
}
