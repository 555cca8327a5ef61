import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Environment, Participant } from '../../src/index.ts';
import type { FakeClock } from '../support/clock.ts';
import { FakeStream, FakeTrack } from '../support/peer-connection.ts';
import { connections, states, Town, type Person } from '../support/people.ts';
import { json, type FakeServer } from '../support/server.ts';

let town: Town;
let clock: FakeClock;
let server: FakeServer;

beforeEach(() => {
  town = new Town();
  ({ clock, server } = town);
});

const person = (name: string, more?: Partial<Environment>) => town.person(name, more);
const during = <Answer>(promise: Promise<Answer>) => town.during(promise);
const call = (...names: string[]) => town.call(...names);

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

  test('with an answer that cannot be used rejects, gives the seat back and keeps nobody waiting', async () => {
    const alice = await person('alice');
    const { sessionId } = await alice.client.createSession('room');
    for (const [answer, code] of [[{}, 'invalid_response'], [{ signaling: {} }, 'internal']] as const) {
      server.nextResponses.push(json(200, answer));
      await assert.rejects(during(alice.client.joinSession(sessionId)), { name: 'TunRTCError', code });
      await clock.advance(1_000);
      assert.equal(server.requests.at(-1), 'POST /api/session/leave');
    }
    const before = clock.now();
    await during(alice.client.joinSession(sessionId));
    assert.ok(clock.now() - before < 1_000);
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

  test('a ticket that nobody answers is asked for again while the seat is kept', async () => {
    let hanging = 2;
    const hang = ({ signal }: RequestInit) =>
      new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    const alice = await person('alice', {
      fetch: (url, init) => (url.endsWith('/ticket') && hanging-- > 0 ? hang(init) : server.fetch(url, init)),
    });
    const { sessionId } = await alice.client.createSession('room');
    await during(alice.client.joinSession(sessionId));
    server.cut();
    await clock.advance(25_000);
    assert.deepEqual(alice.client.connectionState, { status: 'connected', recovered: true });
  });

  test('what was said during an absence that was too long comes from the history, once', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const heard: string[] = [];
    alice.client.on('message', ({ message }) => heard.push(message));
    await during(bob.client.sendMessage('before'));
    alice.environment.isOffline = true;
    server.cut(alice.client.user?.userId);
    const meanwhile = Array.from({ length: 230 }, (_, number) => `meanwhile ${number}`);
    for (const message of meanwhile) await during(bob.client.sendMessage(message));
    await clock.advance(300_000);
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.advance(15_000);
    assert.deepEqual(heard, ['before', ...meanwhile]);
    assert.equal(server.requests.filter((request) => request.endsWith('/messages')).length, 3);
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

describe('a device that takes the seat back from another of the same user', () => {
  /** Another device of hers is in the call while this one is away. */
  async function replacedMeanwhile(sessionId: string, alice: Person): Promise<Person> {
    alice.environment.isOffline = true;
    server.cut(server.userId('alice'));
    server.network = {};
    const phone = await person('alice');
    await during(phone.client.joinSession(sessionId));
    await clock.advance(1_000);
    assert.deepEqual(states(connections(phone)), ['connected']);
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.until(() => alice.client.connectionState.status === 'connected');
    // The others have met the phone since, and answered that.
    await clock.advance(15_000);
    for (const connection of connections(alice)) connection.findOut();
    await clock.advance(60_000);
    return phone;
  }

  function assertMet(alice: Person, bob: Person, phone: Person): void {
    assert.deepEqual([alice, bob, phone].map((one) => states(connections(one))), [['connected'], ['connected'], []]);
    assert.equal(connections(alice)[0]?.remoteDescription?.sdp.match(/ufrag:(\S+)/)?.[1], connections(bob)[0]?.localDescription?.sdp.match(/ufrag:(\S+)/)?.[1]);
    assert.deepEqual(phone.client.connectionState, { status: 'closed', code: 'replaced', reason: 'A newer connection of the same user took over.' });
  }

  test('is met again by the others', async () => {
    const [sessionId, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const phone = await replacedMeanwhile(sessionId, alice);
    assertMet(alice, bob, phone);
  });

  test('is met by the others also where nothing that it said had arrived before', async () => {
    const [sessionId, bob] = (await call('bob')) as [string, Person];
    const alice = await person('alice');
    server.network = { losesFrame: (action) => action === 'sendOffer' };
    await during(alice.client.joinSession(sessionId));
    const phone = await replacedMeanwhile(sessionId, alice);
    assertMet(alice, bob, phone);
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

describe('devices in a call', () => {
  test('that stop are told to the page and to the others, and so is their return', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    const lost: string[] = [];
    const own: boolean[][] = [];
    alice.client.on('deviceLost', ({ kind, reason }) => lost.push(`${kind} ${reason}`));
    alice.client.on('localStatusChanged', ({ isMuted, isVideoEnabled }) => own.push([isMuted, isVideoEnabled]));
    await clock.advance(10);
    own.length = 0;
    const seen = () => [...bob.client.participants.values()].map(({ isMuted, isVideoEnabled }) => [isMuted, isVideoEnabled]);
    alice.devices.unplug('cam');
    await clock.advance(200);
    assert.deepEqual([lost, own, seen()], [['camera unplugged'], [[false, false]], [[false, false]]]);
    assert.deepEqual(alice.errors.map(({ code }) => code), ['media_lost']);
    alice.devices.plugIn('video', 'cam');
    await clock.advance(200);
    assert.deepEqual([own, seen()], [[[false, false], [false, true]], [[false, true]]]);
  });

  test('are turned on and off at once while the connection is lost, and the last status is told when it is back', async () => {
    const [, alice, bob] = (await call('alice', 'bob')) as [string, Person, Person];
    alice.environment.isOffline = true;
    server.cut(alice.client.user?.userId);
    await clock.advance(100);
    server.frames.length = 0;
    for (const muted of [true, false, true]) await alice.client.setMuted(muted);
    await alice.client.setVideoEnabled(false);
    assert.deepEqual([alice.client.isMuted, alice.client.isVideoEnabled], [true, false]);
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.advance(10_000);
    const [seen] = bob.client.participants.values();
    assert.deepEqual([seen?.isMuted, seen?.isVideoEnabled], [true, false]);
    assert.ok(server.frames.filter(({ action }) => action === 'updateStatus').length <= 2);
  });

  test('that are missing do not keep anybody out', async () => {
    const alice = await person('alice');
    const { sessionId } = await alice.client.createSession('room');
    const missing: string[] = [];
    alice.client.on('mediaFallback', ({ missing: kind, error }) => missing.push(`${kind} ${error.code}`));
    alice.devices.unplug('cam');
    await during(alice.client.joinSession(sessionId, true, true));
    assert.deepEqual([missing, alice.client.isMuted, alice.client.isVideoEnabled], [['camera media_not_found'], false, false]);
  });
});

describe('ICE servers', () => {
  const servers = (one: Person) => connections(one).map(({ configuration }) => configuration.iceServers?.map(({ urls }) => String(urls)));

  test('of the page are used in place of the server’s, also when ICE restarts', async () => {
    server.iceServers = [{ urls: ['turn:server'], username: '9999999999:x', credential: 'x' }];
    const [sessionId] = (await call('bob')) as [string, Person];
    const rtcConfiguration: RTCConfiguration = { iceServers: [{ urls: 'turn:page' }], iceTransportPolicy: 'relay' };
    const alice = await town.person('alice', {}, { rtcConfiguration });
    await during(alice.client.joinSession(sessionId));
    await clock.advance(1_000);
    connections(alice)[0]?.become('failed');
    await clock.advance(1_000);
    assert.deepEqual(servers(alice), [['turn:page']]);
    assert.equal(connections(alice)[0]?.configuration.iceTransportPolicy, 'relay');
    assert.equal(connections(alice)[0]?.restarts, 1);
    assert.ok(!server.requests.includes('GET /api/iceservers'));
  });

  test('that the browser refuses are left out and told, and the call goes on', async () => {
    server.iceServers = [{ urls: ['stun:good'] }, { urls: ['stun:bad?x'] }];
    const [sessionId, bob] = (await call('bob')) as [string, Person];
    const { createPeerConnection } = bob.environment;
    const alice = await person('alice', {
      createPeerConnection: (configuration) => {
        if (configuration.iceServers?.some(({ urls }) => String(urls).includes('?'))) throw new SyntaxError('not a valid URL');
        return createPeerConnection?.(configuration) as RTCPeerConnection;
      },
    });
    await during(alice.client.joinSession(sessionId));
    await clock.advance(2_000);
    assert.deepEqual(alice.errors.map(({ code, message }) => [code, message.includes('stun:bad?x')]), [['peer_failed', true]]);
    assert.deepEqual(states(connections(bob)), ['connected', 'connected'], 'both ends, made in one place');
  });

  test('are no reason for presence and chat to stop when there is no connection at all', async () => {
    const [sessionId, bob] = (await call('bob')) as [string, Person];
    const createPeerConnection = () => {
      throw new Error('too many');
    };
    const alice = await person('alice', { createPeerConnection });
    const heard: string[] = [];
    alice.client.on('message', ({ message }) => heard.push(message));
    await during(alice.client.joinSession(sessionId));
    await during(bob.client.sendMessage('hello'));
    await clock.advance(100);
    assert.deepEqual([alice.client.participants.size, heard], [1, ['hello']]);
    assert.ok(alice.errors.length > 0 && alice.errors.every(({ code }) => code === 'peer_failed'));
    assert.throws(() => alice.client.createPeerConnection(bob.client.user?.userId ?? ''), { code: 'peer_failed' });
  });

  test('are not fetched any more once the session is left, and once for all who restart', async () => {
    const end = Date.parse(clock.timestamp()) / 1000 + 7200;
    server.iceServers = [{ urls: ['turn:one'], username: `${end}:alice`, credential: 'x' }];
    const [, ...people] = await call('alice', 'bob', 'carol', 'dave');
    const fetched = () => server.requests.filter((request) => request === 'GET /api/iceservers').length;
    for (const connection of people[0] ? connections(people[0]) : []) connection.become('failed');
    await clock.advance(100);
    assert.equal(fetched(), 1);
    for (const { client } of people) await during(client.leaveSession());
    server.requests.length = 0;
    await clock.advance(4 * 3_600_000);
    assert.equal(fetched(), 0);
  });
});

describe('while this side is offline', () => {
  test('offers do not pile up', async () => {
    const [, alice] = (await call('alice', 'bob')) as [string, Person];
    alice.environment.isOffline = true;
    server.graceMs = 3_600_000;
    server.cut(alice.client.user?.userId);
    connections(alice)[0]?.become('failed');
    await clock.advance(600_000);
    assert.ok(alice.client.signalingStatistics.unacknowledged < 12, String(alice.client.signalingStatistics.unacknowledged));
  });
});

test('a page that makes a connection anew as soon as one closes gets one, not two', async () => {
  const [sessionId, alice, bob] = await town.call('alice', 'bob');
  const bobsId = bob!.client.user?.userId ?? '';
  alice!.client.on('peerStateChanged', ({ state }) => state === 'closed' && alice!.client.createPeerConnection(bobsId));
  const room = server.room(sessionId);
  const { userId, username, joinedAt, isMuted, isVideoEnabled } = room.seats.get(bobsId)!;
  // As somebody who comes in is told, while the one before is still there.
  server.broadcast(room, 'userJoined', { userId, username, joinedAt, isMuted, isVideoEnabled }, bobsId);
  await clock.advance(10_000);
  assert.equal(connections(alice!).length, 1);
  assert.deepEqual(states(connections(alice!)), ['connected']);
});

describe('the quality of a connection', () => {
  test('is measured for each by itself, with rates since the last time', async () => {
    const [, alice, bob, carol] = await town.call('alice', 'bob', 'carol');
    const userIds = [bob!, carol!].map(({ client }) => client.user?.userId ?? '');
    const read = (bytesReceived: number, timestamp: number) => {
      for (const [index, { stats }] of connections(alice!).entries()) {
        const pair = { id: 'pair', type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.25, bytesSent: 0 };
        stats.set('pair', { ...pair, timestamp, bytesReceived: bytesReceived * (index + 1) });
      }
      return Promise.all(userIds.map((userId) => alice!.client.getQuality(userId)));
    };
    assert.deepEqual((await read(0, 1_000)).map(({ level, roundTripMs, incomingKbps }) => [level, roundTripMs, incomingKbps]), [
      ['excellent', 250, undefined],
      ['excellent', 250, undefined],
    ]);
    assert.deepEqual((await read(1_000, 2_000)).map(({ incomingKbps }) => incomingKbps), [8, 16]);
  });

  test('that cannot be measured is an error of this package', async () => {
    const [, alice, bob] = await town.call('alice', 'bob');
    connections(alice!)[0]!.getStats = () => Promise.reject(new DOMException('gone', 'InvalidStateError'));
    await assert.rejects(alice!.client.getQuality(bob!.client.user?.userId ?? ''), { name: 'TunRTCError', code: 'peer_failed' });
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
