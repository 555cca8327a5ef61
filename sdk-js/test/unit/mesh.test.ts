import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { TunRTCError } from '../../src/errors.ts';
import type { TunRTCEvents } from '../../src/events.ts';
import { Mesh, type MeshOptions } from '../../src/media/mesh.ts';
import type { Outgoing, PeerState, Slot, StreamKind } from '../../src/media/peer.ts';
import type { ReceivedSignal, SignalBody } from '../../src/wire.ts';
import { FakeClock, seeded } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakePeerConnection, FakeStream, FakeTrack } from '../support/peer-connection.ts';
import { FakeServer } from '../support/server.ts';

Object.assign(globalThis, { MediaStream: FakeStream });

let clock: FakeClock;

beforeEach(() => {
  clock = new FakeClock();
});

/** One participant's mesh, and all that it said. */
interface Side {
  id: string;
  mesh: Mesh;
  sent: SignalBody[];
  states: PeerState[];
  streams: StreamKind[];
  /** The newest stream that came in. */
  stream: unknown;
  videos: Set<HTMLVideoElement>;
  qualities: string[];
  speakers: string[];
  removed: number;
  errors: TunRTCError[];
  iceRequests: number;
  /** How often it started over with somebody. */
  renewed: number;
  connection(): FakePeerConnection;
}

/** Carries signals between sides, each way in order, as durable signaling does. */
class Ferry {
  readonly #sides = new Map<string, Side>();
  readonly #epochs = new Map<string, number>();
  readonly #arrivals = new Map<string, number>();
  /** Milliseconds that a signal takes. */
  delay: () => number = () => 20;
  /** Whether a signal is thrown away, against the promise. */
  loses: (from: string, body: SignalBody) => boolean = () => false;
  #runs = 0;

  add(id: string): Side {
    const run = ++this.#runs;
    const side: Side = {
      id,
      mesh: undefined as unknown as Mesh,
      sent: [],
      states: [],
      streams: [],
      stream: undefined,
      videos: new Set(),
      qualities: [],
      speakers: [],
      removed: 0,
      errors: [],
      iceRequests: 0,
      renewed: 0,
      connection: () => {
        const [peer] = [...side.mesh.peers.values()];
        assert.ok(peer, `${id} has a peer`);
        return peer.connection as unknown as FakePeerConnection;
      },
    };
    side.mesh = new Mesh({
      environment: testEnvironment(clock, new FakeServer(clock)),
      createPeerConnection: (configuration) => new FakePeerConnection(configuration) as unknown as RTCPeerConnection,
      userId: id,
      configuration: {},
      joined: { sessionId: 'room', participants: [], iceServers: [{ urls: ['stun:first'] }], signaling: { url: '', ticket: '', expiresAt: '' }, media: { topology: 'mesh', limit: 6 } },
      videos: side.videos,
      api: {
        iceServers: async () => {
          side.iceRequests++;
          return { iceServers: [{ urls: ['turn:fresh'] }], ttlSeconds: 3_600 };
        },
        reportStats: async () => {},
      },
      signaling: this.#signaling(side, run),
      client: undefined,
      startedAt: 0,
      participants: new Map(),
      onFull: () => {},
      tell: (name, data) => {
        if (name === 'remoteStream') {
          const { kind, stream } = data as TunRTCEvents['remoteStream'];
          side.streams.push(kind);
          side.stream = stream;
        }
        if (name === 'connectionQualityChanged') side.qualities.push((data as TunRTCEvents['connectionQualityChanged']).quality);
        if (name === 'activeSpeakersChanged') {
          side.speakers.push((data as TunRTCEvents['activeSpeakersChanged']).speakers.map(({ userId }) => userId).join(' '));
        }
        if (name === 'remoteStreamRemoved') side.removed++;
        if (name === 'peerStateChanged') side.states.push((data as TunRTCEvents['peerStateChanged']).state);
      },
      onError: (_, error) => side.errors.push(error),
    });
    this.#sides.set(id, side);
    return side;
  }

  #signaling(side: Side, run: number): MeshOptions['signaling'] {
    return {
      signal: async (target, body) => this.#carry(side, run, target, body),
      renew: (target) => {
        side.renewed++;
        const way = `${side.id} ${run} ${target}`;
        this.#epochs.set(way, (this.#epochs.get(way) ?? 0) + 1);
      },
      probe: () => {},
      send: async () => undefined,
      since: '',
      reconnects: 0,
    };
  }

  #carry(from: Side, run: number, target: string, body: SignalBody): void {
    from.sent.push(body);
    if (this.loses(from.id, body)) return;
    const epoch = `${run}.${this.#epochs.get(`${from.id} ${run} ${target}`) ?? 0}`;
    const signal = { fromUserId: from.id, fromUsername: from.id, signalId: '', epoch, timestamp: '', ...body } as ReceivedSignal;
    const way = `${from.id} ${target}`;
    const arrival = Math.max(this.#arrivals.get(way) ?? 0, clock.now() + this.delay());
    this.#arrivals.set(way, arrival);
    clock.setTimeout(() => this.#sides.get(target)?.mesh.handle(signal), arrival - clock.now());
  }
}

const offers = ({ sent }: Side) => sent.filter((body) => 'offer' in body).length;
const areConnected = (...sides: Side[]) => sides.every(({ mesh }) => [...mesh.peers.values()].every(({ state }) => state === 'connected'));

function camera(): Outgoing {
  const track = new FakeTrack('video');
  return { track, stream: new FakeStream([track]) } as unknown as Outgoing;
}

async function pair(): Promise<[Side, Side, Ferry]> {
  const ferry = new Ferry();
  const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
  alice.mesh.send('camera', camera());
  bob.mesh.send('camera', camera());
  alice.mesh.connect('bob', true);
  bob.mesh.connect('alice', false);
  await clock.until(() => areConnected(alice, bob));
  return [alice, bob, ferry];
}

describe('negotiation', () => {
  test('the newcomer offers, the other answers, and each gets the other’s stream', async () => {
    const [alice, bob] = await pair();
    await clock.advance(2_000);
    assert.deepEqual([offers(alice), offers(bob)], [1, 0]);
    assert.deepEqual([alice.streams, bob.streams], [['camera'], ['camera']]);
    assert.deepEqual([alice.errors, bob.errors], [[], []]);
  });

  test('a signal from somebody unknown makes the connection', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    alice.mesh.connect('bob', true);
    await clock.until(() => bob.mesh.peers.size === 1 && areConnected(alice, bob));
    assert.equal(offers(bob), 0);
  });

  test('without any media two still connect', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    alice.mesh.connect('bob', true);
    bob.mesh.connect('alice', false);
    await clock.until(() => areConnected(alice, bob));
  });

  test('a newcomer that makes no offer gets one', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    alice.mesh.connect('bob', false);
    bob.mesh.connect('alice', false);
    await clock.advance(3_900);
    assert.deepEqual([offers(alice), offers(bob)], [0, 0]);
    await clock.until(() => areConnected(alice, bob));
  });

  test('an offer that is not answered is made again', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    let lost = 0;
    ferry.loses = (_, body) => 'answer' in body && lost++ === 0;
    alice.mesh.connect('bob', true);
    await clock.advance(9_000);
    assert.equal(offers(alice), 1);
    await clock.until(() => bob.mesh.peers.size === 1 && areConnected(alice, bob));
    assert.equal(offers(alice), 2);
  });

  test('offers that are taken for old ones are not made in vain for ever', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    // A newer run of hers was there meanwhile: to bob, whatever this one says is of before, until it starts over.
    ferry.loses = (from) => from === 'alice' && alice.renewed === 0;
    alice.mesh.connect('bob', true);
    await clock.advance(15_000);
    assert.deepEqual([offers(alice), bob.mesh.peers.size], [2, 0]);
    await clock.advance(10_000);
    assert.ok(bob.mesh.peers.size === 1 && areConnected(alice, bob));
    assert.deepEqual([alice.errors, bob.errors], [[], []]);
  });

  test('of two offers that cross one gives way, over every kind of delay', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      clock = new FakeClock();
      const random = seeded(seed);
      const ferry = new Ferry();
      ferry.delay = () => random() * 80;
      const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
      alice.mesh.send('camera', camera());
      bob.mesh.send('camera', camera());
      alice.mesh.connect('bob', true);
      await clock.advance(random() * 60);
      bob.mesh.connect('alice', true);
      await clock.until(() => areConnected(alice, bob), 5_000);
      await clock.advance(500);
      assert.deepEqual([alice.streams, bob.streams], [['camera'], ['camera']], `seed ${seed}`);
      assert.deepEqual([alice.errors, bob.errors], [[], []], `seed ${seed}`);
    }
  });

  test('the polite one is the lower user id, on both sides', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    alice.mesh.connect('bob', true);
    bob.mesh.connect('alice', true);
    await clock.until(() => areConnected(alice, bob));
    assert.equal(alice.sent.filter((body) => 'answer' in body).length, 1);
    assert.equal(bob.sent.filter((body) => 'answer' in body).length, 0);
  });

  test('a first offer that crosses one without data channels gives way to it, and the two do not negotiate for ever', async () => {
    const ferry = new Ferry();
    const alice = ferry.add('alice');
    alice.mesh.send('camera', camera());
    alice.mesh.connect('stock', true);
    await clock.until(() => offers(alice) === 1);
    const given = alice.connection();
    // What makes its connections without this SDK, and answers whatever is offered.
    const stock = new FakePeerConnection({});
    stock.addTrack(new FakeTrack('audio'), new FakeStream());
    await stock.setLocalDescription();
    const from = { fromUserId: 'stock', fromUsername: 'stock', timestamp: '', signalId: '' };
    alice.mesh.handle({ ...from, signalId: '1', offer: { type: 'offer', sdp: stock.localDescription?.sdp ?? '' } });
    for (let answered = 1; answered < 10; answered++) {
      await clock.advance(100);
      const last = alice.sent.filter((body) => 'offer' in body || 'answer' in body).at(-1);
      if (!last || stock.remoteDescription?.sdp === ('offer' in last ? last.offer : last.answer).sdp) continue;
      if ('answer' in last) {
        await stock.setRemoteDescription({ type: 'answer', sdp: last.answer.sdp });
        continue;
      }
      await stock.setRemoteDescription({ type: 'offer', sdp: last.offer.sdp });
      await stock.setLocalDescription();
      alice.mesh.handle({ ...from, signalId: `${answered + 1}`, answer: { type: 'answer', sdp: stock.localDescription?.sdp ?? '' } });
    }
    assert.notEqual(alice.connection(), given, 'another connection took its place');
    assert.ok(offers(alice) <= 2, `${offers(alice)} offers`);
    assert.equal(alice.connection().signalingState, 'stable');
    assert.deepEqual(alice.errors, []);
  });

  test('offers that cross again and again in a running call break nothing', async () => {
    const [alice, bob, ferry] = await pair();
    const random = seeded(3);
    ferry.delay = () => random() * 50;
    for (let round = 0; round < 50; round++) {
      for (const side of [alice, bob]) for (const peer of side.mesh.peers.values()) peer.negotiate();
      await clock.advance(random() * 120);
    }
    await clock.advance(11_000);
    assert.ok(areConnected(alice, bob));
    assert.deepEqual([alice.errors, bob.errors], [[], []]);
    assert.deepEqual([alice.connection().signalingState, bob.connection().signalingState], ['stable', 'stable']);
  });
});

describe('candidates', () => {
  test('found together travel together, after their description', async () => {
    const ferry = new Ferry();
    const alice = ferry.add('alice');
    alice.mesh.connect('bob', true);
    await clock.until(() => offers(alice) === 1);
    const gathered = (number: number) => {
      const candidate = { candidate: `candidate:${number}`, toJSON: () => ({ candidate: `candidate:${number}` }) };
      alice.connection().onicecandidate?.({ candidate });
    };
    [1, 2, 3].forEach(gathered);
    alice.connection().onicecandidate?.({ candidate: null });
    await clock.advance(100);
    assert.deepEqual(alice.sent.map((body) => Object.keys(body)[0]), ['offer', 'candidates']);
    const [, batch] = alice.sent;
    assert.equal(batch && 'candidates' in batch && batch.candidates.length, 4);
  });

  test('wait for their description, and those of another are dropped', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    const from = { fromUserId: 'bob', fromUsername: 'bob', signalId: '', epoch: '2.0', timestamp: '' };
    alice.mesh.connect('bob', false);
    bob.mesh.connect('alice', true);
    const fragment = `${bob.connection().id}-0`;
    const candidates = [
      { candidate: 'candidate:its-own', usernameFragment: fragment },
      { candidate: 'candidate:stale', usernameFragment: 'another' },
    ];
    alice.mesh.handle({ ...from, candidates });
    await clock.until(() => areConnected(alice, bob));
    const applied = alice.connection().applied.map(({ candidate }) => candidate);
    assert.ok(applied.includes('candidate:its-own'));
    assert.ok(!applied.includes('candidate:stale'));
  });
});

describe('trouble', () => {
  test('a failed connection restarts ICE with fresh servers', async () => {
    const [alice, bob] = await pair();
    const connection = alice.connection();
    connection.become('failed');
    await clock.until(() => connection.restarts === 1 && areConnected(alice, bob));
    assert.deepEqual(connection.configuration.iceServers, [{ urls: ['turn:fresh'] }]);
    assert.equal(alice.connection(), connection);
    assert.deepEqual(alice.states, ['connected', 'reconnecting', 'connected']);
  });

  test('both sides restarting at once recover', async () => {
    const [alice, bob] = await pair();
    alice.connection().become('failed');
    bob.connection().become('failed');
    await clock.until(() => areConnected(alice, bob));
    assert.deepEqual([alice.errors, bob.errors], [[], []]);
  });

  test('a short disturbance restarts nothing', async () => {
    const [alice] = await pair();
    alice.connection().become('disconnected');
    await clock.advance(2_000);
    alice.connection().become('connected');
    await clock.advance(20_000);
    assert.equal(alice.iceRequests, 0);
  });

  test('a long disturbance restarts ICE before the browser calls it failed', async () => {
    const [alice] = await pair();
    alice.connection().become('disconnected');
    await clock.advance(5_000);
    assert.equal(alice.connection().restarts, 1);
  });

  test('when restarts do not help, both sides get a new connection', async () => {
    const [alice, bob, ferry] = await pair();
    const [before, bobBefore] = [alice.connection(), bob.connection()];
    let cut = true;
    ferry.loses = () => cut;
    before.become('failed');
    await clock.advance(45_000);
    assert.ok(before.restarts >= 1);
    cut = false;
    await clock.until(() => areConnected(alice, bob), 60_000);
    assert.notEqual(alice.connection(), before);
    assert.notEqual(bob.connection(), bobBefore);
    assert.deepEqual([alice.streams.length, bob.streams.length], [2, 2]);
  });

  test('both making a new connection at the same time agree in the end', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      clock = new FakeClock();
      const [alice, bob, ferry] = await pair();
      const random = seeded(seed);
      ferry.delay = () => random() * 60;
      alice.mesh.reset('bob', random() < 0.5);
      await clock.advance(random() * 80);
      bob.mesh.reset('alice', random() < 0.5);
      await clock.until(() => areConnected(alice, bob), 30_000);
      await clock.advance(1_000);
      assert.ok(areConnected(alice, bob), `seed ${seed}`);
      assert.deepEqual([alice.errors, bob.errors], [[], []], `seed ${seed}`);
    }
  });

  test('a page that was reloaded connects anew, whatever its earlier run left on the way', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      clock = new FakeClock();
      const [alice, bob, ferry] = await pair();
      const random = seeded(seed);
      ferry.delay = () => random() * 60;
      for (const peer of bob.mesh.peers.values()) if (random() < 0.5) peer.negotiate();
      await clock.advance(random() * 40);
      bob.mesh.close();
      const reloaded = ferry.add('bob');
      reloaded.mesh.send('camera', camera());
      if (random() < 0.7) alice.mesh.reset('bob', false);
      reloaded.mesh.connect('alice', true);
      await clock.until(() => areConnected(alice, reloaded), 30_000);
      await clock.advance(1_000);
      assert.ok(areConnected(alice, reloaded), `seed ${seed}`);
      assert.deepEqual(reloaded.streams.at(-1), 'camera', `seed ${seed}`);
    }
  });

  test('after signals were lost, connections that work are kept and the others made anew', async () => {
    const [alice, bob] = await pair();
    const working = alice.connection();
    alice.mesh.renegotiate();
    await clock.advance(1_000);
    assert.equal(alice.connection(), working);
    assert.ok(areConnected(alice, bob));
    bob.connection().become('disconnected');
    bob.mesh.renegotiate();
    await clock.until(() => areConnected(alice, bob));
    assert.notEqual(alice.connection(), working);
  });

  test('a departed peer’s late answer brings nobody back', async () => {
    const [alice, bob, ferry] = await pair();
    ferry.delay = () => 200;
    for (const peer of alice.mesh.peers.values()) peer.negotiate();
    await clock.advance(100);
    alice.mesh.remove('bob');
    assert.equal(alice.states.at(-1), 'closed');
    assert.equal(alice.mesh.peers.size, 0);
    bob.mesh.close();
    await clock.advance(100);
    assert.equal(bob.mesh.peers.size, 0, 'alice’s offer was on its way when bob left');
  });
});

describe('tracks', () => {
  test('a camera that is switched needs no negotiation', async () => {
    const [alice, bob] = await pair();
    await clock.advance(1_000);
    const before = offers(alice);
    alice.mesh.send('camera', camera());
    await clock.advance(1_000);
    assert.equal(offers(alice), before);
    assert.ok(areConnected(alice, bob));
  });

  test('a camera that is turned off and on, or on and off, at once is as it was last said', async () => {
    const [alice] = await pair();
    const sent = () => alice.connection().getTransceivers().map(({ sender }) => sender.track);
    const one = camera();
    alice.mesh.send('camera', one);
    await clock.advance(1_000);
    for (const last of [one.track, null, null, one.track]) {
      for (const track of [last ? null : one.track, last]) alice.mesh.send('camera', { ...one, track });
      await clock.advance(1_000);
      assert.deepEqual(sent(), [last]);
    }
  });

  test('a screen comes as a stream of its own that says what it is, and can be shared again', async () => {
    const [alice, bob] = await pair();
    await clock.advance(1_000);
    for (let round = 0; round < 3; round++) {
      const screen: [Slot, Outgoing] = ['screen', camera()];
      alice.mesh.send(...screen);
      await clock.advance(1_000);
      assert.equal(bob.streams.at(-1), 'screen');
      alice.mesh.send('screen');
      await clock.advance(1_000);
    }
    assert.equal(alice.connection().getTransceivers().length, 2, 'the place of the screen is used again');
    assert.deepEqual([alice.errors, bob.errors], [[], []]);
  });

  test('a camera turned on in the middle of a call reaches the others', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    alice.mesh.connect('bob', true);
    bob.mesh.connect('alice', false);
    await clock.until(() => areConnected(alice, bob));
    bob.mesh.send('camera', camera());
    await clock.advance(1_000);
    assert.deepEqual(alice.streams, ['camera']);
  });
});

describe('the line that all connections share', () => {
  const bitrate = ({ mesh }: Side, userId: string) => {
    const [sender] = (mesh.peers.get(userId)?.connection as unknown as FakePeerConnection).getSenders();
    return sender?.parameters.encodings[0]?.maxBitrate ?? 0;
  };

  test('is shared anew when somebody comes, leaves or shares a screen', async () => {
    const [alice, , ferry] = await pair();
    const alone = bitrate(alice, 'bob');
    const carol = ferry.add('carol');
    alice.mesh.connect('carol', false);
    carol.mesh.connect('alice', true);
    await clock.until(() => areConnected(alice, carol));
    const shared = bitrate(alice, 'bob');
    assert.ok(shared < alone && shared === bitrate(alice, 'carol'), `${alone} ${shared}`);
    alice.mesh.send('screen', camera());
    await clock.advance(1_000);
    assert.ok(bitrate(alice, 'bob') < shared);
    alice.mesh.send('screen');
    alice.mesh.remove('carol');
    await clock.advance(1_000);
    assert.equal(bitrate(alice, 'bob'), alone);
  });

  test('of a browser that has nothing to set, or refuses, nothing is asked and nothing breaks', async () => {
    const ferry = new Ferry();
    const [alice, bob] = [ferry.add('alice'), ferry.add('bob')];
    alice.mesh.send('camera', camera());
    alice.mesh.connect('bob', true);
    const [sender] = alice.connection().getSenders();
    if (sender) sender.setParameters = () => Promise.reject(new Error('not now'));
    bob.mesh.connect('alice', false);
    await clock.until(() => areConnected(alice, bob));
    assert.deepEqual(alice.errors, []);
  });
});

describe('what the other side shows', () => {
  const encoding = (side: Side) => side.connection().getSenders()[0]?.parameters.encodings[0] ?? {};

  test('in a small tile is sent small, and not at all once nobody sees it', async () => {
    const [alice, bob] = await pair();
    const whole = encoding(alice).maxBitrate ?? 0;
    const tile = { srcObject: bob.stream, clientWidth: 160, clientHeight: 90, getRootNode: () => ({}) };
    bob.videos.add(tile as unknown as HTMLVideoElement);
    await clock.advance(1_000);
    assert.ok((encoding(alice).maxBitrate ?? 0) < whole / 5);
    assert.equal(encoding(bob).maxBitrate, whole, 'what he is sent is not what he sends');
    Object.assign(tile, { clientWidth: 0, clientHeight: 0 });
    await clock.advance(3_000);
    assert.equal(encoding(alice).active, false);
    bob.videos.clear();
    await clock.advance(1_000);
    assert.deepEqual([encoding(alice).active, encoding(alice).maxBitrate], [true, whole]);
    assert.deepEqual([alice.errors, bob.errors], [[], []]);
  });

  test('is told anew over a new connection', async () => {
    const [alice, bob] = await pair();
    const tile = { srcObject: bob.stream, clientWidth: 0, clientHeight: 0, getRootNode: () => ({}) };
    bob.videos.add(tile as unknown as HTMLVideoElement);
    await clock.advance(1_000);
    assert.equal(encoding(alice).active, false);
    bob.mesh.reset('alice', true);
    await clock.until(() => areConnected(alice, bob));
    tile.srcObject = bob.stream;
    assert.notEqual(encoding(alice).active, false, 'nothing was told yet');
    await clock.advance(1_000);
    assert.equal(encoding(alice).active, false);
  });

  test('and is nonsense is not believed', async () => {
    const [alice, bob] = await pair();
    const before = encoding(alice);
    for (const text of ['{', '{"shown":{"camera":-5}}', '{"shown":[]}', 'x'.repeat(100_000)]) bob.connection().channels.get('tunrtc')?.send(text);
    await clock.advance(1_000);
    assert.deepEqual(encoding(alice), before);
    assert.deepEqual(alice.errors, []);
  });
});

describe('a connection that is measured', () => {
  /** What the browser says from now on. */
  function say({ connection }: Side, available: number, limitation: string, roundTrip = 0.05): void {
    const pair = { id: 'pair', type: 'candidate-pair', nominated: true, state: 'succeeded' };
    connection().stats.set('pair', { ...pair, currentRoundTripTime: roundTrip, availableOutgoingBitrate: available });
    connection().stats.set('out', { type: 'outbound-rtp', qualityLimitationReason: limitation });
  }

  test('and carries little sends the voice alone, and tries again later', async () => {
    const [alice] = await pair();
    const isActive = () => alice.connection().getSenders()[0]?.parameters.encodings[0]?.active;
    say(alice, 60_000, 'bandwidth');
    await clock.until(() => isActive() === false, 6_000);
    say(alice, 60_000, 'none');
    await clock.until(() => isActive() === true, 10_000);
  });

  test('tells how good it is when that changes, and that it is lost at once', async () => {
    const [alice] = await pair();
    say(alice, 1e6, 'none');
    await clock.advance(6_000);
    say(alice, 1e6, 'none', 1.5);
    await clock.advance(6_000);
    alice.connection().become('disconnected');
    assert.deepEqual(alice.qualities, ['excellent', 'poor', 'lost']);
    say(alice, 1e6, 'none');
    alice.connection().become('connected');
    await clock.advance(6_000);
    assert.deepEqual(alice.qualities, ['excellent', 'poor', 'lost', 'excellent']);
  });

  test('whose measurement fails is used on', async () => {
    const [alice] = await pair();
    alice.connection().getStats = () => Promise.reject(new Error('not now'));
    await clock.advance(10_000);
    assert.deepEqual([alice.errors, alice.qualities], [[], []]);
  });
});

test('who speaks is told, from what is played of each', async () => {
  const [alice] = await pair();
  for (let reading = 1; reading <= 10; reading++) {
    alice.connection().voice = { audioLevel: 0.4, timestamp: reading };
    await clock.advance(400);
  }
  assert.deepEqual(alice.speakers, ['bob']);
  assert.ok((alice.mesh.levels.get('bob') ?? 0) > 0.3);
  // What was played last stays listed.
  await clock.advance(3_000);
  assert.deepEqual(alice.speakers, ['bob', '']);
});

test('after the end nothing is measured any more', async () => {
  const [alice, bob] = await pair();
  alice.mesh.close();
  bob.mesh.close();
  await clock.advance(1_000);
  assert.equal(clock.pending, 0);
});
