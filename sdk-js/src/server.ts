/**
 * For an app's backend: join tokens for its users, and the routes of the server that an API key opens. Needs `fetch` and Web Crypto
 * alone, as Node 20, Deno, Bun and edge runtimes have them. Keep it out of pages: a key in one is refused.
 * @module
 */
import type {
  ChatMessage,
  MediaKind,
  NewSession,
  NewWebhook,
  ParticipantChange,
  ParticipantDetail,
  Session,
  SessionDetail,
  UpdateSession,
  Usage,
  WebhookChange,
  WebhookDelivery,
  WebhookEvent,
  WebhookReplay,
  WebhookView,
} from './wire.ts';

export type {
  AttributesInput,
  NamedWebhook,
  NewWebhook,
  ParticipantChange,
  ParticipantDetail,
  ReasonView,
  Usage,
  UsageGroup,
  WebhookChange,
  WebhookData,
  WebhookDelivery,
  WebhookEvent,
  WebhookMessage,
  WebhookParticipant,
  RecordingKind,
  RecordingStatus,
  WebhookRecording,
  WebhookReplay,
  WebhookSession,
  WebhookView,
} from './wire.ts';

/** An API key. */
export interface ApiKey {
  key: string;
  secret: string;
}

/** What a user may do, LiveKit's grants. What is absent has their default. */
export interface Grants {
  roomAdmin?: boolean;
  roomCreate?: boolean;
  roomList?: boolean;
  canPublish?: boolean;
  canPublishSources?: ('camera' | 'microphone' | 'screen_share' | 'screen_share_audio')[];
  canPublishData?: boolean;
  canSubscribe?: boolean;
  canUpdateOwnMetadata?: boolean;
  /** Whether the user goes when the token ends. */
  ejectAtTokenExp?: boolean;
  /** The seats of a room that the join makes, 2 to 100. */
  maxParticipants?: number;
}

/** Whom a token is for. */
export interface TokenOptions {
  /** What your app calls the user: 1 to 128 characters. */
  identity: string;
  /** The room, by your own name of it or by a session's id. */
  room: string;
  /** What others see; the identity when absent. */
  name?: string;
  /** What your app keeps with the user while they are there; others see it. At most 4 KiB. */
  metadata?: string;
  /** Others see them; the user changes them only with `canUpdateOwnMetadata`. At most 4 KiB together. */
  attributes?: Record<string, string>;
  /** 10 minutes when absent, at most 24 hours. It counts at the join: whoever is in stays. */
  ttlSeconds?: number;
  grants?: Grants;
}

/** A refusal of the server; `code` is stable, `detail` says more. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;

  constructor(status: number, code: string, detail: string, requestId: string | undefined) {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/** One page of a list. */
export interface Page<Item> {
  items: Item[];
  /** Give it to the same call for the next page; absent on the last one. */
  cursor?: string;
}

export interface PageOptions {
  /** 1 to 100; 50 when absent. */
  limit?: number;
  cursor?: string;
}

/** What happened, and where the next request goes on. */
export interface Events {
  events: WebhookEvent[];
  /** For `after` of the next request, now or later; `null` while nothing was noted. With `types`, `events` may be empty before the end, where it is the `after` that was given. */
  next: string | null;
}

export interface EventsOptions {
  /** What follows there: `next` of an earlier answer. */
  after?: string;
  /** What was noted then or later, instead of `after`. */
  since?: Date;
  types?: string[];
  /** 1 to 100; 50 when absent. */
  limit?: number;
}

const GRANTS: readonly string[] = [
  'roomAdmin',
  'roomCreate',
  'roomList',
  'canPublish',
  'canPublishSources',
  'canPublishData',
  'canSubscribe',
  'canUpdateOwnMetadata',
  'ejectAtTokenExp',
  'maxParticipants',
] satisfies (keyof Grants)[];

/** What the server makes of identities: one that looks the same could be taken for somebody else's. */
const USER_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Refuses what no server would take: it would only be found out by the user, at the join. */
function check({ identity, room, ttlSeconds = 600, grants = {} }: TokenOptions): void {
  const named = (text: unknown): boolean => typeof text === 'string' && text.trim() !== '' && [...text].length <= 128;
  if (!named(identity)) throw new TypeError('identity must be 1-128 characters, and not blank');
  if (USER_ID.test(identity)) throw new TypeError('identity must not look like a userId (a UUID of version 8)');
  if (!named(room)) throw new TypeError('room must be 1-128 characters, and not blank');
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > 86_400) throw new RangeError('ttlSeconds must be a whole number, 1-86400');
  const unknown = Object.keys(grants).find((grant) => !GRANTS.includes(grant));
  if (unknown !== undefined) throw new TypeError(`grants.${unknown} is no grant`);
}

/**
 * A join token for a user, signed with the key's secret.
 *
 * @throws {TypeError} For an `identity`, a `room` or a grant that no server takes; the message names it.
 * @throws {RangeError} For a `ttlSeconds` that is none of 1-86,400.
 */
export async function mintToken({ key, secret }: ApiKey, options: TokenOptions): Promise<string> {
  check(options);
  const { identity, room, name, metadata, attributes, ttlSeconds = 600, grants = {} } = options;
  const now = Math.floor(Date.now() / 1000);
  return sign(secret, {
    iss: key,
    sub: identity,
    nbf: now,
    exp: now + ttlSeconds,
    ...(name !== undefined && { name }),
    ...(metadata !== undefined && { metadata }),
    ...(attributes && { attributes }),
    video: { ...grants, roomJoin: true, room },
  });
}

/**
 * The server, as a backend sees it.
 *
 * ```ts
 * const server = new TunRTCServer({ url: 'https://calls.example.org', key, secret });
 * const token = await server.mintToken({ identity: user.id, name: user.name, room: 'daily' });
 * ```
 */
export class TunRTCServer {
  readonly #url: string;
  readonly #key: ApiKey;
  readonly #fetch: typeof fetch;

  constructor({ url, key, secret, fetch: given = fetch }: ApiKey & { url: string; fetch?: typeof fetch }) {
    this.#url = url.replace(/\/+$/, '');
    this.#key = { key, secret };
    this.#fetch = given;
  }

  /** A join token for a user. */
  mintToken(options: TokenOptions): Promise<string> {
    return mintToken(this.#key, options);
  }

  /** Makes a room, or answers the one that is there with the same settings; without `room` a session that has only an id. */
  createSession(session: NewSession): Promise<Session> {
    return this.#ask('POST', '/api/session/create', session);
  }

  /** The active sessions of the project, newest first. */
  listSessions(options: PageOptions = {}): Promise<Page<Session>> {
    return this.#page('/api/session/active', options);
  }

  /** @param session its id, or the room's name */
  getSession(session: string): Promise<SessionDetail> {
    return this.#ask('GET', of(session));
  }

  /**
   * Changes a session; everybody in it is told.
   * @param seenVersion refused with `version_mismatch` if the session has another `version`
   */
  updateSession(session: string, change: UpdateSession, { seenVersion }: { seenVersion?: number } = {}): Promise<Session> {
    return this.#ask('PATCH', of(session), change, seenVersion === undefined ? {} : { 'if-match': `"${seenVersion}"` });
  }

  /** Who takes part, and what they may do. */
  listParticipants(session: string): Promise<ParticipantDetail[]> {
    return this.#ask('GET', `${of(session)}/participants`);
  }

  /** @param user a `userId`, or what your app calls the user */
  getParticipant(session: string, user: string): Promise<ParticipantDetail> {
    return this.#ask('GET', of(session, user));
  }

  /** Changes somebody's role, permissions, name, attributes or metadata; everybody is told. Attributes are merged; null takes one away. */
  updateParticipant(session: string, user: string, change: ParticipantChange): Promise<ParticipantDetail> {
    return this.#ask('PATCH', of(session, user), change);
  }

  /** Takes somebody out, also somebody who is not there, and keeps them out for `banSeconds` (at most 30 days). 0 takes nobody out, and lifts a ban. */
  async removeParticipant(session: string, user: string, { banSeconds }: { banSeconds?: number } = {}): Promise<void> {
    await this.#send('DELETE', of(session, user) + (banSeconds === undefined ? '' : `?banSeconds=${banSeconds}`));
  }

  /** Lets somebody in who waits: their client takes a seat. */
  async admitParticipant(session: string, user: string): Promise<void> {
    await this.#send('POST', `${of(session, user)}/admit`);
  }

  /** Turns somebody away who waits. */
  async denyParticipant(session: string, user: string): Promise<void> {
    await this.#send('POST', `${of(session, user)}/deny`);
  }

  /** Asks somebody to switch a track off. It is a request: their client obeys it. */
  async muteParticipant(session: string, user: string, kind: MediaKind): Promise<void> {
    await this.#send('POST', `${of(session, user)}/mute`, { kind });
  }

  /** Asks everybody but hosts and `except` (`userId`s, or what your app calls them) to switch a track off. */
  async muteAll(session: string, kind: MediaKind, { except }: { except?: string[] } = {}): Promise<void> {
    await this.#send('POST', `${of(session)}/mute`, { kind, ...(except && { except }) });
  }

  /** Writes into the chat, under the project's name if no other is given. A message of the same `clientMessageId` is the same one. */
  sendMessage(
    session: string,
    message: string,
    options: { fromUsername?: string; clientMessageId?: string } = {},
  ): Promise<ChatMessage> {
    return this.#ask('POST', `${of(session)}/messages`, { message, ...options });
  }

  /**
   * Sends data to everybody, or to these (`userId`s, or what your app calls them); kept for whoever is away for a moment. Of the same
   * `dataId` it is the same data, which clients drop when it comes again.
   * @param payload at most 15 KiB of UTF-8
   */
  sendData(
    session: string,
    topic: string,
    payload: string,
    { to, dataId = crypto.randomUUID() }: { to?: string[]; dataId?: string } = {},
  ): Promise<{ dataId: string }> {
    return this.#ask('POST', `${of(session)}/data`, { topic, payload, dataId, ...(to && { to }) });
  }

  /** The chat of the last 24 h, newest first. */
  getMessages(session: string, options: PageOptions = {}): Promise<Page<ChatMessage>> {
    return this.#page(`${of(session)}/messages`, options);
  }

  /** Ends a session for everybody. */
  async endSession(session: { sessionId: string } | { room: string }): Promise<void> {
    await this.#send('POST', '/api/session/end', session);
  }

  /** What the project used: stays that are over, by the day in UTC on which they ended, or by room. */
  getUsage({ from, to, group }: { from?: string | Date; to?: string | Date; group?: 'day' | 'room' } = {}): Promise<Usage> {
    const query = new URLSearchParams();
    const time = (at: string | Date): string => (at instanceof Date ? at.toISOString() : at);
    if (from !== undefined) query.set('from', time(from));
    if (to !== undefined) query.set('to', time(to));
    if (group !== undefined) query.set('group', group);
    return this.#ask('GET', query.size ? `/api/usage?${query}` : '/api/usage');
  }

  /**
   * Takes every token of a user back that was minted until now, and ends the user's connections. A token of the same second counts
   * as minted before.
   */
  async revokeUser(identity: string): Promise<void> {
    await this.#send('POST', `/api/users/${encodeURIComponent(identity)}/revoke`);
  }

  /** Names an endpoint that is told what happens. Its secret is in this answer and in no other. */
  createWebhook(webhook: NewWebhook): Promise<WebhookView & { secret: string }> {
    return this.#ask('POST', '/api/webhooks', webhook);
  }

  listWebhooks(): Promise<WebhookView[]> {
    return this.#ask('GET', '/api/webhooks');
  }

  getWebhook(webhookId: string): Promise<WebhookView> {
    return this.#ask('GET', webhook(webhookId));
  }

  /** Changes what is given; `disabled` switches it off and on. */
  updateWebhook(webhookId: string, change: WebhookChange): Promise<WebhookView> {
    return this.#ask('PATCH', webhook(webhookId), change);
  }

  async deleteWebhook(webhookId: string): Promise<void> {
    await this.#send('DELETE', webhook(webhookId));
  }

  /** Exchanges the secret. The one of before signs too for 24 hours, so that a receiver can take either. */
  rotateWebhook(webhookId: string): Promise<WebhookView & { secret: string }> {
    return this.#ask('POST', `${webhook(webhookId)}/rotate`);
  }

  /** Sends `webhook.test`. */
  testWebhook(webhookId: string): Promise<{ eventId: string }> {
    return this.#ask('POST', `${webhook(webhookId)}/test`);
  }

  /** Tells an endpoint again what happened, up to 100 of it; `next` goes on as `after`. */
  replayWebhook(webhookId: string, options: WebhookReplay = {}): Promise<{ replayed: number; next: string | null }> {
    return this.#ask('POST', `${webhook(webhookId)}/replay`, options);
  }

  /** The tries to tell an endpoint in the last 3 days, newest first. */
  listDeliveries(webhookId: string, options: PageOptions = {}): Promise<Page<WebhookDelivery>> {
    return this.#page(`${webhook(webhookId)}/deliveries`, options);
  }

  /** What happened in the last 7 days, in the order of noting: for a backend that was down, or wants to compare. */
  listEvents({ after, since, types, limit }: EventsOptions = {}): Promise<Events> {
    const query = new URLSearchParams();
    if (after !== undefined) query.set('after', after);
    if (since !== undefined) query.set('since', since.toISOString());
    if (types !== undefined) query.set('types', types.join(','));
    if (limit !== undefined) query.set('limit', String(limit));
    return this.#ask('GET', query.size ? `/api/events?${query}` : '/api/events');
  }

  async #page<Item>(path: string, { limit, cursor }: PageOptions): Promise<Page<Item>> {
    const query = new URLSearchParams();
    if (limit !== undefined) query.set('limit', String(limit));
    if (cursor !== undefined) query.set('cursor', cursor);
    const response = await this.#send('GET', query.size ? `${path}?${query}` : path);
    const target = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
    const next = target && new URL(target, this.#url).searchParams.get('cursor');
    return { items: (await response.json()) as Item[], ...(next && { cursor: next }) };
  }

  async #ask<Answer>(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Answer> {
    return (await (await this.#send(method, path, body, headers)).json()) as Answer;
  }

  async #send(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    const { key, secret } = this.#key;
    const response = await this.#fetch(this.#url + path, {
      method,
      headers: { ...headers, authorization: `Basic ${btoa(`${key}:${secret}`)}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      // A redirect would take the key elsewhere.
      redirect: 'manual',
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

/** The path of a session, or of somebody there. */
function of(session: string, user?: string): string {
  const path = `/api/session/${encodeURIComponent(session)}`;
  return user === undefined ? path : `${path}/participants/${encodeURIComponent(user)}`;
}

function webhook(id: string): string {
  return `/api/webhooks/${encodeURIComponent(id)}`;
}

async function refusal(response: Response): Promise<ServerError> {
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; requestId?: string };
  const { code = 'invalid_response', detail = `The server answered ${response.status}.`, requestId } = problem;
  return new ServerError(response.status, code, detail, requestId);
}

/** A JSON Web Token (RFC 7519) with HS256. */
async function sign(secret: string, claims: object): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['sign']);
  const signed = `${encode(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))}.${encode(JSON.stringify(claims))}`;
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm.name, key, new TextEncoder().encode(signed)));
  return `${signed}.${base64url(signature)}`;
}

function encode(text: string): string {
  return base64url(new TextEncoder().encode(text));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
