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
  await server.updateParticipant('the daily', 'user/17', { role: 'cohost', permissions: { chat: false } });
  await server.removeParticipant('the daily', 'user/17');
  await server.removeParticipant('the daily', 'user/17', { banSeconds: 60 });
  await server.muteParticipant('the daily', 'user/17', 'audio');
  await server.muteAll('the daily', 'video', { except: ['0190163d-8694-739b-aea5-966c26f8ad91'] });
  await server.sendMessage('the daily', 'Five minutes.', { fromUsername: 'Front desk' });
  const room = '/api/session/the%20daily';
  const one = `${room}/participants/user%2F17`;
  assert.deepEqual(
    asked.map(({ method, path, body }) => [method, path, body]),
    [
      ['PATCH', room, { locked: true }],
      ['GET', `${room}/participants`, undefined],
      ['GET', one, undefined],
      ['PATCH', one, { role: 'cohost', permissions: { chat: false } }],
      ['DELETE', one, undefined],
      ['DELETE', `${one}?banSeconds=60`, undefined],
      ['POST', `${one}/mute`, { kind: 'audio' }],
      ['POST', `${room}/mute`, { kind: 'video', except: ['0190163d-8694-739b-aea5-966c26f8ad91'] }],
      ['POST', `${room}/messages`, { message: 'Five minutes.', fromUsername: 'Front desk' }],
    ],
  );
  assert.equal(asked[0]?.headers['if-match'], '"3"');
  assert.ok(asked.every(({ headers }) => headers['authorization'] === `Basic ${btoa('TK1:s')}`));
});

test('a refusal has its code and what it says', async () => {
  const { server } = asking(412, { code: 'version_mismatch', detail: 'read it again', requestId: 'r1' });
  const refused = await server.updateSession('daily', { locked: true }, { seenVersion: 1 }).catch((error: unknown) => error);
  assert.ok(refused instanceof ServerError);
  assert.deepEqual([refused.status, refused.code, refused.message, refused.requestId], [412, 'version_mismatch', 'read it again', 'r1']);
});
