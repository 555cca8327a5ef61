import { TunRTCError, type ErrorCode } from '../errors.ts';
import type { Problem } from '../wire.ts';

/** The body of a good answer; anything else is thrown as what it means. */
export async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  const body = parse(text);
  if (!response.ok) throw refusal(response, body);
  if (response.status === 204) return undefined;
  if (typeof body === 'object' && body !== null) return body;
  throw foreign(response, text ? undefined : 'The answer is empty.');
}

/** The body if it has this field, as every good answer to its request has; else it is somebody else's. */
export function having<Body>({ body, response }: { body: Body; response: Response }, field: keyof Body): Body {
  if (typeof body === 'object' && body && field in body) return body;
  throw foreign(response);
}

function foreign({ status }: Response, message = 'The answer is not of a TunRTC server.'): TunRTCError {
  return new TunRTCError('invalid_response', message, { status, isForeign: true });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A problem document, or whatever a gateway or a proxy answered in its place, as an error. */
function refusal(response: Response, body: unknown): TunRTCError {
  const { status, headers } = response;
  const problem = isProblem(body) ? body : undefined;
  const requestId = problem?.requestId ?? headers.get('x-request-id');
  const retryAfterSeconds = secondsUntil(headers.get('retry-after'));
  const [code, message] = FOREIGN[status] ?? foreignAnswer(response);
  return new TunRTCError(problem?.code ?? code, problem?.detail ?? problem?.message ?? message, {
    status,
    isForeign: !problem,
    ...(requestId && { requestId }),
    ...(Array.isArray(problem?.errors) && { errors: problem.errors }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

/** A code and its plain words. */
type Meaning = readonly [code: ErrorCode, message: string];

const LATE: Meaning = ['timeout', 'The server did not answer in time.'];
/** What a status says that something other than the server answered. */
const FOREIGN: Record<number, Meaning> = {
  400: ['invalid_request', 'The request was refused on its way to the server.'],
  401: ['unauthorized', 'The request was refused on its way to the server.'],
  403: ['forbidden', 'The request was refused on its way to the server.'],
  404: ['not_found', 'There is no TunRTC server at this address.'],
  408: LATE,
  413: ['payload_too_large', 'The request is too large.'],
  429: ['rate_limited', 'Too many requests: try again later.'],
  504: LATE,
};

function foreignAnswer({ status, type }: Response): Meaning {
  if (status >= 500) return ['unavailable', `The server cannot be reached at the moment (${status}).`];
  const leadsAway = type === 'opaqueredirect' || (status >= 300 && status < 400);
  const elsewhere = 'The address leads to another one: use that.';
  return ['invalid_response', leadsAway ? elsewhere : `No TunRTC server answered (${status}).`];
}

function isProblem(body: unknown): body is Partial<Problem> & { code: string } {
  return typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string';
}

/** What a `Retry-After` header says, in seconds: it holds either that number or a date (RFC 9110). */
function secondsUntil(retryAfter: string | null): number | undefined {
  if (!retryAfter) return undefined;
  const seconds = Number(retryAfter);
  if (seconds >= 0) return seconds;
  const wait = (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isNaN(wait) ? undefined : Math.max(wait, 0);
}
