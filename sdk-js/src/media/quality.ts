/**
 * The quality of connections.
 * @module
 */
import type { Limitation } from './policy.ts';

/**
 * How well a connection to a peer works: how a voice sounds over it, by loss, delay and jitter of both directions. `lost` is a
 * connection that is disturbed, `unknown` one that nothing was measured of yet.
 */
export type QualityLevel = 'excellent' | 'good' | 'poor' | 'lost' | 'unknown';

/** What is measured on the connection to one peer. A value that cannot be known yet is absent. */
export interface PeerQuality {
  level: QualityLevel;
  /** Milliseconds to the peer and back. */
  roundTripMs?: number;
  /** Kilobits per second since the last reading. */
  incomingKbps?: number;
  outgoingKbps?: number;
  /** What the connection carries outwards, in kilobits per second, by the browser's estimate. */
  availableKbps?: number;
  /** What keeps the outgoing picture from being better. */
  limitedBy?: Limitation;
  /** Share of the packets to here that were lost since the last reading, 0 to 1. */
  loss?: number;
  /** Share of the packets from here that were lost lately, 0 to 1, as the peer says. */
  outgoingLoss?: number;
  /** Variation of packet arrival, in milliseconds. */
  jitterMs?: number;
  /** How this side and the other are reached: `host`, `srflx`, `prflx` or `relay`. */
  localCandidate?: string;
  remoteCandidate?: string;
  /** `udp` or `tcp`; towards the TURN server where there is one between. */
  protocol?: string;
  /** The largest incoming picture. */
  frame?: { width: number; height: number; framesPerSecond: number };
}

/** Counters of one reading, to compare the next one with. */
interface Counters {
  timestamp: number;
  received: number;
  sent: number;
  packets: number;
  lost: number;
}

/** Statistics that are read here; the DOM's types leave most of them out. */
export interface Stat {
  id: string;
  type: string;
  timestamp: number;
  [name: string]: unknown;
}

/** Reads a connection's statistics; rates are those since its last reading, and each meter has its own. */
export class Meter {
  #last: Counters | undefined;

  async read(connection: RTCPeerConnection): Promise<PeerQuality> {
    const stats = await statsOf(connection);
    const counters = count(stats);
    const last = this.#last;
    this.#last = counters;
    const quality = { ...path(stats), ...sending(stats), ...media(stats), ...(last && rates(last, counters)) };
    const isLost = connection.connectionState === 'disconnected' || connection.connectionState === 'failed';
    return { ...quality, level: isLost ? 'lost' : judge(quality) };
  }
}

export async function statsOf(connection: RTCPeerConnection): Promise<Stat[]> {
  const stats: Stat[] = [];
  (await connection.getStats()).forEach((stat) => stats.push(stat as Stat));
  return stats;
}

/** A number that the browser gives; browsers leave out what they do not measure. */
export function number(stat: Stat | undefined, name: string): number | undefined {
  const value = stat?.[name];
  return typeof value === 'number' ? value : undefined;
}

function numbers(stats: Stat[], name: string): number[] {
  return stats.map((stat) => number(stat, name)).filter((value) => value !== undefined);
}

function sum(stats: Stat[], name: string): number {
  return numbers(stats, name).reduce((total, value) => total + value, 0);
}

function selectedPair(stats: Stat[]): Stat | undefined {
  const transport = stats.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  const pairs = stats.filter(({ type }) => type === 'candidate-pair');
  return (
    pairs.find(({ id }) => id === transport?.selectedCandidatePairId) ??
    pairs.find(({ nominated, state }) => nominated && state === 'succeeded')
  );
}

function count(stats: Stat[]): Counters {
  const pair = selectedPair(stats);
  const inbound = stats.filter(({ type }) => type === 'inbound-rtp');
  return {
    timestamp: pair?.timestamp ?? 0,
    received: number(pair, 'bytesReceived') ?? 0,
    sent: number(pair, 'bytesSent') ?? 0,
    packets: sum(inbound, 'packetsReceived'),
    lost: sum(inbound, 'packetsLost'),
  };
}

function rates(last: Counters, now: Counters): Partial<PeerQuality> {
  const milliseconds = now.timestamp - last.timestamp;
  if (milliseconds <= 0) return {};
  const lost = Math.max(0, now.lost - last.lost);
  const expected = now.packets - last.packets + lost;
  return {
    incomingKbps: Math.round(((now.received - last.received) * 8) / milliseconds),
    outgoingKbps: Math.round(((now.sent - last.sent) * 8) / milliseconds),
    ...(expected > 0 && { loss: lost / expected }),
  };
}

/** What is known of the way that packets take. */
export function path(stats: Stat[]): Partial<PeerQuality> {
  const pair = selectedPair(stats);
  const roundTrip = number(pair, 'currentRoundTripTime');
  const available = number(pair, 'availableOutgoingBitrate');
  const local = stats.find(({ id }) => id === pair?.localCandidateId);
  const remote = stats.find(({ id }) => id === pair?.remoteCandidateId);
  const protocol = local?.relayProtocol ?? local?.protocol;
  return {
    ...(roundTrip !== undefined && { roundTripMs: Math.round(roundTrip * 1000) }),
    ...(available !== undefined && { availableKbps: Math.round(available / 1000) }),
    ...(local && { localCandidate: String(local.candidateType) }),
    ...(remote && { remoteCandidate: String(remote.candidateType) }),
    ...(typeof protocol === 'string' && { protocol }),
  };
}

/** The worst of what the browser and the other side say of what is sent. */
export function sending(stats: Stat[]): Partial<PeerQuality> {
  const reasons = stats.map(({ qualityLimitationReason }) => qualityLimitationReason);
  const limitedBy = (['cpu', 'bandwidth', 'other', 'none'] as const).find((reason) => reasons.includes(reason));
  const losses = numbers(stats.filter(({ type }) => type === 'remote-inbound-rtp'), 'fractionLost');
  return { ...(limitedBy && { limitedBy }), ...(losses.length > 0 && { outgoingLoss: Math.max(...losses) }) };
}

function media(stats: Stat[]): Partial<PeerQuality> {
  const inbound = stats.filter(({ type }) => type === 'inbound-rtp');
  const jitters = numbers(inbound, 'jitter');
  const largest = inbound
    .filter((stat) => number(stat, 'frameWidth'))
    .sort((a, b) => (number(b, 'frameWidth') ?? 0) - (number(a, 'frameWidth') ?? 0))[0];
  return {
    ...(jitters.length > 0 && { jitterMs: Math.round(Math.max(...jitters) * 1000) }),
    ...(largest && {
      frame: {
        width: number(largest, 'frameWidth') ?? 0,
        height: number(largest, 'frameHeight') ?? 0,
        framesPerSecond: number(largest, 'framesPerSecond') ?? 0,
      },
    }),
  };
}

/** Users are satisfied from 80 on, and many are not below 70 (ITU-T G.109, table 1). */
function judge({ roundTripMs, loss = 0, outgoingLoss = 0, jitterMs = 0 }: Partial<PeerQuality>): QualityLevel {
  if (roundTripMs === undefined) return 'unknown';
  const rating = rate(roundTripMs, Math.max(loss, outgoingLoss), BUFFERED * jitterMs);
  if (rating < 70) return 'poor';
  return rating < 80 ? 'good' : 'excellent';
}

/** What a codec and the sound's way through both computers take, in milliseconds. */
const DEVICES_MS = 40;
/** Of a codec that conceals lost packets, for losses by chance (ITU-T G.113, appendix I, G.711 with concealment; none is given for Opus). */
const ROBUSTNESS = 25.1;

/** As many times the jitter is what a jitter buffer usually holds back. */
export const BUFFERED = 2;

/**
 * How a voice sounds, by the E-model (ITU-T G.107) with its default values: 93.2 at best, 0 at worst.
 *
 * @param loss of packets, 0 to 1
 * @param bufferMs that the jitter buffer holds a packet back
 */
export function rate(roundTripMs: number, loss: number, bufferMs: number): number {
  const delay = roundTripMs / 2 + bufferMs + DEVICES_MS;
  // The usual approximation of the delay's part (Cole and Rosenbluth, 2001).
  const late = 0.024 * delay + 0.11 * Math.max(0, delay - 177.3);
  const lost = (95 * loss * 100) / (loss * 100 + ROBUSTNESS);
  return Math.max(0, 93.2 - late - lost);
}

/** A level is told once it has come up twice in a row, so that one reading does not alarm; `lost`, and the first one, at once. */
export class Verdict {
  #told: QualityLevel = 'unknown';
  #before: QualityLevel = 'unknown';

  /** The level to tell, if it is another one than was told last. */
  judge(level: QualityLevel): Exclude<QualityLevel, 'unknown'> | undefined {
    const isSure = level === 'lost' || this.#told === 'unknown' || level === this.#before;
    this.#before = level;
    if (level === 'unknown' || level === this.#told || !isSure) return undefined;
    this.#told = level;
    return level;
  }
}
