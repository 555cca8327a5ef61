import type { SocketLike } from '../../environment.ts';
import { CaptionError, type Ear } from '../engine.ts';
import { FRAME, FRAME_MS, type Frame } from '../frames.ts';
import { audioEvent, decodeMessage } from './event-stream.ts';
import { Loudness } from './loudness.ts';

/** A line is held so long after the last word, in milliseconds: there are few of them, and they cost by the second. */
const HOLD_MS = 3_000;
/** Once its end was asked for, the last words have so long to come. */
const FAREWELL_MS = 5_000;
/** So much from before a voice was noticed is sent too, and so much is kept of what may have to be said again, in frames. */
const BEFORE = 16;
const KEPT = 470;
/** So many frames go in one message, about 100 ms as is recommended. */
const TOGETHER = 3;
/** So often in a row a line may fail, and so long is waited after the first time, in milliseconds. */
const FAILURES = 5;
const RETRY_MS = 500;

/** A WebSocket that takes and brings bytes. */
export interface BinarySocket extends Pick<SocketLike, 'onopen' | 'onmessage' | 'onclose' | 'onerror' | 'close'> {
  binaryType: string;
  send(data: Uint8Array<ArrayBuffer>): void;
}

/** What a {@link Line} needs, and whom it tells. */
export interface LineOptions {
  /** Gets a fresh address, signed for the language, PCM and 16,000 samples a second. */
  url(): Promise<string>;
  openSocket(url: string): BinarySocket;
  ear: Pick<Ear, 'heard' | 'failed'>;
}

interface Stream {
  socket: BinarySocket | undefined;
  isOpen: boolean;
  /** When its first sample was taken. */
  zero: number;
  /** Frames of what is kept that were sent. */
  sent: number;
  endingSince: number | undefined;
}

/** The payload of a TranscriptEvent, as far as it is used. */
interface Transcript {
  Transcript?: { Results?: { StartTime?: number; EndTime?: number; IsPartial?: boolean; Alternatives?: { Transcript?: string }[] }[] };
}

/**
 * A line to Amazon Transcribe, open only while somebody speaks. What was said and not written down when it breaks is said again on
 * the next one. Time goes by the frames.
 */
export class Line {
  readonly #options: LineOptions;
  readonly #loudness = new Loudness();
  #kept: Frame[] = [];
  #stream: Stream | undefined;
  #now = 0;
  #voiceAt = -Infinity;
  #retryAt = -Infinity;
  #failures = 0;
  #isOver = false;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** Takes the next frame. */
  push(frame: Frame): void {
    if (this.#isOver) return;
    this.#now = frame.at;
    this.#keep(frame);
    if (this.#loudness.isVoice(frame.samples)) this.#voiceAt = frame.at;
    const isSpeaking = this.#now - this.#voiceAt < HOLD_MS;
    const stream = this.#stream;
    if (!stream && isSpeaking && this.#now >= this.#retryAt) void this.#open();
    if (!stream && !isSpeaking) this.#kept = this.#kept.slice(-BEFORE);
    if (stream?.isOpen && stream.endingSince === undefined) isSpeaking ? this.#flush(stream, TOGETHER) : this.#end(stream);
    if (stream?.endingSince !== undefined && this.#now - stream.endingSince > FAREWELL_MS) stream.socket?.close();
  }

  close(): void {
    this.#isOver = true;
    this.#stream?.socket?.close();
  }

  #keep(frame: Frame): void {
    this.#kept.push(frame);
    if (this.#kept.length > KEPT) this.#forget(1);
  }

  /** What lies so far back is said, or lost. */
  #forget(count: number): void {
    this.#kept.splice(0, count);
    if (this.#stream) this.#stream.sent = Math.max(0, this.#stream.sent - count);
  }

  async #open(): Promise<void> {
    const stream: Stream = (this.#stream = { socket: undefined, isOpen: false, zero: 0, sent: 0, endingSince: undefined });
    try {
      const url = await this.#options.url();
      if (this.#isOver) return;
      stream.socket = this.#connect(stream, url);
    } catch (error) {
      this.#lost(stream, new CaptionError('denied', 'No address for Amazon Transcribe was given.', error));
    }
  }

  #connect(stream: Stream, url: string): BinarySocket {
    const socket = this.#options.openSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      stream.isOpen = true;
      stream.zero = (this.#kept[0]?.at ?? this.#now) - FRAME_MS;
      this.#flush(stream, 1);
    };
    socket.onmessage = ({ data }) => this.#receive(stream, data);
    socket.onclose = () => this.#lost(stream, new CaptionError(stream.isOpen ? 'engine_failed' : 'denied', 'The line to Amazon Transcribe ends again and again.'));
    return socket;
  }

  /** @param fewest frames that are worth a message */
  #flush(stream: Stream, fewest: number): void {
    while (this.#kept.length - stream.sent >= fewest) {
      const frames = this.#kept.slice(stream.sent, stream.sent + TOGETHER);
      if (frames.length === 0) return;
      const samples = new Float32Array(frames.length * FRAME);
      frames.forEach((frame, index) => samples.set(frame.samples, index * FRAME));
      stream.socket?.send(audioEvent(samples));
      stream.sent += frames.length;
    }
  }

  #end(stream: Stream): void {
    this.#flush(stream, 1);
    stream.endingSince = this.#now;
    stream.socket?.send(audioEvent(new Float32Array(0)));
  }

  #receive(stream: Stream, data: unknown): void {
    if (this.#stream !== stream) return;
    try {
      const { headers, payload } = decodeMessage(new Uint8Array(data as ArrayBuffer));
      const content: unknown = JSON.parse(new TextDecoder().decode(payload) || '{}');
      if (headers[':message-type'] === 'exception') this.#refused(stream, headers[':exception-type'] ?? '', content as { Message?: string });
      else if (headers[':event-type'] === 'TranscriptEvent') this.#told(stream, content as Transcript);
    } catch {
      // Damaged: what comes after it cannot be trusted either.
      stream.socket?.close();
    }
  }

  /** A request that is wrong stays wrong; anything else may pass. */
  #refused(stream: Stream, type: string, { Message = type }: { Message?: string }): void {
    if (type === 'BadRequestException') this.#fail(new CaptionError('engine_failed', Message));
    stream.socket?.close();
  }

  #told(stream: Stream, { Transcript }: Transcript): void {
    this.#failures = 0;
    for (const { StartTime = 0, EndTime = 0, IsPartial = false, Alternatives = [] } of Transcript?.Results ?? []) {
      const text = Alternatives[0]?.Transcript ?? '';
      const began = stream.zero + StartTime * 1000;
      if (!this.#isOver) this.#options.ear.heard({ text, final: !IsPartial, beganMsAgo: Math.max(0, this.#now - began) });
      if (IsPartial) continue;
      const said = this.#kept.findIndex(({ at }) => at > stream.zero + EndTime * 1000);
      this.#forget(said < 0 ? this.#kept.length : said);
    }
  }

  #lost(stream: Stream, why: CaptionError): void {
    if (this.#stream !== stream || this.#isOver) return;
    this.#stream = undefined;
    // It was to end: what was said meanwhile goes over the next one.
    if (stream.endingSince !== undefined) {
      this.#failures = 0;
      return this.#forget(stream.sent);
    }
    this.#retryAt = this.#now + RETRY_MS * 2 ** this.#failures++;
    if (this.#failures >= FAILURES) this.#fail(why);
  }

  #fail(error: CaptionError): void {
    if (this.#isOver) return;
    this.close();
    this.#options.ear.failed(error);
  }
}
