import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fullAt, mustYield } from '../../src/media/room.ts';
import type { Participant } from '../../src/wire.ts';
import { Town, type Person } from '../support/people.ts';

const participant = (userId: string, joinedAt: string, more: Partial<Participant> = {}): Participant => ({
  userId,
  username: userId,
  joinedAt,
  status: 'connected',
  isMuted: false,
  isVideoEnabled: true,
  role: 'participant',
  ...more,
});

describe('a call is full', () => {
  const media = { topology: 'mesh', limit: 2 } as const;
  const [ada, ben] = [participant('ada', '1'), participant('ben', '2')];

  test('when as many others as the limit show video', () => {
    assert.equal(fullAt({ media, participants: [ada, ben] }, 'me'), 2);
    assert.equal(fullAt({ media, participants: [ada, ben] }, 'ben'), undefined);
    for (const more of [{ isVideoEnabled: false }, { status: 'disconnected' as const }]) {
      assert.equal(fullAt({ media, participants: [ada, { ...ben, ...more }] }, 'me'), undefined);
    }
    assert.equal(fullAt({ media, participants: [ada, { ...ben, status: 'reconnecting' }] }, 'me'), 2);
  });

  test('never with a server that knows no limit', () => {
    assert.equal(fullAt({ participants: [ada, ben] }, 'me'), undefined);
  });

  test('and of more than that the first go on, whoever asks', () => {
    const people = ['4', '2', '2', '1', '3'].map((joinedAt, place) => participant(`user${place}`, joinedAt));
    const staying = people.filter((own) => !mustYield(own, people.filter((other) => other !== own), 3)).map(({ userId }) => userId);
    assert.deepEqual(staying, ['user1', 'user2', 'user3']);
  });
});

describe('a person too many', () => {
  const showing = (people: Person[]) => people.filter(({ client }) => client.isVideoEnabled).map(({ client }) => client.user?.username);
  const limitsOf = ({ client }: Person) => {
    const limits: number[] = [];
    client.on('videoLimited', ({ limit }) => limits.push(limit));
    return limits;
  };

  test('joins with the microphone and is told why, and may show video once another has stopped', async () => {
    const town = new Town();
    town.server.meshLimit = 2;
    const [sessionId, demo, alice] = await town.call('demo', 'alice');
    const bob = await town.person('bob');
    const told = limitsOf(bob);
    await town.during(bob.client.joinSession(sessionId));
    assert.deepEqual([bob.client.isVideoEnabled, bob.client.isMuted, told], [false, false, [2]]);
    await town.clock.advance(2_000);
    const { userId } = bob.client.user!;
    assert.equal(demo!.client.participants.get(userId)?.isVideoEnabled, false);
    await assert.rejects(bob.client.setVideoEnabled(true), { name: 'TunRTCError', code: 'video_limit' });
    assert.equal(bob.client.isVideoEnabled, false);
    await alice!.client.setVideoEnabled(false);
    await town.clock.advance(1_000);
    await town.during(bob.client.setVideoEnabled(true));
    await town.clock.advance(10_000);
    assert.deepEqual(showing([demo!, alice!, bob]), ['demo', 'bob']);
    assert.deepEqual([demo!, alice!, bob].map(({ errors }) => errors), [[], [], []]);
  });

  test('of several who join at one moment gives way to those before, and all agree on who', async () => {
    const town = new Town();
    town.server.meshLimit = 1;
    const people = [await town.person('demo'), await town.person('alice'), await town.person('bob')];
    const told = people.map(limitsOf);
    const { sessionId } = await people[0]!.client.createSession('room', 10);
    await town.during(Promise.all(people.map(({ client }) => client.joinSession(sessionId))));
    await town.clock.advance(15_000);
    assert.equal(showing(people).length, 1);
    assert.deepEqual(told.map((limits) => limits.length).sort(), [0, 1, 1]);
    for (const { client } of people) {
      const seen = [...client.participants.values()].filter(({ isVideoEnabled }) => isVideoEnabled).length;
      assert.equal(seen + Number(client.isVideoEnabled), 1);
    }
  });

  test('without a camera is no person too many', async () => {
    const town = new Town();
    town.server.meshLimit = 1;
    const [sessionId] = await town.call('demo');
    const bob = await town.person('bob');
    const told = limitsOf(bob);
    await town.during(bob.client.joinSession(sessionId, true, false));
    await town.clock.advance(10_000);
    assert.deepEqual(told, []);
  });
});
