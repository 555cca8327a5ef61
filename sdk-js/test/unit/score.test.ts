import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { machineOf } from '../../src/report/machine.ts';
import { PeerMinute } from '../../src/report/minute.ts';
import { compare, type Reading, type Sample } from '../../src/report/sample.ts';
import { opinion, score, voice } from '../../src/report/score.ts';
import { minuteOf, Run } from '../../src/report/summary.ts';
import type { CallPeer } from '../../src/wire.ts';

const SOUND = { packets: 250, lost: 0, concealed: 0, samples: 240_000, jitterMs: 5, bufferMs: 40 };
const PICTURE = { packets: 500, lost: 0, fps: 30, width: 1280, height: 720, freezes: 0, freezeMs: 0 };

function sample(more: Partial<Sample> = {}): Sample {
  return { seconds: 5, isDisturbed: false, iceRestarts: 0, path: { roundTripMs: 20 }, sound: SOUND, picture: PICTURE, audio: {}, video: {}, ...more };
}

const rounded = (value: number | undefined) => value && Number(value.toFixed(2));

describe('the opinion that people have of a voice', () => {
  // ITU-T G.109, table 1, gives 4.34, 4.03, 3.6, 3.1 and 2.58 for the first five.
  for (const [rating, mos] of [[90, 4.34], [80, 4.02], [70, 3.6], [60, 3.1], [50, 2.58], [0, 1], [3, 1], [93.2, 4.41], [100, 4.5], [-5, 1]] as const) {
    test(`of a rating of ${rating} is ${mos}`, () => assert.equal(rounded(opinion(rating)), mos));
  }

  const cases: [what: string, change: Partial<Sample>, mos: number | undefined][] = [
    ['on a good line', {}, 4.36],
    ['300 ms away', { path: { roundTripMs: 300 } }, 4.09],
    ['a second away', { path: { roundTripMs: 1_000 } }, 1.83],
    ['with a tenth concealed', { sound: { ...SOUND, concealed: 24_000 } }, 3.3],
    ['with a loss that was repaired in time', { sound: { ...SOUND, lost: 28 } }, 4.36],
    ['with a tenth lost, in a browser that does not tell what it concealed', { sound: { packets: 225, lost: 25 } }, 3.35],
    ['held back by the jitter buffer', { sound: { ...SOUND, bufferMs: 250 } }, 3.71],
    ['with much jitter, in a browser that does not tell of its buffer', { sound: { packets: 250, lost: 0, jitterMs: 125 } }, 3.71],
    ['that did not come', { sound: undefined } as unknown as Partial<Sample>, undefined],
    ['over a line of which nothing is known', { path: {} }, undefined],
  ];
  for (const [what, change, mos] of cases) test(what, () => assert.equal(rounded(voice(sample(change))), mos));
});

describe('the score', () => {
  const cases: [what: string, change: Partial<Sample>, expected: number | undefined][] = [
    ['of a good line', {}, 4.95],
    ['of a disturbed one', { isDisturbed: true }, 1],
    ['of one that was not measured', { path: {} }, undefined],
    ['without a voice, by the delay', { sound: undefined } as unknown as Partial<Sample>, 4.97],
    ['with a tenth of a voice concealed', { sound: { ...SOUND, concealed: 24_000 } }, 3.7],
    ['with a picture that stands still for half a second', { picture: { ...PICTURE, freezeMs: 500 } }, 3.95],
    ['with a picture that stands still', { picture: { ...PICTURE, freezeMs: 5_000 } }, 2.95],
    ['with 6 pictures a second', { picture: { ...PICTURE, fps: 6 } }, 4.45],
    ['with a low picture', { picture: { ...PICTURE, height: 90 } }, 4.7],
    ['held back by the line', { limitedBy: 'bandwidth' }, 4.7],
    ['held back by the processor, without a picture', { limitedBy: 'cpu', picture: undefined } as unknown as Partial<Sample>, 4.7],
    ['held back by neither', { limitedBy: 'other' }, 4.95],
    ['of a browser that does not tell of freezes', { picture: { packets: 500, lost: 0 } }, 4.95],
    ['with everything wrong', { sound: { ...SOUND, concealed: 240_000 }, picture: { ...PICTURE, freezeMs: 5_000, fps: 0 } }, 1],
  ];
  for (const [what, change, expected] of cases) test(what, () => assert.equal(rounded(score(sample(change))), expected));
});

describe('a sample', () => {
  const reading = (at: number, more: object = {}, voice: object = {}, film: object = {}): Reading => ({
    at,
    isDisturbed: false,
    iceRestarts: 0,
    isScreen: (mid) => mid === '2',
    stats: Object.entries({
      pair: { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.05, localCandidateId: 'here', remoteCandidateId: 'there' },
      here: { type: 'local-candidate', candidateType: 'srflx', protocol: 'udp' },
      there: { type: 'remote-candidate', candidateType: 'host' },
      voice: { type: 'inbound-rtp', kind: 'audio', codecId: 'opus', ...voice },
      film: { type: 'inbound-rtp', kind: 'video', mid: '1', ...film },
      opus: { type: 'codec', mimeType: 'audio/opus' },
      ...more,
    }).map(([id, stat]) => ({ id, timestamp: at, ...stat })),
  });

  test('is what grew between two readings', () => {
    const before = reading(0, {}, { packetsReceived: 100, packetsLost: 5, bytesReceived: 1_000, totalSamplesReceived: 48_000, concealedSamples: 0 });
    const after = reading(
      5_000,
      { out: { type: 'outbound-rtp', kind: 'audio', bytesSent: 20_000 } },
      { packetsReceived: 325, packetsLost: 30, bytesReceived: 26_000, totalSamplesReceived: 288_000, concealedSamples: 24_000, jitter: 0.004, jitterBufferDelay: 12_000, jitterBufferEmittedCount: 240_000 },
      { packetsReceived: 300, packetsLost: 0, framesDecoded: 100, frameWidth: 640, frameHeight: 360, freezeCount: 2, totalFreezesDuration: 1.5, bytesReceived: 250_000 },
    );
    const { sound, picture, audio, video, seconds, path } = compare(before, after);
    assert.equal(seconds, 5);
    assert.deepEqual(sound, { packets: 225, lost: 25, concealed: 24_000, samples: 240_000, jitterMs: 4, bufferMs: 50 });
    assert.deepEqual(picture, { packets: 300, lost: 0, fps: 20, width: 640, height: 360, freezes: 2, freezeMs: 1_500 });
    assert.deepEqual(audio, { inKbps: 40, outKbps: 32, codec: 'opus' });
    assert.deepEqual(video, { inKbps: 400 });
    assert.deepEqual([path.roundTripMs, path.localCandidate, path.protocol], [50, 'srflx', 'udp']);
  });

  test('has nothing of what a browser does not measure: that is not zero', () => {
    const { sound, picture, limitedBy } = compare(reading(0), reading(5_000, {}, { packetsReceived: 1 }, { packetsReceived: 1 }));
    assert.deepEqual(sound, { packets: 1, lost: 0 });
    assert.deepEqual(picture, { packets: 1, lost: 0 });
    assert.equal(limitedBy, undefined);
  });

  test('has no voice and no picture when none came', () => {
    const still = reading(0, {}, { packetsReceived: 10, packetsLost: 0 }, { packetsReceived: 10, packetsLost: 0 });
    const sample = compare(still, { ...still, at: 5_000 });
    assert.deepEqual([sample.sound, sample.picture], [undefined, undefined]);
  });

  test('counts the motion of cameras alone, and the freezes of screens too', () => {
    const screen = { type: 'inbound-rtp', kind: 'video', mid: '2', packetsReceived: 5, framesDecoded: 500, frameHeight: 1_080, frameWidth: 1_920, freezeCount: 1 };
    const { picture } = compare(reading(0), reading(5_000, { screen }, {}, { packetsReceived: 5, framesDecoded: 50, frameHeight: 360, freezeCount: 1 }));
    assert.deepEqual([picture?.fps, picture?.height, picture?.freezes], [10, 1_080, 2]);
    const { picture: slides } = compare(reading(0), reading(5_000, { screen }));
    assert.equal(slides?.fps, undefined);
  });

  test('takes a packet that came late for none that was lost', () => {
    const { sound } = compare(reading(0, {}, { packetsReceived: 0, packetsLost: 4 }), reading(5_000, {}, { packetsReceived: 10, packetsLost: 3 }));
    assert.equal(sound?.lost, 0);
  });
});

describe('a minute', () => {
  test('is the mean of its samples by their length; what one sample lacks does not count as zero', () => {
    const minute = new PeerMinute();
    minute.add(sample({ path: { roundTripMs: 20, availableKbps: 1_000, localCandidate: 'host', remoteCandidate: 'relay', protocol: 'tls' }, audio: { inKbps: 40, codec: 'opus' }, limitedBy: 'bandwidth' }));
    minute.add(sample({ seconds: 15, path: { roundTripMs: 60 }, sound: { packets: 90, lost: 10 }, picture: { packets: 10, lost: 0, fps: 10, freezes: 2, freezeMs: 700.4 }, limitedBy: 'none' }));
    const report = minute.report('ada');
    assert.deepEqual([report.rttMs, report.availableKbps, report.candidate, report.protocol], [50, 1_000, 'relay', 'tls']);
    const { mos, ...audio } = report.audio ?? {};
    assert.ok(mos && mos > 3 && mos < 4);
    assert.deepEqual(audio, { jitterMs: 5, concealedPercent: 0, lossPercent: 2.9, inKbps: 40, codec: 'opus' });
    assert.deepEqual(report.video, { fps: 15, width: 1_280, height: 720, freezes: 2, freezeMs: 700, lossPercent: 0, limitedBy: 'bandwidth' });
  });

  test('of a connection over which nothing came says that alone', () => {
    const minute = new PeerMinute();
    minute.add(sample({ path: {}, sound: undefined, picture: undefined } as unknown as Partial<Sample>));
    assert.deepEqual(minute.report('ada'), { userId: 'ada' });
  });

  test('of a disturbed one has the worst voice and score', () => {
    const minute = new PeerMinute();
    minute.add(sample({ isDisturbed: true }));
    assert.deepEqual([minute.score, minute.mos], [1, 1]);
  });

  test('of several is as good as the worst of them', () => {
    const [good, bad] = [new PeerMinute(), new PeerMinute()];
    good.add(sample());
    bad.add(sample({ path: { roundTripMs: 1_000 } }));
    const { score, mos, peers } = minuteOf(new Map([['good', good], ['bad', bad]]));
    assert.equal(score, bad.score);
    assert.ok(mos && mos < 4 && mos > 2);
    assert.deepEqual(peers.map(({ userId }) => userId), ['good', 'bad']);
  });
});

describe('a run', () => {
  const peer = (candidate: CallPeer['candidate'], freezes?: number): CallPeer => ({ userId: 'ada', ...(candidate && { candidate }), video: { ...(freezes !== undefined && { freezes, freezeMs: freezes * 100 }) } });

  test('is the mean of its minutes; one that comes again counts once', () => {
    const run = new Run();
    run.set(0, { score: 2, mos: 3, peers: [peer('host', 3)] });
    run.set(0, { score: 4, mos: 4, peers: [peer('host', 4)] });
    run.set(60_000, { score: 3, mos: 2, peers: [peer('relay', 1)] });
    run.set(120_000, { peers: [] });
    assert.deepEqual(run.summary, { minutes: 3, score: 3.5, worstScore: 3, audioMos: 3, relayed: true, freezes: 5, freezeMs: 500 });
  });

  test('in which nobody else was has minutes alone', () => {
    const run = new Run();
    run.set(0, { peers: [] });
    assert.deepEqual(run.summary, { minutes: 1 });
  });

  test('in a browser that does not tell of freezes has none, which is not zero', () => {
    const run = new Run();
    run.set(0, { score: 5, peers: [peer('host')] });
    assert.deepEqual(run.summary, { minutes: 1, score: 5, worstScore: 5, relayed: false });
  });
});

describe('a machine is told of coarsely', () => {
  const cases: [userAgent: string, browser: string | undefined, os: string | undefined, device: string][] = [
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36', 'Chrome 156', 'Linux', 'desktop'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0', 'Edge 150', 'Windows', 'desktop'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0', 'Firefox 145', 'macOS', 'desktop'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1', 'Safari 18', 'iOS', 'phone'],
    ['Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36', 'Chrome 150', 'Android', 'phone'],
    ['Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/130.0.0.0 Safari/537.36', 'Samsung Internet 27', 'Android', 'tablet'],
    ['Node.js/20', undefined, undefined, 'other'],
    ['', undefined, undefined, 'other'],
  ];
  for (const [userAgent, browser, os, device] of cases) {
    test(`${browser} on ${os}`, () => {
      const machine = machineOf(userAgent);
      assert.deepEqual([machine.browser, machine.os, machine.device], [browser, os, device]);
      assert.ok(Object.values(machine).every((text) => text.length <= 40) && (machine.sdk?.length ?? 0) <= 20);
    });
  }
});
