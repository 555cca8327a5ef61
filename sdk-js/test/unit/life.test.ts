import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { TunRTCClient, type TunRTCError } from '../../src/index.ts';
import { transition, TRANSITIONS, type VisitEvent, type VisitState } from '../../src/visit-state.ts';
import { FakeClock, seeded, settle } from '../support/clock.ts';
import { FakeDevices } from '../support/devices.ts';
import { testEnvironment, type TestEnvironment } from '../support/environment.ts';
import { FakeStream } from '../support/peer-connection.ts';
import { FakeServer } from '../support/server.ts';

Object.assign(globalThis, { MediaStream: FakeStream });

/** Sequences of calls that are tried; a failure names its seed. */
const RUNS = 1_000;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (thrown) => unhandled.push(thrown));

/** What became of a call. */
interface Outcome {
  what: string;
  code: string | undefined;
  isSettled: boolean;
}

function follow(what: string, promise: Promise<unknown>): Outcome {
  const outcome: Outcome = { what, code: undefined, isSettled: false };
  promise.then(
    () => Object.assign(outcome, { isSettled: true, code: 'done' }),
    (error: TunRTCError) => Object.assign(outcome, { isSettled: true, code: error.code ?? String(error) }),
  );
  return outcome;
}

/** Streams that were shown and not taken back. */
class Shown {
  readonly local = new Set<MediaStream>();
  readonly remote = new Set<MediaStream>();

  constructor(client: TunRTCClient) {
    client.on('localStream', ({ stream }) => this.local.add(stream));
    client.on('localStreamRemoved', ({ stream }) => assert.ok(this.local.delete(stream), 'it was shown'));
    client.on('remoteStream', ({ stream }) => this.remote.add(stream));
    client.on('remoteStreamRemoved', ({ stream }) => assert.ok(this.remote.delete(stream), 'it was shown'));
  }
}

/** Somebody who calls this and that in no order at all, and what must hold when all of it has settled. */
class Restless {
  readonly clock = new FakeClock();
  readonly server = new FakeServer(this.clock);
  readonly devices = new FakeDevices();
  readonly environment: TestEnvironment;
  readonly client: TunRTCClient;
  readonly bob: TunRTCClient;
  readonly shown: Shown;
  readonly bobsShown: Shown;
  readonly log: string[] = [];
  readonly #random: () => number;
  readonly #joins: Outcome[] = [];
  readonly #others: Outcome[] = [];
  rooms: string[] = [];
  /** What the last calls said. */
  wish: { room: string | undefined; camera: boolean; isSignedIn: boolean; screen: boolean } = {
    room: undefined,
    camera: false,
    isSignedIn: true,
    screen: false,
  };
  /** Whether the user or a device said no to something: what is captured is then not foreseen here. */
  isSpoilt = false;
  /** Whether the last join came while nobody was signed in. */
  mayBeRefused = false;
  /** Whether requests failed for a while: then leaves could not be told, and joins not asked for. */
  wasOffline = false;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.devices.answers = false;
    this.server.network = {
      delay: () => 1 + this.#random() * 40,
      losesFrame: () => this.#chance(0.03),
      losesAnswer: () => this.#chance(0.03),
      crashes: () => this.#chance(0.02),
    };
    this.environment = testEnvironment(this.clock, this.server, { mediaDevices: this.devices.mediaDevices });
    this.client = new TunRTCClient({ url: 'http://localhost:5000', environment: this.environment });
    this.bob = new TunRTCClient({ url: 'http://localhost:5000', environment: testEnvironment(this.clock, this.server) });
    this.shown = new Shown(this.client);
    this.bobsShown = new Shown(this.bob);
    for (const client of [this.client, this.bob]) client.on('error', () => {});
  }

  async run(steps: number): Promise<void> {
    await this.bob.login('bob@tunrtc.com', 'bob123');
    await this.client.login('alice@tunrtc.com', 'alice123');
    for (const name of ['one', 'two']) this.rooms.push((await this.bob.createSession(name)).sessionId);
    void this.bob.joinSession(this.rooms[0] ?? '', false, false);
    await this.clock.until(() => this.bob.connectionState.status === 'connected');
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#comeToRest();
  }

  async #step(): Promise<void> {
    const steps: [number, () => unknown][] = [
      [4, () => this.#join()],
      [3, () => this.#leave()],
      [1, () => this.#logout()],
      [1, () => this.#login()],
      [2, () => this.#camera(this.#chance(0.5))],
      [2, () => this.#do('mute', this.client.setMuted(this.#chance(0.5)))],
      [1, () => this.#share()],
      [1, () => this.#stopSharing()],
      [1, () => this.#choose()],
      [4, () => this.#answer()],
      [0.5, () => this.#unplug()],
      [1, () => this.#cut()],
      [0.5, () => this.#goOffline()],
      [1, () => this.#goOnline()],
      [0.5, () => this.#hide()],
      [0.5, () => this.environment.wake()],
      [6, () => this.clock.advance(this.#random() * 300)],
    ];
    let left = this.#random() * steps.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, step] of steps) {
      left -= weight;
      if (left < 0) return void (await step());
    }
  }

  #join(): void {
    const room = this.rooms[Math.floor(this.#random() * 2)] ?? '';
    const [audio, video] = [this.#chance(0.6), this.#chance(0.6)];
    this.log.push(`join ${this.rooms.indexOf(room)} ${audio} ${video}`);
    this.#joins.push(follow('join', this.client.joinSession(room, audio, video)));
    Object.assign(this.wish, { room, camera: video, screen: false });
    this.mayBeRefused = !this.wish.isSignedIn;
  }

  #leave(): void {
    this.log.push('leave');
    this.#others.push(follow('leave', this.#chance(0.5) ? this.client.leaveSession() : this.client.disconnect()));
    Object.assign(this.wish, { room: undefined, camera: false, screen: false });
  }

  #logout(): void {
    this.log.push('logout');
    this.#others.push(follow('logout', this.client.logout()));
    Object.assign(this.wish, { room: undefined, camera: false, screen: false, isSignedIn: false });
  }

  #login(): void {
    this.log.push('login');
    this.#others.push(follow('login', this.client.login('alice@tunrtc.com', 'alice123')));
    this.wish.isSignedIn = true;
  }

  #camera(enabled: boolean): void {
    this.#do(`camera ${enabled}`, this.client.setVideoEnabled(enabled));
    this.wish.camera = enabled;
  }

  #share(): void {
    this.#do('share', this.client.startScreenShare());
    this.wish.screen = true;
  }

  #stopSharing(): void {
    this.#do('stop sharing', this.client.stopScreenShare());
    this.wish.screen = false;
  }

  #choose(): void {
    const deviceId = this.#chance(0.6) ? 'cam' : 'nowhere';
    this.#do(`choose ${deviceId}`, this.client.useCamera(deviceId));
  }

  #do(what: string, promise: Promise<unknown>): void {
    this.log.push(what);
    this.#others.push(follow(what, promise));
  }

  async #answer(): Promise<void> {
    const question = this.devices.open[Math.floor(this.#random() * this.devices.open.length)];
    if (!question) return;
    const refuses = this.#chance(0.1);
    this.log.push(refuses ? 'refuse' : 'allow');
    if (refuses) this.isSpoilt = true;
    if (refuses) question.refuse('NotAllowedError');
    else question.allow();
    if (this.#chance(0.5)) await settle();
  }

  #unplug(): void {
    const { live } = this.devices;
    const track = live[Math.floor(this.#random() * live.length)];
    if (!track) return;
    this.log.push(`end ${track.kind}`);
    this.isSpoilt = true;
    track.end();
  }

  #cut(): void {
    this.log.push('cut');
    this.server.cut(this.server.userId('alice'));
  }

  /** Requests fail, and the connection breaks. */
  #goOffline(): void {
    this.log.push('offline');
    this.wasOffline = this.environment.isOffline = true;
    this.server.cut(this.server.userId('alice'));
  }

  /** The page goes away for good: a session is left, and nothing else is asked. */
  #hide(): void {
    this.log.push('hide');
    this.environment.hide();
    if (this.wish.room !== undefined) Object.assign(this.wish, { room: undefined, camera: false, screen: false });
  }

  #goOnline(): void {
    if (!this.environment.isOffline) return;
    this.log.push('online');
    this.environment.isOffline = false;
    this.environment.wake();
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  /** Every prompt is answered, or none ever is; then time passes, long enough for the server to free what could not be given back. */
  async #comeToRest(): Promise<void> {
    this.#goOnline();
    this.server.network = { delay: () => 1 + this.#random() * 40 };
    this.isMute = this.#chance(0.15);
    for (let round = 0; round < 5; round++) {
      for (const question of this.isMute ? [] : [...this.devices.open]) question.allow();
      await this.clock.advance(3_000);
    }
    await this.clock.advance(120_000);
  }

  /** Whether the user never answered what was asked in the end. */
  isMute = false;

  seats(): string[] {
    const alice = this.server.userId('alice');
    return this.rooms.filter((room) => this.server.room(room).seats.has(alice));
  }

  check(): void {
    const last = this.#joins.at(-1);
    for (const join of this.#joins) {
      if (join !== last || !this.isMute) assert.ok(join.isSettled, 'every join settles');
    }
    if (!this.isMute) for (const { what, isSettled } of this.#others) assert.ok(isSettled, `${what} settles`);
    for (const { what, code } of this.#others) {
      const mayFail = this.wasOffline && code === 'network_error';
      if (what === 'leave' || what === 'logout' || what === 'login') assert.ok(code === 'done' || mayFail, `${what}: ${code}`);
    }
    const isIn = this.wish.room !== undefined && last?.code === 'done';
    if (!isIn && this.wish.room !== undefined) assert.ok(this.isMute || this.isSpoilt || this.mayBeRefused || this.wasOffline, `the last join: ${last?.code}`);
    this.#checkPlace(isIn ? this.wish.room : undefined);
    this.#checkMedia();
    this.#checkBob(isIn);
  }

  #checkPlace(room: string | undefined): void {
    assert.equal(this.client.sessionId, room);
    assert.deepEqual(this.seats(), room ? [room] : [], 'one seat or none');
    if (room) assert.equal(this.client.connectionState.status, 'connected');
    else assert.ok(['idle', 'closed'].includes(this.client.connectionState.status) || this.isMute);
    const open = this.environment.peerConnections.filter(({ connectionState }) => connectionState !== 'closed');
    assert.equal(open.length, room && room === this.rooms[0] ? 1 : 0, 'connections to those who are there, and no others');
    if (open.length === 0) assert.equal(this.shown.remote.size, 0, 'every stream was taken back');
  }

  #checkMedia(): void {
    const { client, devices } = this;
    const used = client.localStream?.getTracks() ?? [];
    const live = used.filter(({ readyState }) => readyState === 'live');
    assert.equal(devices.live.length, live.length + (client.isScreenShared ? 1 : 0), 'nothing is captured that is not in use');
    // A camera that is to be another one waits, closed, for as long as the user does not answer.
    if (!this.isMute) assert.deepEqual(live, used, 'nothing is shown that has ended');
    assert.equal(this.shown.local.size, (client.localStream ? 1 : 0) + (client.isScreenShared ? 1 : 0));
    if (this.isSpoilt || this.isMute || this.mayBeRefused || this.wasOffline) return;
    assert.equal(client.isVideoEnabled, this.wish.camera, 'the camera is as last said');
    assert.equal(client.isScreenShared, this.wish.screen, 'the screen is as last said');
  }

  #checkBob(isIn: boolean): void {
    const seen = [...this.bob.participants.values()];
    const isHere = isIn && this.wish.room === this.rooms[0];
    assert.deepEqual(seen.map(({ username }) => username), isHere ? ['alice'] : []);
    const [alice] = seen;
    if (alice) {
      assert.deepEqual([alice.status, alice.isMuted, alice.isVideoEnabled], ['connected', this.client.isMuted, this.client.isVideoEnabled]);
    } else {
      assert.equal(this.bobsShown.remote.size, 0, 'every stream was taken back there too');
    }
  }

  /** After a leave the server is left alone. */
  async checkSilence(): Promise<void> {
    if (this.client.sessionId || this.isMute) return;
    const alice = this.server.userId('alice');
    const frames = () => this.server.frames.filter(({ userId }) => userId === alice).length;
    const before = frames();
    await this.clock.advance(300_000);
    assert.equal(frames(), before);
    assert.equal(this.server.connections.size, 1, 'bob’s');
  }
}

describe('calls of one client that overlap in every order', () => {
  test('end where the last one said', async () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const restless = new Restless(seed);
      try {
        await restless.run(6 + (seed % 20));
        restless.check();
        await restless.checkSilence();
        assert.deepEqual(unhandled, []);
      } catch (error) {
        throw new Error(`seed ${seed}: ${restless.log.join(', ')}`, { cause: error });
      }
    }
  });
});

describe('a visit', () => {
  const states = Object.keys(TRANSITIONS) as VisitState[];
  const events = [...new Set(Object.values(TRANSITIONS).flatMap((row) => Object.keys(row)))] as VisitEvent[];

  test('is over at some time, whatever happens, and stays so', () => {
    for (const state of states) {
      const reached = new Set<VisitState>([state]);
      for (const each of reached) for (const event of events) reached.add(transition(each, event));
      assert.ok(reached.has('over'), state);
    }
    for (const event of events) assert.equal(transition('over', event), 'over');
  });

  test('gives a seat back that it has, or may have, unless somebody else ended it', () => {
    for (const state of ['seating', 'connecting', 'inside', 'unseating'] as const) {
      for (const event of ['leave', 'failed'] as const) {
        assert.notEqual(transition(state, event), 'over', `${state}, ${event}`);
      }
    }
  });

  test('is drawn in the documents as it is', () => {
    const text = readFileSync(new URL('../../../../docs/CLIENT.md', import.meta.url), 'utf8');
    const drawn = [...text.matchAll(/^ *(\w+) --> (\w+): (.+)$/gm)].flatMap(([, from, to, names]) =>
      (names ?? '').split(', ').map((name) => `${from} ${name} ${to}`),
    );
    const meant = Object.entries(TRANSITIONS).flatMap(([from, row]) => Object.entries(row).map(([event, to]) => `${from} ${event} ${to}`));
    assert.deepEqual(drawn.sort(), meant.sort());
  });
});
