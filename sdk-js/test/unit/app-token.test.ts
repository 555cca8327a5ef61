import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { TunRTCError } from '../../src/errors.ts';
import { Api } from '../../src/rest/api.ts';
import { AppToken } from '../../src/rest/app.ts';
import { mintToken, ServerError, TunRTCServer } from '../../src/server.ts';
import { FakeClock } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeServer, json, problem } from '../support/server.ts';

/** Answers `token-1`, `token-2`... */
function counting(): { getToken: () => Promise<string>; count: () => number } {
  let count = 0;
  return { getToken: async () => `token-${++count}`, count: () => count };
}

function refused(code: string): TunRTCError {
  return new TunRTCError(code, code, { status: 401 });
}

describe('a join token', () => {
  test('is asked for once and kept, however many calls begin at once', async () => {
    const { getToken, count } = counting();
    const app = new AppToken(getToken);
    const used = await Promise.all([1, 2, 3].map(() => app.with(async (token) => token)));
    assert.deepEqual([used, count()], [['token-1', 'token-1', 'token-1'], 1]);
  });

  for (const code of ['unauthorized', 'token_expired', 'token_revoked', 'key_disabled']) {
    test(`that the server refuses with ${code} is replaced, and the request is sent again`, async () => {
      const app = new AppToken(counting().getToken);
      const request = async (token: string) => {
        if (token === 'token-1') throw refused(code);
        return token;
      };
      assert.equal(await app.with(request), 'token-2');
    });
  }

  test('is replaced once for all calls that it was refused to', async () => {
    const { getToken, count } = counting();
    const app = new AppToken(getToken);
    const request = async (token: string) => {
      if (token === 'token-1') throw refused('token_expired');
      return token;
    };
    assert.deepEqual(await Promise.all([app.with(request), app.with(request)]), ['token-2', 'token-2']);
    assert.equal(count(), 2);
  });

  test('is not asked for again where a new one does no better', async () => {
    const { getToken, count } = counting();
    const app = new AppToken(getToken);
    await assert.rejects(app.with(() => Promise.reject(refused('token_revoked'))), { code: 'token_revoked' });
    await assert.rejects(app.with(() => Promise.reject(refused('forbidden'))), { code: 'forbidden' });
    assert.equal(count(), 2);
  });

  test('that is an error page is no token, and the error says so', async () => {
    const app = new AppToken(async () => '<!doctype html>');
    await assert.rejects(app.with(async (token) => token), ({ code, cause }) => code === 'no_token' && /error page/.test(cause.message));
    assert.equal(await new AppToken(async () => 'a.b-c_d.e\n').with(async (token) => token), 'a.b-c_d.e\n', 'files end in a new line');
  });

  test('that the app does not give rejects with no_token, and the next call asks again', async () => {
    const answers: unknown[] = [new Error('503'), undefined, '', 'good'];
    const app = new AppToken(async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer as string;
    });
    const use = () => app.with(async (token) => token);
    for (let tries = 0; tries < 3; tries++) await assert.rejects(use(), { code: 'no_token' });
    assert.equal(await use(), 'good');
  });
});

test('a join asks for a new token, and names no session where the token says which', async () => {
  const clock = new FakeClock();
  const { getToken } = counting();
  const seen: unknown[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    seen.push([new URL(url).pathname, (init.headers as Record<string, string>)['authorization'], init.body]);
    return json(200, { sessionId: 's', signaling: {}, iceServers: [], participants: [] });
  };
  const api = new Api('http://localhost:5000', testEnvironment(clock, new FakeServer(clock), { fetch }), getToken);
  await api.joinSession();
  await api.joinSession('s');
  await api.getSession('s');
  assert.deepEqual(seen, [
    ['/api/session/join', 'Bearer token-1', '{}'],
    ['/api/session/join', 'Bearer token-2', '{"sessionId":"s"}'],
    ['/api/session/s', 'Bearer token-2', undefined],
  ]);
});

describe('a backend', () => {
  const secret = 'a secret of the app, 32 bytes and more';

  test('mints tokens that another implementation takes', async () => {
    const token = await mintToken({ key: 'TK1', secret }, { identity: 'ann', name: 'Ann Ä', room: 'daily', grants: { roomAdmin: true }, ttlSeconds: 60 });
    const [head = '', body = '', signature] = token.split('.');
    assert.equal(createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url'), signature);
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown> & { nbf: number; exp: number };
    assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url').toString()), { alg: 'HS256', typ: 'JWT' });
    assert.deepEqual([claims['iss'], claims['sub'], claims['name'], claims.exp - claims.nbf], ['TK1', 'ann', 'Ann Ä', 60]);
    assert.deepEqual(claims['video'], { roomAdmin: true, roomJoin: true, room: 'daily' });
  });

  test('mints nothing that no server takes, and names the option', async () => {
    const good = { identity: 'ann', room: 'daily' };
    for (const [options, named] of [
      [{ ...good, identity: '' }, 'identity'],
      [{ ...good, identity: 'x'.repeat(129) }, 'identity'],
      [{ ...good, room: ' ' }, 'room'],
      [{ ...good, ttlSeconds: 0 }, 'ttlSeconds'],
      [{ ...good, ttlSeconds: 86_401 }, 'ttlSeconds'],
      [{ ...good, ttlSeconds: Number.NaN }, 'ttlSeconds'],
      [{ ...good, grants: { canPublsh: false } as never }, 'grants.canPublsh'],
    ] as const) {
      await assert.rejects(mintToken({ key: 'TK1', secret }, options), (error: Error) => error.message.startsWith(named), named);
    }
    await mintToken({ key: 'TK1', secret }, { ...good, identity: '\u{1F600}'.repeat(128), ttlSeconds: 86_400 });
  });

  test('asks with its key, follows pages, and hears why it is refused', async () => {
    const seen: string[] = [];
    const answers = [
      json(201, { sessionId: 's' }),
      new Response('[{"sessionId":"s"}]', { headers: { link: '</api/session/active?limit=1&cursor=abc>; rel="next"' } }),
      problem(409, 'room_exists'),
    ];
    const fetch = async (url: string | URL | Request, init?: RequestInit) => {
      seen.push(`${init?.method} ${String(url)} ${(init?.headers as Record<string, string>)['authorization']}`);
      return answers.shift() as Response;
    };
    const server = new TunRTCServer({ url: 'http://localhost:5000/', key: 'TK1', secret: 'x', fetch: fetch as typeof globalThis.fetch });
    assert.equal((await server.createSession({ name: 'A', room: 'a' })).sessionId, 's');
    assert.equal((await server.listSessions({ limit: 1 })).cursor, 'abc');
    await assert.rejects(server.endSession({ room: 'a' }), (error: unknown) => error instanceof ServerError && error.code === 'room_exists' && error.status === 409);
    assert.deepEqual(seen, [
      'POST http://localhost:5000/api/session/create Basic VEsxOng=',
      'GET http://localhost:5000/api/session/active?limit=1 Basic VEsxOng=',
      'POST http://localhost:5000/api/session/end Basic VEsxOng=',
    ]);
  });
});
