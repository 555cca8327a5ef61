/** A first `joinSession` whose answer does not arrive: whatever is sent to this client from then on must. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Network } from '../support/server.ts';
import { connections, states, Town, type Person } from '../support/people.ts';

/** Whether a frame is among the first `count` that join. */
function ofJoins(count: number): (action: string) => boolean {
  let left = count;
  return (action) => action === 'joinSession' && left-- > 0;
}

const LOSSES: Record<string, (town: Town) => Network> = {
  'the frame is lost on its way': () => ({ losesFrame: ofJoins(1) }),
  'the answer is lost with its connection': () => ({ losesAnswer: ofJoins(1) }),
  'the answer is lost twice': () => ({ losesAnswer: ofJoins(2) }),
  'the answer comes too late': () => {
    const isSlow = ofJoins(1);
    return { slowAnswer: (action) => (isSlow(action) ? 15_000 : 0) };
  },
  'the function fails before it acts': () => ({ crashes: ofJoins(1) }),
  'the server is busy': ({ server }) => {
    server.refusals.push({ action: 'joinSession', code: 'unavailable' });
    return {};
  },
  'the answer is lost, and a replay would be too long': ({ server }) => {
    server.mostReplayed = 0;
    return { losesAnswer: ofJoins(1) };
  },
  'the connection dies without a word': ({ server }) => {
    const dies = ofJoins(1);
    return {
      slowAnswer: (action) => {
        if (dies(action)) for (const connection of server.connections) connection.dead = connection.ticket?.userId === server.userId('alice');
        return 0;
      },
    };
  },
};

interface Heard {
  states: string[];
  messages: string[];
  joined: string[];
}

function listen({ client }: Person): Heard {
  const heard: Heard = { states: [], messages: [], joined: [] };
  client.on('connectionStateChanged', (state) => heard.states.push(`${state.status}${'recovered' in state ? ` ${state.recovered}` : ''}`));
  client.on('message', ({ message }) => heard.messages.push(message));
  client.on('userJoined', ({ username }) => heard.joined.push(username));
  return heard;
}

describe('when the first answer does not come because', () => {
  for (const [what, network] of Object.entries(LOSSES)) {
    test(`${what}, nothing is lost, and for the application it is the first join`, async () => {
      const town = new Town();
      const [sessionId, bob] = await town.call('bob');
      const atBobs = listen(bob!);
      await town.during(bob!.client.sendMessage('before'));
      await town.clock.advance(3_000);
      const alice = await town.person('alice', { random: () => 0.5 });
      const heard = listen(alice);

      town.server.network = network(town);
      const joining = alice.client.joinSession(sessionId);
      await town.clock.advance(20);
      assert.equal(alice.client.connectionState.status, 'connecting');
      await town.during(bob!.client.sendMessage('between'));
      await town.during(joining);
      await town.during(bob!.client.sendMessage('after'));
      await town.clock.advance(20_000);

      assert.deepEqual(heard.messages, ['between', 'after']);
      assert.deepEqual([...new Set(heard.states)], ['connecting', 'connected true']);
      assert.deepEqual(heard.joined, []);
      assert.deepEqual(atBobs.joined, ['alice']);
      assert.deepEqual([...alice.client.participants.values()].map(({ username }) => username), ['bob']);
      assert.deepEqual([states(connections(alice)), states(connections(bob!))], [['connected'], ['connected']]);
      assert.deepEqual([...alice.errors, ...bob!.errors], []);
    });
  }
});
