/**
 * What happened on the connection to one peer between two readings of its statistics. What a browser does not measure is absent, which is not zero.
 * @module
 */
import type { Peer } from '../media/peer.ts';
import { number, path, sending, statsOf, type PeerQuality, type Stat } from '../media/mesh.ts';

/** A voice that came, and what of one went out. */
export interface Sound {
  packets: number;
  lost: number;
  /** Samples that were played in place of lost ones, of so many in all. */
  concealed?: number;
  samples?: number;
  jitterMs?: number;
  /** How long the jitter buffer held packets back. */
  bufferMs?: number;
}

/** The pictures that came. */
export interface Picture {
  packets: number;
  lost: number;
  /** Of cameras alone: a screen on which nothing moves is sent rarely. */
  fps?: number;
  /** Of the largest one. */
  width?: number;
  height?: number;
  freezes?: number;
  freezeMs?: number;
}

export interface Rates {
  inKbps?: number;
  outKbps?: number;
  codec?: string;
}

export interface Sample {
  seconds: number;
  /** Nothing came through at the end of it. */
  isDisturbed: boolean;
  iceRestarts: number;
  path: Partial<PeerQuality>;
  limitedBy?: PeerQuality['limitedBy'];
  /** Absent when none came. */
  sound?: Sound;
  picture?: Picture;
  audio: Rates;
  video: Rates;
}

/** The statistics of a connection at one moment. */
export interface Reading {
  /** Milliseconds on a clock that never jumps. */
  at: number;
  isDisturbed: boolean;
  iceRestarts: number;
  stats: Stat[];
  /** Whether the stream of this `mid` shows a screen. */
  isScreen(mid: string): boolean;
}

/** Of a connection to a peer. */
export async function read(peer: Peer, at: number): Promise<Reading> {
  const stats = await statsOf(peer.connection);
  return { at, isDisturbed: peer.state === 'reconnecting', iceRestarts: peer.iceRestarts, stats, isScreen: (mid) => peer.isScreen(mid) };
}

/** What happened between two readings of the same connection. */
export function compare(before: Reading, after: Reading): Sample {
  const seconds = (after.at - before.at) / 1000;
  const known = new Map(before.stats.map((stat) => [stat.id, stat]));
  const streams = (type: string, kind: string) =>
    after.stats.filter((stat) => stat.type === type && stat['kind'] === kind).map((stat) => new Stream(stat, known.get(stat.id)));
  const rates = (kind: string): Rates => {
    const [inbound, outbound] = [streams('inbound-rtp', kind), streams('outbound-rtp', kind)];
    const kbps = (all: Stream[], name: string) => scaled(sum(all, name), 8 / 1000 / seconds);
    return present({ inKbps: kbps(inbound, 'bytesReceived'), outKbps: kbps(outbound, 'bytesSent'), codec: codecOf(after.stats, [...inbound, ...outbound]) });
  };
  const arrived = (kind: string) => streams('inbound-rtp', kind).filter((stream) => stream.grew('packetsReceived') || stream.grew('packetsLost'));
  const [voices, pictures] = [arrived('audio'), arrived('video')];
  return {
    seconds,
    isDisturbed: after.isDisturbed,
    iceRestarts: after.iceRestarts - before.iceRestarts,
    path: path(after.stats),
    ...present({ limitedBy: sending(after.stats).limitedBy }),
    ...(voices.length > 0 && { sound: soundOf(voices) }),
    ...(pictures.length > 0 && { picture: pictureOf(pictures, seconds, after.isScreen) }),
    audio: rates('audio'),
    video: rates('video'),
  };
}

function soundOf(voices: Stream[]): Sound {
  const held = sum(voices, 'jitterBufferDelay');
  const emitted = sum(voices, 'jitterBufferEmittedCount');
  return {
    ...packetsOf(voices),
    ...present({
      concealed: sum(voices, 'concealedSamples'),
      samples: sum(voices, 'totalSamplesReceived'),
      jitterMs: scaled(largest(voices.map((stream) => stream.now('jitter'))), 1000),
      bufferMs: held !== undefined && emitted ? (held / emitted) * 1000 : undefined,
    }),
  };
}

function pictureOf(pictures: Stream[], seconds: number, isScreen: (mid: string) => boolean): Picture {
  const cameras = pictures.filter((stream) => !isScreen(stream.mid));
  const height = largest(pictures.map((stream) => stream.now('frameHeight')));
  const tallest = pictures.find((stream) => stream.now('frameHeight') === height);
  return {
    ...packetsOf(pictures),
    ...present({
      fps: scaled(largest(cameras.map((stream) => stream.gain('framesDecoded'))), 1 / seconds),
      width: tallest?.now('frameWidth'),
      height,
      freezes: sum(pictures, 'freezeCount'),
      freezeMs: scaled(sum(pictures, 'totalFreezesDuration'), 1000),
    }),
  };
}

function packetsOf(streams: Stream[]): { packets: number; lost: number } {
  return { packets: sum(streams, 'packetsReceived') ?? 0, lost: sum(streams, 'packetsLost') ?? 0 };
}

/** One stream of media, with what it was at the reading before, if it was there. */
class Stream {
  readonly #stat: Stat;
  readonly #before: Stat | undefined;

  constructor(stat: Stat, before: Stat | undefined) {
    this.#stat = stat;
    this.#before = before;
  }

  get mid(): string {
    return String(this.#stat['mid'] ?? '');
  }

  get codecId(): unknown {
    return this.#stat['codecId'];
  }

  now(name: string): number | undefined {
    return number(this.#stat, name);
  }

  /** By how much a counter grew. That of lost packets falls when one comes after it was given up. */
  gain(name: string): number | undefined {
    const now = this.now(name);
    return now === undefined ? undefined : Math.max(0, now - (number(this.#before, name) ?? 0));
  }

  grew(name: string): boolean {
    return (this.gain(name) ?? 0) > 0;
  }
}

/** `audio/opus` is `opus`. */
function codecOf(stats: Stat[], streams: Stream[]): string | undefined {
  const id = streams.find(({ codecId }) => codecId)?.codecId;
  const type = stats.find((stat) => stat.id === id)?.['mimeType'];
  return typeof type === 'string' ? type.replace(/^.*\//, '').slice(0, 20) : undefined;
}

/** Of those that have it. */
function sum(streams: Stream[], name: string): number | undefined {
  const gains = streams.map((stream) => stream.gain(name)).filter((gain) => gain !== undefined);
  return gains.length > 0 ? gains.reduce((total, gain) => total + gain, 0) : undefined;
}

function largest(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

type Present<Parts> = { [Name in keyof Parts]?: Exclude<Parts[Name], undefined> };

/** Without what is absent. */
export function present<Parts extends object>(parts: Parts): Present<Parts> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Present<Parts>;
}
