import type { Environment, TokenStorage } from '../../src/environment.ts';
import { seeded, type FakeClock } from './clock.ts';
import { FakePeerConnection } from './peer-connection.ts';
import type { FakeServer } from './server.ts';

/** Surroundings in which nothing is real and everything can be moved by the test. */
export interface TestEnvironment extends Environment {
  /** What a browser's `online` event does. */
  wake(): void;
  /** Whether REST requests fail on their way. */
  isOffline: boolean;
  readonly peerConnections: FakePeerConnection[];
}

export function testEnvironment(clock: FakeClock, server: FakeServer, more: Partial<Environment> = {}): TestEnvironment {
  const waking = new Set<() => void>();
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
    onWake: (callback) => {
      waking.add(callback);
      return () => waking.delete(callback);
    },
    ...more,
    wake: () => waking.forEach((callback) => callback()),
    peerConnections,
  };
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
