import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TunRTCClient, type TunRTCError, type TunRTCOptions } from '../../src/index.ts';
import { FakeClock } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeServer } from '../support/server.ts';

function refused(options: unknown): string[] {
  try {
    new TunRTCClient(options as TunRTCOptions);
  } catch (thrown) {
    const { code, errors } = thrown as TunRTCError;
    assert.equal(code, 'invalid_option');
    return errors.map(({ field }) => field);
  }
  return [];
}

describe('options', () => {
  test('that are unknown or of a wrong type are refused by their names', () => {
    const url = 'http://localhost:5000';
    assert.deepEqual(refused({ url, storge: sessionStorageLike }), ['storge']);
    assert.deepEqual(refused({ url, leaveOnPageHide: 'no', rtcConfiguration: null }), ['leaveOnPageHide', 'rtcConfiguration']);
    assert.deepEqual(refused({ url, rtcConfiguration: { iceServers: 'stun:x' } }), ['rtcConfiguration.iceServers']);
    assert.deepEqual(refused({ url, environment: { opensocket: () => {}, fetch: 'x' } }), ['environment.opensocket', 'environment.fetch']);
    for (const bad of [undefined, null, 5, '', 'localhost:5000', 'ftp://x', {}, { url: 5 }]) assert.ok(refused(bad).includes('url'), String(bad));
  });

  test('a storage that could keep nothing is refused, one that is blocked is not', () => {
    const url = 'http://localhost:5000';
    const answering = (getItem: () => unknown) => ({ ...sessionStorageLike, getItem });
    const blocked = () => {
      throw new DOMException('blocked', 'SecurityError');
    };
    assert.deepEqual(refused({ url, storage: {} }), ['storage']);
    assert.deepEqual(refused({ url, storage: answering(() => Promise.resolve(null)) }), ['storage']);
    assert.deepEqual(refused({ url, environment: { storage: { getItem: () => null } } }), ['environment.storage']);
    for (const getItem of [() => null, () => undefined, () => 'garbage', blocked]) assert.deepEqual(refused({ url, storage: answering(getItem) }), []);
  });

  test('that are known are taken, and so is none', () => {
    assert.deepEqual(refused('https://calls.example.org/'), []);
    assert.deepEqual(refused({ url: 'http://localhost:5000', storage: undefined, rtcConfiguration: {}, leaveOnPageHide: false }), []);
    const clock = new FakeClock();
    assert.deepEqual(refused({ url: 'http://localhost:5000', environment: testEnvironment(clock, new FakeServer(clock)) }), []);
  });

  test('of a join are checked before anything is left or asked', async () => {
    const client = new TunRTCClient('http://localhost:5000');
    await assert.rejects(client.joinSession('x', 'yes' as unknown as boolean), { code: 'invalid_option' });
    assert.equal(client.connectionState.status, 'idle');
  });
});

const sessionStorageLike = { getItem: () => null, setItem: () => {}, removeItem: () => {} };

describe('a client in a proxy', () => {
  test('works as the client itself, as frameworks need that wrap what they are given', async () => {
    const clock = new FakeClock();
    const client = new TunRTCClient({ url: 'http://localhost:5000', environment: testEnvironment(clock, new FakeServer(clock)) });
    const wrap = <Wrapped extends object>(object: Wrapped): Wrapped =>
      new Proxy(object, {
        get: (target, name, receiver) => {
          const value: unknown = Reflect.get(target, name, receiver);
          return value === client.api ? wrap(value as object) : value;
        },
      });
    const proxy = wrap(client);
    const heard: string[] = [];
    proxy.on('error', ({ code }) => heard.push(code));
    await proxy.login('demo@tunrtc.com', 'demo123');
    assert.equal(proxy.user?.username, 'demo');
    assert.equal((await proxy.api.createSession({ name: 'room' })).name, 'room');
    assert.equal(proxy.isMuted, true);
    const { login, logout } = client;
    await logout();
    await login('alice@tunrtc.com', 'alice123');
    assert.equal(client.user?.username, 'alice');
  });
});
