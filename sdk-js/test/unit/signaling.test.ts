import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { TunRTCError } from '../../src/errors.ts';
import { Api } from '../../src/rest/api.ts';
import { compareEpochs } from '../../src/signaling/epoch.ts';
import { Signaling, type ConnectionState } from '../../src/signaling/signaling.ts';
import type { ChatMessage, EventFrame, JoinAck, ReceivedSignal, SignalBody } from '../../src/wire.ts';
import { FakeClock, settle } from '../support/clock.ts';
import { testEnvironment, type TestEnvironment } from '../support/environment.ts';
import { FakeServer, type Connection } from '../support/server.ts';

/** One participant, down to the signals it was handed. */
interface Member {
  api: Api;
  userId: string;
  environment: TestEnvironment;
  signaling: Signaling;
  states: ConnectionState[];
  signals: ReceivedSignal[];
  messages: ChatMessage[];
  events: EventFrame[];
  joins: { ack: JoinAck; resumed: boolean }[];
  broken: string[];
}

let clock: FakeClock;
let server: FakeServer;
let sessionId: string;

beforeEach(async () => {
  clock = new FakeClock();
  server = new FakeServer(clock);
  const owner = new Api('http://localhost:5000', testEnvironment(clock, server));
  await owner.login('demo@tunrtc.com', 'demo123');
  ({ sessionId } = await owner.createSession({ name: 'room' }));
});

async function member(name: string): Promise<Member> {
  const environment = testEnvironment(clock, server);
  const api = new Api('http://localhost:5000', environment);
  const { userId } = await api.login(`${name}@tunrtc.com`, `${name}123`);
  const states: ConnectionState[] = [];
  const signals: ReceivedSignal[] = [];
  const messages: ChatMessage[] = [];
  const events: EventFrame[] = [];
  const joins: Member['joins'] = [];
  const broken: string[] = [];
  const signaling = new Signaling({
    environment,
    sessionId,
    userId,
    admit: () => api.ticket(sessionId),
    onJoined: ({ ack, resumed }) => void joins.push({ ack, resumed }),
    onState: (state) => states.push(state),
    onSignal: (signal) => signals.push(signal),
    onMessage: (message) => messages.push(message),
    onEvent: (frame) => events.push(frame),
    onBroken: (sender) => broken.push(sender),
  });
  return { api, userId, environment, signaling, states, signals, messages, events, joins, broken };
}

async function joined(name: string): Promise<Member> {
  const one = await member(name);
  const seat = await one.api.joinSession(sessionId);
  const join = one.signaling.join(seat);
  await clock.until(() => one.signaling.state.status !== 'connecting');
  await join;
  return one;
}

/** A signal that can be told from others. */
const candidate = (name: string): SignalBody => ({ candidates: [{ candidate: name }] });
const namesOf = (signals: ReceivedSignal[]) =>
  signals.map((signal) => ('candidates' in signal ? signal.candidates[0]?.candidate : 'description'));
const statuses = (states: ConnectionState[]) => states.map(({ status }) => status);
const framesOf = (action: string) => server.frames.filter((frame) => frame.action === action);

describe('joining', () => {
  test('connects with the ticket, then names the session, without a since', async () => {
    const alice = await joined('alice');
    assert.deepEqual(statuses(alice.states), ['connecting', 'connected']);
    assert.deepEqual(framesOf('joinSession')[0]?.data, { sessionId });
    assert.equal(alice.joins[0]?.resumed, false);
  });

  test('tries again with a fresh ticket when the first one is refused', async () => {
    const alice = await member('alice');
    const joining = alice.signaling.join({ participants: [], signaling: { url: 'ws://localhost:5000/ws', ticket: 'used', expiresAt: '' } });
    await alice.api.joinSession(sessionId);
    await clock.until(() => alice.signaling.state.status === 'connected');
    await joining;
    assert.equal(server.requests.filter((request) => request.endsWith('/ticket')).length, 1);
  });

  test('rejects with the server’s code when it is of no use to try', async () => {
    const alice = await member('alice');
    const seat = await alice.api.joinSession(sessionId);
    server.refusals.push({ action: 'joinSession', code: 'session_ended' });
    const joining = alice.signaling.join(seat).catch((error: unknown) => error);
    await clock.advance(1000);
    assert.equal(((await joining) as TunRTCError).code, 'session_ended');
    assert.equal(alice.signaling.state.status, 'closed');
  });

  test('gives up after a few tries when the server cannot be reached', async () => {
    const alice = await member('alice');
    const seat = await alice.api.joinSession(sessionId);
    server.unreachable = true;
    const joining = alice.signaling.join(seat).catch((error: unknown) => error);
    await clock.advance(60_000);
    assert.equal(((await joining) as TunRTCError).code, 'network_error');
  });

  test('signals that overtake the answer to the first join are handed on, for it carries an earlier time', async () => {
    const alice = await joined('alice');
    const bob = await member('bob');
    const seat = await bob.api.joinSession(sessionId);
    server.network = { slowAnswer: (action) => (action === 'joinSession' ? 3_000 : 0) };
    const joining = bob.signaling.join(seat);
    await clock.advance(150);
    for (const name of ['one', 'two']) void alice.signaling.signal(bob.userId, candidate(name));
    await clock.advance(2_000);
    assert.deepEqual(bob.signals, []);
    await clock.advance(1_000);
    await joining;
    assert.deepEqual(namesOf(bob.signals), ['one', 'two']);
    await clock.advance(60_000);
    assert.deepEqual([bob.broken, framesOf('sync')], [[], []]);
  });

  test('a signal that came before the answer was given up, and comes again, arrives once', async () => {
    const bob = await joined('bob');
    const alice = await member('alice');
    const seat = await alice.api.joinSession(sessionId);
    let isSlow = true;
    server.network = { slowAnswer: (action) => (action === 'joinSession' && isSlow ? 15_000 : 0) };
    const joining = alice.signaling.join(seat);
    await clock.advance(10);
    isSlow = false;
    await Promise.all([bob.signaling.signal(alice.userId, candidate('between')), clock.advance(1_000)]);
    await clock.until(() => alice.signaling.state.status === 'connected');
    await joining;
    await Promise.all([bob.signaling.signal(alice.userId, candidate('after')), clock.advance(1_000)]);
    assert.deepEqual(namesOf(alice.signals), ['between', 'after']);
    const seatedAt = seat.participants.find(({ userId }) => userId === alice.userId)?.joinedAt;
    assert.deepEqual(framesOf('joinSession').slice(1).map(({ data }) => data['since']), [undefined, seatedAt]);
    assert.deepEqual(alice.joins.map(({ resumed }) => resumed), [false]);
  });

  test('after a reload whose first answer is lost, nothing from before it comes, and everything since', async () => {
    const [before, bob] = [await joined('alice'), await joined('bob')];
    const say = (text: string) => {
      const said = [bob.signaling.sendMessage(text), bob.signaling.signal(before.userId, candidate(text))];
      return Promise.all([...said, clock.advance(500)]);
    };
    await say('before');
    before.signaling.close(new TunRTCError('closed', 'reloaded'));
    await clock.advance(2_000);
    let answersLost = 1;
    server.network = { losesAnswer: (action) => action === 'joinSession' && answersLost-- > 0 };
    const alice = await member('alice');
    const joining = alice.signaling.join(await alice.api.joinSession(sessionId));
    await clock.advance(1);
    // A peer that meets the new run begins anew.
    bob.signaling.renew(alice.userId);
    await say('between');
    await clock.until(() => alice.signaling.state.status === 'connected');
    await joining;
    await say('after');
    assert.deepEqual(namesOf(alice.signals), ['between', 'after']);
    assert.deepEqual(alice.messages.map(({ message }) => message), ['between', 'after']);
    assert.equal(alice.joins[0]?.ack.recovered, true);
  });

  test('a signal without a place in an order from before the join is not taken for news either', async () => {
    const [bob, carol] = [await joined('bob'), await joined('carol')];
    const offer = { targetUserId: bob.userId, offer: { type: 'offer', sdp: 'old' } };
    await Promise.all([carol.signaling.send('sendOffer', offer), clock.advance(100)]);
    bob.signaling.close(new TunRTCError('closed', 'reloaded'));
    await clock.advance(100);
    const again = await joined('bob');
    await Promise.all([carol.signaling.send('sendOffer', { ...offer, offer: { type: 'offer', sdp: 'new' } }), clock.advance(100)]);
    for (const connection of server.connections) if (connection.ticket?.userId === again.userId) connection.close();
    await clock.advance(10_000);
    assert.deepEqual(again.signals.map((signal) => ('offer' in signal ? signal.offer.sdp : '')), ['new']);
  });

  test('what a listener throws when it is told of the join is reported', async () => {
    const environment = testEnvironment(clock, server);
    const api = new Api('http://localhost:5000', environment);
    const { userId } = await api.login('alice@tunrtc.com', 'alice123');
    const errors: TunRTCError[] = [];
    const quiet = () => {};
    const signaling = new Signaling({
      environment,
      sessionId,
      userId,
      admit: () => api.ticket(sessionId),
      onJoined: () => {
        throw new RangeError('too many peer connections');
      },
      onState: quiet,
      onSignal: quiet,
      onMessage: quiet,
      onEvent: quiet,
      onBroken: quiet,
      onError: (error) => errors.push(error),
    });
    const joining = signaling.join(await api.joinSession(sessionId));
    await clock.advance(100);
    await joining;
    assert.deepEqual(errors.map(({ message }) => message), ['too many peer connections']);
  });

  test('an answer of the gateway itself, without an event, does not disturb', async () => {
    const alice = await joined('alice');
    for (const connection of server.connections) connection.deliver({ message: 'Internal server error', requestId: 'x' }, 0);
    for (const connection of server.connections) connection.deliver([], 0);
    await clock.advance(100);
    assert.equal(alice.signaling.state.status, 'connected');
  });
});

describe('the outbox', () => {
  test('numbers signals for each target from one, in the epoch of this run', async () => {
    const [alice, bob, carol] = [await joined('alice'), await joined('bob'), await joined('carol')];
    for (const target of [bob, bob, carol]) void alice.signaling.signal(target.userId, candidate('x'));
    await clock.advance(100);
    const sent = framesOf('sendIceCandidate').map(({ data }) => [data['targetUserId'], data['seq']]);
    assert.deepEqual(sent, [[bob.userId, 1], [bob.userId, 2], [carol.userId, 1]]);
    assert.equal(new Set(framesOf('sendIceCandidate').map(({ data }) => data['epoch'])).size, 1);
  });

  test('sends an unanswered signal again, unchanged, and it arrives once', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let frames = 0;
    server.network = { losesPush: () => frames++ === 0, delay: () => (frames === 0 ? 5000 : 0) };
    const sent = alice.signaling.signal(bob.userId, candidate('once'));
    await clock.advance(20_000);
    await sent;
    const [first, second] = framesOf('sendIceCandidate');
    assert.deepEqual(first?.data, second?.data);
    assert.deepEqual(namesOf(bob.signals), ['once']);
  });

  test('keeps a signal over a reconnect and sends it with the same epoch and seq', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let lost = false;
    server.network = { losesFrame: () => !lost && (lost = true) };
    const sent = alice.signaling.signal(bob.userId, candidate('kept'));
    await clock.advance(5_000);
    await sent;
    assert.equal(alice.signaling.reconnects, 1);
    assert.deepEqual(namesOf(bob.signals), ['kept']);
    assert.equal(bob.signals[0]?.seq, 1);
  });

  test('a final refusal rejects with its code, and is not sent again', async () => {
    const alice = await joined('alice');
    const refused = assert.rejects(alice.signaling.signal(server.userId('dave'), candidate('x')), { code: 'peer_not_found' });
    await clock.advance(20_000);
    await refused;
    assert.equal(framesOf('sendIceCandidate').length, 1);
  });

  test('a throttled signal is sent again and its promise waits', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    server.refusals.push({ action: 'sendIceCandidate', code: 'rate_limited' });
    const sent = alice.signaling.signal(bob.userId, candidate('patient'));
    await clock.advance(3_100);
    await sent;
    assert.deepEqual(namesOf(bob.signals), ['patient']);
  });

  test('starting over with a peer drops what waited for it and begins a new epoch at one', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    server.network = { losesFrame: () => true };
    const dropped = assert.rejects(alice.signaling.signal(bob.userId, candidate('old')), { code: 'closed' });
    alice.signaling.renew(bob.userId);
    await dropped;
    server.network = {};
    void alice.signaling.signal(bob.userId, candidate('new'));
    await clock.advance(5_000);
    assert.deepEqual(namesOf(bob.signals), ['new']);
    assert.match(bob.signals[0]?.epoch ?? '', /\.1$/);
    assert.equal(bob.signals[0]?.seq, 1);
  });

  test('starting over is newer than what another run of the same user began meanwhile', async () => {
    const [bob, alice] = [await joined('bob'), await joined('alice')];
    const epochTo = async (one: Member) => {
      await Promise.all([one.signaling.signal(bob.userId, candidate('x')), clock.advance(1_000)]);
      return String(framesOf('sendIceCandidate').at(-1)?.data['epoch']);
    };
    const first = await epochTo(alice);
    alice.environment.isOffline = true;
    server.cut(alice.userId);
    const other = await joined('alice');
    const second = await epochTo(other);
    alice.environment.isOffline = false;
    alice.environment.wake();
    await clock.until(() => other.signaling.state.status === 'closed');
    const stale = await epochTo(alice);
    alice.signaling.renew(bob.userId);
    const third = await epochTo(alice);
    alice.signaling.renew(bob.userId);
    const fourth = await epochTo(alice);
    assert.equal(stale, first);
    for (const [older, newer] of [[first, second], [second, third], [third, fourth]] as const) {
      assert.ok((compareEpochs(older, newer) ?? 0) < 0, `${older} is older than ${newer}`);
    }
  });

  test('what still waits when the session is left is rejected', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    server.unreachable = true;
    server.cut(alice.userId);
    await clock.advance(1);
    const waiting = assert.rejects(alice.signaling.signal(bob.userId, candidate('x')), { code: 'closed' });
    alice.signaling.close(new TunRTCError('closed', 'left'));
    await waiting;
  });
});

describe('receiving', () => {
  test('a gap of half a second is asked for, and what was lost is put in its place', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let pushes = 0;
    server.network = { losesPush: () => pushes++ === 1 };
    for (const name of ['one', 'two', 'three']) void alice.signaling.signal(bob.userId, candidate(name));
    await clock.advance(400);
    assert.deepEqual(namesOf(bob.signals), ['one']);
    assert.equal(framesOf('sync').length, 0);
    await clock.advance(200);
    assert.deepEqual(namesOf(bob.signals), ['one', 'two', 'three']);
    assert.equal(framesOf('sync').length, 1);
  });

  test('a gap that fills by itself is not asked for', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    const delays = [0, 0, 0, 300, 0, 0];
    server.network = { delay: () => delays.shift() ?? 0 };
    for (const name of ['one', 'two']) void alice.signaling.signal(bob.userId, candidate(name));
    await clock.advance(5_000);
    assert.deepEqual(namesOf(bob.signals), ['one', 'two']);
    assert.equal(framesOf('sync').length, 0);
  });

  test('a gap that nothing fills is given up: the two have to start over', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    void alice.signaling.signal(bob.userId, candidate('one'));
    await clock.advance(100);
    server.room(sessionId).seats.get(bob.userId)?.inbox.splice(0);
    let pushes = 0;
    server.network = { losesPush: () => pushes++ === 0 };
    for (const name of ['two', 'three']) void alice.signaling.signal(bob.userId, candidate(name));
    await clock.advance(100);
    server.room(sessionId).seats.get(bob.userId)?.inbox.splice(0);
    await clock.advance(60_000);
    assert.deepEqual(bob.broken, [alice.userId]);
    assert.deepEqual(namesOf(bob.signals), ['one']);
  });

  test('signals to an earlier run of this client are not taken for its own', async () => {
    const [alice, earlier] = [await joined('alice'), await joined('bob')];
    void alice.signaling.signal(earlier.userId, candidate('for the page before'));
    await clock.advance(100);
    earlier.signaling.close(new TunRTCError('closed', 'reloaded'));
    await clock.advance(500);
    const bob = await joined('bob');
    void alice.signaling.signal(bob.userId, candidate('late, with a gap before it'));
    await clock.advance(5_000);
    assert.ok(framesOf('sync').length > 0);
    assert.deepEqual(bob.signals, []);
    alice.signaling.renew(bob.userId);
    void alice.signaling.signal(bob.userId, candidate('for this page'));
    await clock.advance(100);
    assert.deepEqual(namesOf(bob.signals), ['for this page']);
  });

  test('a server that is too busy to fill a gap is asked again, and nothing is given up for that', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let pushes = 0;
    server.network = { losesPush: () => pushes++ === 0 };
    for (let time = 0; time < 8; time++) server.refusals.push({ action: 'sync', code: 'rate_limited' });
    for (const name of ['one', 'two']) void alice.signaling.signal(bob.userId, candidate(name));
    await clock.advance(60_000);
    assert.deepEqual(namesOf(bob.signals), ['one', 'two']);
    assert.deepEqual(bob.broken, []);
  });

  test('gaps of many senders are asked for together, no faster than the server answers', async () => {
    const [alice, bob, carol] = [await joined('alice'), await joined('bob'), await joined('carol')];
    let pushes = 0;
    server.network = { losesPush: () => pushes++ % 2 === 0 };
    for (const sender of [alice, carol]) {
      for (const name of ['one', 'two']) void sender.signaling.signal(bob.userId, candidate(name));
      await clock.advance(100);
    }
    server.network = {};
    await clock.advance(1_000);
    assert.deepEqual(namesOf(bob.signals), ['one', 'two', 'one', 'two']);
    assert.equal(framesOf('sync').length, 1);
  });

  test('a chat message comes once, however often it is replayed', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    server.network = { doublesPush: () => true };
    void alice.signaling.sendMessage('hello');
    await clock.advance(100);
    server.cut(bob.userId);
    await clock.advance(5_000);
    assert.deepEqual(bob.messages.map(({ message }) => message), ['hello']);
    assert.equal(bob.signaling.reconnects, 1);
  });
});

describe('chat', () => {
  test('resolves with the message’s id', async () => {
    const alice = await joined('alice');
    const sent = alice.signaling.sendMessage('hi');
    await clock.advance(100);
    assert.equal(await sent, alice.messages[0]?.messageId);
  });

  test('messages sent without waiting get ids in their order, even if they arrive in another', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    const delays = [90, 5, 70, 1, 30, 2];
    server.network = { delay: () => delays.shift() ?? 0 };
    const texts = ['one', 'two', 'three'];
    texts.forEach((text) => void alice.signaling.sendMessage(text));
    await clock.advance(5_000);
    const inOrder = bob.messages.sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
    assert.deepEqual(inOrder.map(({ message }) => message), texts);
  });

  test('a message whose answer was lost is sent again as the same one', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let answers = 0;
    server.network = { losesAnswer: () => answers++ === 0 };
    const sent = alice.signaling.sendMessage('only once');
    await clock.advance(30_000);
    assert.equal(await sent, bob.messages[0]?.messageId);
    assert.deepEqual(bob.messages.map(({ message }) => message), ['only once']);
    const [first, second] = framesOf('sendMessage');
    assert.deepEqual(first?.data, second?.data);
  });

  test('an equal text of an earlier run is no answer to this one', async () => {
    const [earlier, bob] = [await joined('alice'), await joined('bob')];
    const first = earlier.signaling.sendMessage('ok');
    await clock.advance(100);
    earlier.signaling.close(new TunRTCError('closed', 'reloaded'));
    await clock.advance(500);
    const alice = await joined('alice');
    let frames = 0;
    server.network = { losesFrame: () => frames++ === 0 };
    const second = alice.signaling.sendMessage('ok');
    await clock.advance(30_000);
    assert.notEqual(await second, await first);
    assert.equal(bob.messages.length, 2);
  });

  test('a function that fails answers in the gateway’s words: the message goes out again, as the same one', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let crashes = 0;
    server.network = { crashes: (action) => action === 'sendMessage' && crashes++ === 0 };
    const sent = alice.signaling.sendMessage('after all');
    await clock.advance(10_000);
    assert.equal(await sent, bob.messages[0]?.messageId);
    assert.equal(alice.signaling.reconnects, 0);
  });

  test('nothing that was said before joining arrives as new, from a replay or from the history', async () => {
    const alice = await joined('alice');
    void alice.signaling.sendMessage('before');
    await clock.advance(1_000);
    const bob = await joined('bob');
    await clock.advance(1_000);
    void alice.signaling.sendMessage('while there');
    await clock.advance(1_000);
    server.cut(bob.userId);
    await clock.advance(5_000);
    for (const message of (await bob.api.getMessages(sessionId)).items) bob.signaling.ingest(message);
    assert.deepEqual(bob.messages.map(({ message }) => message), ['while there']);
  });

  test('nor does what was said before a reload, though the seat is the same', async () => {
    const [alice, earlier] = [await joined('alice'), await joined('bob')];
    void alice.signaling.sendMessage('to the page before');
    await clock.advance(1_000);
    earlier.signaling.close(new TunRTCError('closed', 'reloaded'));
    await clock.advance(1_000);
    const bob = await joined('bob');
    server.cut(bob.userId);
    await clock.advance(5_000);
    assert.equal(bob.signaling.reconnects, 1);
    assert.deepEqual(bob.messages, []);
  });

  test('a message that was said while the answer to the join was on its way arrives', async () => {
    const alice = await joined('alice');
    const bob = await member('bob');
    const seat = await bob.api.joinSession(sessionId);
    server.network = { slowAnswer: (action) => (action === 'joinSession' ? 3_000 : 0) };
    const joining = bob.signaling.join(seat);
    await clock.advance(1_000);
    void alice.signaling.sendMessage('early');
    await clock.advance(3_000);
    await joining;
    assert.deepEqual(bob.messages.map(({ message }) => message), ['early']);
  });

  test('what is said while a resume is under way does not overtake what was missed', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let isSlow = true;
    server.network = { delay: () => (isSlow ? 500 : 0), slowAnswer: (action) => (action === 'joinSession' ? 2_000 : 0) };
    server.cut(bob.userId);
    void alice.signaling.sendMessage('missed');
    await clock.until(() => framesOf('joinSession').length === 3);
    isSlow = false;
    void alice.signaling.sendMessage('live');
    await clock.advance(3_000);
    assert.deepEqual(bob.messages.map(({ message }) => message), ['missed', 'live']);
  });

  test('what a resume brought is handed on even if the session ends in the middle of it', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    server.network = { slowAnswer: (action) => (action === 'joinSession' ? 2_000 : 0) };
    server.cut(bob.userId);
    void alice.signaling.sendMessage('missed');
    await clock.until(() => framesOf('joinSession').length === 3);
    server.endSession(sessionId);
    await clock.advance(1_000);
    assert.equal(bob.signaling.state.status, 'closed');
    assert.deepEqual(bob.messages.map(({ message }) => message), ['missed']);
  });

  test('a message that never arrived is sent again', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    let frames = 0;
    server.network = { losesFrame: () => frames++ === 0 };
    const sent = alice.signaling.sendMessage('at last');
    await clock.advance(30_000);
    await sent;
    assert.deepEqual(bob.messages.map(({ message }) => message), ['at last']);
  });

  test('one that is refused rejects, and the next goes out', async () => {
    const alice = await joined('alice');
    server.refusals.push({ action: 'sendMessage', code: 'invalid_frame' });
    const refused = assert.rejects(alice.signaling.sendMessage('too long'), { code: 'invalid_frame' });
    const sent = alice.signaling.sendMessage('fine');
    await clock.advance(1_000);
    await refused;
    await sent;
  });

  test('the same text twice in a row is two messages', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    const sent = [alice.signaling.sendMessage('ok'), alice.signaling.sendMessage('ok')];
    await clock.advance(1_000);
    assert.equal(new Set(await Promise.all(sent)).size, 2);
    assert.equal(bob.messages.length, 2);
  });
});

describe('reconnecting', () => {
  test('resumes with the server’s own time, over a fresh ticket', async () => {
    const alice = await joined('alice');
    await clock.advance(10_000);
    void alice.signaling.sendMessage('now');
    await clock.advance(10);
    const last = alice.messages[0]?.timestamp ?? '';
    await clock.advance(10_000);
    server.cut(alice.userId);
    await clock.advance(5_000);
    const resume = framesOf('joinSession')[1]?.data['since'] as string;
    assert.ok(resume >= last && resume < '2026-11-22T12:00:15', `${resume} is of the last frame, at ${last}`);
    assert.deepEqual(statuses(alice.states), ['connecting', 'connected', 'reconnecting', 'connected']);
    assert.deepEqual(alice.states.at(-1), { status: 'connected', recovered: true });
  });

  test('goes on trying while the server is away, further and further apart', async () => {
    const alice = await joined('alice');
    server.unreachable = true;
    server.cut(alice.userId);
    await clock.advance(60_000);
    const tries = server.requests.filter((request) => request.endsWith('/ticket')).length;
    assert.ok(tries > 5 && tries < 40, `${tries} tries in a minute`);
    server.unreachable = false;
    server.graceMs = Infinity;
    await clock.advance(15_000);
    assert.equal(alice.signaling.state.status === 'connected' || alice.signaling.state.status === 'reconnecting', true);
  });

  test('does not wait when the network comes back', async () => {
    const alice = await joined('alice');
    server.graceMs = 3_600_000;
    server.unreachable = true;
    server.cut(alice.userId);
    await clock.advance(120_000);
    server.unreachable = false;
    alice.environment.wake();
    await clock.advance(10);
    assert.equal(alice.signaling.state.status, 'connected');
  });

  test('says when the inbox does not reach back far enough', async () => {
    const alice = await joined('alice');
    server.graceMs = 3_600_000;
    server.unreachable = true;
    server.cut(alice.userId);
    await clock.advance(700_000);
    server.unreachable = false;
    alice.environment.wake();
    await clock.advance(10);
    assert.deepEqual(alice.states.at(-1), { status: 'connected', recovered: false });
    assert.deepEqual(alice.joins.map(({ resumed }) => resumed), [false, true]);
  });

  test('goes on with what there is of a stream whose middle was lost while away', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    void alice.signaling.signal(bob.userId, candidate('one'));
    await clock.advance(10);
    server.graceMs = 3_600_000;
    server.unreachable = true;
    server.cut(bob.userId);
    void alice.signaling.signal(bob.userId, candidate('expired meanwhile'));
    await clock.advance(700_000);
    server.unreachable = false;
    bob.environment.wake();
    await clock.advance(10);
    void alice.signaling.signal(bob.userId, candidate('three'));
    await clock.advance(5_000);
    assert.deepEqual(namesOf(bob.signals), ['one', 'three']);
    assert.deepEqual(bob.broken, []);
  });

  test('stops when a newer connection took over, and does not fight', async () => {
    const alice = await joined('alice');
    const elsewhere = await joined('alice');
    await clock.advance(60_000);
    assert.deepEqual(alice.states.at(-1)?.status, 'closed');
    assert.equal((alice.states.at(-1) as { code: string }).code, 'replaced');
    assert.equal(elsewhere.signaling.state.status, 'connected');
    assert.equal(framesOf('joinSession').length, 2);
  });

  test('asks nothing of the server once it was left, not even while reconnecting', async () => {
    const bob = await joined('bob');
    server.unreachable = true;
    server.cut(bob.userId);
    await clock.advance(3_000);
    assert.equal(bob.signaling.state.status, 'reconnecting');
    server.unreachable = false;
    server.requests.length = 0;
    bob.signaling.close(new TunRTCError('closed', 'left'));
    await bob.api.leaveSession(sessionId);
    await clock.advance(60_000);
    assert.deepEqual(server.requests, ['POST /api/session/leave']);
    assert.equal(server.room(sessionId).seats.has(bob.userId), false);
    assert.equal(server.connections.size, 0);
  });

  test('asks nothing more when it is left in the middle of a try, wherever that stands', async () => {
    for (let moment = 0; moment < 60; moment += 3) {
      const bob = await joined('bob');
      let after = false;
      const asked: string[] = [];
      bob.environment.fetch = async (url, init) => {
        if (after) asked.push(url);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 20));
        return server.fetch(url, init);
      };
      server.network = { delay: () => 10 };
      server.cut(bob.userId);
      bob.environment.random = () => 0;
      await clock.advance(moment);
      const left = bob.signaling.leave();
      await clock.advance(100);
      after = true;
      await left;
      bob.signaling.close(new TunRTCError('closed', 'left'));
      const frames = server.frames.length;
      await clock.advance(60_000);
      assert.deepEqual([asked, server.frames.length - frames, server.connections.size], [[], 0, 0], `left after ${moment} ms`);
      server.network = {};
    }
  });

  test('a connection that ends right behind the answer to its join is not taken for one', async () => {
    const alice = await member('alice');
    const seat = await alice.api.joinSession(sessionId);
    // Packages for Node hand on what came together without a pause.
    const { openSocket } = alice.environment;
    let cuts = 1;
    alice.environment.openSocket = (url) => {
      const raw = openSocket(url);
      const connection = raw as Connection;
      const deliver = connection.deliver.bind(connection);
      connection.deliver = (frame, delay) => {
        if ((frame as { event?: string }).event !== 'ack' || cuts-- <= 0) return deliver(frame, delay);
        clock.setTimeout(() => {
          connection.onmessage?.({ data: JSON.stringify(frame) });
          connection.onclose?.({ code: 1006, reason: '' });
        }, delay);
      };
      return raw;
    };
    const joining = alice.signaling.join(seat);
    await clock.advance(20_000);
    await joining;
    const sent = alice.signaling.sendMessage('through the next one');
    await clock.advance(1_000);
    await sent;
    assert.equal(framesOf('joinSession').length, 2);
  });

  test('a server that refuses every connection is not stormed', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    for (let time = 0; time < 100; time++) server.refusals.push({ action: 'sendIceCandidate', code: 'not_joined' });
    void alice.signaling.signal(bob.userId, candidate('x')).catch(() => {});
    await clock.advance(20_000);
    assert.ok(framesOf('joinSession').length < 15, `${framesOf('joinSession').length} joins in 20 s`);
  });

  test('two tabs of which the older was not told do not fight for the seat', async () => {
    server.network = { losesReplaced: () => true };
    const [alice, elsewhere] = [await joined('alice'), await joined('alice')];
    await clock.advance(5 * 60_000);
    const joins = framesOf('joinSession').length;
    assert.ok(joins > 4 && joins < 14, `${joins} joins in five minutes`);
    assert.notEqual(alice.signaling.state.status, elsewhere.signaling.state.status);
  });

  test('stops when the session ended, and says so', async () => {
    const alice = await joined('alice');
    server.endSession(sessionId);
    await clock.advance(60_000);
    assert.equal((alice.states.at(-1) as { code: string }).code, 'session_ended');
    assert.equal(alice.events.at(-1)?.event, 'sessionEnded');
  });

  test('a connection that falls silent after a frame is given up after ten seconds', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    for (const connection of server.connections) connection.dead = connection.ticket?.userId === alice.userId;
    const sent = alice.signaling.signal(bob.userId, candidate('through the next one'));
    await clock.advance(12_000);
    await sent;
    assert.equal(alice.signaling.reconnects, 1);
    assert.deepEqual(namesOf(bob.signals), ['through the next one']);
  });

  test('a hint that the network changed finds a dead connection at once', async () => {
    const alice = await joined('alice');
    for (const connection of server.connections) connection.dead = true;
    alice.environment.wake();
    await clock.advance(5_000);
    assert.equal(alice.signaling.reconnects, 1);
    assert.equal(alice.signaling.state.status, 'connected');
  });
});

describe('a long session', () => {
  test('pings once a heartbeat when nothing else is said', async () => {
    await joined('alice');
    await clock.advance(1_000_000);
    assert.equal(framesOf('ping').length, 4);
  });

  test('does not ping when it has just said something', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    bob.signaling.close(new TunRTCError('closed', 'left'));
    for (let minute = 0; minute < 10; minute++) {
      void alice.signaling.send('updateStatus', { isMuted: true, isVideoEnabled: true });
      await clock.advance(60_000);
    }
    assert.equal(framesOf('ping').length, 0);
  });

  test('pings sooner once a connection has died in a silence, for as long as the client lives', async () => {
    const alice = await joined('alice');
    const proxy = (): void => {
      for (const connection of server.connections) server.disconnected(connection, 1006);
    };
    await clock.advance(60_000);
    proxy();
    await clock.advance(2_000);
    assert.equal(alice.signaling.reconnects, 1);
    await clock.advance(300_000);
    assert.equal(framesOf('ping').length, 10);
  });

  test('does not take a network that was gone for one that ends what is quiet', async () => {
    const alice = await joined('alice');
    await clock.advance(60_000);
    server.unreachable = true;
    server.cut(alice.userId);
    await clock.advance(5_000);
    server.unreachable = false;
    await clock.advance(15_000);
    assert.equal(alice.signaling.state.status, 'connected');
    await clock.advance(200_000);
    assert.equal(framesOf('ping').length, 0);
  });

  test('rolls over before two hours: the new connection serves before the old one is fenced', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    await clock.advance(116 * 60_000);
    assert.deepEqual(statuses(alice.states), ['connecting', 'connected', 'connected']);
    assert.equal(alice.signaling.reconnects, 0);
    assert.deepEqual(alice.states.at(-1), { status: 'connected', recovered: true });
    assert.equal([...server.connections].filter(({ ticket }) => ticket?.userId === alice.userId).length, 1);
    void bob.signaling.signal(alice.userId, candidate('still here'));
    await clock.advance(100);
    assert.deepEqual(namesOf(alice.signals), ['still here']);
  });

  test('keeps the old connection when no new one can be had, and tries again', async () => {
    const alice = await joined('alice');
    alice.environment.isOffline = true;
    await clock.advance(116 * 60_000);
    assert.equal(alice.signaling.state.status, 'connected');
    assert.equal(framesOf('joinSession').length, 1);
    alice.environment.isOffline = false;
    await clock.advance(60_000);
    assert.equal(framesOf('joinSession').length, 2);
    assert.equal(alice.signaling.reconnects, 0);
  });

  test('goes on when an attempt of its own that it gave up takes over late', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    const own = (): number => [...server.connections].filter(({ ticket }) => ticket?.userId === alice.userId).length;
    let late = true;
    // The rollover's `joinSession` takes longer than the client waits.
    server.network.delay = () => (late && own() > 1 ? 15_000 : 0);
    await clock.advance(114 * 60_000);
    while (own() < 2) await clock.advance(1_000);
    await clock.advance(11_000);
    late = false;
    await clock.advance(30_000);
    assert.equal(alice.signaling.state.status, 'connected');
    void bob.signaling.signal(alice.userId, candidate('found'));
    await clock.advance(1_000);
    assert.deepEqual(namesOf(alice.signals), ['found']);
  });

  test('takes the seat again that it lost without being told, once it asks', async () => {
    const alice = await joined('alice');
    server.refusals.push({ action: 'ping', code: 'not_joined' });
    alice.environment.wake();
    await clock.advance(1_000);
    assert.equal(framesOf('joinSession').length, 2);
    assert.equal(alice.signaling.state.status, 'connected');
  });

  test('moves to a new connection when the access behind the old one ran out', async () => {
    const [alice, bob] = [await joined('alice'), await joined('bob')];
    server.refusals.push({ action: 'sendIceCandidate', code: 'unauthorized' });
    const sent = alice.signaling.signal(bob.userId, candidate('delivered all the same'));
    await clock.advance(4_000);
    await sent;
    assert.equal(framesOf('joinSession').filter(({ userId }) => userId === alice.userId).length, 2);
    assert.deepEqual(namesOf(bob.signals), ['delivered all the same']);
  });
});

test('no timer of its own runs after it was closed, whatever it was doing', async () => {
  for (const moment of [0, 5, 50, 500, 5_000, 20_000]) {
    const timers = new Set<unknown>();
    const [alice, bob] = [await member('alice'), await joined('bob')];
    const { setTimeout, clearTimeout } = alice.environment;
    alice.environment.setTimeout = (callback, milliseconds) => {
      const timer = setTimeout(() => (timers.delete(timer), callback()), milliseconds);
      timers.add(timer);
      return timer;
    };
    alice.environment.clearTimeout = (timer) => (timers.delete(timer), clearTimeout(timer));
    const joining = alice.signaling.join(await alice.api.joinSession(sessionId));
    await clock.until(() => alice.signaling.state.status === 'connected');
    await joining;
    void alice.signaling.signal(bob.userId, candidate('x')).catch(() => {});
    server.unreachable = moment % 2 === 0;
    server.cut(alice.userId);
    await clock.advance(moment);
    alice.signaling.close(new TunRTCError('closed', 'left'));
    await settle();
    assert.equal(timers.size, 0, `closed ${moment} ms after the connection was lost`);
    server.unreachable = false;
    bob.signaling.close(new TunRTCError('closed', 'left'));
    await clock.advance(60_000);
  }
});

test('nothing happens after it was closed', async () => {
  const alice = await joined('alice');
  alice.signaling.close(new TunRTCError('closed', 'left'));
  const frames = server.frames.length;
  await clock.advance(3 * 3_600_000);
  await settle();
  assert.equal(server.frames.length, frames);
  assert.equal(server.connections.size, 0);
  await assert.rejects(alice.signaling.sendMessage('x'), { code: 'closed' });
});
