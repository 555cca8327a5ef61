/** People who are signed in, with devices, and the calls that they have. */
import { TunRTCClient, type Environment, type TunRTCError, type TunRTCOptions } from '../../src/index.ts';
import { FakeClock } from './clock.ts';
import { FakeDevices } from './devices.ts';
import { testEnvironment, type TestEnvironment } from './environment.ts';
import { FakeStream, type FakePeerConnection } from './peer-connection.ts';
import { FakeServer } from './server.ts';

Object.assign(globalThis, { MediaStream: FakeStream });

export interface Person {
  client: TunRTCClient;
  environment: TestEnvironment;
  devices: FakeDevices;
  errors: TunRTCError[];
}

/** One server, its clock, and everybody who talks to it. */
export class Town {
  readonly clock = new FakeClock();
  readonly server = new FakeServer(this.clock);

  /** Somebody who is signed in, with a camera and a microphone. */
  async person(name: string, more: Partial<Environment> = {}, options: Partial<TunRTCOptions> = {}): Promise<Person> {
    const devices = new FakeDevices();
    const environment = testEnvironment(this.clock, this.server, { mediaDevices: devices.mediaDevices, ...more });
    const client = new TunRTCClient({ url: 'http://localhost:5000', environment, ...options });
    const errors: TunRTCError[] = [];
    client.on('error', (error) => errors.push(error));
    await client.login(`${name}@tunrtc.com`, `${name}123`);
    return { client, environment, devices, errors };
  }

  /** Carries a call to its end while time passes. */
  async during<Answer>(promise: Promise<Answer>): Promise<Answer> {
    let isDone = false;
    const done = () => (isDone = true);
    promise.then(done, done);
    await this.clock.until(() => isDone);
    return promise;
  }

  /** A session with these people in it. */
  async call(...names: string[]): Promise<[string, ...Person[]]> {
    const people: Person[] = [];
    let sessionId = '';
    for (const name of names) {
      const one = await this.person(name);
      sessionId ||= (await one.client.createSession('room', 10)).sessionId;
      await this.during(one.client.joinSession(sessionId));
      people.push(one);
    }
    await this.clock.advance(2_000);
    return [sessionId, ...people];
  }

  seated(sessionId: string): string[] {
    return [...this.server.room(sessionId).seats.values()].map(({ username }) => username);
  }
}

export const connections = ({ environment }: Person): FakePeerConnection[] =>
  environment.peerConnections.filter(({ connectionState }) => connectionState !== 'closed');

export const states = (list: FakePeerConnection[]): RTCPeerConnectionState[] => list.map(({ connectionState }) => connectionState);
