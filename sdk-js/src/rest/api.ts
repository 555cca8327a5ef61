import type { Environment } from '../environment.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import type {
  Account,
  Auth,
  ChatMessage,
  Health,
  IceServers,
  Joined,
  NewSession,
  Problem,
  Session,
  SessionDetail,
  SignalingTicket,
} from '../wire.ts';

/** A token is refreshed when this much of its life is left. */
const REFRESH_MARGIN_MS = 60_000;
/** An answer that takes longer than this is given up. */
const REQUEST_TIMEOUT_MS = 20_000;
const STORAGE_KEY = 'tunrtc.auth';

/** One page of a list. */
export interface Page<Item> {
  items: Item[];
  /** Give it to the same call for the next page; absent on the last one. */
  cursor?: string;
}

/** Which part of a list to answer. */
export interface PageOptions {
  /** 1 to 100; 50 when absent. */
  limit?: number;
  cursor?: string;
}

type Method = 'GET' | 'POST' | 'DELETE';

/** Tokens, and when this client should stop using the access token, on the environment's clock. */
interface Credentials {
  auth: Auth;
  staleAt: number;
}

/**
 * The REST API, one method per route. Tokens are refreshed in time, once for all callers; a request that is
 * refused for its token is sent again with a fresh one. Rejects with {@link TunRTCError}.
 */
export class Api {
  readonly #url: string;
  readonly #environment: Environment;
  #credentials: Credentials | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(url: string, environment: Environment) {
    this.#url = url.replace(/\/+$/, '');
    this.#environment = environment;
    const stored = environment.storage?.getItem(STORAGE_KEY);
    if (stored) this.#restore(stored);
  }

  /** The tokens and the user they belong to, while signed in. */
  get auth(): Auth | undefined {
    return this.#credentials?.auth;
  }

  register(username: string, email: string, password: string): Promise<Auth> {
    return this.#signIn('/api/auth/register', { username, email, password });
  }

  login(email: string, password: string): Promise<Auth> {
    return this.#signIn('/api/auth/login', { email, password });
  }

  async changePassword(currentPassword: string, newPassword: string): Promise<Auth> {
    const auth = await this.#authorized<Auth>('POST', '/api/auth/password', { currentPassword, newPassword });
    return this.#keep(auth);
  }

  /** Revokes the refresh tokens. The tokens are forgotten here even if the server cannot be reached. */
  async logout(): Promise<void> {
    const refreshToken = this.auth?.refreshToken;
    this.#forget();
    if (refreshToken) await this.#request('POST', '/api/auth/logout', { body: { refreshToken } });
  }

  me(): Promise<Account> {
    return this.#authorized('GET', '/api/auth/me');
  }

  async deleteAccount(password: string): Promise<void> {
    await this.#authorized('DELETE', '/api/auth/me', { password });
    this.#forget();
  }

  createSession(session: NewSession): Promise<Session> {
    return this.#authorized('POST', '/api/session/create', session);
  }

  joinSession(sessionId: string): Promise<Joined> {
    return this.#authorized('POST', '/api/session/join', { sessionId });
  }

  ticket(sessionId: string): Promise<SignalingTicket> {
    return this.#authorized('POST', '/api/session/ticket', { sessionId });
  }

  /** @param keepalive `true`: the request outlives the page that makes it */
  async leaveSession(sessionId: string, { keepalive = false }: { keepalive?: boolean } = {}): Promise<void> {
    await this.#withToken('POST', '/api/session/leave', { sessionId }, keepalive);
  }

  async endSession(sessionId: string): Promise<void> {
    await this.#authorized('POST', '/api/session/end', { sessionId });
  }

  listSessions(options: PageOptions = {}): Promise<Page<Session>> {
    return this.#page('/api/session/active', options);
  }

  getSession(sessionId: string): Promise<SessionDetail> {
    return this.#authorized('GET', `/api/session/${encodeURIComponent(sessionId)}`);
  }

  getMessages(sessionId: string, options: PageOptions = {}): Promise<Page<ChatMessage>> {
    return this.#page(`/api/session/${encodeURIComponent(sessionId)}/messages`, options);
  }

  iceServers(): Promise<IceServers> {
    return this.#authorized('GET', '/api/iceservers');
  }

  health(): Promise<Health> {
    return this.#request<Health>('GET', '/health').then(({ body }) => body);
  }

  /** Gets new tokens now; calls that come while it runs share the one request. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #signIn(path: string, body: object): Promise<Auth> {
    return this.#keep((await this.#request<Auth>('POST', path, { body })).body);
  }

  async #refresh(): Promise<void> {
    const refreshToken = this.auth?.refreshToken;
    if (!refreshToken) throw new TunRTCError('not_signed_in', 'Sign in first.');
    try {
      this.#keep((await this.#request<Auth>('POST', '/api/auth/refresh', { body: { refreshToken } })).body);
    } catch (error) {
      if (error instanceof TunRTCError && error.code === 'invalid_refresh_token') this.#forget();
      throw error;
    }
  }

  async #page<Item>(path: string, { limit, cursor }: PageOptions): Promise<Page<Item>> {
    const query = new URLSearchParams();
    if (limit !== undefined) query.set('limit', String(limit));
    if (cursor !== undefined) query.set('cursor', cursor);
    const { body, response } = await this.#withToken<Item[]>('GET', query.size ? `${path}?${query}` : path);
    const next = nextCursor(response.headers.get('link'));
    return { items: body, ...(next && { cursor: next }) };
  }

  async #authorized<Answer>(method: Method, path: string, body?: object): Promise<Answer> {
    return (await this.#withToken<Answer>(method, path, body)).body;
  }

  async #withToken<Answer>(
    method: Method,
    path: string,
    body?: object,
    keepalive = false,
  ): Promise<{ body: Answer; response: Response }> {
    const token = await this.#freshToken();
    const request = (bearer: string) => this.#request<Answer>(method, path, { ...(body && { body }), bearer, keepalive });
    try {
      return await request(token);
    } catch (error) {
      if (!(error instanceof TunRTCError) || error.code !== 'unauthorized') throw error;
      if (this.auth?.token === token) await this.refresh();
      return request(this.#token());
    }
  }

  async #freshToken(): Promise<string> {
    if (this.#credentials && this.#environment.now() >= this.#credentials.staleAt) await this.refresh();
    return this.#token();
  }

  #token(): string {
    if (!this.auth) throw new TunRTCError('not_signed_in', 'Sign in first.');
    return this.auth.token;
  }

  #keep(auth: Auth): Auth {
    const life = Math.max(tokenLife(auth) - REFRESH_MARGIN_MS, 0);
    this.#credentials = { auth, staleAt: this.#environment.now() + life };
    this.#environment.storage?.setItem(STORAGE_KEY, JSON.stringify(auth));
    return auth;
  }

  #forget(): void {
    this.#credentials = undefined;
    this.#environment.storage?.removeItem(STORAGE_KEY);
  }

  /** Tokens from an earlier page: how old they are is unknown, so they are used until the server refuses them. */
  #restore(stored: string): void {
    try {
      this.#credentials = { auth: JSON.parse(stored) as Auth, staleAt: Infinity };
    } catch {
      this.#forget();
    }
  }

  async #request<Answer>(
    method: Method,
    path: string,
    { body, bearer, keepalive = false }: { body?: object; bearer?: string; keepalive?: boolean } = {},
  ): Promise<{ body: Answer; response: Response }> {
    const environment = this.#environment;
    const abort = new AbortController();
    const timer = environment.setTimeout(() => abort.abort(), REQUEST_TIMEOUT_MS);
    try {
      const response = await environment.fetch(this.#url + path, {
        method,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(bearer && { authorization: `Bearer ${bearer}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: abort.signal,
        keepalive,
      });
      return { body: (await read(response)) as Answer, response };
    } catch (error) {
      throw abort.signal.aborted
        ? new TunRTCError('timeout', 'The server did not answer in time.', { cause: error })
        : asTunRTCError(error, 'network_error');
    } finally {
      environment.clearTimeout(timer);
    }
  }
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : undefined;
  } catch (error) {
    if (response.ok) throw new TunRTCError('invalid_response', 'The answer is not JSON.', { cause: error });
  }
  if (!response.ok) throw TunRTCError.fromResponse(response, (body ?? {}) as Partial<Problem>);
  return body;
}

/** How long an access token lives, in milliseconds, by its own claims: this machine's clock may be wrong. */
function tokenLife({ token, expiresAt }: Auth): number {
  try {
    const claims = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const { exp, iat } = JSON.parse(atob(claims)) as { exp: number; iat: number };
    if (exp > iat) return (exp - iat) * 1000;
  } catch {
    // An opaque token; its expiry is all there is.
  }
  return Date.parse(expiresAt) - Date.now();
}

/** The cursor of the `rel="next"` link (RFC 8288), if there is one. */
function nextCursor(link: string | null): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(link ?? '')?.[1];
  if (!target) return undefined;
  return new URL(target, 'http://localhost').searchParams.get('cursor') ?? undefined;
}
