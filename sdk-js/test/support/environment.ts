import type { ChannelLike, Environment, TokenStorage } from '../../src/environment.ts';
import { seeded, type FakeClock } from './clock.ts';
import { FakePeerConnection } from './peer-connection.ts';
import type { FakeServer } from './server.ts';

/** Surroundings in which nothing is real and everything can be moved by the test. */
export interface TestEnvironment extends Environment {
  /** What a browser's `online` event does. */
  wake(): void;
  /** What a browser's `pagehide` event does. */
  hide(): void;
  /** Whether REST requests fail on their way. */
  isOffline: boolean;
  readonly peerConnections: FakePeerConnection[];
}

export function testEnvironment(clock: FakeClock, server: FakeServer, more: Partial<Environment> = {}): TestEnvironment {
  const waking = new Set<() => void>();
  const hiding = new Set<() => void>();
  const peerConnections: FakePeerConnection[] = [];
  const environment: TestEnvironment = {
    isOffline: false,
    fetch: (url, init) => (environment.isOffline ? Promise.reject(new TypeError('fetch failed')) : server.fetch(url, init)),
    openSocket: server.openSocket,
    createPeerConnection: (configuration) => {
      const connection = new FakePeerConnection(configuration);
      peerConnections.push(connection);
      return connection as unknown as RTCPeerConnection;
    },
    mediaDevices: undefined,
    now: clock.now,
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    random: seeded(7),
    storage: undefined,
    lock: undefined,
    openChannel: undefined,
    onWake: (callback) => {
      waking.add(callback);
      return () => waking.delete(callback);
    },
    onHide: (callback) => {
      hiding.add(callback);
      return () => hiding.delete(callback);
    },
    ...more,
    wake: () => waking.forEach((callback) => callback()),
    hide: () => hiding.forEach((callback) => callback()),
    peerConnections,
  };
  // A client refuses what is no part of its surroundings: what only the tests use is not shown to it.
  for (const name of ['isOffline', 'wake', 'hide', 'peerConnections']) Object.defineProperty(environment, name, { enumerable: false });
  return environment;
}

/** Storage that outlives a client, as a browser's does. */
export function memoryStorage(): TokenStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** What the tabs of one browser have in common beside a storage: locks, and channels. */
export function fakeBrowser(): Pick<Environment, 'lock' | 'openChannel'> {
  const queues = new Map<string, Promise<unknown>>();
  const channels = new Map<string, Set<ChannelLike>>();
  return {
    lock: (name, task) => {
      const done = (queues.get(name) ?? Promise.resolve()).then(task);
      queues.set(name, done.catch(() => {}));
      return done;
    },
    openChannel: (name) => {
      const others = channels.get(name) ?? new Set();
      channels.set(name, others);
      const channel: ChannelLike = {
        onmessage: null,
        postMessage: (message) => {
          const data: unknown = structuredClone(message);
          for (const other of others) if (other !== channel) queueMicrotask(() => other.onmessage?.({ data }));
        },
        close: () => others.delete(channel),
      };
      others.add(channel);
      return channel;
    },
  };
}
