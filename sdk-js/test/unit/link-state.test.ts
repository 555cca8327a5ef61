import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TunRTCError } from '../../src/errors.ts';
import { connectionOf, describe, isTrying, transition, type LinkEvent, type LinkState } from '../../src/signaling/link-state.ts';
import { seeded } from '../support/clock.ts';

type State = LinkState<number>;
type Event = LinkEvent<number>;

const passing = new TunRTCError('network_error', 'it may come back');
const final = new TunRTCError('session_ended', 'it will not');
const after = (...events: Event[]): State => events.reduce<State>(transition, { status: 'idle' });
const joined = (connection: number): Event => ({ type: 'joined', connection, recovered: true });
const lost = (connection: number): Event => ({ type: 'lost', connection, cause: passing });
const failed: Event = { type: 'failed', cause: passing };

test('the first connection is given up after four tries', () => {
  assert.equal(after({ type: 'join' }, failed, failed, failed).status, 'connecting');
  assert.deepEqual(after({ type: 'join' }, failed, failed, failed, failed), { status: 'closed', cause: passing });
});

test('a connection that was lost is sought for ever, unless that is of no use', () => {
  const away = after({ type: 'join' }, joined(1), lost(1), ...Array.from({ length: 100 }, () => failed));
  assert.deepEqual(away, { status: 'reconnecting', attempt: 100, cause: passing });
  assert.deepEqual(transition(away, { type: 'failed', cause: final }), { status: 'closed', cause: final });
});

test('moving keeps what serves until there is another', () => {
  const moving = after({ type: 'join' }, joined(1), { type: 'move' });
  assert.equal(connectionOf(moving), 1);
  assert.equal(connectionOf(transition(moving, failed)), 1);
  assert.equal(connectionOf(transition(moving, joined(2))), 2);
  assert.deepEqual(transition(moving, lost(1)), { status: 'reconnecting', attempt: 0, cause: passing });
});

test('what a proxy says in the server’s place ends nothing', () => {
  const proxy: Event = { type: 'failed', cause: new TunRTCError('forbidden', 'blocked', { status: 403, isForeign: true }) };
  assert.equal(after({ type: 'join' }, joined(1), lost(1), proxy).status, 'reconnecting');
});

/** Any event; a loss is of one of the last connections, which may be gone for long. */
function anyEvent(random: () => number, step: number): Event {
  const cause = random() < 0.2 ? final : passing;
  const events: Event[] = [
    { type: 'join' },
    { type: 'move' },
    { type: 'joined', connection: step, recovered: random() < 0.5 },
    { type: 'lost', connection: step - Math.ceil(random() * 4), cause },
    { type: 'failed', cause },
    { type: 'close', cause },
  ];
  return events[Math.floor(random() * (random() < 0.05 ? 6 : 5))] as Event;
}

/** What must hold of every step, whatever happens in whatever order. */
function check(before: State, event: Event, state: State): void {
  const told = `${JSON.stringify(before)} + ${JSON.stringify(event)} -> ${JSON.stringify(state)}`;
  if (before.status === 'closed') assert.equal(state, before, `closed is the end: ${told}`);
  if (state.status === 'idle') assert.equal(before.status, 'idle', `nothing comes back to the beginning: ${told}`);
  if (event.type === 'close') assert.equal(state.status, 'closed', told);
  const [old, connection] = [connectionOf(before), connectionOf(state)];
  if (connection !== undefined && connection !== old) {
    assert.ok(event.type === 'joined' && isTrying(before), `only a join that was wanted brings a connection: ${told}`);
  }
  if (old !== undefined && connection === undefined) {
    const isEnd = event.type === 'close' || state.status === 'closed' || (event.type === 'lost' && event.connection === old);
    assert.ok(isEnd, `only its own loss takes a connection away: ${told}`);
  }
  if (isTrying(before) && event.type === 'failed') {
    assert.ok(isTrying(state) || state.status === 'closed' || connection !== undefined, `somebody goes on: ${told}`);
  }
  if (old !== undefined && connection === old) assert.deepEqual(describe(state), describe(before), `moving does not show: ${told}`);
}

/** Every kind of step that random events bring about, as `state event state`. */
function explore(): Set<string> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seeded(seed);
    let state: State = { status: 'idle' };
    for (let step = 0; step < 30; step++) {
      const event = anyEvent(random, step);
      const next: State = transition(state, event);
      check(state, event, next);
      if (state.status !== next.status) seen.add(`${state.status} ${event.type} ${next.status}`);
      state = next;
    }
  }
  return seen;
}

test('whatever happens in whatever order, a link stays what it says it is, and what the documents draw', () => {
  const text = readFileSync(new URL('../../../../docs/SIGNALING.md', import.meta.url), 'utf8');
  const section = text.slice(text.indexOf('### How its connection stands'), text.indexOf('## How it is shown'));
  const drawn = [...section.matchAll(/^ *(\w+) --> (\w+): (.+)$/gm)].flatMap(([, from, to, names]) =>
    (names ?? '').split(', ').map((name) => `${from} ${name} ${to}`),
  );
  assert.deepEqual([...explore()].sort(), drawn.sort());
});
