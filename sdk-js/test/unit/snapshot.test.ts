import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TunRTCClient, type ChatMessage } from '../../src/index.ts';
import { settle } from '../support/clock.ts';
import { FakeDevices } from '../support/devices.ts';
import { testEnvironment } from '../support/environment.ts';
import { Town, type Person } from '../support/people.ts';
import { Snapshots, type Known } from '../../src/snapshot.ts';

let town: Town;

beforeEach(() => {
  town = new Town();
});

const shown = ({ client }: Person) =>
  client.getSnapshot().streams.map(({ username, kind, isLocal }) => `${isLocal ? 'own' : username} ${kind}`).sort();

const message = (messageId: string): ChatMessage => ({ messageId, fromUserId: 'u', fromUsername: 'u', message: messageId, timestamp: '' });

describe('a snapshot', () => {
  test('shows everybody, every stream, what was said and how things stand', async () => {
    const [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    await alice.client.startScreenShare();
    await town.during(bob.client.sendMessage('hello'));
    await town.clock.advance(2_000);
    const snapshot = bob.client.getSnapshot();
    assert.deepEqual(
      [snapshot.connection.status, snapshot.sessionId, snapshot.user?.username, snapshot.participants.map(({ username }) => username)],
      ['connected', sessionId, 'bob', ['alice']],
    );
    assert.deepEqual(shown(bob), ['alice camera', 'alice screen', 'own camera']);
    assert.deepEqual(snapshot.messages.map((each) => each.message), ['hello']);
    assert.deepEqual(Object.values(snapshot.peers), ['connected']);
    assert.deepEqual(snapshot.local, { isMuted: false, isVideoEnabled: true, isScreenShared: false });
    await town.during(alice.client.leaveSession());
    await town.clock.advance(2_000);
    assert.deepEqual([shown(alice), shown(bob)], [[], ['own camera']]);
    assert.deepEqual([bob.client.getSnapshot().participants, bob.client.getSnapshot().peers], [[], {}]);
  });

  test('is the same until something changes, and so is each part of it', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    const before = alice.client.getSnapshot();
    assert.equal(alice.client.getSnapshot(), before);
    await bob.client.setMuted(true);
    await town.clock.advance(1_000);
    const after = alice.client.getSnapshot();
    assert.notEqual(after, before);
    assert.equal(after.participants[0]?.isMuted, true);
    assert.equal(after.streams, before.streams);
    assert.equal(after.messages, before.messages);
  });

  test('can be neither changed nor made reactive in depth', async () => {
    const [, alice] = (await town.call('alice')) as [string, Person];
    const snapshot = alice.client.getSnapshot();
    assert.throws(() => Object.assign(snapshot, { sessionId: 'other' }), TypeError);
    // What Vue looks at, and what Svelte and MobX do, before they put a proxy around an object.
    assert.equal(Object.isExtensible(snapshot), false);
    assert.notEqual(Object.getPrototypeOf(snapshot), Object.prototype);
  });

  test('shows who is signed in, at once', async () => {
    const { client } = await town.person('alice');
    assert.equal(client.getSnapshot().user?.username, 'alice');
    await town.during(client.logout());
    assert.equal(client.getSnapshot().user, undefined);
  });

  test('keeps what was said until another session is joined', async () => {
    const [, alice] = (await town.call('alice')) as [string, Person];
    await town.during(alice.client.sendMessage('hello'));
    await town.during(alice.client.leaveSession());
    assert.equal(alice.client.getSnapshot().messages.length, 1);
    const other = await alice.client.createSession('other');
    await town.during(alice.client.joinSession(other.sessionId));
    assert.deepEqual(alice.client.getSnapshot().messages, []);
  });

  test('has messages in their order, each once, and the last 500 of them', () => {
    const client: Known = { user: undefined, sessionId: 's', participants: new Map() };
    const snapshots = new Snapshots(client);
    for (const id of ['b', 'a', 'c', 'b']) snapshots.note('message', message(id));
    assert.deepEqual(snapshots.current.messages.map(({ messageId }) => messageId), ['a', 'b', 'c']);
    for (let count = 0; count < 600; count++) snapshots.note('message', message(`m${String(count).padStart(3, '0')}`));
    assert.equal(snapshots.current.messages.length, 500);
    assert.equal(snapshots.current.messages.at(-1)?.messageId, 'm599');
  });
});

describe('subscribers', () => {
  test('are told once for all that happened in one turn, and not after they stopped', async () => {
    const [, alice] = (await town.call('alice')) as [string, Person];
    let told = 0;
    const listener = () => told++;
    const stops = [alice.client.subscribe(listener), alice.client.subscribe(listener)];
    await settle();
    told = 0;
    const off = Promise.all([alice.client.setMuted(true), alice.client.setVideoEnabled(false)]);
    await settle();
    assert.equal(told, 2, 'both subscriptions, once');
    stops[0]?.();
    await off;
    await alice.client.setMuted(false);
    await settle();
    assert.equal(told, 3);
    stops[1]?.();
    await alice.client.setMuted(true);
    await settle();
    assert.equal(told, 3);
  });

  test('leave what is kept for the first listener of an event', async () => {
    const [, alice] = (await town.call('alice')) as [string, Person];
    alice.client.subscribe(() => {});
    const heard: string[] = [];
    alice.client.on('localStream', ({ kind }) => heard.push(kind));
    await settle();
    assert.deepEqual(heard, ['camera']);
  });

  test('may call what they were given apart from the client, as hooks do', async () => {
    const { client } = await town.person('alice');
    const { subscribe, getSnapshot } = client;
    subscribe(() => {})();
    assert.equal(getSnapshot().user?.username, 'alice');
  });
});

describe('a preview', () => {
  test('is taken over by the join that asks the same, and the user is asked once', async () => {
    const { client, devices } = await town.person('alice');
    await Promise.all([client.setVideoEnabled(true), client.setMuted(false)]);
    const before = [...devices.live];
    const session = await client.createSession('room');
    await town.during(client.joinSession(session.sessionId, true, true));
    assert.deepEqual(devices.live, before);
    assert.deepEqual(client.getSnapshot().local, { isMuted: false, isVideoEnabled: true, isScreenShared: false });
    const shown: string[] = [];
    client.on('localStream', ({ kind }) => shown.push(kind));
    await settle();
    assert.deepEqual(shown, ['camera'], 'who listens after the join gets it too');
    await town.during(client.leaveSession());
    assert.deepEqual(devices.live, []);
  });

  test('of what the join does not ask for is released', async () => {
    const { client, devices } = await town.person('alice');
    await Promise.all([client.setVideoEnabled(true), client.setMuted(false)]);
    const session = await client.createSession('room');
    await town.during(client.joinSession(session.sessionId, true, false));
    assert.deepEqual(devices.live.map(({ kind }) => kind), ['audio']);
  });

  test('is captured anew for other constraints', async () => {
    const { client, devices } = await town.person('alice');
    await client.setVideoEnabled(true);
    const session = await client.createSession('room');
    await town.during(client.joinSession(session.sessionId, false, { width: 320 }));
    assert.deepEqual(devices.asked, [{ video: {} }, { video: { width: 320 } }]);
    assert.equal(devices.live.length, 1);
  });

  test('ends when the client is told to leave, without a session too', async () => {
    const { client, devices } = await town.person('alice');
    await client.setVideoEnabled(true);
    await client.leaveSession();
    assert.deepEqual(devices.live, []);
  });
});

test('a client that is no longer used stops listening to the devices', async () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const devices = new FakeDevices();
  const { clock, server } = town;
  const listening = new WeakRef(new TunRTCClient({ url: 'http://localhost:5000', environment: testEnvironment(clock, server, { mediaDevices: devices.mediaDevices }) }));
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.equal(listening.deref(), undefined);
});
