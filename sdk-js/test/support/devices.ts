/** Cameras, microphones and a screen that a test plugs in and out, and whose prompts it answers when it likes. */
import { FakeStream, FakeTrack } from './peer-connection.ts';

type Kind = 'audio' | 'video';

interface Listed {
  deviceId: string;
  kind: MediaDeviceKind;
  label: string;
}

/** A question to the user. */
export interface Asked {
  constraints: MediaStreamConstraints | 'screen';
  allow(): void;
  refuse(name: string): void;
}

export class FakeDevices {
  /** Everything that was ever asked. */
  readonly asked: (MediaStreamConstraints | 'screen')[] = [];
  /** Questions that are not answered; filled only while {@link answers} is off. */
  readonly open: Asked[] = [];
  readonly tracks: FakeTrack[] = [];
  /** Whether the user says yes at once. */
  answers = true;
  /** The name of the error with which everything is refused. */
  refusal: string | undefined;
  /** As on most phones: a second camera cannot be opened while one is open. */
  isPhone = false;
  /** Devices that are there and cannot be opened. */
  readonly broken = new Set<string>();
  #listed: Listed[] = [
    { deviceId: 'mic', kind: 'audioinput', label: 'Microphone' },
    { deviceId: 'cam', kind: 'videoinput', label: 'Camera' },
  ];
  readonly #listeners = new Set<() => void>();

  /** What the environment takes. */
  get mediaDevices(): MediaDevices {
    return {
      getUserMedia: (constraints: MediaStreamConstraints) => this.#ask(constraints, () => this.#capture(constraints)),
      getDisplayMedia: () => this.#ask('screen', () => this.#stream([this.#track('video', 'screen')])),
      enumerateDevices: async () => this.#listed,
      addEventListener: (_: string, listener: () => void) => this.#listeners.add(listener),
    } as unknown as MediaDevices;
  }

  /** Tracks that hold a device. */
  get live(): FakeTrack[] {
    return this.tracks.filter(({ readyState }) => readyState === 'live');
  }

  plugIn(kind: Kind, deviceId: string): void {
    this.#listed = [...this.#listed, { deviceId, kind: `${kind}input`, label: deviceId }];
    this.#listeners.forEach((listener) => listener());
  }

  /** Takes a device away; tracks of it end. */
  unplug(deviceId: string): void {
    this.#listed = this.#listed.filter((device) => device.deviceId !== deviceId);
    for (const track of this.live) if (track.getSettings().deviceId === deviceId) track.end();
    this.#listeners.forEach((listener) => listener());
  }

  /** The user takes the permission back: tracks end, and ids are hidden. */
  revoke(): void {
    this.#listed = this.#listed.map((device) => ({ ...device, deviceId: '', label: '' }));
    for (const track of this.live) track.end();
  }

  /** The user gives it again. */
  grant(): void {
    this.#listed = [
      { deviceId: 'mic', kind: 'audioinput', label: 'Microphone' },
      { deviceId: 'cam', kind: 'videoinput', label: 'Camera' },
    ];
  }

  #ask(constraints: Asked['constraints'], capture: () => FakeStream): Promise<FakeStream> {
    this.asked.push(constraints);
    return new Promise((resolve, reject) => {
      const close = () => void (this.open.includes(question) && this.open.splice(this.open.indexOf(question), 1));
      const question: Asked = {
        constraints,
        allow: () => {
          close();
          new Promise<FakeStream>((captured) => captured(capture())).then(resolve, reject);
        },
        refuse: (name) => {
          close();
          reject(new DOMException('refused', name));
        },
      };
      if (!this.answers) this.open.push(question);
      else if (this.refusal) question.refuse(this.refusal);
      else question.allow();
    });
  }

  #capture({ audio, video }: MediaStreamConstraints): FakeStream {
    const asked: [Kind, MediaTrackConstraints][] = [];
    for (const [kind, wish] of [['audio', audio], ['video', video]] as const) {
      if (wish) asked.push([kind, wish === true ? {} : wish]);
    }
    const found = asked.map(([kind, wish]) => [kind, this.#find(kind, wish)] as const);
    return this.#stream(found.map(([kind, deviceId]) => this.#track(kind, deviceId)));
  }

  #find(kind: Kind, { deviceId }: MediaTrackConstraints): string {
    const present = this.#listed.filter((device) => device.kind === `${kind}input`);
    const exact = (deviceId as ConstrainDOMStringParameters | undefined)?.exact;
    if (present.length === 0) throw new DOMException('none', 'NotFoundError');
    const device = exact === undefined ? present[0] : present.find((each) => each.deviceId === exact);
    if (!device) throw new DOMException('not that', 'OverconstrainedError');
    if (this.broken.has(device.deviceId)) throw new DOMException('broken', 'NotReadableError');
    if (kind === 'video' && this.isPhone && this.live.some((track) => track.kind === 'video' && track.label !== 'screen')) {
      throw new DOMException('one at a time', 'NotReadableError');
    }
    return device.deviceId;
  }

  #track(kind: Kind, deviceId: string): FakeTrack {
    const track = new FakeTrack(kind, deviceId);
    track.label = deviceId;
    this.tracks.push(track);
    return track;
  }

  #stream(tracks: FakeTrack[]): FakeStream {
    return new FakeStream(tracks);
  }
}
