import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Participant, TunRTCEvents } from '../../src/index.ts';
import { connections, Town, type Person } from '../support/people.ts';

let town: Town;

beforeEach(() => {
  town = new Town();
});

const during = <Answer>(promise: Promise<Answer>) => town.during(promise);
const idOf = ({ client }: Person) => client.user?.userId ?? '';

/** Everything of that name that somebody was told. */
function heard<Name extends keyof TunRTCEvents>({ client }: Person, name: Name): TunRTCEvents[Name][] {
  const told: TunRTCEvents[Name][] = [];
  client.on(name, (data) => void told.push(data));
  return told;
}

describe('who steers a session', () => {
  test('changes what somebody may, and everybody hears of it', async () => {
    const [, alice, bob, carol] = (await town.call('alice', 'bob', 'carol')) as [string, Person, Person, Person];
    const told = [alice, bob, carol].map((each) => heard(each, 'participantUpdated'));
    await during(alice.client.moderate('updateParticipant', { targetUserId: idOf(bob), role: 'viewer', permissions: { chat: false } }));
    await town.clock.advance(100);
    for (const events of told) assert.deepEqual(events.map(({ userId, role, permissions }) => [userId, role, permissions.chat]), [[idOf(bob), 'viewer', false]]);
    const known: Participant | undefined = carol.client.participants.get(idOf(bob));
    assert.deepEqual([known?.role, known?.permissions?.chat], ['viewer', false]);
    await during(bob.client.setMuted(true));
    await town.clock.advance(100);
    assert.equal(carol.client.participants.get(idOf(bob))?.role, 'viewer', 'a status changes no role');
  });

  test('is refused where the server says so', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    await assert.rejects(during(bob.client.moderate('updateSession', { locked: true })), { code: 'forbidden' });
    await assert.rejects(during(bob.client.moderate('removeParticipant', { targetUserId: idOf(alice) })), { code: 'forbidden' });
  });

  test('locks the session, and whoever comes then is told why and does not try again', async () => {
    const [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    const told = heard(bob, 'sessionUpdated');
    await during(alice.client.moderate('updateSession', { locked: true }));
    await town.clock.advance(100);
    assert.deepEqual(told.map(({ locked, version }) => [locked, version]), [[true, 1]]);
    const carol = await town.person('carol');
    await assert.rejects(during(carol.client.joinSession(sessionId)), { code: 'session_locked' });
  });
});

describe('what is said of somebody', () => {
  test('is the newest by its version, in whatever order it comes', async () => {
    const [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    const told = heard(alice, 'participantUpdated');
    const room = town.server.room(sessionId);
    const say = async (more: object) => {
      town.server.broadcast(room, 'participantUpdated', { userId: idOf(bob), username: 'bob', role: 'participant', ...more });
      await town.clock.advance(100);
    };
    for (const version of [1, 3, 2, 3, 4]) await say({ attributes: { at: `${version}` }, version });
    await say({ role: 'viewer' });
    await say({ attributes: { at: '0' }, version: 0 });
    assert.deepEqual(told.map(({ attributes, role }) => attributes?.['at'] ?? role), ['1', '3', '3', '4', 'viewer']);
  });
});

describe('a request to mute', () => {
  test('is obeyed, and told', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    const told = heard(bob, 'muteRequested');
    await during(alice.client.moderate('muteParticipant', { targetUserId: idOf(bob), kind: 'audio' }));
    await during(alice.client.moderate('muteParticipant', { all: true, kind: 'video' }));
    await town.clock.advance(100);
    assert.deepEqual(told.map(({ kind, byUserId }) => [kind, byUserId]), [['audio', idOf(alice)], ['video', idOf(alice)]]);
    assert.deepEqual([bob.client.isMuted, bob.client.isVideoEnabled], [true, false]);
    const seen = alice.client.participants.get(idOf(bob));
    assert.deepEqual([seen?.isMuted, seen?.isVideoEnabled], [true, false]);
  });
});

describe('a withdrawn permission', () => {
  const without = { publishVideo: false };

  test('is neither sent against nor seen, and given back both come back', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    const streams = heard(alice, 'remoteStream');
    await town.clock.advance(1);
    const pictures = () => (streams[0]?.stream.getVideoTracks() ?? []).map(({ enabled }) => enabled);
    const sent = () => connections(bob)[0]!.getTransceivers().map(({ sender, direction }) => [sender.track?.kind, direction]);
    assert.deepEqual([pictures(), sent()], [[true], [['audio', 'sendrecv'], ['video', 'sendrecv']]]);
    await during(alice.client.moderate('updateParticipant', { targetUserId: idOf(bob), permissions: without }));
    await town.clock.advance(2_000);
    assert.deepEqual([pictures(), sent()], [[false], [['audio', 'sendrecv'], [undefined, 'recvonly']]]);
    await during(alice.client.moderate('updateParticipant', { targetUserId: idOf(bob), permissions: { publishVideo: true } }));
    await town.clock.advance(2_000);
    assert.deepEqual(sent(), [['audio', 'sendrecv'], ['video', 'sendrecv']]);
  });

  test('leaves no place that counts as sending where the camera was off', async () => {
    const [, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    await during(bob.client.setVideoEnabled(false));
    await during(alice.client.moderate('updateParticipant', { targetUserId: idOf(bob), permissions: without }));
    await town.clock.advance(2_000);
    assert.deepEqual(connections(bob)[0]!.getTransceivers().map(({ direction }) => direction), ['sendrecv', 'recvonly']);
    await during(bob.client.setVideoEnabled(true));
    await town.clock.advance(2_000);
    assert.deepEqual(connections(bob)[0]!.getTransceivers().map(({ direction }) => direction), ['sendrecv', 'recvonly']);
  });
});

describe('whoever is removed', () => {
  test('is told, and does not come back by themselves', async () => {
    const [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    const told = heard(bob, 'removed');
    const left = heard(alice, 'userLeft');
    await during(alice.client.moderate('removeParticipant', { targetUserId: idOf(bob) }));
    await town.clock.advance(120_000);
    assert.deepEqual(told, [{ reason: 'removed' }]);
    assert.deepEqual(left.map(({ reason }) => reason), ['removed']);
    const { status, code } = bob.client.connectionState as { status: string; code?: string };
    assert.deepEqual([status, code], ['closed', 'removed']);
    assert.deepEqual(town.seated(sessionId), ['alice']);
    assert.equal(bob.client.sessionId, undefined);
    await during(bob.client.joinSession(sessionId));
    assert.deepEqual(town.seated(sessionId), ['alice', 'bob']);
  });

  test('and banned is refused when they ask', async () => {
    const [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
    await during(alice.client.moderate('removeParticipant', { targetUserId: idOf(bob), banSeconds: 60 }));
    await town.clock.advance(1_000);
    const { code } = bob.client.connectionState as { code?: string };
    assert.equal(code, 'removed');
    await assert.rejects(during(bob.client.joinSession(sessionId)), { code: 'banned' });
  });
});

describe('a waiting room', () => {
  /** Alice's session with a waiting room, and bob who wants in. */
  async function house(): Promise<[string, Person, Person, Promise<unknown>, TunRTCEvents['waiting'][]]> {
    const [sessionId, alice] = (await town.call('alice')) as [string, Person];
    await during(alice.client.moderate('updateSession', { waitingRoom: true }));
    const bob = await town.person('bob');
    const waiting = heard(bob, 'waiting');
    const joined = bob.client.joinSession(sessionId);
    joined.catch(() => {});
    await town.clock.until(() => waiting.length > 0);
    return [sessionId, alice, bob, joined, waiting];
  }

  test('has whoever joins wait until they are let in, and tells both sides', async () => {
    const [sessionId, alice, bob, joined, waiting] = await house();
    const [knocks, answers] = [heard(alice, 'participantWaiting'), heard(alice, 'admitted')];
    await town.clock.advance(70_000);
    assert.deepEqual([waiting.map(({ name }) => name), knocks.map(({ userId }) => userId)], [['room'], [idOf(bob)]]);
    assert.deepEqual(town.seated(sessionId), ['alice']);
    assert.ok(town.server.frames.filter(({ action }) => action === 'ping').length >= 4, 'signs of life');
    await during(alice.client.moderate('admitParticipant', { targetUserId: idOf(bob) }));
    await during(joined);
    assert.deepEqual(answers.map(({ userId }) => userId), [idOf(bob)]);
    assert.deepEqual([town.seated(sessionId), bob.client.sessionId], [['alice', 'bob'], sessionId]);
  });

  test('is left with a refusal by whoever is turned away', async () => {
    const [, alice, bob, joined] = await house();
    await town.clock.advance(1_000);
    await during(alice.client.moderate('denyParticipant', { targetUserId: idOf(bob) }));
    await assert.rejects(during(joined), { code: 'denied' });
    assert.equal(bob.client.connectionState.status, 'closed');
    assert.equal(town.server.connections.size, 1);
  });

  test('lets them in whose answer got lost, at the next sign of life', async () => {
    const [sessionId, alice, bob, joined] = await house();
    await town.clock.advance(1_000);
    town.server.network.losesPush = () => true;
    await during(alice.client.moderate('admitParticipant', { targetUserId: idOf(bob) }));
    delete town.server.network.losesPush;
    await town.clock.advance(21_000);
    await during(joined);
    assert.deepEqual(town.seated(sessionId), ['alice', 'bob']);
  });

  test('is waited in again after the connection broke', async () => {
    const [sessionId, alice, bob, joined] = await house();
    await town.clock.advance(1_000);
    for (const connection of [...town.server.connections]) if (connection.ticket?.waits) town.server.disconnected(connection, 1006);
    await town.clock.advance(15_000);
    await during(alice.client.moderate('admitParticipant', { targetUserId: idOf(bob) }));
    await during(joined);
    assert.deepEqual(town.seated(sessionId), ['alice', 'bob']);
  });

  test('is left by whoever does not want to wait any longer', async () => {
    const [sessionId, , bob, joined] = await house();
    await town.clock.advance(1_000);
    await during(bob.client.leaveSession());
    await assert.rejects(during(joined), { code: 'closed' });
    await town.clock.advance(60_000);
    assert.deepEqual(town.seated(sessionId), ['alice']);
    assert.equal(town.server.connections.size, 1);
  });
});

test('outside a session nothing can be steered', async () => {
  const { client } = await town.person('demo');
  await assert.rejects(client.moderate('updateSession', { locked: true }), { code: 'not_joined' });
});
