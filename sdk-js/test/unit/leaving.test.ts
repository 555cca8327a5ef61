import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { settle, type FakeClock } from '../support/clock.ts';
import { memoryStorage } from '../support/environment.ts';
import { connections, states, Town, type Person } from '../support/people.ts';
import { problem, type FakeServer } from '../support/server.ts';

let town: Town;
let clock: FakeClock;
let server: FakeServer;

beforeEach(() => {
  town = new Town();
  ({ clock, server } = town);
});

type Two = [string, Person, Person];
const code = (promise: Promise<unknown>) => promise.then(() => 'done', (error: { code: string }) => error.code);

/** What somebody hears of streams, people and connections. */
function listen({ client }: Person): string[] {
  const heard: string[] = [];
  client.on('remoteStream', ({ kind }) => heard.push(`stream ${kind}`));
  client.on('remoteStreamRemoved', () => heard.push('stream removed'));
  client.on('userLeft', ({ username, reason }) => heard.push(`${username} ${reason}`));
  client.on('peerStateChanged', ({ state }) => heard.push(state));
  return heard;
}

describe('leaving', () => {
  test('while the camera is asked for leaves, and nothing stays captured', async () => {
    const alice = await town.person('alice');
    const { sessionId } = await alice.client.createSession('room');
    alice.devices.answers = false;
    const joining = code(alice.client.joinSession(sessionId));
    await settle();
    await alice.client.leaveSession();
    assert.equal(await joining, 'closed');
    alice.devices.open[0]?.allow();
    await clock.advance(2_000);
    assert.deepEqual([alice.client.sessionId, alice.devices.live, town.seated(sessionId)], [undefined, [], []]);
    assert.equal(alice.client.connectionState.status, 'closed');
  });

  test('is what signing in as somebody else does, and signing in again does not', async () => {
    const [sessionId, alice] = (await town.call('alice', 'bob')) as [string, Person, Person];
    server.nextResponses.push(problem(401, 'invalid_refresh_token'));
    await assert.rejects(alice.client.api.refresh(), { code: 'invalid_refresh_token' });
    for (let time = 0; time < 2; time++) await town.during(alice.client.login('alice@tunrtc.com', 'alice123'));
    await clock.advance(2_000);
    assert.deepEqual([alice.client.sessionId, town.seated(sessionId)], [sessionId, ['alice', 'bob']]);
    await town.during(alice.client.login('carol@tunrtc.com', 'carol123'));
    await clock.advance(2_000);
    assert.deepEqual([alice.client.sessionId, town.seated(sessionId)], [undefined, ['bob']]);
    const other = await alice.client.createSession('hers');
    const signingIn = alice.client.login('alice@tunrtc.com', 'alice123');
    await town.during(alice.client.joinSession(other.sessionId));
    await signingIn;
    await clock.advance(2_000);
    assert.deepEqual([alice.client.sessionId, town.seated(other.sessionId)], [other.sessionId, ['alice']]);
  });

  test('while the seat is asked for gives it back', async () => {
    const alice = await town.person('alice');
    const { sessionId } = await alice.client.createSession('room');
    const joining = code(alice.client.joinSession(sessionId, false, false));
    await clock.until(() => server.requests.includes('POST /api/session/join'));
    await town.during(alice.client.leaveSession());
    assert.equal(await joining, 'closed');
    await clock.advance(5_000);
    assert.deepEqual([alice.client.sessionId, town.seated(sessionId)], [undefined, []]);
  });

  test('and joining in one tick, as a component that is mounted twice does, ends in the session', async () => {
    const alice = await town.person('alice');
    const bob = await town.person('bob');
    const { sessionId } = await alice.client.createSession('room');
    await town.during(bob.client.joinSession(sessionId));
    const first = code(alice.client.joinSession(sessionId));
    void alice.client.leaveSession();
    const second = code(alice.client.joinSession(sessionId));
    await clock.advance(5_000);
    assert.deepEqual([await first, await second], ['closed', 'done']);
    assert.equal(alice.client.connectionState.status, 'connected');
    assert.equal(alice.devices.live.length, 2);
    assert.deepEqual([states(connections(alice)), states(connections(bob))], [['connected'], ['connected']]);
    assert.deepEqual(town.seated(sessionId).sort(), ['alice', 'bob']);
  });

  test('while reconnecting gives the seat back, and asks for nothing else', async () => {
    const [sessionId, alice] = (await town.call('alice')) as [string, Person];
    server.unreachable = true;
    server.cut(server.userId('alice'));
    await clock.advance(4_000);
    server.unreachable = false;
    server.requests.length = 0;
    assert.equal(await town.during(code(alice.client.leaveSession())), 'done');
    await clock.advance(60_000);
    assert.deepEqual(town.seated(sessionId), []);
    assert.ok(!server.requests.includes('POST /api/session/join'), String(server.requests));
  });

  test('is the last that the server is told, whatever else waits to be said', async () => {
    const [, alice] = (await town.call('alice', 'bob')) as Two;
    server.network = { delay: () => 200 };
    for (let message = 0; message < 5; message++) void code(alice.client.sendMessage(`message ${message}`));
    void code(alice.client.updateStatus(true, true));
    const leaving = alice.client.leaveSession();
    void alice.client.setMuted(true);
    await town.during(leaving);
    await clock.advance(60_000);
    const actions = server.frames.filter(({ userId }) => userId === alice.client.user?.userId).map(({ action }) => action);
    assert.deepEqual(actions.slice(-1), ['leaveSession']);
  });

  test('ends the tries to get a seat from a server that is overloaded', async () => {
    const alice = await town.person('alice');
    const { sessionId } = await alice.client.createSession('room');
    server.nextResponses.push(problem(503, 'unavailable'));
    const joining = code(alice.client.joinSession(sessionId, false, false));
    await settle();
    await town.during(alice.client.leaveSession());
    await clock.advance(60_000);
    assert.equal(await joining, 'closed');
    assert.equal(server.requests.filter((request) => request === 'POST /api/session/join').length, 1);
  });

  test('after a first connection that failed gives the seat back', async () => {
    const alice = await town.person('alice');
    const { sessionId } = await alice.client.createSession('room');
    for (let tries = 0; tries < 10; tries++) server.refusals.push({ action: 'joinSession', code: 'internal' });
    assert.equal(await town.during(code(alice.client.joinSession(sessionId))), 'internal');
    await clock.advance(1_000);
    assert.deepEqual([town.seated(sessionId), alice.devices.live, alice.client.sessionId], [[], [], undefined]);
  });

  test('takes every stream back, own ones too, and says so before anything else of the peer ends', async () => {
    const [, alice] = (await town.call('alice', 'bob')) as Two;
    const heard = listen(alice);
    const own: string[] = [];
    alice.client.on('localStreamRemoved', ({ kind }) => own.push(kind));
    await town.during(alice.client.startScreenShare());
    await clock.advance(1_000);
    heard.length = 0;
    await town.during(alice.client.leaveSession());
    assert.deepEqual(heard, ['stream removed', 'closed']);
    assert.deepEqual(own, ['screen', 'camera']);
  });

  test('by a listener that hears of a leave, and joining from there, ends where the listener says', async () => {
    const [sessionId, alice] = (await town.call('alice', 'bob')) as Two;
    let again: Promise<unknown> | undefined;
    alice.client.on('remoteStreamRemoved', () => (again ??= alice.client.joinSession(sessionId)));
    await town.during(alice.client.leaveSession());
    await clock.advance(5_000);
    assert.equal(await code(again ?? Promise.reject(new Error('not joined'))), 'done');
    assert.deepEqual([alice.client.sessionId, alice.client.connectionState.status], [sessionId, 'connected']);
    assert.equal(alice.devices.live.length, 2);
  });
});

describe('a listener of what a join ends', () => {
  for (const [what, ends] of [['joins another session', 'joined'], ['leaves', 'left']] as const) {
    test(`that ${what} is the later call`, async () => {
      const [sessionId, alice] = (await town.call('alice', 'bob')) as Two;
      const other = (await alice.client.createSession('other')).sessionId;
      let later: Promise<unknown> | undefined;
      alice.client.on('remoteStreamRemoved', () => {
        later ??= ends === 'joined' ? alice.client.joinSession(other) : alice.client.leaveSession();
      });
      assert.equal(await town.during(code(alice.client.joinSession(sessionId))), 'closed');
      await clock.advance(5_000);
      assert.equal(await code(later ?? Promise.reject(new Error('no call'))), 'done');
      assert.equal(alice.client.sessionId, ends === 'joined' ? other : undefined);
      assert.deepEqual([town.seated(sessionId), town.seated(other)], [['bob'], ends === 'joined' ? ['alice'] : []]);
      assert.equal(alice.devices.live.length, ends === 'joined' ? 2 : 0);
    });
  }
});

describe('when the other side', () => {
  test('leaves, the streams are taken back before it is told', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as Two;
    const heard = listen(alice);
    await town.during(bob.client.leaveSession());
    await clock.advance(100);
    assert.deepEqual(heard.slice(-3), ['stream removed', 'closed', 'bob left']);
  });

  test('reloads, the old stream is taken back and the new one comes', async () => {
    const [sessionId, alice] = (await town.call('alice', 'bob')) as Two;
    const heard = listen(alice);
    await clock.advance(10);
    heard.length = 0;
    const reloaded = await town.person('bob');
    await town.during(reloaded.client.joinSession(sessionId));
    await clock.advance(2_000);
    assert.deepEqual(heard.filter((line) => line.startsWith('stream')), ['stream removed', 'stream camera']);
  });

  test('is not back in time, the streams are taken back', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as Two;
    const heard = listen(alice);
    bob.environment.isOffline = true;
    server.cut(server.userId('bob'));
    await clock.advance(40_000);
    assert.deepEqual(heard.slice(-3), ['stream removed', 'closed', 'bob timeout']);
  });

  test('closes its page, it is gone at once', async () => {
    const [sessionId, alice, bob] = (await town.call('alice', 'bob')) as Two;
    const heard = listen(alice);
    bob.environment.hide();
    await clock.advance(1_000);
    assert.deepEqual(town.seated(sessionId), ['alice']);
    assert.equal(heard.at(-1), 'bob left');
  });

  test('came and went while this one was away, nobody is there and nothing fails', async () => {
    const [sessionId, alice] = (await town.call('alice')) as [string, Person];
    const heard = listen(alice);
    alice.environment.isOffline = true;
    server.cut(server.userId('alice'));
    const bob = await town.person('bob');
    await town.during(bob.client.joinSession(sessionId));
    await clock.advance(2_000);
    await town.during(bob.client.leaveSession());
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.advance(60_000);
    assert.deepEqual([heard, alice.errors, connections(alice)], [[], [], []]);
    assert.equal(alice.client.participants.size, 0);
  });
});

describe('a page that goes away', () => {
  test('gives back what it has, and what it may have', async () => {
    const alice = await town.person('alice');
    const { sessionId } = await alice.client.createSession('room');
    const joining = code(alice.client.joinSession(sessionId, false, false));
    await clock.until(() => server.requests.includes('POST /api/session/join'));
    alice.environment.hide();
    assert.equal(await joining, 'closed');
    await clock.advance(1_000);
    assert.deepEqual(town.seated(sessionId), []);
  });

  test('asks for nothing outside a session, and nothing at all where the page said so', async () => {
    const alice = await town.person('alice', {}, { leaveOnPageHide: false });
    const { sessionId } = await alice.client.createSession('room');
    server.requests.length = 0;
    alice.environment.hide();
    await town.during(alice.client.joinSession(sessionId));
    alice.environment.hide();
    await clock.advance(1_000);
    assert.deepEqual(town.seated(sessionId), ['alice']);
    assert.ok(!server.requests.includes('POST /api/session/leave'));
  });

  test('asks in a way that outlives it', async () => {
    let isKept: boolean | undefined;
    const fetch: typeof server.fetch = (url, init) => {
      if (url.endsWith('/leave')) isKept = init.keepalive;
      return server.fetch(url, init);
    };
    const alice = await town.person('alice', { fetch });
    const { sessionId } = await alice.client.createSession('room');
    await town.during(alice.client.joinSession(sessionId));
    alice.environment.hide();
    await settle();
    assert.equal(isKept, true);
  });
});

describe('signing out', () => {
  test('forgets the tokens when the server cannot be reached, in a call too, and does not hang', async () => {
    for (const isInCall of [false, true]) {
      const storage = memoryStorage();
      const alice = await town.person('alice', { storage });
      const { sessionId } = await alice.client.createSession('room');
      if (isInCall) await town.during(alice.client.joinSession(sessionId));
      server.unreachable = true;
      server.cut(server.userId('alice'));
      assert.equal(await town.during(code(alice.client.logout())), 'network_error');
      assert.deepEqual([alice.client.user, storage.getItem('tunrtc.auth'), alice.client.sessionId], [undefined, null, undefined]);
      server.unreachable = false;
    }
  });

  test('and in again in one tick is signed in, and the other way round is not', async () => {
    const alice = await town.person('alice');
    void alice.client.logout();
    await alice.client.login('bob@tunrtc.com', 'bob123');
    assert.equal(alice.client.user?.username, 'bob');
    void alice.client.login('alice@tunrtc.com', 'alice123');
    await alice.client.logout();
    assert.equal(alice.client.user, undefined);
  });

  test('and joining in one tick joins nothing', async () => {
    const alice = await town.person('alice');
    const { sessionId } = await alice.client.createSession('room');
    void alice.client.logout();
    assert.equal(await town.during(code(alice.client.joinSession(sessionId))), 'not_signed_in');
    assert.deepEqual([town.seated(sessionId), alice.devices.live], [[], []]);
  });
});
