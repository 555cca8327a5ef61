/** What the server knows of calls, asked for as whoever is signed in or, on the machine of a local server, with its operator's key. */
import { TunRTCError, type TunRTCClient } from '../../src/index.ts';
import type { CallDetailView, CallView, OverviewView, SeriesView } from '../../src/wire.ts';

/** From when to when, and of calls only those whose worst score is at most that. */
export interface Wanted {
  from: string;
  to: string;
  maxScore?: string;
}

/** Calls of one page. */
export interface Rows {
  rows: CallView[];
  cursor: string | undefined;
}

const PAGE = '50';
/**
 * Where the operator of a local server is asked for a key by the browser, which then adds it to what this page reads: the key is in no script's
 * hands (localstack/gateway).
 */
export const OPERATOR = '/analytics-key';

export class Calls {
  readonly #client: TunRTCClient;
  readonly #isOperator: boolean;

  constructor(client: TunRTCClient, isOperator: boolean) {
    this.#client = client;
    this.#isOperator = isOperator;
  }

  overview({ from, to }: Wanted): Promise<OverviewView> {
    return this.#read(`overview?${new URLSearchParams({ from, to })}`);
  }

  async list(wanted: Wanted, cursor?: string): Promise<Rows> {
    const answer = await this.#ask(`sessions?${new URLSearchParams({ ...wanted, limit: PAGE, ...(cursor && { cursor }) })}`);
    const next = /[?&]cursor=([^&>]+)[^>]*>\s*;[^,]*rel="?next"?/.exec(answer.headers.get('link') ?? '')?.[1];
    return { rows: (await answer.json()) as CallView[], cursor: next && decodeURIComponent(next) };
  }

  call(sessionId: string): Promise<CallDetailView> {
    return this.#read(`sessions/${encodeURIComponent(sessionId)}`);
  }

  series(sessionId: string, userId: string, metric: string): Promise<SeriesView> {
    return this.#read(`sessions/${encodeURIComponent(sessionId)}/series?${new URLSearchParams({ userId, metric })}`);
  }

  async #read<Answer>(path: string): Promise<Answer> {
    return (await (await this.#ask(path)).json()) as Answer;
  }

  async #ask(path: string): Promise<Response> {
    if (this.#isOperator) return good(await fetch(`/api/analytics/${path}`));
    const before = this.#client.api.auth?.token;
    const answer = await this.#withToken(path);
    if (answer.status !== 401) return good(answer);
    // Another call may have refreshed it meanwhile.
    if (this.#client.api.auth?.token === before) await this.#client.api.refresh();
    return good(await this.#withToken(path));
  }

  #withToken(path: string): Promise<Response> {
    return fetch(`/api/analytics/${path}`, { headers: { authorization: `Bearer ${this.#client.api.auth?.token}` } });
  }
}

async function good(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
  throw new TunRTCError(problem.code ?? 'unavailable', problem.detail ?? `The server answered ${answer.status}.`, { status: answer.status });
}
