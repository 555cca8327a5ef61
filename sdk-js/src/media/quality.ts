/**
 * The quality of connections.
 * @module
 */

/** How well a connection to a peer works, judged by loss and round trip. */
export type QualityLevel = 'good' | 'fair' | 'poor' | 'unknown';

/** What is measured on the connection to one peer. A value that cannot be known yet is absent. */
export interface PeerQuality {
  level: QualityLevel;
  /** Milliseconds to the peer and back. */
  roundTripMs?: number;
  /** Kilobits per second since the last reading. */
  incomingKbps?: number;
  outgoingKbps?: number;
  /** Share of the packets to here that were lost since the last reading, 0 to 1. */
  loss?: number;
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

/** Statistics that this module reads; the DOM's types leave most of them out. */
interface Stat {
  id: string;
  type: string;
  timestamp: number;
  [name: string]: unknown;
}

/** The last reading of each connection, because rates are differences. */
const readings = new WeakMap<RTCPeerConnection, Counters>();

/** Reads a connection's statistics. */
export async function measure(connection: RTCPeerConnection): Promise<PeerQuality> {
  const stats: Stat[] = [];
  (await connection.getStats()).forEach((stat) => stats.push(stat as Stat));
  const counters = count(stats);
  const last = readings.get(connection);
  readings.set(connection, counters);
  const quality = { ...path(stats), ...media(stats), ...(last && rates(last, counters)) };
  return { ...quality, level: judge(quality) };
}

function number(stat: Stat | undefined, name: string): number | undefined {
  const value = stat?.[name];
  return typeof value === 'number' ? value : undefined;
}

function sum(stats: Stat[], name: string): number {
  return stats.reduce((total, stat) => total + (number(stat, name) ?? 0), 0);
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

function path(stats: Stat[]): Partial<PeerQuality> {
  const pair = selectedPair(stats);
  const roundTrip = number(pair, 'currentRoundTripTime');
  const local = stats.find(({ id }) => id === pair?.localCandidateId);
  const remote = stats.find(({ id }) => id === pair?.remoteCandidateId);
  const protocol = local?.relayProtocol ?? local?.protocol;
  return {
    ...(roundTrip !== undefined && { roundTripMs: Math.round(roundTrip * 1000) }),
    ...(local && { localCandidate: String(local.candidateType) }),
    ...(remote && { remoteCandidate: String(remote.candidateType) }),
    ...(typeof protocol === 'string' && { protocol }),
  };
}

function media(stats: Stat[]): Partial<PeerQuality> {
  const inbound = stats.filter(({ type }) => type === 'inbound-rtp');
  const jitters = inbound.map((stat) => number(stat, 'jitter')).filter((jitter) => jitter !== undefined);
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

/** Thresholds after ITU-T G.114 (delay) and what video codecs conceal (loss). */
function judge({ roundTripMs, loss = 0 }: Partial<PeerQuality>): QualityLevel {
  if (roundTripMs === undefined) return 'unknown';
  if (roundTripMs > 400 || loss > 0.08) return 'poor';
  return roundTripMs > 200 || loss > 0.02 ? 'fair' : 'good';
}
