import type { Environment, TokenStorage } from './environment.ts';
import { TunRTCError } from './errors.ts';
import type { Capture } from './media/local.ts';
import type { RTCConfiguration } from './platform.ts';
import type { GetToken } from './rest/app.ts';
import type { FieldError } from './wire.ts';

/** How to reach the server, and what to use on the way. */
export interface TunRTCOptions {
  /** Where the server is, e.g. `http://localhost:5000`. */
  url: string;
  /**
   * Gets a join token for the user from the app's own backend, in place of a sign-in. It is called at each join, and when the
   * server says that the token ran out.
   */
  getToken?: GetToken | undefined;
  /** Keeps the tokens over a reload; `sessionStorage` fits. Without it they live in memory alone. */
  storage?: TokenStorage | undefined;
  /**
   * For every peer connection, e.g. `{ iceTransportPolicy: 'relay' }`. With `iceServers` in it, these are used in place of
   * the server's.
   */
  rtcConfiguration?: RTCConfiguration | undefined;
  /** Whether the session is left when the page is closed or reloaded, so that nobody looks at a frozen picture; `true` when absent. */
  leaveOnPageHide?: boolean | undefined;
  /**
   * Whether calls with media are measured, and told of to the server once a minute, where it asks for that; `true` when absent. What is told has no
   * content: delays, losses, bitrates, the kind of browser, and when something was switched on or off.
   */
  reportQuality?: boolean | undefined;
  /** Replaces parts of the surroundings, e.g. `openSocket` in a Node without WebSocket. */
  environment?: Partial<Environment> | undefined;
}

const TYPES: Record<keyof TunRTCOptions, string> = {
  url: 'string',
  getToken: 'function',
  storage: 'object',
  rtcConfiguration: 'object',
  leaveOnPageHide: 'boolean',
  reportQuality: 'boolean',
  environment: 'object',
};
/** Parts of the environment that are no functions. */
const PARTS: Record<string, string> = { mediaDevices: 'object', storage: 'object' };

/**
 * The options of a client, as they are.
 *
 * @throws {TunRTCError} `invalid_option`, with every option that is unknown or not of its type in `errors`
 */
export function checkOptions(options: string | TunRTCOptions, environment: Environment): TunRTCOptions {
  const given: TunRTCOptions = typeof options === 'string' ? { url: options } : options;
  const parts = Object.keys(environment).map((name) => [name, PARTS[name] ?? 'function']);
  const errors = [
    ...check('', { ...given }, TYPES),
    ...check('environment.', { ...given?.environment }, Object.fromEntries(parts) as Record<string, string>),
  ];
  for (const [field, storage] of [['storage', given?.storage], ['environment.storage', given?.environment?.storage]] as const) {
    if (storage && !isStorage(storage)) errors.push({ field, reason: 'must have getItem, setItem and removeItem that answer at once' });
  }
  if (!isAddress(given?.url)) errors.push({ field: 'url', reason: 'must be the address of a server' });
  const { iceServers = [] } = given?.rtcConfiguration ?? {};
  if (!Array.isArray(iceServers)) errors.push({ field: 'rtcConfiguration.iceServers', reason: 'must be a list' });
  if (errors.length > 0) throw invalid(errors);
  return given;
}

/** @throws {TunRTCError} `invalid_option` when one is neither yes, no nor constraints */
export function checkCaptures(captures: Record<'audio' | 'video', Capture>): void {
  const errors = Object.entries(captures)
    .filter(([, value]) => typeof value !== 'boolean' && (typeof value !== 'object' || !value))
    .map(([field]) => ({ field, reason: 'must be true, false or constraints' }));
  if (errors.length > 0) throw invalid(errors);
}

/** @throws {TunRTCError} `invalid_option` when one is not among `known`: a misspelt option is not dropped in silence */
export function refuseUnknown(options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw invalid(unknown.map((field) => ({ field, reason: 'is not known' })));
}

function check(prefix: string, given: object, types: Record<string, string>): FieldError[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    if (type && (value === undefined || (typeof value === type && value !== null))) return [];
    return { field: prefix + name, reason: type ? `must be of type ${type}` : 'is not known' };
  });
}

/** One that answers with a promise cannot be used; one that throws may be blocked or full, and is done without. */
function isStorage(storage: TokenStorage): boolean {
  if (![storage.getItem, storage.setItem, storage.removeItem].every((method) => typeof method === 'function')) return false;
  try {
    return typeof (storage.getItem('tunrtc.auth') ?? '') === 'string';
  } catch {
    return true;
  }
}

/** A path alone is of the page's own server. */
function isAddress(url: unknown): boolean {
  try {
    return typeof url === 'string' && /^https?:$/.test(new URL(url, globalThis.location?.href).protocol);
  } catch {
    return false;
  }
}

function invalid(errors: FieldError[]): TunRTCError {
  const text = errors.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return new TunRTCError('invalid_option', `Bad options: ${text}.`, { errors });
}
