/** The client in Node, without a browser: the API and signaling against the real server. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TunRTCClient, TunRTCError, type ChatMessage, type Environment } from '../../src/index.ts';
import { eventually, startServer, type Server } from '../support/browser.ts';

let server: Server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

async function signedIn(name: string, environment: Partial<Environment> = {}): Promise<TunRTCClient> {
  const client = new TunRTCClient({ url: server.url, environment });
  await client.login(`${name}@tunrtc.com`, `${name}123`);
  return client;
}

describe('in Node', () => {
  test('accounts and sessions work from end to end', async () => {
    const client = new TunRTCClient(server.url);
    const { userId } = await client.register('node', 'node@example.org', 'a long password');
    assert.equal((await client.me()).id, userId);
    const session = await client.createSession('From Node', 4, 'audioOnly', { visibility: 'unlisted' });
    assert.equal((await client.listSessions()).length, 0);
    assert.equal((await client.getSession(session.sessionId)).type, 'audioOnly');
    await client.api.refresh();
    assert.ok((await client.getIceServers()).iceServers);
    await client.endSession(session.sessionId);
    await assert.rejects(client.joinSession(session.sessionId, false, false), { code: 'session_ended', status: 410 });
    await client.logout();
    await assert.rejects(client.me(), { code: 'not_signed_in' });
  });

  test('a refused request tells every bad field', async () => {
    const client = await signedIn('demo');
    await assert.rejects(client.createSession('', 1000), (error: TunRTCError) => {
      assert.equal(error.code, 'invalid_request');
      assert.deepEqual(error.errors.map(({ field }) => field).sort(), ['maxParticipants', 'name']);
      assert.ok(error.requestId);
      return true;
    });
  });

  test('lists come in pages', async () => {
    const client = await signedIn('demo');
    const made: string[] = [];
    for (let number = 0; number < 5; number++) made.unshift((await client.createSession(`page ${number}`)).sessionId);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.api.listSessions({ limit: 2, ...(cursor && { cursor }) });
      found.push(...page.items.map(({ sessionId }) => sessionId));
      cursor = page.cursor;
    } while (cursor);
    assert.deepEqual(found, made);
  });

  test('two talk, see each other come, change and go', async () => {
    const [demo, alice] = [await signedIn('demo'), await signedIn('alice')];
    const { sessionId } = await demo.createSession('Talk');
    const seen: string[] = [];
    const said: ChatMessage[] = [];
    demo.on('userJoined', ({ username }) => seen.push(`${username} joined`));
    demo.on('userStatusUpdated', ({ username, isMuted, isVideoEnabled }) => seen.push(`${username} ${isMuted} ${isVideoEnabled}`));
    demo.on('userLeft', ({ username, reason }) => seen.push(`${username} ${reason}`));
    alice.on('message', (message) => said.push(message));
    await demo.joinSession(sessionId, false, false);
    await alice.joinSession(sessionId, false, false);
    const messageId = await demo.sendMessage('Hello from Node');
    await eventually(async () => said.length === 1, 'the message arrives');
    assert.deepEqual([said[0]?.messageId, said[0]?.fromUsername, said[0]?.message], [messageId, 'demo', 'Hello from Node']);
    assert.deepEqual((await alice.getMessages()).map(({ message }) => message), ['Hello from Node']);
    await alice.updateStatus(false, false);
    await alice.leaveSession();
    await eventually(async () => seen.at(-1) === 'alice left', 'she is gone');
    assert.deepEqual(seen, ['alice joined', 'alice true false', 'alice false false', 'alice left']);
    await demo.disconnect();
  });

  test('a connection that breaks resumes, and messages of the meantime come once', async () => {
    const sockets: WebSocket[] = [];
    const openSocket: Environment['openSocket'] = (url) => {
      const socket = new WebSocket(url);
      sockets.push(socket);
      return socket as ReturnType<Environment['openSocket']>;
    };
    const [demo, alice] = [await signedIn('demo', { openSocket }), await signedIn('alice')];
    const { sessionId } = await demo.createSession('Resumed');
    const said: string[] = [];
    demo.on('message', ({ message }) => said.push(message));
    await demo.joinSession(sessionId, false, false);
    await alice.joinSession(sessionId, false, false);
    for (let round = 0; round < 5; round++) {
      sockets.at(-1)?.close();
      await alice.sendMessage(`round ${round}`);
      await eventually(async () => demo.connectionState.status === 'connected' && said.length === round + 1, 'back, and told');
    }
    assert.deepEqual(said, [0, 1, 2, 3, 4].map((round) => `round ${round}`));
    assert.equal(demo.signalingStatistics.reconnects, 5);
    await Promise.all([demo.disconnect(), alice.disconnect()]);
  });

  test('removing the account needs its password, and ends it', async () => {
    const client = new TunRTCClient(server.url);
    await client.register('leaver', 'leaver@example.org', 'a long password');
    await assert.rejects(client.api.deleteAccount('another'), (error: TunRTCError) => error.status === 401);
    await client.api.changePassword('a long password', 'a longer password');
    await client.api.deleteAccount('a longer password');
    await assert.rejects(client.login('leaver@example.org', 'a longer password'), { code: 'invalid_credentials' });
  });
});
