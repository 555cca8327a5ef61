/** Amazon Transcribe's streaming, by its documentation: what it takes, what it refuses, what it says. */
import { crc32 } from 'node:zlib';
import type { BinarySocket } from '../../src/captions/transcribe/line.ts';

/** What has to stand in a signed address ([query parameters](https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html)). */
const SIGNED = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'];

/** A message, framed with Node's own checksum. */
export function message(headers: Record<string, string>, payload: string | Buffer): Buffer {
  const head = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(Buffer.byteLength(value));
      return Buffer.concat([Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), Buffer.from([7]), length, Buffer.from(value)]);
    }),
  );
  const body = Buffer.from(payload as string);
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(16 + head.length + body.length);
  prelude.writeUInt32BE(head.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const bytes = Buffer.concat([prelude, head, body, Buffer.alloc(4)]);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

/** One line: the client's end of it, and what arrived. */
export class FakeStream implements BinarySocket {
  binaryType = '';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  /** The sound, a number a sample. */
  readonly heard: number[] = [];
  readonly url: URL;
  isEnded = false;
  isClosed = false;

  constructor(url: string) {
    this.url = new URL(url);
  }

  send(data: Uint8Array): void {
    const bytes = Buffer.from(data);
    const headLength = bytes.readUInt32BE(4);
    if (bytes.readUInt32BE(0) !== bytes.length) throw new Error('the length is wrong');
    if (bytes.readUInt32BE(8) !== crc32(bytes.subarray(0, 8))) throw new Error('the checksum of the prelude is wrong');
    if (bytes.readUInt32BE(bytes.length - 4) !== crc32(bytes.subarray(0, -4))) throw new Error('the checksum is wrong');
    const headers = readHeaders(bytes.subarray(12, 12 + headLength));
    const expected = { ':content-type': 'application/octet-stream', ':event-type': 'AudioEvent', ':message-type': 'event' };
    if (JSON.stringify(headers) !== JSON.stringify(expected)) throw new Error(`headers are ${JSON.stringify(headers)}`);
    const sound = bytes.subarray(12 + headLength, -4);
    if (sound.length === 0) this.isEnded = true;
    for (let at = 0; at < sound.length; at += 2) this.heard.push(sound.readInt16LE(at));
  }

  close(): void {
    this.hangUp(1000);
  }

  /** The line ends. */
  hangUp(code: number): void {
    if (this.isClosed) return;
    this.isClosed = true;
    queueMicrotask(() => this.onclose?.({ code, reason: '' }));
  }

  /** Says what was understood between two seconds of the line. */
  say(Transcript: string, StartTime: number, EndTime: number, IsPartial: boolean): void {
    const results = { Transcript: { Results: [{ ResultId: '1', StartTime, EndTime, IsPartial, Alternatives: [{ Transcript }] }] } };
    this.deliver(message({ ':content-type': 'application/json', ':event-type': 'TranscriptEvent', ':message-type': 'event' }, JSON.stringify(results)));
  }

  refuse(type: string, Message: string): void {
    this.deliver(message({ ':content-type': 'application/json', ':exception-type': type, ':message-type': 'exception' }, JSON.stringify({ Message })));
  }

  deliver(bytes: Buffer): void {
    this.onmessage?.({ data: new Uint8Array(bytes).buffer });
  }
}

/** The service: a line for each address that is signed, refused if it is not. */
export class FakeTranscribe {
  readonly lines: FakeStream[] = [];
  /** Whether handshakes are refused. */
  refuses = false;

  open = (url: string): FakeStream => {
    const line = new FakeStream(url);
    const { searchParams, port, pathname } = line.url;
    const isSigned = SIGNED.every((name) => searchParams.get(name)) && Number(searchParams.get('X-Amz-Expires')) <= 300;
    const isComplete = searchParams.get('media-encoding') === 'pcm' && searchParams.get('sample-rate') === '16000' && Boolean(searchParams.get('language-code'));
    const isAccepted = isSigned && isComplete && port === '8443' && pathname === '/stream-transcription-websocket' && !this.refuses;
    this.lines.push(line);
    queueMicrotask(() => (isAccepted ? line.onopen?.(undefined as never) : line.hangUp(1006)));
    return line;
  };
}

function readHeaders(bytes: Buffer): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const name = bytes.toString('utf8', at + 1, at + 1 + bytes.readUInt8(at));
    at += 1 + bytes.readUInt8(at);
    if (bytes.readUInt8(at) !== 7) throw new Error('a header is no text');
    const length = bytes.readUInt16BE(at + 1);
    headers[name] = bytes.toString('utf8', at + 3, at + 3 + length);
    at += 3 + length;
  }
  return headers;
}
