/**
 * The promise of durable signaling, at the application: with connections that break at any frame, pushes that are
 * lost or doubled, and delays that reorder everything, no signal is lost, doubled or out of its sender's order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api } from '../../src/rest/api.ts';
import { Signaling } from '../../src/signaling/signaling.ts';
import { FakeClock, seeded } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeServer } from '../support/server.ts';

const SEEDS = 20;
const SIGNALS = 40;
const NAMES = ['alice', 'bob', 'carol'];

interface Outcome {
  /** What each should have been handed, by sender, and what it was. */
  expected: Record<string, string[]>;
  received: Record<string, string[]>;
  reconnects: number;
}

/** Chat has no promise of order on its way, but its ids sort: so it is compared sorted by them. */
interface Line {
  messageId: string;
  text: string;
}

/** Everybody sends numbered signals and chat to everybody, over a network that is as bad as can be. */
async function run(seed: number, forgetsSignals = false): Promise<Outcome> {
  const random = seeded(seed);
  const clock = new FakeClock();
  const server = new FakeServer(clock);
  server.graceMs = 600_000;
  server.forgetsSignals = forgetsSignals;
  const owner = new Api('http://localhost:5000', testEnvironment(clock, server));
  await owner.login('demo@tunrtc.com', 'demo123');
  const { sessionId } = await owner.createSession({ name: 'room' });
  const received: Record<string, string[]> = {};
  const expected: Record<string, string[]> = {};
  const lines: Record<string, Line[]> = {};
  const note = (to: string, from: string, text: string) => (received[`${from} to ${to}`] ??= []).push(text);
  const members = new Map<string, Signaling>();
  for (const name of NAMES) {
    const environment = { ...testEnvironment(clock, server), random };
    const api = new Api('http://localhost:5000', environment);
    const { userId } = await api.login(`${name}@tunrtc.com`, `${name}123`);
    const signaling = new Signaling({
      environment,
      sessionId,
      userId,
      admit: () => api.ticket(sessionId),
      onJoined: () => {},
      onState: () => {},
      onSignal: (signal) => {
        if ('candidates' in signal) note(name, signal.fromUsername, signal.candidates[0]?.candidate ?? '');
      },
      onMessage: ({ messageId, fromUsername, message }) =>
        (lines[`chat of ${fromUsername} to ${name}`] ??= []).push({ messageId, text: message }),
      onEvent: () => {},
      onBroken: (sender) => note(name, sender, 'broken'),
    });
    members.set(name, signaling);
    const joining = signaling.join(await api.joinSession(sessionId));
    await clock.until(() => signaling.state.status === 'connected');
    await joining;
  }
  const chance = (probability: number) => () => random() < probability;
  server.network = {
    delay: () => random() ** 3 * 400,
    losesPush: chance(0.1),
    doublesPush: chance(0.1),
    losesFrame: chance(0.03),
    losesAnswer: chance(0.03),
  };
  for (let number = 0; number < SIGNALS; number++) {
    for (const [from, signaling] of members) {
      for (const to of NAMES) {
        if (to === from) continue;
        const text = `${number}`;
        (expected[`${from} to ${to}`] ??= []).push(text);
        void signaling.signal(server.userId(to), { candidates: [{ candidate: text }] });
      }
      if (number % 5 === 0) {
        const text = `${from} says ${number}`;
        for (const to of NAMES) (expected[`chat of ${from} to ${to}`] ??= []).push(text);
        void signaling.sendMessage(text);
      }
    }
    await clock.advance(random() * 300);
    if (random() < 0.05) server.cut(server.userId(NAMES[Math.floor(random() * NAMES.length)] ?? ''));
  }
  const isIdle = () => [...members.values()].every(({ unacknowledged, state }) => unacknowledged === 0 && state.status === 'connected');
  await clock.until(isIdle, 110_000);
  // The last push of all may be lost as well; whoever comes back gets it.
  server.network = {};
  server.cut();
  await clock.advance(20_000);
  for (const [way, said] of Object.entries(lines)) {
    received[way] = said.sort((a, b) => (a.messageId < b.messageId ? -1 : 1)).map(({ text }) => text);
  }
  const reconnects = [...members.values()].reduce((total, { reconnects: times }) => total + times, 0);
  return { expected, received, reconnects };
}

test(`${SEEDS} bad networks lose nothing, double nothing, and keep every sender’s order`, async (t) => {
  let drops = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { expected, received, reconnects } = await run(seed);
    drops += reconnects;
    for (const [way, texts] of sorted(expected)) assert.deepEqual(received[way], texts, `seed ${seed}, ${way}`);
  }
  assert.ok(drops > SEEDS * 10, `only ${drops} connections were lost`);
  t.diagnostic(`${drops} connections lost, ${SEEDS * SIGNALS * 6} signals delivered`);
});

test('the same run shows it when a server keeps nothing for those who are away', async () => {
  const { expected, received } = await run(1, true);
  assert.notDeepEqual(received['alice to bob'], expected['alice to bob']);
});

function sorted(record: Record<string, string[]>): [string, string[]][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
