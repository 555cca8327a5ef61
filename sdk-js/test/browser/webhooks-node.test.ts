/** Webhooks of the real server, verified by the library of Standard Webhooks for Node. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { ServerError, TunRTCServer } from '../../src/server.ts';
import type { WebhookEvent } from '../../src/wire.ts';
import { eventually, startServer, type Server } from '../support/browser.ts';

interface Got {
  body: string;
  headers: Record<string, string>;
}

let server: Server;
const got: Got[] = [];
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += String(part);
  got.push({ body, headers: plain(request.headers) });
  response.writeHead(204).end();
});

const plain = (headers: IncomingHttpHeaders) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

before(async () => {
  server = await startServer();
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
});

after(async () => {
  receiver.close();
  await server.stop();
});

const came = (count: number) => eventually(() => Promise.resolve(got.length === count), `${count} requests`);

test('a receiver with the official library verifies what a backend is told, through an exchange of secrets too', async () => {
  const backend = new TunRTCServer({ url: server.url, key: 'devkey', secret: 'tunrtc-development-secret-0123456789' });
  const { port } = receiver.address() as AddressInfo;
  const made = await backend.createWebhook({ url: `http://localhost:${port}/hooks`, types: ['session.created'], description: 'ours' });
  assert.deepEqual((await backend.listWebhooks()).map(({ webhookId, secret }) => [webhookId, secret]), [[made.webhookId, undefined]]);
  const session = await backend.createSession({ name: 'Daily', room: 'daily' });
  await came(1);
  const event = new Webhook(made.secret).verify(got[0]!.body, got[0]!.headers) as WebhookEvent;
  assert.deepEqual([event.type, event.data.session?.sessionId, event.data.session?.room], ['session.created', session.sessionId, 'daily']);

  const rotated = await backend.rotateWebhook(made.webhookId);
  const { eventId } = await backend.testWebhook(made.webhookId);
  await came(2);
  for (const secret of [made.secret, rotated.secret]) {
    assert.equal((new Webhook(secret).verify(got[1]!.body, got[1]!.headers) as WebhookEvent).id, eventId);
  }
  assert.throws(() => new Webhook(rotated.secret).verify(`${got[1]!.body} `, got[1]!.headers), /signature/);

  await eventually(async () => (await backend.listDeliveries(made.webhookId)).items.length === 2, 'two tries');
  const replayed = await backend.replayWebhook(made.webhookId, { types: ['session.created'] });
  assert.equal(replayed.replayed, 1);
  await came(3);
  assert.equal(got[2]!.body, got[0]!.body);

  await backend.updateWebhook(made.webhookId, { disabled: true });
  await assert.rejects(backend.testWebhook(made.webhookId), (error: unknown) => error instanceof ServerError && error.code === 'webhook_disabled');
  await backend.deleteWebhook(made.webhookId);
  await assert.rejects(backend.getWebhook(made.webhookId), (error: unknown) => error instanceof ServerError && error.code === 'webhook_not_found');
});
