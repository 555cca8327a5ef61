import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inviteCode, Invites, isGuest } from '../../src/invites.ts';
import { json, problem } from '../support/server.ts';
import { Town } from '../support/people.ts';
import { TunRTCClient } from '../../src/index.ts';
import { testEnvironment } from '../support/environment.ts';

const CODE = 'AaHtXIYAcACAAAAAAAAABAABAgMEBQYHCAkKCwwNDg8';

/** Somebody who is signed in and in no session, and what their server is asked. */
async function person() {
  const town = new Town();
  const { client } = await town.person('alice');
  town.server.requests.length = 0;
  return { server: town.server, invites: new Invites(client) };
}

/** Somebody who has no account. */
function stranger() {
  const town = new Town();
  const client = new TunRTCClient({ url: 'http://localhost:5000', environment: testEnvironment(town.clock, town.server) });
  return { server: town.server, invites: new Invites(client) };
}

describe('guest links', () => {
  test('are made, listed and taken back in the session that is named', async () => {
    const { server, invites } = await person();
    server.nextResponses.push(json(201, { inviteId: 'i' }), json(200, [{ inviteId: 'i' }]), json(204, undefined), json(204, undefined));
    assert.equal((await invites.create({ role: 'viewer' }, 's/1')).inviteId, 'i');
    assert.deepEqual(await invites.list('s/1'), [{ inviteId: 'i' }]);
    await invites.revoke('i', 's/1');
    await invites.revoke('all', 's/1');
    const path = '/api/session/s%2F1/invites';
    assert.deepEqual(server.requests, [`POST ${path}`, `GET ${path}`, `DELETE ${path}/i`, `DELETE ${path}`]);
  });

  test('need a session: one that is named, or the one that the client is in', async () => {
    const { server, invites } = await person();
    for (const asked of [invites.create(), invites.list(), invites.revoke('all')]) await assert.rejects(asked, { code: 'not_joined' });
    assert.deepEqual(server.requests, []);
  });

  test('are made by whoever is signed in', async () => {
    await assert.rejects(stranger().invites.create({}, 's'), { code: 'not_signed_in' });
  });

  test('of the session that the client is in need no name', async () => {
    const town = new Town();
    const [sessionId, alice] = await town.call('alice');
    town.server.nextResponses.push(json(200, []));
    await new Invites(alice!.client).list();
    assert.equal(town.server.requests.at(-1), `GET /api/session/${sessionId}/invites`);
  });

  test('are looked up and redeemed without an account', async () => {
    const { server, invites } = stranger();
    server.nextResponses.push(json(200, { sessionName: 'Daily' }), json(200, { token: 't' }), problem(404, 'invite_not_found'));
    assert.equal((await invites.lookUp(CODE)).sessionName, 'Daily');
    assert.equal((await invites.redeem(CODE, 'Ann')).token, 't');
    await assert.rejects(invites.redeem(CODE, 'Ann'), { code: 'invite_not_found', status: 404 });
    assert.deepEqual(server.requests, ['POST /api/invites/lookup', 'POST /api/invites/redeem', 'POST /api/invites/redeem']);
  });

  test('have their code found wherever it stands', () => {
    for (const link of [CODE, ` ${CODE}\n`, `#/join/${CODE}`, `https://calls.example/#/join/${CODE}`]) assert.equal(inviteCode(link), CODE);
    for (const other of ['', CODE.slice(1), `${CODE}A`, `https://calls.example/${CODE}`, '#session=01a1ed5c-8600-7000-8000-000000000001', `#/join/${CODE}/x`]) {
      assert.equal(inviteCode(other), undefined, other);
    }
  });

  test('are known by those who came by them', () => {
    assert.deepEqual([isGuest({ identity: 'guest:i:r' }), isGuest({ identity: 'ann' }), isGuest({})], [true, false, false]);
  });
});
