/**
 * Everything that reaches outside, in one place: a test, or a runtime that is not a browser, brings its own.
 * @module
 */
import type { MediaDevices, RequestInit, Response, RTCConfiguration, RTCPeerConnection } from './platform.ts';

/** The part of a WebSocket that is used. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** Ends it without waiting for the other side, where a package for Node has this. */
  terminate?(): void;
}

/** Where tokens are kept; `sessionStorage` fits. */
export interface TokenStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The part of a `BroadcastChannel` that is used. */
export interface ChannelLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** A running timer, as `setTimeout` names it. */
export type Timer = unknown;

/** What the client needs from its surroundings. */
export interface Environment {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Opens a WebSocket. */
  openSocket(url: string): SocketLike;
  /** Makes a peer connection; absent where there is no WebRTC, and then sessions are held without media. */
  createPeerConnection: ((configuration: RTCConfiguration) => RTCPeerConnection) | undefined;
  /** Absent outside browsers and on insecure pages. */
  mediaDevices: MediaDevices | undefined;
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  setTimeout(callback: () => void, milliseconds: number): Timer;
  clearTimeout(timer: Timer): void;
  /** In [0, 1). */
  random(): number;
  /** Unset: tokens live in memory alone. */
  storage: TokenStorage | undefined;
  /** Runs a task while no other tab runs one under this name; absent where tabs cannot be kept apart. */
  lock: ((name: string, task: () => Promise<void>) => Promise<void>) | undefined;
  /** Reaches the other tabs of this origin; absent where there are none. */
  openChannel: ((name: string) => ChannelLike) | undefined;
  /** Calls back when the network or the page may have come back; the answer stops it. */
  onWake(callback: () => void): () => void;
  /** Calls back when the page goes away for good; the answer stops it. */
  onHide(callback: () => void): () => void;
}

/** The environment of this page, or of this Node process. */
export function defaultEnvironment(): Environment {
  return {
    fetch: (url, init) => fetch(url, init),
    openSocket: (url) => new WebSocket(url) as SocketLike,
    createPeerConnection:
      typeof RTCPeerConnection === 'undefined' ? undefined : (configuration) => new RTCPeerConnection(configuration),
    mediaDevices: globalThis.navigator?.mediaDevices,
    now: () => performance.now(),
    setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
    clearTimeout: (timer) => clearTimeout(timer as number),
    random: () => Math.random(),
    storage: undefined,
    lock: globalThis.navigator?.locks && ((name, task) => navigator.locks.request(name, task)),
    openChannel: typeof BroadcastChannel === 'undefined' ? undefined : openChannel,
    onWake,
    onHide,
  };
}

function openChannel(name: string): ChannelLike {
  const channel = new BroadcastChannel(name) as ChannelLike & { unref?(): void };
  // In Node an open channel would keep the process alive.
  channel.unref?.();
  return channel;
}

function onWake(callback: () => void): () => void {
  if (typeof document === 'undefined') return () => {};
  const visible = () => {
    if (document.visibilityState === 'visible') callback();
  };
  const stop = new AbortController();
  const { signal } = stop;
  addEventListener('online', callback, { signal });
  addEventListener('pageshow', callback, { signal });
  document.addEventListener('visibilitychange', visible, { signal });
  return () => stop.abort();
}

function onHide(callback: () => void): () => void {
  if (typeof document === 'undefined') return () => {};
  // A page that the browser keeps may come back; until then its seat is held by the server's grace.
  const hidden = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) callback();
  };
  const stop = new AbortController();
  addEventListener('pagehide', hidden, { signal: stop.signal });
  return () => stop.abort();
}
