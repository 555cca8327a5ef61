/** Stands between a browser and the server, and makes the object store behind it fail. Everything else passes. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { portOf } from './browser.ts';

export interface StoreProxy {
  url: string;
  /** What becomes of a piece that is stored at that path: 503 in its place, so many milliseconds later, or the line cut in the middle of it. */
  fault: ((path: string) => 503 | 'cut' | number | undefined) | undefined;
  /** Nothing reaches the server: neither pieces nor anything else. */
  unplug(): void;
  plugIn(): void;
  /** Pieces that the store has taken, each time that it has. */
  readonly stored: string[];
  /** How many bytes those have. */
  readonly storedBytes: number;
  close(): Promise<void>;
}

/** The bucket is a folder of the server's own origin. */
const BUCKET = '/recordings/chunks/';

export async function storeProxy(target: string): Promise<StoreProxy> {
  const port = Number(new URL(target).port);
  const sockets = new Set<Socket>();
  let isPlugged = true;
  const stored: string[] = [];
  let storedBytes = 0;
  const server = createServer((asked, answer) => void pass(asked, answer));

  async function pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const [path = ''] = asked.url?.split('?') ?? [];
    const isPiece = asked.method === 'PUT' && path.startsWith(BUCKET);
    const fault = isPiece ? proxy.fault?.(path) : undefined;
    if (fault === 503) {
      asked.resume();
      answer.writeHead(503, { 'access-control-allow-origin': '*', 'content-type': 'application/xml' }).end('<Error><Code>SlowDown</Code></Error>');
      return;
    }
    if (fault === 'cut') {
      asked.once('data', () => asked.socket.resetAndDestroy());
      return;
    }
    if (fault !== undefined) await new Promise((resolve) => setTimeout(resolve, fault));
    // The signature is of the host that the browser sees, so that stays.
    const onwards = request({ host: '127.0.0.1', port, method: asked.method ?? 'GET', path: asked.url ?? '/', headers: asked.headers });
    onwards.on('response', (response) => {
      if (isPiece && response.statusCode === 200) {
        stored.push(path);
        storedBytes += Number(asked.headers['content-length']);
      }
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onwards.on('error', () => answer.destroy());
    asked.pipe(onwards);
  }

  server.on('connection', (socket: Socket) => {
    if (!isPlugged) return void socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (asked: IncomingMessage, near: Socket, head: Buffer) => {
    const far = connect(port, '127.0.0.1');
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let at = 0; at < asked.rawHeaders.length; at += 2) lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`);
    far.write(`${lines.join('\r\n')}\r\n\r\n`);
    far.write(head);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [[near, far], [far, near]] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const proxy: StoreProxy = {
    url: `http://localhost:${portOf(server)}`,
    fault: undefined,
    stored,
    get storedBytes() {
      return storedBytes;
    },
    unplug: () => {
      isPlugged = false;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    plugIn: () => void (isPlugged = true),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
