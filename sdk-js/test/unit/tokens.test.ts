/** Tokens that tabs share: one storage, copies of a storage, answers that are lost, reloads in the middle. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Environment, TokenStorage } from '../../src/environment.ts';
import { Api } from '../../src/rest/api.ts';
import { FakeClock, settle } from '../support/clock.ts';
import { fakeBrowser, memoryStorage, testEnvironment } from '../support/environment.ts';
import { FakeServer, json } from '../support/server.ts';

const KEY = 'tunrtc.auth';

let clock: FakeClock;
let server: FakeServer;
let browser: ReturnType<typeof fakeBrowser>;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer(clock);
  browser = fakeBrowser();
});

function tab(more: Partial<Environment> = {}): Api {
  return new Api('http://localhost:5000', testEnvironment(clock, server, { ...browser, ...more }));
}

/** What a browser does to `sessionStorage` when a tab is duplicated. */
function copyOf(storage: TokenStorage): TokenStorage {
  const copy = memoryStorage();
  copy.setItem(KEY, storage.getItem(KEY) ?? '');
  return copy;
}

/** Loses the answers to a route, though the server has acted. */
function losing(route: string, times: number): Environment['fetch'] {
  return async (url, init) => {
    const answer = await server.fetch(url, init);
    if (url.endsWith(route) && times-- > 0) throw new TypeError('Failed to fetch');
    return answer;
  };
}

const refreshes = () => server.requests.filter((request) => request === 'POST /api/auth/refresh').length;
const isSignedIn = async (api: Api) => (await api.me()).username === 'alice';

async function hours(count: number): Promise<void> {
  await clock.advance(count * 3_600_000);
}

describe('tabs with one storage', () => {
  test('take over each other’s tokens and refresh once', async () => {
    const storage = memoryStorage();
    const one = tab({ storage });
    await one.login('alice@tunrtc.com', 'alice123');
    const two = tab({ storage });
    server.expireTokens();
    assert.deepEqual([await isSignedIn(one), await isSignedIn(two)], [true, true]);
    assert.equal(refreshes(), 1);
  });

  for (const kind of ['with locks', 'without locks'] as const) {
    test(`that refresh at the same moment both stay signed in, ${kind}`, async () => {
      const storage = memoryStorage();
      const more = kind === 'with locks' ? { storage } : { storage, lock: undefined, openChannel: undefined };
      const one = tab(more);
      await one.login('alice@tunrtc.com', 'alice123');
      const tabs = [one, tab(more), tab(more)];
      for (let day = 0; day < 3; day++) {
        server.expireTokens();
        await Promise.all(tabs.map((each) => each.me()));
        await hours(1);
      }
      server.expireTokens();
      for (const each of [...tabs, tab(more)]) assert.equal(await isSignedIn(each), true);
    });
  }

  test('end their sign-in together', async () => {
    const storage = memoryStorage();
    const one = tab({ storage });
    await one.login('alice@tunrtc.com', 'alice123');
    const two = tab({ storage });
    await one.logout();
    assert.equal(two.auth, undefined);
    await assert.rejects(two.me(), { code: 'not_signed_in' });
  });

  test('notice that somebody else signed in, and leave that sign-in alone', async () => {
    const storage = memoryStorage();
    const one = tab({ storage });
    await one.login('alice@tunrtc.com', 'alice123');
    const two = tab({ storage });
    await two.login('bob@tunrtc.com', 'bob123');
    await assert.rejects(one.me(), { code: 'not_signed_in' });
    await one.logout();
    assert.equal((await two.me()).username, 'bob');
    assert.equal((await tab({ storage }).me()).username, 'bob');
    server.expireTokens();
    await two.me();
    assert.equal(one.auth, undefined, 'it does not become somebody else later');
  });

  test('do not send again as another what one asked for', async () => {
    const storage = memoryStorage();
    const one = tab({ storage });
    await one.login('alice@tunrtc.com', 'alice123');
    server.expireTokens();
    const asking = one.listSessions().catch((error: unknown) => error);
    await one.login('bob@tunrtc.com', 'bob123');
    assert.equal(((await asking) as { code: string }).code, 'unauthorized');
  });
});

describe('a duplicated tab', () => {
  test('and its original stay signed in, whoever refreshes, for days', async () => {
    const storage = memoryStorage();
    const one = tab({ storage });
    await one.login('alice@tunrtc.com', 'alice123');
    const two = tab({ storage: copyOf(storage) });
    await Promise.all([one.refresh(), two.refresh()]);
    for (const each of [one, two, two, one]) {
      await hours(1);
      await each.refresh();
      await settle();
    }
    assert.deepEqual([await isSignedIn(one), await isSignedIn(two)], [true, true]);
    assert.equal(one.auth?.refreshToken, two.auth?.refreshToken);
  });

  test('takes no tokens of another sign-in of the same user', async () => {
    const [storage, other] = [memoryStorage(), memoryStorage()];
    const [one, two] = [tab({ storage }), tab({ storage: other })];
    await one.login('alice@tunrtc.com', 'alice123');
    await two.login('alice@tunrtc.com', 'alice123');
    const before = two.auth;
    await one.refresh();
    await settle();
    assert.deepEqual(two.auth, before);
  });
});

describe('a lost answer to a refresh', () => {
  test('is reported, and the next try works with the same token', async () => {
    const api = tab({ fetch: losing('/refresh', 1) });
    await api.login('alice@tunrtc.com', 'alice123');
    await assert.rejects(api.refresh(), { code: 'network_error' });
    await api.refresh();
    assert.equal(await isSignedIn(api), true);
  });

  test('is asked for again while there is time, though nobody calls', async () => {
    const api = tab({ fetch: losing('/refresh', 3) });
    await api.login('alice@tunrtc.com', 'alice123');
    await assert.rejects(api.refresh(), { code: 'network_error' });
    await hours(1);
    server.expireTokens();
    assert.equal(await isSignedIn(api), true);
  });

  test('because the server hangs is given up soon enough for another try', async () => {
    const hangs: Environment['fetch'] = async (url, init) => {
      const answer = await server.fetch(url, init);
      if (!url.endsWith('/refresh') || refreshes() > 1) return answer;
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    };
    const api = tab({ fetch: hangs });
    await api.login('alice@tunrtc.com', 'alice123');
    const refused = assert.rejects(api.refresh(), { code: 'timeout' });
    await clock.advance(8_000);
    await refused;
    await clock.advance(1_500);
    server.expireTokens();
    assert.equal(await isSignedIn(api), true);
  });

  test('because the page was reloaded is asked for again at once', async () => {
    const storage = memoryStorage();
    const fetch: Environment['fetch'] = async (url, init) => {
      const answer = await server.fetch(url, init);
      return url.endsWith('/refresh') ? new Promise(() => {}) : answer;
    };
    const api = tab({ storage, fetch });
    await api.login('alice@tunrtc.com', 'alice123');
    void api.refresh();
    await settle();
    browser = fakeBrowser();
    const reloaded = tab({ storage });
    await hours(1);
    server.expireTokens();
    assert.equal(await isSignedIn(reloaded), true);
  });
});

describe('a storage', () => {
  const throwing = (...which: (keyof TokenStorage)[]): TokenStorage => {
    const storage = memoryStorage();
    for (const name of which) {
      storage[name] = () => {
        throw new DOMException('no', 'QuotaExceededError');
      };
    }
    return storage;
  };

  for (const which of [['getItem'], ['setItem'], ['removeItem'], ['getItem', 'setItem', 'removeItem']] as const) {
    test(`whose ${which.join(', ')} throws costs a sign-in at the next reload, and nothing else`, async () => {
      const storage = throwing(...which);
      const api = tab({ storage });
      await api.login('alice@tunrtc.com', 'alice123');
      server.expireTokens();
      assert.equal(await isSignedIn(api), true);
      await api.logout();
      assert.equal(api.auth, undefined);
    });
  }

  test('that fills up holds no tokens that would revoke the sign-in', async () => {
    const storage = memoryStorage();
    const api = tab({ storage });
    await api.login('alice@tunrtc.com', 'alice123');
    storage.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    await api.refresh();
    await hours(1);
    assert.equal(tab({ storage }).auth, undefined);
    assert.equal(await isSignedIn(api), true);
  });

  for (const garbage of ['{not json', 'null', '42', '"text"', '[]', '{}', '{"token":1,"refreshToken":2}']) {
    test(`that holds ${garbage} is no sign-in, and takes one`, async () => {
      const storage = memoryStorage();
      storage.setItem(KEY, garbage);
      const api = tab({ storage });
      assert.equal(api.auth, undefined);
      await api.login('alice@tunrtc.com', 'alice123');
      assert.equal(await isSignedIn(tab({ storage })), true);
    });
  }
});

describe('sign-ins and sign-outs that overlap', () => {
  /** Answers each request when the test says so. */
  function held(): { fetch: Environment['fetch']; release(route: string, which?: 'the last'): Promise<void> } {
    const waiting: { url: string; go: () => void }[] = [];
    return {
      fetch: async (url, init) => {
        const answer = await server.fetch(url, init);
        await new Promise<void>((go) => waiting.push({ url, go }));
        return answer;
      },
      release: async (route, which) => {
        await settle();
        const isAsked = ({ url }: { url: string }) => url.endsWith(route);
        const place = which ? waiting.findLastIndex(isAsked) : waiting.findIndex(isAsked);
        waiting.splice(place, 1)[0]?.go();
        await settle();
      },
    };
  }

  test('a sign-in that is answered after a sign-out does not undo it', async () => {
    const network = held();
    const api = tab({ fetch: network.fetch });
    const signingIn = assert.rejects(api.login('alice@tunrtc.com', 'alice123'), { code: 'closed' });
    await settle();
    await api.logout();
    await network.release('/login');
    await signingIn;
    assert.equal(api.auth, undefined);
    assert.equal(server.requests.at(-1), 'POST /api/auth/logout', 'the tokens that nobody wanted are given back');
  });

  test('of two sign-ins the later call wins, whichever is answered first', async () => {
    const network = held();
    const api = tab({ fetch: network.fetch });
    const first = assert.rejects(api.login('alice@tunrtc.com', 'alice123'), { code: 'closed' });
    const second = api.login('bob@tunrtc.com', 'bob123');
    await settle();
    await network.release('/login', 'the last');
    await network.release('/login');
    await second;
    await first;
    assert.equal(api.auth?.username, 'bob');
  });

  test('a sign-in that fails leaves the one before as it is', async () => {
    const api = tab();
    await api.login('alice@tunrtc.com', 'alice123');
    const refreshing = api.refresh();
    await assert.rejects(api.login('bob@tunrtc.com', 'wrong'), { code: 'invalid_credentials' });
    await refreshing;
    assert.equal(await isSignedIn(api), true);
  });

  test('a refresh that is answered after a sign-out brings nothing back', async () => {
    const storage = memoryStorage();
    const network = held();
    const api = tab({ storage, fetch: network.fetch });
    const signingIn = api.login('alice@tunrtc.com', 'alice123');
    await network.release('/login');
    await signingIn;
    const refreshing = assert.rejects(api.refresh(), { code: 'closed' });
    await settle();
    const leaving = api.logout();
    await network.release('/refresh');
    await network.release('/logout');
    await leaving;
    await refreshing;
    assert.deepEqual([api.auth, storage.getItem(KEY)], [undefined, null]);
  });
});

test('an answer without tokens is no sign-in', async () => {
  const api = tab();
  server.nextResponses.push(json(200, { hello: 'world' }));
  await assert.rejects(api.login('alice@tunrtc.com', 'alice123'), { code: 'invalid_response' });
  await api.login('alice@tunrtc.com', 'alice123');
  server.nextResponses.push(json(200, { token: 'only' }));
  await assert.rejects(api.refresh(), { code: 'invalid_response' });
  assert.equal(await isSignedIn(api), true);
});
