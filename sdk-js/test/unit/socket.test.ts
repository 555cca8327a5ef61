import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, test } from 'node:test';
import type { SocketLike } from '../../src/environment.ts';
import { Socket, type Ending, type SocketHandlers } from '../../src/signaling/socket.ts';
import { FakeClock, settle } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeServer } from '../support/server.ts';

let clock: FakeClock;
let endings: Ending[];
let heard: string[];

beforeEach(() => {
  clock = new FakeClock();
  endings = [];
  heard = [];
});

const handlers: SocketHandlers = {
  onEvent: ({ event }) => heard.push(event),
  onTimestamp: () => {},
  onClose: (ending) => endings.push(ending),
};

/**
 * A WebSocket as a package for Node makes it: an error that nobody listens to is thrown, closing before it is open is
 * such an error, and closing waits for the other side.
 */
class NodeSocket extends EventEmitter implements SocketLike {
  isOpen = false;
  isTerminated = false;
  throwsOnSend = false;
  readonly frames: { id: string; action: string }[] = [];

  set onopen(listener: ((event: never) => void) | null) {
    this.#listen('open', listener);
  }
  set onmessage(listener: ((event: { data: unknown }) => void) | null) {
    this.#listen('message', listener);
  }
  set onclose(listener: ((event: { code: number; reason: string }) => void) | null) {
    this.#listen('close', listener);
  }
  set onerror(listener: ((event: never) => void) | null) {
    this.#listen('error', listener);
  }

  send(data: string): void {
    if (this.throwsOnSend) throw new Error('not open');
    this.frames.push(JSON.parse(data) as { id: string; action: string });
  }

  close(): void {
    if (!this.isOpen) this.terminate();
  }

  terminate(): void {
    this.isTerminated = true;
    if (!this.isOpen) this.emit('error', new Error('closed before the connection was established'));
    this.emit('close', { code: 1006, reason: '' });
  }

  open(): void {
    this.isOpen = true;
    this.emit('open');
  }

  answer(): void {
    this.emit('message', { data: JSON.stringify({ event: 'ack', id: this.frames.at(-1)?.id, timestamp: 't', data: {} }) });
  }

  #listen(name: string, listener: ((event: never) => void) | null): void {
    this.removeAllListeners(name);
    if (listener) this.on(name, listener as (event: unknown) => void);
  }
}

function opening(raw: SocketLike, signal = new AbortController().signal): Promise<Socket> {
  const environment = testEnvironment(clock, new FakeServer(clock), { openSocket: () => raw });
  return Socket.open(environment, 'ws://localhost', handlers, signal);
}

async function opened(raw: NodeSocket): Promise<Socket> {
  const socket = opening(raw);
  raw.open();
  return socket;
}

describe('opening', () => {
  test('that takes too long rejects, and what the package says of it afterwards reaches nobody', async () => {
    const raw = new NodeSocket();
    const refused = assert.rejects(opening(raw), { code: 'timeout' });
    await clock.advance(10_000);
    await refused;
    assert.equal(raw.isTerminated, true);
    raw.emit('error', new Error('once more'));
  });

  test('that fails rejects once', async () => {
    const raw = new NodeSocket();
    const refused = assert.rejects(opening(raw), { code: 'network_error' });
    raw.emit('error', new Error('ECONNREFUSED'));
    raw.emit('close', { code: 1006, reason: '' });
    await refused;
    raw.emit('error', new Error('once more'));
  });

  test('that is given up ends at once, and no timer stays', async () => {
    const raw = new NodeSocket();
    const stop = new AbortController();
    const refused = assert.rejects(opening(raw, stop.signal), { code: 'closed' });
    stop.abort();
    await refused;
    assert.equal(raw.isTerminated, true);
    assert.equal(clock.pending, 0);
  });

  test('with something that throws rejects', async () => {
    const environment = testEnvironment(clock, new FakeServer(clock), {
      openSocket: () => {
        throw new SyntaxError('bad address');
      },
    });
    await assert.rejects(Socket.open(environment, 'x', handlers, new AbortController().signal), /bad address/);
  });
});

describe('a connection', () => {
  test('that died is terminated: nothing waits for the other side to say so', async () => {
    const raw = new NodeSocket();
    const socket = await opened(raw);
    const lost = assert.rejects(socket.request('ping', {}), { code: 'connection_lost' });
    await clock.advance(10_000);
    await lost;
    assert.equal(raw.isTerminated, true);
    raw.emit('error', new Error('late'));
    assert.equal(endings.length, 1);
    assert.equal(clock.pending, 0);
  });

  test('that cannot take a frame is lost', async () => {
    const raw = new NodeSocket();
    const socket = await opened(raw);
    raw.throwsOnSend = true;
    await assert.rejects(socket.request('ping', {}), { code: 'connection_lost' });
    assert.equal(endings.length, 1);
  });

  test('that was closed here says nothing more, whatever comes', async () => {
    const raw = new NodeSocket();
    const socket = await opened(raw);
    socket.close();
    raw.emit('message', { data: JSON.stringify({ event: 'userJoined', timestamp: 't', data: {} }) });
    raw.emit('close', { code: 1000, reason: '' });
    raw.emit('error', new Error('late'));
    await settle();
    assert.deepEqual([heard, endings, clock.pending], [[], [], 0]);
  });

  test('tells how quiet it had been when its network ended without a word', async () => {
    const raw = new NodeSocket();
    await opened(raw);
    await clock.advance(60_000);
    raw.emit('close', { code: 1006, reason: '' });
    assert.deepEqual([endings[0]?.silence, endings[0]?.dismissed], [60_000, false]);
  });

  test('tells how quiet it had been before the frame that nobody answered', async () => {
    const raw = new NodeSocket();
    const socket = await opened(raw);
    socket.request('ping', {}).catch(() => {});
    raw.answer();
    await clock.advance(90_000);
    socket.request('ping', {}).catch(() => {});
    await clock.advance(10_000);
    assert.equal(endings[0]?.silence, 90_000);
  });

  test('that the server closed on purpose is no sign of a bad network', async () => {
    const raw = new NodeSocket();
    await opened(raw);
    await clock.advance(60_000);
    raw.emit('close', { code: 1000, reason: 'Connection Closed Normally' });
    assert.deepEqual([endings[0]?.silence, endings[0]?.dismissed], [0, true]);
  });
});
