/** What a client tells the server of the quality of its calls, and when. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { TunRTCError } from '../../src/errors.ts';
import { Post } from '../../src/report/post.ts';
import type { CallReport } from '../../src/wire.ts';
import { FakeClock, seeded, settle } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { connections, Town, type Person } from '../support/people.ts';
import { FakeServer } from '../support/server.ts';

const MINUTE_MS = 60_000;

let town: Town;

beforeEach(() => {
  town = new Town();
  town.server.reportEverySeconds = 60;
});

/** What came from somebody. */
function reports({ client }: Person): CallReport[] {
  return town.server.reports.filter(({ userId }) => userId === client.user?.userId).map(({ report }) => report);
}

const kinds = (report: CallReport | undefined) => report?.events?.map(({ kind, detail }) => (detail ? `${kind} ${detail}` : kind));

/** Gives everybody's connections statistics, as a browser does: so many packets a second, and a share that is lost. */
function measure(people: Person[], lossOf: () => number): void {
  for (const connection of people.flatMap(connections)) {
    const voice = { type: 'inbound-rtp', kind: 'audio', packetsReceived: 0, packetsLost: 0, totalSamplesReceived: 0, concealedSamples: 0 };
    let last = town.clock.now();
    connection.getStats = async () => {
      const seconds = (town.clock.now() - last) / 1000;
      last = town.clock.now();
      voice.packetsReceived += 50 * seconds * (1 - lossOf());
      voice.packetsLost += 50 * seconds * lossOf();
      voice.totalSamplesReceived += 48_000 * seconds;
      voice.concealedSamples += 48_000 * seconds * lossOf();
      const pair = { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.04, localCandidateId: 'here' };
      const stats = { pair, here: { type: 'local-candidate', candidateType: 'host', protocol: 'udp' }, voice };
      return new Map(Object.entries(stats).map(([id, stat]) => [id, { id, timestamp: last, ...stat }]));
    };
  }
}

describe('a call of two', () => {
  test('is reported every minute of the server’s clock, and at the end', async () => {
    const [, ada, bob] = await town.call('demo', 'alice');
    assert.ok(ada && bob);
    measure([ada, bob], () => 0);
    await town.clock.advance(2 * MINUTE_MS + 10_000);
    await town.during(ada.client.leaveSession());
    const said = reports(ada);
    assert.deepEqual(said.map(({ minute, final }) => `${minute} ${final ?? ''}`), [
      '2026-11-22T12:00:00.000Z ',
      '2026-11-22T12:01:00.000Z ',
      '2026-11-22T12:02:00.000Z true',
    ]);
    assert.deepEqual(new Set(said.map(({ run }) => run)).size, 1);
    const [first, , last] = said;
    assert.equal(first?.scoreVersion, 1);
    assert.deepEqual(first?.peers?.map(({ userId, candidate, protocol, rttMs }) => [userId, candidate, protocol, rttMs]), [[bob.client.user?.userId, 'host', 'udp', 40]]);
    assert.ok((first?.score ?? 0) > 4.9 && first?.score === first?.peers?.[0]?.score);
    const { startedAt, score, worstScore, audioMos, joinMs, mediaMs, ...summary } = last?.summary ?? {};
    assert.deepEqual(summary, { minutes: 3, relayed: false, outcome: 'connected', reconnects: 0, iceRestarts: 0 });
    assert.ok(score === worstScore && audioMos && joinMs !== undefined && mediaMs !== undefined && mediaMs > joinMs);
    // The server's clock is known to the second: by the ticket.
    assert.ok(startedAt && Math.abs(Date.parse(startedAt) - Date.parse('2026-11-22T12:00:00Z')) < 1_000, startedAt);
    assert.ok(startedAt <= (first?.events?.[0]?.at ?? ''), 'one has begun to join before one is in');
    assert.deepEqual(kinds(first), ['joined']);
    assert.deepEqual(kinds(last), ['left closed']);
  });

  test('that is bad in one minute is so in that one alone', async () => {
    const [, ada, bob] = await town.call('demo', 'alice');
    assert.ok(ada && bob);
    let loss = 0;
    measure([ada, bob], () => loss);
    await town.clock.advance(MINUTE_MS);
    loss = 0.1;
    await town.clock.advance(30_000);
    loss = 0;
    await town.clock.advance(2 * MINUTE_MS);
    const losses = reports(ada).map(({ peers }) => peers?.[0]?.audio?.lossPercent);
    assert.equal(losses[0], 0);
    assert.ok((losses[1] ?? 0) > 4 && (losses[1] ?? 0) < 6, String(losses));
    assert.equal(losses[2], 0);
    assert.ok((reports(ada)[1]?.score ?? 5) < 4.5);
  });

  test('everybody’s reports of a minute are spread over 5 s', async () => {
    const people = [await town.person('demo', { random: seeded(1) }), await town.person('alice', { random: seeded(2) })];
    const { sessionId } = await people[0]!.client.createSession('room');
    for (const { client } of people) await town.during(client.joinSession(sessionId));
    await town.clock.advance(2 * MINUTE_MS + 10_000);
    const late = town.server.reports.map(({ at }) => at % MINUTE_MS);
    assert.equal(late.length, 4);
    assert.ok(late.every((milliseconds) => milliseconds < 5_500), String(late));
    assert.ok(new Set(late).size > 2, String(late));
  });

  test('tells what was switched on and off, and that the line was gone', async () => {
    const [, ada] = await town.call('demo', 'alice');
    assert.ok(ada);
    await ada.client.setMuted(true);
    await ada.client.setVideoEnabled(false);
    await settle();
    await ada.client.setVideoEnabled(true);
    await ada.client.startScreenShare();
    await settle();
    await ada.client.stopScreenShare();
    await town.clock.advance(1_000);
    town.server.cut(ada.client.user?.userId);
    await town.clock.advance(MINUTE_MS + 5_000);
    const [report] = reports(ada);
    assert.deepEqual(kinds(report), ['joined', 'muted', 'cameraOff', 'cameraOn', 'screenOn', 'screenOff', 'reconnecting', 'reconnected']);
    assert.equal(report?.summary.reconnects, 1);
    const times = report?.events?.map(({ at }) => at) ?? [];
    assert.deepEqual(times, [...times].sort());
  });

  test('tells of another device', async () => {
    const [, ada] = await town.call('demo', 'alice');
    assert.ok(ada);
    ada.devices.plugIn('audio', 'headset');
    await town.clock.advance(10_000);
    await ada.client.useMicrophone('headset');
    await town.clock.advance(MINUTE_MS);
    assert.deepEqual(kinds(reports(ada)[0]), ['joined', 'deviceChanged audio']);
  });

  test('that a page leaves tells its last minute by a request', async () => {
    const [, ada] = await town.call('demo', 'alice');
    assert.ok(ada);
    await town.clock.advance(MINUTE_MS + 10_000);
    ada.environment.hide();
    await settle();
    const mine = town.server.reports.filter(({ userId }) => userId === ada.client.user?.userId);
    assert.deepEqual(mine.map(({ way, report }) => `${way} ${report.final ?? false}`), ['frame false', 'request true']);
  });
});

describe('the outcome', () => {
  test('of a call in which nobody else was is that one was alone', async () => {
    const [, ada] = await town.call('demo');
    assert.ok(ada);
    await town.clock.advance(MINUTE_MS + 5_000);
    const [report] = reports(ada);
    assert.deepEqual([report?.summary.outcome, report?.peers, report?.score, report?.summary.mediaMs], ['alone', [], undefined, undefined]);
  });

  test('of a seat that was not reached over signaling is a failure, with its code', async () => {
    const ada = await town.person('demo');
    const { sessionId } = await ada.client.createSession('room');
    town.server.refusals.push({ action: 'joinSession', code: 'session_ended' });
    await assert.rejects(town.during(ada.client.joinSession(sessionId)));
    await settle();
    assert.deepEqual(reports(ada).map(({ final, summary }) => [final, summary.outcome, summary.failure]), [[true, 'failed', 'session_ended']]);
  });
});

describe('nothing is reported', () => {
  for (const [why, options, seconds] of [['where the server does not ask', {}, undefined], ['where the app does not want it', { reportQuality: false }, 60]] as const) {
    test(why, async () => {
      town.server.reportEverySeconds = seconds;
      const ada = await town.person('demo', {}, options);
      const { sessionId } = await ada.client.createSession('room');
      await town.during(ada.client.joinSession(sessionId));
      await town.clock.advance(2 * MINUTE_MS);
      await town.during(ada.client.leaveSession());
      await settle();
      assert.deepEqual(town.server.reports, []);
    });
  }
});

describe('reports that fail', () => {
  test('do not disturb the call, and are made nonetheless', async () => {
    const [, ada, bob] = await town.call('demo', 'alice');
    assert.ok(ada && bob);
    measure([ada], () => 0);
    connections(bob).forEach((connection) => (connection.getStats = () => Promise.reject(new Error('no'))));
    for (let count = 0; count < 9; count++) town.server.refusals.push({ action: 'reportStats', code: 'invalid_frame' });
    await town.clock.advance(3 * MINUTE_MS);
    town.server.refusals.splice(0);
    await town.clock.advance(MINUTE_MS);
    assert.deepEqual([ada.errors, bob.errors], [[], []]);
    assert.ok(reports(bob).length > 0 && reports(ada).length > 0);
    assert.equal(ada.client.connectionState.status, 'connected');
  });

  test('because the line is down follow when it is back, 6 s apart', async () => {
    const [, ada] = await town.call('demo', 'alice');
    assert.ok(ada);
    await town.clock.advance(MINUTE_MS);
    town.server.graceMs = 10 * MINUTE_MS;
    town.server.unreachable = true;
    town.server.cut(ada.client.user?.userId);
    await town.clock.advance(3 * MINUTE_MS);
    town.server.unreachable = false;
    await town.clock.advance(MINUTE_MS);
    const mine = town.server.reports.filter(({ userId }) => userId === ada.client.user?.userId);
    assert.deepEqual(mine.slice(0, 5).map(({ report }) => report.minute.slice(11, 16)), ['12:00', '12:01', '12:02', '12:03', '12:04']);
    const apart = mine.map(({ at }, index) => at - (mine[index - 1]?.at ?? -Infinity));
    assert.ok(apart.every((milliseconds) => milliseconds >= 5_000), String(apart));
  });
});

describe('the post', () => {
  const report = (minute: number, final = false): CallReport => ({
    minute: new Date(minute * MINUTE_MS).toISOString(),
    run: 'run',
    scoreVersion: 1,
    summary: { startedAt: '', minutes: 1, outcome: 'connected' },
    ...(final && { final }),
  });

  function post() {
    const clock = new FakeClock();
    const sent: string[] = [];
    const ways = {
      isConnected: true,
      failure: undefined as string | undefined,
      answers: true,
    };
    const way = (name: string) => async ({ minute }: CallReport) => {
      if (!ways.answers) return new Promise(() => {});
      if (ways.failure) throw new TunRTCError(ways.failure, 'no');
      sent.push(`${name} ${Date.parse(minute) / MINUTE_MS}`);
      return undefined;
    };
    const office = new Post(testEnvironment(clock, new FakeServer(clock)), {
      send: way('send'),
      put: way('put'),
      isConnected: () => ways.isConnected,
      time: clock.now,
    });
    return { clock, sent, ways, office };
  }

  test('keeps the newest 15, of each minute the newest, and none that the server would find too old', async () => {
    const { clock, sent, ways, office } = post();
    ways.isConnected = false;
    for (let minute = 0; minute < 20; minute++) {
      await clock.advance(MINUTE_MS);
      office.add(report(minute), 0);
      office.add(report(minute), 0);
    }
    ways.isConnected = true;
    office.wake();
    await clock.advance(5 * MINUTE_MS);
    assert.deepEqual(sent, Array.from({ length: 13 }, (_, index) => `send ${index + 7}`));
    assert.equal(clock.pending, 0);
  });

  test('tries again what fails in passing, and drops what is refused', async () => {
    const { clock, sent, ways, office } = post();
    ways.failure = 'rate_limited';
    office.add(report(0), 0);
    await clock.advance(1_000);
    ways.failure = undefined;
    await clock.advance(40_000);
    assert.deepEqual(sent, ['send 0']);
    ways.failure = 'invalid_frame';
    office.add(report(1), 0);
    await clock.advance(1_000);
    ways.failure = undefined;
    await clock.advance(MINUTE_MS);
    assert.deepEqual(sent, ['send 0']);
    assert.equal(clock.pending, 0);
  });

  test('sends the last one at once, whatever is under way, and then what waits', async () => {
    const { clock, sent, ways, office } = post();
    ways.answers = false;
    office.add(report(0), 0);
    office.add(report(1), 0);
    await clock.advance(1_000);
    ways.answers = true;
    office.last(report(2, true));
    await settle();
    assert.deepEqual(sent, ['put 2']);
    await clock.advance(MINUTE_MS);
    assert.deepEqual(sent, ['put 2', 'put 1', 'put 0']);
    assert.equal(clock.pending, 0);
  });

  test('gives up when nothing can be sent for a quarter of an hour', async () => {
    const { clock, sent, ways, office } = post();
    ways.failure = 'network_error';
    office.last(report(0, true));
    await clock.advance(20 * MINUTE_MS);
    assert.deepEqual([sent, clock.pending], [[], 0]);
  });
});
