import type { ChannelLike, Environment } from '../environment.ts';
import { TunRTCError } from '../errors.ts';
import { Timers } from '../timers.ts';
import type { Auth } from '../wire.ts';

/** A token is refreshed when this much of its life is left. */
const REFRESH_MARGIN_MS = 60_000;
/**
 * When a refresh is tried again whose answer was lost. The server may have replaced the refresh token; the old one is
 * taken again for 10 s, and revokes the sign-in after that.
 */
const RETRY_MS = [1_000, 2_000, 4_000] as const;
/** Names the storage's item, the lock and the channel. */
const NAME = 'tunrtc.auth';

/** The tokens of a sign-in. */
interface SignIn {
  /** Names it, in this tab and in copies of it: the refresh token that it began with. */
  id: string;
  /** How often it was refreshed: more is newer, whatever clocks say. */
  refreshes: number;
  auth: Auth;
  /** Whether a refresh was begun whose answer is not known. */
  isRefreshing: boolean;
}

/**
 * The tokens of this client, which it may share with other tabs: by a common storage, or by a copy of it, as a
 * duplicated tab has. One tab refreshes at a time, and the others take over what it got. A storage that fails or holds
 * something else costs no more than the next reload a sign-in.
 */
export class Tokens {
  readonly #environment: Environment;
  readonly #renew: (refreshToken: string) => Promise<Auth>;
  readonly #timers: Timers<'retry'>;
  #signIn: SignIn | undefined;
  /** When the access token should not be used any more, on the environment's clock. */
  #staleAt = Infinity;
  /** What the storage held when it was read or written last. */
  #stored: string | null = null;
  #channel: ChannelLike | undefined;
  #refreshing: Promise<void> | undefined;
  #retries = 0;
  /** Sign-ins and sign-outs in the order in which they were asked for: an earlier one does not undo a later one. */
  #asked = 0;
  #done = 0;

  /** @param renew asks the server for new tokens */
  constructor(environment: Environment, renew: (refreshToken: string) => Promise<Auth>) {
    this.#environment = environment;
    this.#renew = renew;
    this.#timers = new Timers(environment);
    this.#stored = this.#load() ?? null;
    const signIn = parse(this.#stored);
    if (!signIn) return;
    // How old these are is unknown, so they are used until the server refuses them.
    this.#hold(signIn, Infinity);
    // The page was reloaded in the middle of a refresh: there is little time to ask again.
    if (signIn.isRefreshing) this.refresh().catch(() => {});
  }

  /** The tokens and the user they belong to, while signed in. */
  get auth(): Auth | undefined {
    this.#look();
    return this.#signIn?.auth;
  }

  /** To be called when a sign-in or a sign-out is asked for; its answer is given to {@link keep} or {@link forget}. */
  ask(): number {
    return ++this.#asked;
  }

  /** Keeps the tokens of a sign-in; `false` when a later one, or a sign-out, was first. */
  keep(order: number, auth: Auth): boolean {
    if (order < this.#done) return false;
    this.#done = order;
    this.#hold({ id: auth.refreshToken, refreshes: 0, auth, isRefreshing: false }, tokenLife(auth));
    this.#store();
    return true;
  }

  /** Forgets everything, here and in the storage. */
  forget(order: number): void {
    if (order < this.#done) return;
    this.#done = order;
    this.#look();
    if (this.#signIn) this.#save(null);
    this.#drop();
  }

  /** The access token, refreshed if its end is near. */
  async fresh(): Promise<string> {
    this.#look();
    if (this.#signIn && this.#environment.now() >= this.#staleAt) await this.refresh();
    return this.#current().auth.token;
  }

  /** Gets new tokens now, unless another tab just did; calls that come while it runs share the one request. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { auth } = this.#current();
    await this.#alone(async () => {
      const signIn = this.#current();
      if (signIn.auth.refreshToken !== auth.refreshToken) return;
      try {
        this.#signIn = { ...signIn, isRefreshing: true };
        this.#store();
        this.#renewed(signIn, await this.#renew(auth.refreshToken));
      } catch (error) {
        this.#failed(auth, error);
      }
    });
  }

  #renewed({ id, refreshes }: SignIn, auth: Auth): void {
    this.#look();
    if (this.#signIn?.id !== id) throw new TunRTCError('closed', 'Another sign-in or sign-out came after this one.');
    this.#retries = 0;
    // Where nothing keeps tabs apart another may have got even newer ones.
    if (this.#signIn.refreshes > refreshes + 1) return;
    this.#hold({ id, refreshes: refreshes + 1, auth, isRefreshing: false }, tokenLife(auth));
    this.#store();
    this.#channel?.postMessage({ id, refreshes: refreshes + 1, auth });
  }

  #failed(auth: Auth, error: unknown): void {
    this.#look();
    const isOver = error instanceof TunRTCError && error.code === 'invalid_refresh_token';
    const isCurrent = this.#signIn?.auth.refreshToken === auth.refreshToken;
    // Another tab was faster.
    if (isOver && this.#signIn && !isCurrent) return;
    if (isOver && isCurrent) this.forget(this.ask());
    if (!isOver && isCurrent) this.#retryLater();
    throw error;
  }

  #retryLater(): void {
    const delay = RETRY_MS[this.#retries++];
    if (delay !== undefined) this.#timers.arm('retry', delay, () => void this.refresh().catch(() => {}));
    else this.#retries = 0;
  }

  /** Runs `task` while no other tab does, where there is a lock. */
  async #alone(task: () => Promise<void>): Promise<void> {
    const { lock } = this.#environment;
    if (!lock || !this.#environment.storage) return task();
    let hasRun = false;
    const once = () => {
      hasRun = true;
      return task();
    };
    // A browser may refuse the lock, say to a page whose storage is blocked.
    return lock(NAME, once).catch((error: unknown) => (hasRun ? Promise.reject(error) : task()));
  }

  #current(): SignIn {
    this.#look();
    if (!this.#signIn) throw new TunRTCError('not_signed_in', 'Sign in first.');
    return this.#signIn;
  }

  /**
   * Looks whether another tab changed the common storage: newer tokens of the same user are taken over; where it signed
   * out, or somebody else in, this client's sign-in is over.
   */
  #look(): void {
    const stored = this.#load();
    if (stored === undefined || stored === this.#stored) return;
    this.#stored = stored;
    const theirs = parse(stored);
    if (!this.#signIn || (stored && !theirs)) return;
    if (theirs?.auth.userId !== this.#signIn.auth.userId) this.#drop();
    else if (theirs.id !== this.#signIn.id || theirs.refreshes >= this.#signIn.refreshes) this.#hold(theirs, tokenLife(theirs.auth));
  }

  /** A copy of this tab, with a copy of its storage, got new tokens of the same sign-in. */
  #told(data: unknown): void {
    const mine = this.#signIn;
    if (!mine || !isObject(data) || data['id'] !== mine.id || !isAuth(data['auth'])) return;
    const theirs = { id: mine.id, refreshes: Number(data['refreshes']), auth: data['auth'] };
    if (!(theirs.refreshes > mine.refreshes)) return;
    this.#hold({ ...theirs, isRefreshing: false }, tokenLife(theirs.auth));
    this.#store();
  }

  #hold(signIn: SignIn, life: number): void {
    this.#signIn = signIn;
    this.#staleAt = this.#environment.now() + Math.max(life - REFRESH_MARGIN_MS, 0);
    this.#timers.clear();
    if (!this.#environment.storage || this.#channel) return;
    this.#channel = this.#environment.openChannel?.(NAME);
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.#told(data);
  }

  #drop(): void {
    this.#signIn = undefined;
    this.#timers.clear();
    this.#channel?.close();
    this.#channel = undefined;
  }

  #store(): void {
    const { id, refreshes, auth, isRefreshing } = this.#current();
    this.#save(JSON.stringify({ ...auth, signIn: id, refreshes, ...(isRefreshing && { isRefreshing }) }));
  }

  #save(value: string | null): void {
    const { storage } = this.#environment;
    try {
      if (value === null) storage?.removeItem(NAME);
      else storage?.setItem(NAME, value);
    } catch {
      // Full or blocked. What it holds by now is void, and would revoke the sign-in if it were used.
      if (value !== null) return this.#save(null);
    }
    this.#stored = this.#load() ?? null;
  }

  /** `undefined` when the storage cannot be read. */
  #load(): string | null | undefined {
    try {
      const stored: unknown = this.#environment.storage?.getItem(NAME);
      return typeof stored === 'string' ? stored : null;
    } catch {
      return undefined;
    }
  }
}

/** What stands beside the tokens in a storage. */
interface Stored {
  signIn?: string;
  refreshes?: number;
  isRefreshing?: boolean;
}

/** What a storage holds, if that is a sign-in. */
function parse(stored: string | null): SignIn | undefined {
  try {
    const { signIn, refreshes = 0, isRefreshing = false, ...auth } = JSON.parse(stored ?? '{}') as Auth & Stored;
    return isAuth(auth) ? { id: signIn ?? auth.userId, refreshes, auth, isRefreshing } : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Whether this can be used as tokens, wherever it came from. */
export function isAuth(value: unknown): value is Auth {
  const fields = ['token', 'refreshToken', 'expiresAt', 'userId'] as const;
  return isObject(value) && fields.every((field) => typeof value[field] === 'string');
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
