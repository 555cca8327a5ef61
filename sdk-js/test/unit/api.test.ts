import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { TunRTCError } from '../../src/errors.ts';
import { Api } from '../../src/rest/api.ts';
import { FakeClock, settle } from '../support/clock.ts';
import { memoryStorage, testEnvironment } from '../support/environment.ts';
import { FakeServer, gatewayAnswer, json, problem } from '../support/server.ts';

let clock: FakeClock;
let server: FakeServer;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer(clock);
});

function api(more = {}): Api {
  return new Api('http://localhost:5000/', testEnvironment(clock, server, more));
}

const counted = (route: string) => server.requests.filter((request) => request === route).length;

describe('signing in', () => {
  test('a demo account signs in and its token is accepted', async () => {
    const client = api();
    const auth = await client.login('demo@tunrtc.com', 'demo123');
    assert.equal((await client.me()).id, auth.userId);
  });

  test('a wrong password rejects with the server’s code, status and request id', async () => {
    await assert.rejects(api().login('demo@tunrtc.com', 'wrong'), (error: TunRTCError) => {
      assert.ok(error instanceof TunRTCError);
      assert.deepEqual([error.code, error.status, error.requestId], ['invalid_credentials', 401, 'request-1']);
      return true;
    });
  });

  test('without signing in a call rejects before it asks the server', async () => {
    await assert.rejects(api().listSessions(), { code: 'not_signed_in' });
    assert.deepEqual(server.requests, []);
  });

  test('signing out revokes the refresh token and forgets', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    await client.logout();
    assert.equal(client.auth, undefined);
    assert.equal(counted('POST /api/auth/logout'), 1);
  });

  test('signing out forgets even when the server cannot be reached', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    server.unreachable = true;
    await assert.rejects(client.logout(), { code: 'network_error' });
    assert.equal(client.auth, undefined);
  });
});

describe('tokens', () => {
  test('are refreshed a minute before they end, by their own claims', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    const { token } = client.auth ?? {};
    await clock.advance(86_400_000 - 61_000);
    await client.me();
    assert.equal(counted('POST /api/auth/refresh'), 0);
    await clock.advance(2_000);
    await client.me();
    assert.equal(counted('POST /api/auth/refresh'), 1);
    assert.notEqual(client.auth?.token, token);
  });

  test('that the server refuses are refreshed once, and the request is sent again', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    server.expireTokens();
    assert.equal((await client.me()).username, 'demo');
    assert.equal(counted('POST /api/auth/refresh'), 1);
  });

  test('are refreshed once for everybody who waits', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    server.expireTokens();
    await Promise.all([client.me(), client.listSessions(), client.iceServers()]);
    assert.equal(counted('POST /api/auth/refresh'), 1);
  });

  test('that cannot be refreshed end the sign-in', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    server.nextResponses.push(problem(401, 'unauthorized'), problem(401, 'invalid_refresh_token'));
    await assert.rejects(client.me(), { code: 'invalid_refresh_token' });
    assert.equal(client.auth, undefined);
  });

  test('survive a failed refresh that may work later', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    server.nextResponses.push(problem(401, 'unauthorized'), problem(503, 'unavailable'));
    await assert.rejects(client.me(), { code: 'unavailable' });
    assert.equal((await client.me()).username, 'demo');
  });

  test('that live less than the margin are refreshed before each use, not in a loop', async () => {
    server.tokenLifeSeconds = 30;
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    await client.me();
    assert.equal(counted('POST /api/auth/refresh'), 1);
  });

  test('outlive a reload in the storage, and are gone from it after signing out', async () => {
    const storage = memoryStorage();
    await api({ storage }).login('demo@tunrtc.com', 'demo123');
    const reloaded = api({ storage });
    assert.equal((await reloaded.me()).username, 'demo');
    await reloaded.logout();
    assert.equal(api({ storage }).auth, undefined);
  });

  test('that a storage gives back broken are ignored', () => {
    const storage = memoryStorage();
    storage.setItem('tunrtc.auth', '{not json');
    assert.equal(api({ storage }).auth, undefined);
  });
});

describe('errors', () => {
  test('carry every bad field', async () => {
    const errors = [{ field: 'name', reason: 'is empty' }, { field: 'seats', reason: 'is unknown' }];
    server.nextResponses.push(problem(400, 'invalid_request', { errors }));
    await assert.rejects(api().login('x', 'y'), (error: TunRTCError) => {
      assert.deepEqual(error.errors, errors);
      assert.equal(error.message, 'refused: invalid_request');
      return true;
    });
  });

  test('carry how long the server asks to wait', async () => {
    server.nextResponses.push(problem(429, 'rate_limited', {}, { 'retry-after': '12' }));
    await assert.rejects(api().login('x', 'y'), { code: 'rate_limited', retryAfterSeconds: 12 });
  });

  test('a proxy’s page in place of a problem document is still a typed error', async () => {
    server.nextResponses.push(new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await assert.rejects(api().login('x', 'y'), { code: 'unavailable', status: 502 });
  });

  const foreign: [number, string][] = [
    [302, 'invalid_response'],
    [400, 'invalid_request'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [408, 'timeout'],
    [413, 'payload_too_large'],
    [418, 'invalid_response'],
    [429, 'rate_limited'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [504, 'timeout'],
  ];
  for (const [status, code] of foreign) {
    test(`a ${status} that is not the server’s own is ${code}, in plain words`, async () => {
      const answers = [
        gatewayAnswer(status, 'Some Thing'),
        new Response('<html><h1>Some Thing</h1></html>', { status }),
        new Response(null, { status }),
        new Response('null', { status }),
        new Response('["Some Thing"]', { status }),
      ];
      for (const answer of answers) {
        server.nextResponses.push(answer);
        await assert.rejects(api().login('x', 'y'), (error: TunRTCError) => {
          assert.deepEqual([error.code, error.status, error.isForeign, error.errors], [code, status, true, []]);
          assert.match(error.message, /^[A-Z][^<{]+\.$/);
          assert.doesNotMatch(error.message, /Some Thing/);
          return true;
        });
      }
    });
  }

  test('API Gateway’s own throttling says how long to wait, as a number or as a date', async () => {
    const soon = new Date(Date.now() + 30_000).toUTCString();
    for (const [header, least, most] of [['7', 7, 7], [soon, 20, 31]] as const) {
      server.nextResponses.push(gatewayAnswer(429, 'Too Many Requests', { 'retry-after': header }));
      await assert.rejects(api().login('x', 'y'), ({ retryAfterSeconds = -1 }: TunRTCError) => {
        assert.ok(retryAfterSeconds >= least && retryAfterSeconds <= most, `${retryAfterSeconds} s`);
        return true;
      });
    }
    server.nextResponses.push(gatewayAnswer(429, 'Too Many Requests', { 'retry-after': 'later' }));
    await assert.rejects(api().login('x', 'y'), { code: 'rate_limited', retryAfterSeconds: undefined });
  });

  test('a redirect is refused where the browser hides where it leads', async () => {
    const answer = Object.defineProperties(new Response(null), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
      ok: { value: false },
    });
    server.nextResponses.push(answer);
    await assert.rejects(api().login('x', 'y'), { code: 'invalid_response', message: /leads to another/ });
  });

  test('an empty answer where there should be one is an invalid response', async () => {
    server.nextResponses.push(new Response('', { status: 200 }), new Response('"hello"', { status: 200 }));
    for (let time = 0; time < 2; time++) await assert.rejects(api().login('x', 'y'), { code: 'invalid_response', status: 200 });
  });

  test('an answer without what every answer to its request holds is an invalid response', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    const calls = [
      () => client.me(),
      () => client.createSession({ name: 'room' }),
      () => client.joinSession('id'),
      () => client.ticket('id'),
      () => client.getSession('id'),
      () => client.iceServers(),
      () => client.health(),
    ];
    for (const ask of calls) {
      for (const answer of [json(200, {}), json(200, []), new Response(null, { status: 204 })]) {
        server.nextResponses.push(answer);
        await assert.rejects(ask(), { code: 'invalid_response', isForeign: true });
      }
    }
  });

  test('a list that is none is an invalid response', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    server.nextResponses.push(json(200, { sessions: [] }));
    await assert.rejects(client.listSessions(), { code: 'invalid_response' });
  });

  test('a good status with something else than JSON is an invalid response', async () => {
    server.nextResponses.push(new Response('<h1>Welcome to this Wi-Fi</h1>', { status: 200 }));
    await assert.rejects(api().login('x', 'y'), { code: 'invalid_response' });
  });

  test('a network failure keeps its cause', async () => {
    server.unreachable = true;
    await assert.rejects(api().login('x', 'y'), (error: TunRTCError) => {
      assert.equal(error.code, 'network_error');
      assert.ok(error.cause instanceof TypeError);
      return true;
    });
  });

  test('a server that does not answer is given up after twenty seconds', async () => {
    const fetch = (_: string, { signal }: RequestInit) =>
      new Promise<Response>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    const waiting = api({ fetch }).login('x', 'y').catch((error: unknown) => error);
    await clock.advance(21_000);
    assert.equal(((await waiting) as TunRTCError).code, 'timeout');
  });

  test('never show a token or a password', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    const { token = '', refreshToken = '' } = client.auth ?? {};
    server.nextResponses.push(problem(500, 'internal'));
    const error = (await client.me().catch((thrown: unknown) => thrown)) as TunRTCError;
    const shown = `${error.stack} ${JSON.stringify(error)}`;
    for (const secret of [token, refreshToken, 'demo123']) assert.equal(shown.includes(secret), false);
  });
});

describe('joining', () => {
  async function owner(): Promise<[Api, string]> {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    return [client, (await client.createSession({ name: 'room' })).sessionId];
  }

  test('is tried again while the server is unavailable, no sooner than it asks', async () => {
    const [client, sessionId] = await owner();
    server.nextResponses.push(problem(503, 'unavailable', {}, { 'retry-after': '2' }), gatewayAnswer(503, 'Service Unavailable'));
    const joining = client.joinSession(sessionId);
    await clock.advance(1_900);
    assert.equal(counted('POST /api/session/join'), 1);
    await clock.advance(10_000);
    assert.equal((await joining).sessionId, sessionId);
    assert.equal(counted('POST /api/session/join'), 3);
  });

  test('is given up after a few tries', async () => {
    const [client, sessionId] = await owner();
    for (let time = 0; time < 9; time++) server.nextResponses.push(problem(503, 'unavailable'));
    const refused = assert.rejects(client.joinSession(sessionId), { code: 'unavailable' });
    await clock.advance(60_000);
    await refused;
    assert.equal(counted('POST /api/session/join'), 5);
  });

  test('is not tried again once it is not wanted any more, nor after a refusal', async () => {
    const [client, sessionId] = await owner();
    server.nextResponses.push(problem(503, 'unavailable'));
    const stop = new AbortController();
    const refused = assert.rejects(client.joinSession(sessionId, stop.signal), { code: 'unavailable' });
    await settle();
    stop.abort();
    await clock.advance(60_000);
    await refused;
    server.nextResponses.push(problem(409, 'session_full'));
    await assert.rejects(client.joinSession(sessionId), { code: 'session_full' });
    assert.equal(counted('POST /api/session/join'), 2);
  });
});

describe('lists', () => {
  test('refuse an option that they do not know, by its name', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    const misspelt = { limt: 5 } as object;
    await assert.rejects(client.listSessions(misspelt), (error: TunRTCError) => {
      assert.deepEqual([error.code, error.errors], ['invalid_option', [{ field: 'limt', reason: 'is not known' }]]);
      return true;
    });
  });

  test('come in pages, by the Link header', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    for (const name of ['one', 'two', 'three']) await client.createSession({ name });
    const first = await client.listSessions({ limit: 2 });
    assert.deepEqual(first.items.map(({ name }) => name), ['three', 'two']);
    const second = await client.listSessions({ limit: 2, ...(first.cursor && { cursor: first.cursor }) });
    assert.deepEqual(second.items.map(({ name }) => name), ['one']);
    assert.equal(second.cursor, undefined);
  });

  test('find the next page among other links', async () => {
    const client = api();
    await client.login('demo@tunrtc.com', 'demo123');
    const link = '</a?cursor=no>; rel="prev", <https://host/api/session/active?limit=2&cursor=a%2Bb>; rel="next"';
    server.nextResponses.push(json(200, [], link));
    assert.equal((await client.listSessions()).cursor, 'a+b');
  });
});

test('a session’s id cannot break out of its path', async () => {
  const client = api();
  await client.login('demo@tunrtc.com', 'demo123');
  await client.getSession('../auth/me?').catch(() => settle());
  assert.equal(server.requests.at(-1), 'GET /api/session/..%2Fauth%2Fme%3F');
});
