import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { TunRTCClient, type Environment, type Participant, type TunRTCError } from '../../src/index.ts';
import { FakeClock } from '../support/clock.ts';
import { testEnvironment, type TestEnvironment } from '../support/environment.ts';
import { FakeStream, FakeTrack, type FakePeerConnection } from '../support/peer-connection.ts';
import { FakeServer } from '../support/server.ts';

Object.assign(globalThis, { MediaStream: FakeStream });

let clock: FakeClock;
let server: FakeServer;

beforeEach(() => {
  clock = new FakeClock();
  server = new FakeServer(clock);
});

interface Person {
  client: TunRTCClient;
  environment: TestEnvironment;
  errors: TunRTCError[];
}

/** Somebody who is signed in, with a camera and a microphone. */
async function person(name: string, more: Partial<Environment> = {}): Promise<Person> {
  const mediaDevices = {
    getUserMedia: async ({ audio, video }: MediaStreamConstraints) =>
      new FakeStream([...(audio ? [new FakeTrack('audio')] : []), ...(video ? [new FakeTrack('video')] : [])]),
    getDisplayMedia: async () => new FakeStream([new FakeTrack('video')]),
  };
  const environment = testEnvironment(clock, server, { mediaDevices: mediaDevices as unknown as MediaDevices, ...more });
  const client = new TunRTCClient({ url: 'http://localhost:5000', environment });
  const errors: TunRTCError[] = [];
  client.on('error', (error) => errors.push(error));
  await client.login(`${name}@tunrtc.com`, `${name}123`);
  return { client, environment, errors };
}

/** Carries a call to its end while time passes. */
async function during<Answer>(promise: Promise<Answer>): Promise<Answer> {
  let isDone = false;
  const done = () => (isDone = true);
  promise.then(done, done);
  await clock.until(() => isDone);
  return promise;
}

async function call(...names: string[]): Promise<[string, ...Person[]]> {
  const people: Person[] = [];
  let sessionId = '';
  for (const name of names) {
    const one = await person(name);
    sessionId ||= (await one.client.createSession('room', 10)).sessionId;
    await during(one.client.joinSession(sessionId));
    people.push(one);
  }
  await clock.advance(2_000);
  return [sessionId, ...people];
}

const connections = ({ environment }: Person) => environment.peerConnections.filter(({ connectionState }) => connectionState !== 'closed');
const states = (list: FakePeerConnection[]) => list.map(({ connectionState }) => connectionState);

describe('the fifteen lines', () => {
  test('run as written, with listeners after the join', async () => {
    const { client } = await person('demo');
    const heard: string[] = [];
    const session = await client.createSession('My Video Call', 10);
    await during(client.joinSession(session.sessionId, true, true));
    client.on('userJoined', ({ username }) => heard.push(`${username} joined`));
    client.on('localStream', ({ kind }) => heard.push(`own ${kind}`));
    client.on('remoteStream', ({ username, kind }) => heard.push(`${kind} of ${username}`));
    client.on('message', ({ fromUsername, message }) => heard.push(`${fromUsername}: ${message}`));
    const alice = await person('alice');
    await during(alice.client.joinSession(session.sessionId));
    await during(client.sendMessage('Hello everyone!'));
    await clock.advance(2_000);
    assert.deepEqual(heard.sort(), ['alice joined', 'camera of alice', 'demo: Hello everyone!', 'own camera']);
  });

  test('the first TunRTC’s numbers for the type pass through', async () => {
    let sent = '';
    const fetch: Environment['fetch'] = (url, init) => {
      if (url.endsWith('/create')) sent = String(init.body);
      return server.fetch(url, init);
    };
    const { client } = await person('demo', { fetch });
    await client.createSession('Old client', 5, 1);
    assert.deepEqual(JSON.parse(sent), { name: 'Old client', maxParticipants: 5, type: 1 });
  });
});

describe('a call', () => {
  test('of three connects everybody with everybody', async () => {
    const [, ...people] = await call('alice', 'bob', 'carol');
    for (const one of people) {
      assert.deepEqual(states(connections(one)), ['connected', 'connected']);
      assert.equal(one.client.participants.size, 2);
      assert.deepEqual(one.errors, []);
    }
  });

  test('with neither camera nor microphone asks for no device, and says so to the others', async () => {
    const demo = await person('demo', { mediaDevices: undefined });
    const { sessionId } = await demo.client.createSession('quiet');
    await during(demo.client.joinSession(sessionId, false, false));
    await clock.advance(100);
    const { participants } = await demo.client.getSession(sessionId);
    assert.deepEqual(participants.map(({ isMuted, isVideoEnabled }) => [isMuted, isVideoEnabled]), [[true, false]]);
  });

  test('refused by the device takes no seat', async () => {
    const refuse = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    const demo = await person('demo', { mediaDevices: { getUserMedia: refuse } as unknown as MediaDevices });
    const { sessionId } = await demo.client.createSession('room');
    await assert.rejects(demo.client.joinSession(sessionId), { code: 'media_denied' });
    assert.equal((await demo.client.getSession(sessionId)).participants.length, 0);
    assert.equal(demo.client.sessionId, undefined);
  });

  test('refused by the server releases the devices', async () => {
    const tracks: FakeTrack[] = [];
    const getUserMedia = async () => {
      tracks.push(new FakeTrack('audio'));
      return new FakeStream(tracks);
    };
    const demo = await person('demo', { mediaDevices: { getUserMedia } as unknown as MediaDevices });
    await assert.rejects(demo.client.joinSession('nowhere'), { code: 'session_not_found' });
    assert.deepEqual(tracks.map(({ readyState }) => readyState), ['ended']);
  });

  test('without WebRTC still has chat and presence', async () => {
    const [sessionId, alice] = (await call('alice')) as [string, Person];
    const bot = await person('bob', { createPeerConnection: undefined, mediaDevices: undefined });
    await during(bot.client.joinSession(sessionId, false, false));
    await during(bot.client.sendMessage('I am a bot'));
    assert.deepEqual([...bot.client.participants.values()].map(({ username }) => username), ['alice']);
    assert.equal(alice.client.participants.size, 1);
    assert.throws(() => bot.client.createPeerConnection(alice.client.user?.userId ?? ''), { code: 'media_unavailable' });
    await clock.advance(60_000);
    assert.deepEqual(bot.errors, []);
  });

  test('leaving tells the others, closes everything and releases the devices', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const left: string[] = [];
    bob.client.on('userLeft', ({ username, reason }) => left.push(`${username}: ${reason}`));
    const track = alice.client.localStream?.getTracks()[0];
    await during(alice.client.leaveSession());
    await clock.advance(100);
    assert.deepEqual(left, ['alice: left']);
    assert.equal(connections(alice).length, 0);
    assert.equal(connections(bob).length, 0);
    assert.equal(track?.readyState, 'ended');
    assert.equal(alice.client.connectionState.status, 'closed');
  });

  test('leaving without a connection goes over REST', async () => {
    const [, alice] = (await call('alice')) as [string, Person];
    server.cut();
    await clock.advance(1);
    await during(alice.client.leaveSession());
    assert.ok(server.requests.includes('POST /api/session/leave'));
  });

  test('ending tells everybody', async () => {
    const [sessionId, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const ended: string[] = [];
    for (const { client } of [alice, bob]) client.on('sessionEnded', ({ reason }) => ended.push(reason));
    await alice.client.endSession(sessionId);
    await clock.advance(5_000);
    assert.deepEqual(ended, ['ended', 'ended']);
    assert.equal(bob.client.sessionId, undefined);
    await assert.rejects(bob.client.sendMessage('x'), { code: 'not_joined' });
  });

  test('joining another session leaves the first', async () => {
    const [first, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const { sessionId } = await alice.client.createSession('another');
    await during(alice.client.joinSession(sessionId));
    assert.equal(alice.client.sessionId, sessionId);
    assert.equal((await bob.client.getSession(first)).participants.length, 1);
  });
});

describe('presence', () => {
  test('somebody whose connection breaks is reconnecting, not gone, and media is not touched', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const seen: string[] = [];
    bob.client.on('userStatusUpdated', ({ status }: Participant) => seen.push(status));
    bob.client.on('userLeft', () => seen.push('left'));
    const before = connections(alice)[0];
    server.cut(alice.client.user?.userId);
    await clock.advance(10_000);
    assert.deepEqual(seen, ['reconnecting', 'connected']);
    assert.equal(connections(alice)[0], before);
    assert.equal(before?.restarts, 0);
  });

  test('who came and went while this client was away is told when it is back', async () => {
    const [sessionId, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const seen: string[] = [];
    alice.client.on('userJoined', ({ username }) => seen.push(`${username} joined`));
    alice.client.on('userLeft', ({ username }) => seen.push(`${username} left`));
    alice.environment.isOffline = true;
    server.cut(alice.client.user?.userId);
    await during(bob.client.leaveSession());
    const carol = await person('carol');
    await during(carol.client.joinSession(sessionId));
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.advance(10_000);
    assert.deepEqual(seen, ['bob joined', 'carol joined', 'bob left'], 'bob’s coming was kept for the first listener');
    assert.deepEqual(states(connections(alice)), ['connected']);
    assert.deepEqual(states(connections(carol)), ['connected']);
  });

  test('a seat lost while away is taken again, and the call is made anew', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    alice.environment.isOffline = true;
    server.cut(alice.client.user?.userId);
    await clock.advance(40_000);
    assert.equal(bob.client.participants.size, 0);
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.advance(15_000);
    assert.deepEqual(alice.client.connectionState, { status: 'connected', recovered: false });
    assert.deepEqual([states(connections(alice)), states(connections(bob))], [['connected'], ['connected']]);
    assert.equal(bob.client.participants.size, 1);
  });

  test('what was said during an absence that was too long comes from the history, once', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    server.graceMs = 3_600_000;
    const heard: string[] = [];
    alice.client.on('message', ({ message }) => heard.push(message));
    await during(bob.client.sendMessage('before'));
    alice.environment.isOffline = true;
    server.cut(alice.client.user?.userId);
    await during(bob.client.sendMessage('meanwhile'));
    await clock.advance(300_000);
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.advance(15_000);
    assert.deepEqual(heard, ['before', 'meanwhile']);
  });

  test('a page that is reloaded is met again by the others', async () => {
    const [sessionId, , bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const reloaded = await person('alice');
    await during(reloaded.client.joinSession(sessionId));
    await clock.advance(2_000);
    assert.deepEqual(states(connections(reloaded)), ['connected']);
    assert.deepEqual(states(connections(bob)), ['connected']);
    assert.equal(bob.client.participants.size, 1);
    assert.deepEqual(bob.errors, []);
  });
});

describe('what is sent', () => {
  test('muting says so to the others and keeps sending the track', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    await during(alice.client.setMuted(true));
    await clock.advance(100);
    const [seen] = bob.client.participants.values();
    assert.deepEqual([seen?.isMuted, seen?.isVideoEnabled], [true, true]);
    assert.equal(alice.client.isMuted, true);
  });

  test('the latest of many statuses is the one that stays', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const delays = [200, 1, 150, 1, 100, 1];
    server.network = { delay: () => delays.shift() ?? 1 };
    const updates = [true, false, true].map((isMuted) => alice.client.updateStatus(isMuted, true));
    await during(Promise.all(updates));
    await clock.advance(1_000);
    assert.equal([...bob.client.participants.values()][0]?.isMuted, true);
  });

  test('a screen is announced on both sides', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const kinds: string[] = [];
    alice.client.on('localStream', ({ kind }) => kinds.push(`own ${kind}`));
    bob.client.on('remoteStream', ({ kind }) => kinds.push(`their ${kind}`));
    await clock.advance(10);
    await during(alice.client.startScreenShare());
    await clock.advance(1_000);
    assert.deepEqual(kinds.filter((kind) => kind.endsWith('screen')), ['own screen', 'their screen']);
    assert.equal(alice.client.isScreenShared, true);
    await alice.client.stopScreenShare();
    assert.equal(alice.client.isScreenShared, false);
  });

  test('ICE servers of the join are used, and fresh ones are fetched before they end', async () => {
    const end = Date.parse(clock.timestamp()) / 1000 + 7200;
    server.iceServers = [{ urls: ['turn:one'], username: `${end}:alice`, credential: 'x' }];
    const [sessionId, alice] = (await call('alice')) as [string, Person];
    await clock.advance(3_590_000);
    assert.equal(server.requests.includes('GET /api/iceservers'), false);
    server.iceServers = [{ urls: ['turn:two'], username: `${end + 3600}:alice`, credential: 'y' }];
    await clock.advance(20_000);
    assert.equal(server.requests.includes('GET /api/iceservers'), true);
    const bob = await person('bob');
    await during(bob.client.joinSession(sessionId));
    await clock.advance(1_000);
    assert.deepEqual(connections(alice)[0]?.configuration.iceServers?.map(({ urls }) => urls), [['turn:two']]);
  });
});

test('outside a session nothing can be said', async () => {
  const { client } = await person('demo');
  await assert.rejects(client.sendMessage('x'), { code: 'not_joined' });
  await assert.rejects(client.updateStatus(true, true), { code: 'not_joined' });
  assert.throws(() => client.createPeerConnection('x'), { code: 'not_joined' });
  assert.deepEqual(await client.getQuality('x'), { level: 'unknown' });
  assert.deepEqual(client.signalingStatistics, { latencyMs: undefined, reconnects: 0, unacknowledged: 0 });
  await client.leaveSession();
});
