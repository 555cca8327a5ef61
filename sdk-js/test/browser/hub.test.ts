/** Stock SignalR clients against the real server: from Node, and in a call in Chromium with a page on our SDK. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HubConnectionBuilder, LogLevel, type HubConnection } from '@microsoft/signalr';
import { AccessToken } from 'livekit-server-sdk';
import type { Browser, Page } from 'playwright-core';
import { TunRTCClient, type Participant } from '../../src/index.ts';
import { TunRTCServer } from '../../src/server.ts';
import { eventually, freshPage, launch, startServer, type Server } from '../support/browser.ts';

let server: Server;

before(async () => {
  server = await startServer('--reconnect-grace-seconds', '3');
});

after(() => server.stop());

interface Message {
  messageId: string;
  fromUsername: string;
  message: string;
}

async function signedIn(name: string): Promise<TunRTCClient> {
  const client = new TunRTCClient({ url: server.url });
  await client.login(`${name}@tunrtc.com`, `${name}123`);
  return client;
}

async function token(name: string): Promise<string> {
  const response = await fetch(`${server.url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: `${name}@tunrtc.com`, password: `${name}123` }),
  });
  return ((await response.json()) as { token: string }).token;
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
    const demo = await signedIn('demo');
    const { sessionId } = await demo.createSession('Hub');
    await demo.joinSession(sessionId, false, false);
    const joined: string[] = [];
    const said: string[] = [];
    demo.on('userJoined', ({ username }) => joined.push(username));
    demo.on('message', ({ fromUsername, message }) => said.push(`${fromUsername}: ${message}`));

    const alice = hub(() => token('alice'));
    const heard: Message[] = [];
    alice.on('ReceiveMessage', (message: Message) => heard.push(message));
    await alice.start();
    const session = await alice.invoke<{ participants: Participant[] }>('JoinSession', sessionId);
    assert.deepEqual(session.participants.map(({ username }) => username).sort(), ['alice', 'demo']);
    await eventually(() => Promise.resolve(joined.includes('alice')), 'she is announced');
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
    const [key, secret] = ['devkey', 'tunrtc-development-secret-0123456789'];
    const ann = hub(() => {
      const token = new AccessToken(key, secret, { identity: 'ann', name: 'Ann', ttl: '10m' });
      token.addGrant({ roomJoin: true, room: 'daily' });
      return token.toJwt();
    });
    const heard: Message[] = [];
    ann.on('ReceiveMessage', (message: Message) => heard.push(message));
    await ann.start();
    await assert.rejects(ann.invoke('JoinSession', 'weekly'), /HubException: forbidden: /);
    const { sessionId } = await ann.invoke<{ sessionId: string }>('JoinSession', 'daily');

    const backend = new TunRTCServer({ url: server.url, key, secret });
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
    const demo = await signedIn('demo');
    const { sessionId } = await demo.createSession('Hub');
    await demo.joinSession(sessionId, false, false);
    const alice = hub(() => token('alice'));
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

describe('in Chromium', () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  const pictures = (page: Page) =>
    page.evaluate(() => [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).length);

  async function join(path: string, name: string): Promise<Page> {
    const page = await freshPage(browser);
    await page.goto(`${server.url}/examples/${path}`);
    await page.getByLabel('Who you are').selectOption(name);
    await page.getByRole('button', { name: 'Join' }).click();
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.getByLabel('Message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  }

  for (const [first, second] of [['signalr.html', 'basic.html'], ['basic.html', 'signalr.html']] as const) {
    test(`${first} and ${second} are one video call, whoever is first`, async () => {
      const bob = await join(first, 'bob');
      await bob.getByLabel('Message').waitFor();
      const alice = await join(second, 'alice');
      await alice.getByLabel('Message').waitFor();
      for (const page of [bob, alice]) await eventually(async () => (await pictures(page)) === 2, 'both pictures are shown');
      await say(alice, 'hello from alice');
      await say(bob, 'hello from bob');
      for (const page of [bob, alice]) {
        for (const text of ['alice: hello from alice', 'bob: hello from bob']) {
          await eventually(async () => (await page.locator('#messages').innerText()).includes(text), `${text} is shown`);
        }
      }
      await alice.close();
      await eventually(async () => (await bob.locator('video').count()) === 1, 'the picture of who left is taken away');
      await bob.close();
    });
  }
});
