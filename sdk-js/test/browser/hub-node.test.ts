/**
 * The stock SignalR client in Node against the real server: one that is started here, or the one at TUNRTC_URL, with the API key
 * TUNRTC_API_KEY and its TUNRTC_API_SECRET.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HubConnectionBuilder, LogLevel, type HubConnection } from '@microsoft/signalr';
import { AccessToken } from 'livekit-server-sdk';
import { TunRTCClient, type Participant } from '../../src/index.ts';
import { TunRTCServer } from '../../src/server.ts';
import { eventually, startServer, type Server } from '../support/browser.ts';

const KEY = process.env['TUNRTC_API_KEY'] ?? 'devkey';
const SECRET = process.env['TUNRTC_API_SECRET'] ?? 'tunrtc-development-secret-0123456789';

let server: Pick<Server, 'url' | 'stop'>;

before(async () => {
  const url = process.env['TUNRTC_URL'];
  server = url ? { url, stop: () => Promise.resolve() } : await startServer('--reconnect-grace-seconds', '3');
});

after(() => server.stop());

interface Message {
  messageId: string;
  fromUsername: string;
  message: string;
}

/** An account, a client that is signed in to it, and its access token. */
async function newcomer(name: string): Promise<{ client: TunRTCClient; username: string; token: string }> {
  const client = new TunRTCClient({ url: server.url });
  const username = `${name}-${crypto.randomUUID().slice(0, 13)}`;
  const { token } = await client.register(username, `${username}@example.com`, 'correct horse battery');
  return { client, username, token };
}

function hub(accessTokenFactory: () => string | Promise<string>): HubConnection {
  return new HubConnectionBuilder()
    .withUrl(`${server.url}/hubs/signaling`, { accessTokenFactory })
    .withAutomaticReconnect([0, 0, 0])
    .configureLogging(LogLevel.None)
    .build();
}

describe('@microsoft/signalr in Node', () => {
  test('joins a session with a client of ours, and both hear each other', async () => {
    const { client: demo, username: host } = await newcomer('demo');
    const { sessionId } = await demo.createSession('Hub');
    await demo.joinSession(sessionId, false, false);
    const joined: string[] = [];
    const said: string[] = [];
    demo.on('userJoined', ({ username }) => joined.push(username));
    demo.on('message', ({ fromUsername, message }) => said.push(`${fromUsername}: ${message}`));

    const { username, token } = await newcomer('alice');
    const alice = hub(() => token);
    const heard: Message[] = [];
    alice.on('ReceiveMessage', (message: Message) => heard.push(message));
    await alice.start();
    const session = await alice.invoke<{ participants: Participant[] }>('JoinSession', sessionId);
    assert.deepEqual(session.participants.map(({ username }) => username).sort(), [username, host].sort());
    await eventually(() => Promise.resolve(joined.includes(username)), 'she is announced');
    await alice.invoke('sendMessage', 'from the hub');
    await demo.sendMessage('to the hub');
    await eventually(() => Promise.resolve(heard.length === 2 && said.length === 2), 'both are heard');
    assert.deepEqual(heard.map(({ message }) => message).sort(), ['from the hub', 'to the hub']);

    await assert.rejects(alice.invoke('JoinSession', 'no session'), /HubException: session_not_found: /);
    await assert.rejects(alice.invoke('Nope'), /HubException: Method does not exist\./);
    await alice.stop();
    await demo.logout();
  });

  test('joins a room with a token of LiveKit\'s library, and chats with a client of ours', async () => {
    const ann = hub(() => {
      const token = new AccessToken(KEY, SECRET, { identity: 'ann', name: 'Ann', ttl: '10m' });
      token.addGrant({ roomJoin: true, room: 'daily' });
      return token.toJwt();
    });
    const heard: Message[] = [];
    ann.on('ReceiveMessage', (message: Message) => heard.push(message));
    await ann.start();
    await assert.rejects(ann.invoke('JoinSession', 'weekly'), /HubException: forbidden: /);
    const { sessionId } = await ann.invoke<{ sessionId: string }>('JoinSession', 'daily');

    const backend = new TunRTCServer({ url: server.url, key: KEY, secret: SECRET });
    const ben = new TunRTCClient({ url: server.url, getToken: () => backend.mintToken({ identity: 'ben', name: 'Ben', room: 'daily' }) });
    const said: string[] = [];
    ben.on('message', ({ fromUsername, message }) => said.push(`${fromUsername}: ${message}`));
    assert.equal((await ben.joinRoom(false, false)).sessionId, sessionId);
    await ben.sendMessage('to the hub');
    await eventually(() => Promise.resolve(heard.length === 1), 'ann hears ben');
    await ann.invoke('SendMessage', 'from the hub');
    await eventually(() => Promise.resolve(said.includes('Ann: from the hub')), 'ben hears ann');
    assert.deepEqual(heard[0] && [heard[0].fromUsername, heard[0].message], ['Ben', 'to the hub']);
    await ben.leaveSession();
    await ann.stop();
  });

  test('a wrong token is refused when it negotiates', async () => {
    await assert.rejects(hub(() => 'wrong').start(), /Unauthorized|401/);
  });

  test('it reconnects by itself, joins again, and hears what it missed', async () => {
    const { client: demo } = await newcomer('demo');
    const { sessionId } = await demo.createSession('Hub');
    await demo.joinSession(sessionId, false, false);
    const { token } = await newcomer('alice');
    const alice = hub(() => token);
    const heard = new Map<string, string>();
    alice.on('ReceiveMessage', ({ messageId, message }: Message) => heard.set(messageId, message));
    await alice.start();
    await alice.invoke('JoinSession', sessionId);
    const back = new Promise<void>((resolve, reject) => {
      const missed = () => demo.sendMessage('while she was away');
      alice.onreconnected(() => void missed().then(() => alice.invoke('JoinSession', sessionId)).then(() => resolve(), reject));
    });
    // What the server answers to a record that is not JSON ends the connection, and lets the client come back.
    await (alice as unknown as { connection: { send(text: string): Promise<void> } }).connection.send('not JSON\u001e');
    await back;
    await eventually(() => Promise.resolve([...heard.values()].includes('while she was away')), 'it waited for her');
    await alice.stop();
    await demo.logout();
  });
});

