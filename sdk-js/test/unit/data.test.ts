import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { RpcError, SessionData } from '../../src/data.ts';
import { Town, type Person } from '../support/people.ts';

let town: Town;
let sessionId: string;
let [alice, bob]: Person[] = [];
let [ofAlice, ofBob]: SessionData[] = [];

beforeEach(async () => {
  town = new Town();
  [sessionId, alice, bob] = (await town.call('alice', 'bob')) as [string, Person, Person];
  [ofAlice, ofBob] = [new SessionData(alice.client), new SessionData(bob.client)];
});

const during = <Answer>(promise: Promise<Answer>) => town.during(promise);
const idOf = (person: Person | undefined) => person?.client.user?.userId ?? '';

describe('data', () => {
  test('comes to those who listen to its topic, once, whatever is told again', async () => {
    const told: [string, string | undefined][] = [];
    const stop = ofBob!.on('cursor', ({ payload, fromUserId }) => told.push([payload, fromUserId]));
    ofBob!.on('other', () => assert.fail('another topic'));
    town.server.network.doublesPush = () => true;
    await during(ofAlice!.send('cursor', '1,2'));
    await during(ofAlice!.send('cursor', '3,4', [idOf(bob)]));
    await town.clock.advance(100);
    assert.deepEqual(told, [['1,2', idOf(alice)], ['3,4', idOf(alice)]]);
    stop();
    await during(ofAlice!.send('cursor', '5,6'));
    await town.clock.advance(100);
    assert.equal(told.length, 2);
  });

  test('waits for who has lost the connection', async () => {
    const told: string[] = [];
    ofBob!.on('t', ({ payload }) => told.push(payload));
    for (const connection of [...town.server.connections]) if (connection.ticket?.userId === idOf(bob)) town.server.disconnected(connection, 1006);
    await during(ofAlice!.send('t', 'kept'));
    await town.clock.advance(20_000);
    assert.deepEqual(told, ['kept']);
  });

  test('is refused to somebody who is not there', async () => {
    await assert.rejects(during(ofAlice!.send('t', 'x', ['nobody'])), { code: 'peer_not_found' });
  });
});

describe('a call of a procedure', () => {
  const code = (promise: Promise<unknown>) => during(promise.then(() => 0, (error: RpcError) => error.code));

  test('has its answer, and is served once however often it is told', async () => {
    let served = 0;
    ofBob!.register('add', ({ payload }) => {
      served++;
      return String((JSON.parse(payload) as number[]).reduce((a, b) => a + b));
    });
    town.server.network.doublesPush = () => true;
    assert.equal(await during(ofAlice!.call(idOf(bob), 'add', '[3,4]')), '7');
    assert.equal(served, 1);
  });

  test('fails with the codes of LiveKit, or of the app', async () => {
    ofBob!.register('broken', () => {
      throw new Error('a secret of the app');
    });
    ofBob!.register('refuses', () => {
      throw new RpcError(42, 'not today', 'monday');
    });
    ofBob!.register('large', () => 'x'.repeat(15 * 1024 + 1));
    const { unsupportedMethod, recipientNotFound, requestPayloadTooLarge, applicationError, responsePayloadTooLarge } = RpcError.codes;
    assert.equal(await code(ofAlice!.call(idOf(bob), 'nothing')), unsupportedMethod);
    assert.equal(await code(ofAlice!.call('nobody', 'add')), recipientNotFound);
    assert.equal(await code(ofAlice!.call(idOf(bob), 'add', 'x'.repeat(15 * 1024 + 1))), requestPayloadTooLarge);
    assert.equal(await code(ofAlice!.call(idOf(bob), 'broken')), applicationError);
    assert.equal(await code(ofAlice!.call(idOf(bob), 'large')), responsePayloadTooLarge);
    const refused = ofAlice!.call(idOf(bob), 'refuses');
    await assert.rejects(during(refused), { code: 42, message: 'not today', data: 'monday' });
  });

  test('is given up when the other leaves, and when this one does', async () => {
    ofBob!.register('never', () => new Promise(() => {}));
    const first = code(ofAlice!.call(idOf(bob), 'never'));
    await town.clock.advance(100);
    town.server.removeSeat(sessionId, idOf(bob), 'left');
    assert.equal(await first, RpcError.codes.recipientDisconnected);
  });
});
