import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Meter, rate, Verdict, type PeerQuality } from '../../src/media/quality.ts';

type Stats = Record<string, object>;

const PAIR = { id: 'pair', type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.02 };

function connection(stats: Stats, connectionState = 'connected'): RTCPeerConnection {
  return { connectionState, getStats: async () => new Map(Object.entries(stats)) } as unknown as RTCPeerConnection;
}

describe('a connection', () => {
  test('is measured in both directions', async () => {
    const meter = new Meter();
    const at = (timestamp: number, packetsReceived: number, packetsLost: number): Stats => ({
      pair: { ...PAIR, timestamp, availableOutgoingBitrate: 1_234_567, bytesReceived: packetsReceived * 100, bytesSent: 0 },
      in: { type: 'inbound-rtp', packetsReceived, packetsLost, jitter: 0.012 },
      out: { type: 'outbound-rtp', qualityLimitationReason: 'none' },
      second: { type: 'outbound-rtp', qualityLimitationReason: 'bandwidth' },
      remote: { type: 'remote-inbound-rtp', fractionLost: 0.125 },
    });
    await meter.read(connection(at(1_000, 100, 0)));
    const { level, loss, outgoingLoss, jitterMs, availableKbps, limitedBy, incomingKbps } = await meter.read(connection(at(2_000, 190, 10)));
    assert.deepEqual({ loss, outgoingLoss, jitterMs, availableKbps, limitedBy, incomingKbps }, {
      loss: 0.1,
      outgoingLoss: 0.125,
      jitterMs: 12,
      availableKbps: 1_235,
      limitedBy: 'bandwidth',
      incomingKbps: 72,
    });
    assert.equal(level, 'poor');
  });

  test('that is disturbed is lost, and one of which nothing is known is unknown', async () => {
    const stats = { pair: PAIR };
    const levels = ['connected', 'disconnected', 'failed'].map((state) => new Meter().read(connection(stats, state)));
    assert.deepEqual((await Promise.all(levels)).map(({ level }) => level), ['excellent', 'lost', 'lost']);
    assert.deepEqual(await new Meter().read(connection({})), { level: 'unknown' });
  });

  test('is as good as a voice sounds over it', async () => {
    const level = async (roundTrip: number, fractionLost: number) => {
      const stats = { pair: { ...PAIR, currentRoundTripTime: roundTrip }, remote: { type: 'remote-inbound-rtp', fractionLost } };
      return (await new Meter().read(connection(stats))).level;
    };
    const cases: [number, number, PeerQuality['level']][] = [
      [0.02, 0, 'excellent'],
      [0.3, 0, 'excellent'],
      [0.02, 0.02, 'excellent'],
      [0.02, 0.05, 'good'],
      [0.5, 0, 'good'],
      [0.02, 0.1, 'poor'],
      [1, 0, 'poor'],
    ];
    for (const [roundTrip, lost, expected] of cases) assert.equal(await level(roundTrip, lost), expected, `${roundTrip} s, ${lost}`);
  });
});

test('the rating falls with each of delay, loss and jitter, and stays within its scale', () => {
  for (const [roundTrip, loss, jitter] of [[0, 0, 0], [100, 0.01, 5], [400, 0.1, 40], [5_000, 1, 500]] as const) {
    const here = rate(roundTrip, loss, jitter);
    assert.ok(here >= 0 && here <= 93.2);
    for (const worse of [rate(roundTrip + 200, loss, jitter), rate(roundTrip, loss + 0.05, jitter), rate(roundTrip, loss, jitter + 50)]) {
      assert.ok(worse < here || here === 0);
    }
  }
});

test('a level is told at once the first time, and when it is lost, else once it came up twice', () => {
  const verdict = new Verdict();
  const levels = ['unknown', 'excellent', 'excellent', 'poor', 'excellent', 'poor', 'poor', 'lost', 'good', 'unknown', 'good', 'good'] as const;
  assert.deepEqual(
    levels.map((level) => verdict.judge(level) ?? ''),
    ['', 'excellent', '', '', '', '', 'poor', 'lost', '', '', '', 'good'],
  );
});
