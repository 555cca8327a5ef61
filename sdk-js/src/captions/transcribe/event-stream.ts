/**
 * Messages as Amazon Transcribe frames them ([event stream encoding](https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html)):
 * a prelude of two lengths and their checksum, headers, a payload, and the checksum of all of it.
 * @module
 */

/** What comes before the headers, and what comes behind the payload, in bytes. */
const PRELUDE = 12;
const CHECKSUM = 4;
/** The one type of header that is used: a text. */
const TEXT = 7;
/** No message is longer, in bytes: what says otherwise is damaged. */
const LONGEST = 16 * 1024 * 1024;

/** A message: its headers, and what it carries. */
export interface StreamMessage {
  headers: Record<string, string>;
  payload: Uint8Array;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of Ethernet and zlib (CRC-32, ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}

/** The bytes of a message. */
export function encodeMessage({ headers, payload }: StreamMessage): Uint8Array<ArrayBuffer> {
  const head = Object.entries(headers).flatMap(([name, value]) => [...encodeHeader(name, value)]);
  const length = PRELUDE + head.length + payload.length + CHECKSUM;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint32(4, head.length);
  view.setUint32(8, crc32(bytes.subarray(0, 8)));
  bytes.set(head, PRELUDE);
  bytes.set(payload, PRELUDE + head.length);
  view.setUint32(length - CHECKSUM, crc32(bytes.subarray(0, length - CHECKSUM)));
  return bytes;
}

/**
 * The message of these bytes.
 *
 * @throws {RangeError} they are no message, or a damaged one
 */
export function decodeMessage(bytes: Uint8Array): StreamMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PRELUDE + CHECKSUM) throw new RangeError('the message is too short');
  const [length, headLength] = [view.getUint32(0), view.getUint32(4)];
  if (view.getUint32(8) !== crc32(bytes.subarray(0, 8))) throw new RangeError('the prelude is damaged');
  if (length !== bytes.length || length > LONGEST || PRELUDE + headLength + CHECKSUM > length) throw new RangeError('the lengths do not fit');
  if (view.getUint32(length - CHECKSUM) !== crc32(bytes.subarray(0, length - CHECKSUM))) throw new RangeError('the message is damaged');
  const payloadAt = PRELUDE + headLength;
  return { headers: decodeHeaders(bytes.subarray(PRELUDE, payloadAt)), payload: bytes.slice(payloadAt, length - CHECKSUM) };
}

function encodeHeader(name: string, value: string): Uint8Array {
  const [key, text] = [new TextEncoder().encode(name), new TextEncoder().encode(value)];
  return Uint8Array.from([key.length, ...key, TEXT, text.length >> 8, text.length & 0xff, ...text]);
}

function decodeHeaders(bytes: Uint8Array): Record<string, string> {
  const headers: Record<string, string> = {};
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + (bytes[at] ?? 0);
    if (bytes[nameEnd] !== TEXT) throw new RangeError('a header is no text');
    const valueAt = nameEnd + 3;
    const valueEnd = valueAt + ((bytes[nameEnd + 1] ?? 0) << 8) + (bytes[nameEnd + 2] ?? 0);
    if (valueEnd > bytes.length) throw new RangeError('a header is cut off');
    headers[decoder.decode(bytes.subarray(at + 1, nameEnd))] = decoder.decode(bytes.subarray(valueAt, valueEnd));
    at = valueEnd;
  }
  return headers;
}

/** Sound, as 16 bit PCM; without any it ends the stream. */
export function audioEvent(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(samples.length * 2);
  const view = new DataView(payload.buffer);
  samples.forEach((sample, index) => view.setInt16(index * 2, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true));
  const headers = { ':content-type': 'application/octet-stream', ':event-type': 'AudioEvent', ':message-type': 'event' };
  return encodeMessage({ headers, payload });
}
