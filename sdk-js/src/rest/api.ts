import type { Environment } from '../environment.ts';
import { asTunRTCError, TunRTCError } from '../errors.ts';
import { refuseUnknown } from '../options.ts';
import { having, read } from './answers.ts';
import type { AppToken, GetToken } from './app.ts';
import { isAuth, Tokens } from './tokens.ts';
import type {
  Account,
  Auth,
  CallReport,
  ChatMessage,
  Health,
  IceServers,
  Joined,
  NewSession,
  Session,
  SessionDetail,
  SignalingTicket,
} from '../wire.ts';

/** An answer that takes longer than this is given up. */
const REQUEST_TIMEOUT_MS = 20_000;
/** That to a refresh sooner: a lost answer can be asked for again for 10 s. */
const REFRESH_TIMEOUT_MS = 8_000;
/** That to a ticket too: a seat whose connection is lost is kept for 30 s, and within that another try must fit. */
const TICKET_TIMEOUT_MS = 8_000;
/** Many who join at once keep each other from their seats for a moment: so often a join is tried, with such waits. */
const JOIN_TRIES = 5;
const JOIN_RETRY_MS = 500;
/** A server that asks for a longer wait than this is not waited for. */
const LONGEST_WAIT_SECONDS = 10;

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

const PAGE_OPTIONS = ['limit', 'cursor'] as const;

type Method = 'GET' | 'POST' | 'DELETE';

interface RequestOptions {
  body?: object | undefined;
  bearer?: string;
  /** The request outlives the page that makes it. */
  keepalive?: boolean;
  timeout?: number | undefined;
}

interface Answered<Body> {
  body: Body;
  response: Response;
}

/**
 * The REST API, one method per route. Tokens are refreshed in time, once for all callers; a request that is
 * refused for its token is sent again with a fresh one. Rejects with {@link TunRTCError}.
 */
export class Api {
  readonly #url: string;
  readonly #environment: Environment;
  readonly #tokens: Tokens;
  /** The part for apps' own users is loaded when it is first needed. */
  readonly #app: (() => Promise<AppToken>) | undefined;

  /** @param getToken gets join tokens from the app's backend, in place of a sign-in */
  constructor(url: string, environment: Environment, getToken?: GetToken) {
    this.#url = url.replace(/\/+$/, '');
    this.#environment = environment;
    this.#tokens = new Tokens(environment, (refreshToken) => this.#renew(refreshToken));
    this.#app = getToken && (() => import('./app.ts').then((part) => part.open(getToken)));
  }

  /** The tokens and the user they belong to, while signed in. */
  get auth(): Auth | undefined {
    return this.#tokens.auth;
  }

  register(username: string, email: string, password: string): Promise<Auth> {
    return this.#signIn('/api/auth/register', { username, email, password });
  }

  login(email: string, password: string): Promise<Auth> {
    return this.#signIn('/api/auth/login', { email, password });
  }

  async changePassword(currentPassword: string, newPassword: string): Promise<Auth> {
    const order = this.#tokens.ask();
    return this.#keep(order, await this.call('POST', '/api/auth/password', { currentPassword, newPassword }));
  }

  /** Revokes the refresh tokens. The tokens are forgotten here even if the server cannot be reached. */
  async logout(): Promise<void> {
    const refreshToken = this.auth?.refreshToken;
    this.#tokens.forget(this.#tokens.ask());
    if (refreshToken) await this.#revoke(refreshToken);
  }

  me(): Promise<Account> {
    return this.#authorized('GET', '/api/auth/me', 'id');
  }

  async deleteAccount(password: string): Promise<void> {
    const order = this.#tokens.ask();
    await this.call('DELETE', '/api/auth/me', { password });
    this.#tokens.forget(order);
  }

  createSession(session: NewSession): Promise<Session> {
    return this.#authorized('POST', '/api/session/create', 'sessionId', session);
  }

  /**
   * Takes a seat, or keeps the one that is held. Tried again a few times while the server is `unavailable`.
   *
   * @param sessionId the room of the app's token when absent
   * @param signal ends the tries
   */
  async joinSession(sessionId?: string, signal?: { readonly aborted: boolean }): Promise<Joined> {
    await (await this.#app?.())?.ask();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#authorized('POST', '/api/session/join', 'signaling', { sessionId });
      } catch (error) {
        const delay = joinDelay(error, attempt, this.#environment.random());
        if (delay === undefined || signal?.aborted) throw error;
        await new Promise<void>((resolve) => this.#environment.setTimeout(resolve, delay));
        if (signal?.aborted) throw error;
      }
    }
  }

  ticket(sessionId: string): Promise<SignalingTicket> {
    return this.#authorized('POST', '/api/session/ticket', 'ticket', { sessionId }, TICKET_TIMEOUT_MS);
  }

  /** @param keepalive `true`: the request outlives the page that makes it */
  async leaveSession(sessionId?: string, { keepalive = false }: { keepalive?: boolean } = {}): Promise<void> {
    await this.#withToken('POST', '/api/session/leave', { body: { sessionId }, keepalive });
  }

  /** Tells what this participant saw of the call in one minute; outlives the page. */
  async reportStats(sessionId: string, report: CallReport): Promise<void> {
    await this.#withToken('POST', `/api/session/${encodeURIComponent(sessionId)}/stats`, { body: report, keepalive: true });
  }

  endSession(sessionId: string): Promise<void> {
    return this.call('POST', '/api/session/end', { sessionId });
  }

  listSessions(options: PageOptions = {}): Promise<Page<Session>> {
    return this.list('/api/session/active', options);
  }

  getSession(sessionId: string): Promise<SessionDetail> {
    return this.#authorized('GET', `/api/session/${encodeURIComponent(sessionId)}`, 'participants');
  }

  getMessages(sessionId: string, options: PageOptions = {}): Promise<Page<ChatMessage>> {
    return this.list(`/api/session/${encodeURIComponent(sessionId)}/messages`, options);
  }

  iceServers(): Promise<IceServers> {
    return this.#authorized('GET', '/api/iceservers', 'iceServers');
  }

  async health(): Promise<Health> {
    return having(await this.#request<Health>('GET', '/health'), 'status');
  }

  /** Asks a route that has no method here: as who is signed in, or with `isOpen` as nobody. `tunrtc-client/invites` is made of it. */
  async call<Answer>(method: Method, path: string, body?: object, isOpen?: boolean): Promise<Answer> {
    return (await (isOpen ? this.#request<Answer>(method, path, { body }) : this.#withToken<Answer>(method, path, { body }))).body;
  }

  /** Gets new tokens now, unless another tab just did; calls that come while it runs share the one request. */
  refresh(): Promise<void> {
    return this.#tokens.refresh();
  }

  /**
   * One page of any list of the server's, for routes that have no method here.
   *
   * @param path from `/api` on, without a query
   */
  async list<Item>(path: string, options: PageOptions = {}): Promise<Page<Item>> {
    refuseUnknown(options, PAGE_OPTIONS);
    const query = new URLSearchParams();
    for (const name of PAGE_OPTIONS) if (options[name] !== undefined) query.set(name, String(options[name]));
    const { body, response } = await this.#withToken<Item[]>('GET', query.size ? `${path}?${query}` : path);
    if (!Array.isArray(body)) throw new TunRTCError('invalid_response', 'The answer is not a list.');
    const next = nextCursor(response.headers.get('link'));
    return { items: body, ...(next && { cursor: next }) };
  }

  async #signIn(path: string, body: object): Promise<Auth> {
    const order = this.#tokens.ask();
    return this.#keep(order, (await this.#request('POST', path, { body })).body);
  }

  #keep(order: number, auth: unknown): Auth {
    if (!isAuth(auth)) throw new TunRTCError('invalid_response', 'The answer holds no tokens.');
    if (this.#tokens.keep(order, auth)) return auth;
    // Nobody will use these: they are given back, as far as the server can be reached.
    this.#revoke(auth.refreshToken).catch(() => {});
    throw new TunRTCError('closed', 'Another sign-in or sign-out came after this one.');
  }

  async #renew(refreshToken: string): Promise<Auth> {
    const options = { body: { refreshToken }, timeout: REFRESH_TIMEOUT_MS };
    const { body } = await this.#request('POST', '/api/auth/refresh', options);
    if (!isAuth(body)) throw new TunRTCError('invalid_response', 'The answer holds no tokens.');
    return body;
  }

  async #revoke(refreshToken: string): Promise<void> {
    await this.#request('POST', '/api/auth/logout', { body: { refreshToken } });
  }

  /** @param field every answer has it */
  async #authorized<Answer>(method: Method, path: string, field: keyof Answer, body?: object, timeout?: number): Promise<Answer> {
    return having(await this.#withToken<Answer>(method, path, { body, timeout }), field);
  }

  async #withToken<Answer>(method: Method, path: string, options: RequestOptions = {}): Promise<Answered<Answer>> {
    const request = (bearer: string) => this.#request<Answer>(method, path, { ...options, bearer });
    if (this.#app) return (await this.#app()).with(request);
    const bearer = await this.#tokens.fresh();
    const userId = this.auth?.userId;
    try {
      return await request(bearer);
    } catch (error) {
      // A request fails with nothing else.
      if ((error as TunRTCError).code !== 'unauthorized') throw error;
      // Another tab, or another call, may have refreshed meanwhile.
      if (this.auth?.token === bearer) await this.refresh();
      const token = await this.#tokens.fresh();
      // What one user asked for is not done in the name of another.
      if (this.auth?.userId !== userId) throw error;
      return request(token);
    }
  }

  async #request<Answer>(method: Method, path: string, options: RequestOptions = {}): Promise<Answered<Answer>> {
    const { body, bearer, keepalive = false, timeout = REQUEST_TIMEOUT_MS } = options;
    const environment = this.#environment;
    const abort = new AbortController();
    const timer = environment.setTimeout(() => abort.abort(), timeout);
    try {
      const response = await environment.fetch(this.#url + path, {
        method,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(bearer && { authorization: `Bearer ${bearer}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
        // A redirect would turn a POST into a GET, and lose the token on its way to another origin.
        redirect: 'manual',
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

/** How long to wait before a join is tried again, in milliseconds; `undefined` when it is not. */
function joinDelay(error: unknown, attempt: number, random: number): number | undefined {
  // A request fails with nothing else.
  const { code, retryAfterSeconds = 0 } = error as TunRTCError;
  if (code !== 'unavailable' || attempt + 1 >= JOIN_TRIES || retryAfterSeconds > LONGEST_WAIT_SECONDS) return undefined;
  return retryAfterSeconds * 1000 + random * JOIN_RETRY_MS * 2 ** attempt;
}

/** The cursor of the `rel="next"` link (RFC 8288), if there is one. */
function nextCursor(link: string | null): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(link ?? '')?.[1];
  if (!target) return undefined;
  return new URL(target, 'http://localhost').searchParams.get('cursor') ?? undefined;
}
