import { TunRTCError } from '../errors.ts';

/** Gets a join token from the app's own backend. */
export type GetToken = () => Promise<string> | string;

/** What the server answers when another token may do better. */
const RENEWED = /^(unauthorized|token_expired|token_revoked|key_disabled)$/;

const known = new WeakMap<GetToken, AppToken>();

/** The token of that app: the same one for calls that load this part at the same time. */
export function open(getToken: GetToken): AppToken {
  const app = known.get(getToken) ?? new AppToken(getToken);
  known.set(getToken, app);
  return app;
}

/** The join token of an app's user. It is asked for at each join, and when the server says that it ran out. */
export class AppToken {
  readonly #getToken: GetToken;
  #token: Promise<string> | undefined;

  constructor(getToken: GetToken) {
    this.#getToken = getToken;
  }

  /** Has a new token got. What comes while it is under way waits for the same one. */
  ask(): Promise<string> {
    const token = this.#get();
    this.#token = token;
    token.catch(() => {
      if (this.#token === token) this.#token = undefined;
    });
    return token;
  }

  /** Sends a request with the token; once more with a new one when the server wants that. */
  async with<Answer>(request: (token: string) => Promise<Answer>): Promise<Answer> {
    const asked = this.#token ?? this.ask();
    const token = await asked;
    try {
      return await request(token);
    } catch (error) {
      if (!(error instanceof TunRTCError && RENEWED.test(error.code))) throw error;
      // Another call may have asked meanwhile.
      const renewed = this.#token !== asked && this.#token;
      return request(await (renewed || this.ask()));
    }
  }

  async #get(): Promise<string> {
    let cause: unknown;
    try {
      const token: unknown = await this.#getToken();
      if (token && typeof token === 'string') {
        if (/^[\w.-]+\s*$/.test(token)) return token;
        cause = new TypeError('It gave a text that is no token, as an error page is.');
      }
    } catch (thrown) {
      cause = thrown;
    }
    throw new TunRTCError('no_token', 'getToken gave no token.', { cause });
  }
}
