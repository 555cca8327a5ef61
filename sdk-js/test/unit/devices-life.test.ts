/** One user on two devices that join, leave, lose each other's seat and come back in no order at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../support/clock.ts';
import { connections, states, Town, type Person } from '../support/people.ts';

/** Sequences that are tried; a failure names its seed. */
const RUNS = 500;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (thrown) => unhandled.push(thrown));

class TwoDevices {
  readonly town = new Town();
  readonly log: string[] = [];
  readonly #random: () => number;
  readonly #calls: { what: string; isSettled: boolean }[] = [];
  #devices: Person[] = [];
  #rooms: string[] = [];
  #bob: Person | undefined;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  async run(steps: number): Promise<void> {
    const { clock, server } = this.town;
    const [room, bob] = await this.town.call('bob');
    this.#bob = bob;
    this.#rooms = [room, (await bob!.client.createSession('other')).sessionId];
    for (let count = 0; count < 2; count++) this.#devices.push(await this.town.person('alice', { random: this.#random }));
    server.network = {
      delay: () => 1 + this.#random() * 40,
      losesFrame: () => this.#random() < 0.03,
      losesAnswer: () => this.#random() < 0.03,
      losesReplaced: () => this.#random() < 0.2,
    };
    for (let step = 0; step < steps; step++) {
      this.#step(Math.floor(this.#random() * 2));
      await clock.advance(this.#random() * 400);
    }
    server.network = {};
    for (const index of [0, 1]) this.#comeOnline(index);
    for (let round = 0; round < 20; round++) {
      await clock.advance(15_000);
      for (const one of [...this.#devices, bob!]) for (const connection of connections(one)) connection.findOut();
    }
  }

  #step(index: number): void {
    const device = this.#devices[index] as Person;
    const room = Math.floor(this.#random() * 2);
    const steps: [string, () => Promise<unknown> | void][] = [
      [`joins ${room}`, () => device.client.joinSession(this.#rooms[room] ?? '', true, false)],
      [`joins ${room}`, () => device.client.joinSession(this.#rooms[room] ?? '', true, false)],
      ['leaves', () => device.client.leaveSession()],
      ['is cut', () => this.town.server.cut(this.town.server.userId('alice'))],
      ['is away', () => void (device.environment.isOffline = true)],
      ['is back', () => this.#comeOnline(index)],
    ];
    const [what, act] = steps[Math.floor(this.#random() * steps.length)] as (typeof steps)[number];
    this.log.push(`${index} ${what}`);
    const call = { what, isSettled: false };
    const done = () => (call.isSettled = true);
    this.#calls.push(call);
    Promise.resolve(act()).then(done, done);
  }

  #comeOnline(index: number): void {
    const { environment } = this.#devices[index] as Person;
    environment.isOffline = false;
    environment.wake();
  }

  check(): void {
    for (const { what, isSettled } of this.#calls) assert.ok(isSettled, `${what} settles`);
    const places = this.#devices.flatMap(({ client }) => client.sessionId ?? []);
    assert.equal(new Set(places).size, places.length, 'one seat is held by one device');
    const seated = this.#rooms.filter((room) => this.town.seated(room).includes('alice'));
    assert.deepEqual(seated.sort(), places.sort(), 'who thinks to be there is, and nobody else');
    const isWithBob = places.includes(this.#rooms[0] ?? '');
    for (const device of this.#devices) this.#checkDevice(device);
    assert.equal(this.#bob?.client.participants.size, isWithBob ? 1 : 0);
    assert.deepEqual(states(connections(this.#bob as Person)), isWithBob ? ['connected'] : []);
    assert.deepEqual(unhandled, []);
  }

  #checkDevice(device: Person): void {
    const { client, devices } = device;
    assert.deepEqual(states(connections(device)), client.sessionId === this.#rooms[0] ? ['connected'] : []);
    assert.equal(devices.live.length, client.sessionId ? 1 : 0, 'captured is what is used');
    const { status } = client.connectionState;
    assert.ok(client.sessionId ? status === 'connected' : status === 'idle' || status === 'closed', status);
  }
}

// Two sides that replace their connections for ever would never let it end.
test('two devices of one user end in one place each, and the others are connected to whoever is there', { timeout: 300_000 }, async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const devices = new TwoDevices(seed);
    try {
      await devices.run(4 + (seed % 12));
      devices.check();
    } catch (error) {
      throw new Error(`seed ${seed}: ${devices.log.join(', ')}`, { cause: error });
    }
  }
});
