/**
 * Data and remote procedure calls between those in a session, as `tunrtc-client/data`. Both go by way of the server and are kept
 * there like signals, so a connection that is lost for a moment loses nothing.
 *
 * ```ts
 * const data = new SessionData(client);
 * data.on('cursor', ({ payload, fromUserId }) => show(fromUserId, JSON.parse(payload)));
 * await data.send('cursor', JSON.stringify({ x: 3, y: 4 }));
 * data.register('add', ({ payload }) => String(sum(JSON.parse(payload))));
 * const answer = await data.call(userId, 'add', '[3,4]');
 * ```
 * @module
 */
import type { TunRTCClient, TunRTCEvents } from 'tunrtc-client';

/** Data as it came; nobody sent it where the app's backend did. */
export type ReceivedData = TunRTCEvents['receiveData'];
/** A call of a procedure. */
export type RpcCall = TunRTCEvents['receiveRpc'];

/** The largest payload in bytes. */
const MAX_PAYLOAD = 15 * 1024;
const TIMEOUT_MS = 15_000;
/** So many are remembered, to drop what is told again. */
const REMEMBERED = 1_024;

/** Why a call failed: LiveKit's numbers, or the app's own. */
export class RpcError extends Error {
  static readonly codes = {
    unsupportedMethod: 1400,
    recipientNotFound: 1401,
    requestPayloadTooLarge: 1402,
    applicationError: 1500,
    connectionTimeout: 1501,
    responseTimeout: 1502,
    recipientDisconnected: 1503,
    responsePayloadTooLarge: 1504,
    sendFailed: 1505,
  } as const;
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: string | undefined;

  constructor(code: number, message: string, data?: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

interface Pending {
  userId: string;
  resolve(payload: string): void;
  reject(error: RpcError): void;
}

/** What apps send between the clients of one session, and the procedures that they call. One for each client is enough. */
export class SessionData {
  readonly #client: TunRTCClient;
  readonly #listeners = new Map<string, Set<(data: ReceivedData) => void>>();
  readonly #procedures = new Map<string, (call: RpcCall) => string | Promise<string>>();
  readonly #pending = new Map<string, Pending>();
  readonly #seen = new Set<string>();
  readonly #stop: (() => void)[];

  constructor(client: TunRTCClient) {
    this.#client = client;
    this.#stop = [
      client.on('receiveData', (data) => this.#receive(data)),
      client.on('receiveRpc', (call) => void this.#serve(call)),
      client.on('receiveRpcAnswer', ({ rpcId, fromUserId, payload, error }) => {
        const pending = this.#pending.get(rpcId);
        if (pending?.userId !== fromUserId) return;
        if (error) pending.reject(new RpcError(error.code, error.message, error.data));
        else pending.resolve(payload ?? '');
      }),
      client.on('userLeft', ({ userId }) => this.#abandon('The participant left.', userId)),
      client.on('connectionStateChanged', ({ status }) => status === 'closed' && this.#abandon('The session was left.')),
    ];
  }

  /**
   * Sends something to everybody else, or to these; resolves once the server keeps it for all of them.
   *
   * @param payload at most 15 KiB of UTF-8
   */
  async send(topic: string, payload: string, to?: readonly string[]): Promise<void> {
    await this.#client.moderate('sendData', { topic, payload, dataId: crypto.randomUUID(), ...(to && { to: [...to] }) });
  }

  /** Calls back for each piece of data on that topic, once; the answer stops it. */
  on(topic: string, listener: (data: ReceivedData) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Offers a procedure to the others. What it throws as an {@link RpcError} reaches the caller as it is. The answer takes it back. */
  register(method: string, procedure: (call: RpcCall) => string | Promise<string>): () => void {
    this.#procedures.set(method, procedure);
    return () => void (this.#procedures.get(method) === procedure && this.#procedures.delete(method));
  }

  /** Calls a procedure of a participant; rejects with an {@link RpcError}. */
  async call(userId: string, method: string, payload = '', { timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {}): Promise<string> {
    if (isTooLarge(payload)) throw new RpcError(RpcError.codes.requestPayloadTooLarge, 'The payload is too large.');
    const rpcId = crypto.randomUUID();
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#pending.set(rpcId, { userId, resolve, reject });
        timer = setTimeout(() => reject(new RpcError(RpcError.codes.responseTimeout, 'No answer came in time.')), timeoutMs);
        this.#client.moderate('sendRpc', { targetUserId: userId, rpcId, method, payload, timeoutMs }).catch((error: { code?: string; message: string }) => {
          const { recipientNotFound, sendFailed } = RpcError.codes;
          reject(new RpcError(error.code === 'peer_not_found' ? recipientNotFound : sendFailed, error.message));
        });
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(rpcId);
    }
  }

  /** Listens no more; calls that wait are rejected. */
  close(): void {
    this.#stop.forEach((stop) => stop());
    this.#abandon('The session was left.');
  }

  #receive(data: ReceivedData): void {
    if (!this.#isNew(`${data.fromUserId ?? ''}/${data.dataId}`)) return;
    for (const listener of [...(this.#listeners.get(data.topic) ?? [])]) listener(data);
  }

  async #serve(call: RpcCall): Promise<void> {
    const { fromUserId: targetUserId, rpcId, method } = call;
    if (!this.#isNew(`rpc/${targetUserId}/${rpcId}`)) return;
    const answer = await this.#outcome(method, call);
    // Whoever called may be gone.
    await this.#client.moderate('answerRpc', { targetUserId, rpcId, ...answer }).catch(() => {});
  }

  async #outcome(method: string, call: RpcCall): Promise<{ payload: string } | { error: { code: number; message: string; data?: string } }> {
    const { unsupportedMethod, applicationError, responsePayloadTooLarge } = RpcError.codes;
    const procedure = this.#procedures.get(method);
    if (!procedure) return failure(unsupportedMethod, 'There is no such procedure.');
    try {
      const payload = await procedure(call);
      return isTooLarge(payload) ? failure(responsePayloadTooLarge, 'The result is too large.') : { payload };
    } catch (thrown) {
      if (thrown instanceof RpcError) return failure(thrown.code, thrown.message, thrown.data);
      return failure(applicationError, 'The procedure failed.');
    }
  }

  #abandon(why: string, userId?: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (!userId || pending.userId === userId) pending.reject(new RpcError(RpcError.codes.recipientDisconnected, why));
    }
  }

  #isNew(name: string): boolean {
    if (this.#seen.has(name)) return false;
    this.#seen.add(name);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= REMEMBERED) break;
      this.#seen.delete(oldest);
    }
    return true;
  }
}

function failure(code: number, message: string, data?: string) {
  return { error: { code, message: message.slice(0, 256) || '-', ...(data !== undefined && { data }) } };
}

function isTooLarge(payload: string): boolean {
  return new TextEncoder().encode(payload).length > MAX_PAYLOAD;
}
