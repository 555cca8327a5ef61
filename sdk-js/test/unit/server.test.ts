import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError, TunRTCServer } from '../../src/server.ts';

interface Asked {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

/** A server that takes note of what it is asked, and answers everything alike. */
function asking(status = 200, answer: unknown = {}): { server: TunRTCServer; asked: Asked[] } {
  const asked: Asked[] = [];
  const given: typeof fetch = (url, init) => {
    asked.push({
      method: String(init?.method),
      path: String(url).replace('https://calls.example.org', ''),
      headers: init?.headers as Record<string, string>,
      body: init?.body === undefined ? undefined : JSON.parse(String(init.body)),
    });
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(answer), { status }));
  };
  return { server: new TunRTCServer({ url: 'https://calls.example.org/', key: 'TK1', secret: 's', fetch: given }), asked };
}

test('a backend steers a room by its name and its users by their identities', async () => {
  const { server, asked } = asking();
  await server.updateSession('the daily', { locked: true }, { seenVersion: 3 });
  await server.listParticipants('the daily');
  await server.getParticipant('the daily', 'user/17');
  await server.updateParticipant('the daily', 'user/17', { role: 'cohost', permissions: { chat: false }, username: 'Dr. Ann', attributes: { bed: null } });
  await server.removeParticipant('the daily', 'user/17');
  await server.removeParticipant('the daily', 'user/17', { banSeconds: 60 });
  await server.admitParticipant('the daily', 'user/17');
  await server.denyParticipant('the daily', 'user/17');
  await server.muteParticipant('the daily', 'user/17', 'audio');
  await server.muteAll('the daily', 'video', { except: ['0190163d-8694-739b-aea5-966c26f8ad91'] });
  await server.sendMessage('the daily', 'Five minutes.', { fromUsername: 'Front desk' });
  await server.sendData('the daily', 'poll', 'open', { to: ['user/17'], dataId: 'd1' });
  const room = '/api/session/the%20daily';
  const one = `${room}/participants/user%2F17`;
  assert.deepEqual(
    asked.map(({ method, path, body }) => [method, path, body]),
    [
      ['PATCH', room, { locked: true }],
      ['GET', `${room}/participants`, undefined],
      ['GET', one, undefined],
      ['PATCH', one, { role: 'cohost', permissions: { chat: false }, username: 'Dr. Ann', attributes: { bed: null } }],
      ['DELETE', one, undefined],
      ['DELETE', `${one}?banSeconds=60`, undefined],
      ['POST', `${one}/admit`, undefined],
      ['POST', `${one}/deny`, undefined],
      ['POST', `${one}/mute`, { kind: 'audio' }],
      ['POST', `${room}/mute`, { kind: 'video', except: ['0190163d-8694-739b-aea5-966c26f8ad91'] }],
      ['POST', `${room}/messages`, { message: 'Five minutes.', fromUsername: 'Front desk' }],
      ['POST', `${room}/data`, { topic: 'poll', payload: 'open', dataId: 'd1', to: ['user/17'] }],
    ],
  );
  assert.equal(asked[0]?.headers['if-match'], '"3"');
  assert.ok(asked.every(({ headers }) => headers['authorization'] === `Basic ${btoa('TK1:s')}`));
});

test('a backend names endpoints, has things told again, and reads what happened', async () => {
  const { server, asked } = asking(200, []);
  await server.createWebhook({ url: 'https://example.org/hooks', types: ['session.ended'] });
  await server.listWebhooks();
  await server.getWebhook('w/1');
  await server.updateWebhook('w/1', { disabled: true });
  await server.rotateWebhook('w/1');
  await server.testWebhook('w/1');
  await server.replayWebhook('w/1', { limit: 5 });
  await server.listDeliveries('w/1', { limit: 5, cursor: 'c' });
  await server.listEvents();
  await server.listEvents({ after: 'a', types: ['session.ended', 'session.created'], limit: 7 });
  await server.listEvents({ since: new Date(0) });
  const one = '/api/webhooks/w%2F1';
  assert.deepEqual(
    asked.map(({ method, path, body }) => [method, path, body]),
    [
      ['POST', '/api/webhooks', { url: 'https://example.org/hooks', types: ['session.ended'] }],
      ['GET', '/api/webhooks', undefined],
      ['GET', one, undefined],
      ['PATCH', one, { disabled: true }],
      ['POST', `${one}/rotate`, undefined],
      ['POST', `${one}/test`, undefined],
      ['POST', `${one}/replay`, { limit: 5 }],
      ['GET', `${one}/deliveries?limit=5&cursor=c`, undefined],
      ['GET', '/api/events', undefined],
      ['GET', '/api/events?after=a&types=session.ended%2Csession.created&limit=7', undefined],
      ['GET', '/api/events?since=1970-01-01T00%3A00%3A00.000Z', undefined],
    ],
  );
  const { server: gone, asked: removed } = asking(204);
  await gone.deleteWebhook('w/1');
  assert.deepEqual([removed[0]?.method, removed[0]?.path], ['DELETE', one]);
});

test('a refusal has its code and what it says', async () => {
  const { server } = asking(412, { code: 'version_mismatch', detail: 'read it again', requestId: 'r1' });
  const refused = await server.updateSession('daily', { locked: true }, { seenVersion: 1 }).catch((error: unknown) => error);
  assert.ok(refused instanceof ServerError);
  assert.deepEqual([refused.status, refused.code, refused.message, refused.requestId], [412, 'version_mismatch', 'read it again', 'r1']);
});

test('usage is asked for by days, by times, or as it is without them', async () => {
  const { server, asked } = asking(200, { from: 'a', to: 'b', groups: [] });
  await server.getUsage();
  await server.getUsage({ from: '2026-11-01', to: new Date(Date.UTC(2026, 10, 29)), group: 'room' });
  const query = 'from=2026-11-01&to=2026-11-29T00%3A00%3A00.000Z&group=room';
  assert.deepEqual(asked.map(({ path }) => path), ['/api/usage', `/api/usage?${query}`]);
});

test('no token is minted for what would be taken for the id of a user', async () => {
  const { server } = asking();
  const mint = (identity: string) => server.mintToken({ identity, room: 'daily' });
  await assert.rejects(mint('0190163d-8694-839b-aea5-966c26f8ad91'), { name: 'TypeError', message: /identity must not look like a userId/ });
  assert.ok(await mint('0190163d-8694-739b-aea5-966c26f8ad91'));
});
