import type { Devices, TunRTCClient } from 'tunrtc-client';
import { make } from './dom.ts';
import type { Labels } from './labels.ts';

type Kind = 'camera' | 'microphone' | 'speaker';

const KINDS: readonly Kind[] = ['camera', 'microphone', 'speaker'];
/** Where a page may choose: Chromium, and Firefox by now. */
const CHOOSES_SPEAKER = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;

/** A choice of camera, microphone and loudspeaker, filled with those that there are. */
export class DeviceSelects {
  readonly element: HTMLElement = make('div', { className: 'selects' });
  readonly #client: TunRTCClient;
  readonly #labels: Labels;
  readonly #selects: Record<Kind, HTMLSelectElement>;

  /** @param onSpeaker is given the id of a loudspeaker; @param onError what fails */
  constructor(client: TunRTCClient, labels: Labels, onSpeaker: (deviceId: string) => void, onError: (error: unknown) => void) {
    this.#client = client;
    this.#labels = labels;
    const select = (kind: Kind, choose: (deviceId: string) => unknown) => {
      const element = make('select');
      element.onchange = () => void Promise.resolve(choose(element.value)).catch(onError).finally(() => this.refresh());
      if (kind !== 'speaker' || CHOOSES_SPEAKER) this.element.append(make('label', {}, labels[kind], element));
      return element;
    };
    this.#selects = {
      camera: select('camera', (id) => client.useCamera(id)),
      microphone: select('microphone', (id) => client.useMicrophone(id)),
      speaker: select('speaker', onSpeaker),
    };
  }

  /** Fills it anew: names are hidden until the user has allowed a device. */
  async refresh(): Promise<void> {
    const devices = await this.#client.listDevices().catch((): Devices => ({ cameras: [], microphones: [], speakers: [] }));
    for (const kind of KINDS) this.#fill(kind, devices[`${kind}s`]);
  }

  #fill(kind: Kind, devices: MediaDeviceInfo[]): void {
    const select = this.#selects[kind];
    const known = devices.filter(({ deviceId }) => deviceId);
    const options = known.map(({ deviceId, label }) => make('option', { value: deviceId }, label || this.#labels[kind]));
    const chosen = this.#inUse(kind) ?? select.value;
    select.replaceChildren(...(options.length > 0 ? options : [make('option', { value: '' }, this.#labels.noDevice)]));
    select.disabled = options.length === 0;
    if (known.some(({ deviceId }) => deviceId === chosen)) select.value = chosen;
  }

  #inUse(kind: Kind): string | undefined {
    const { localStream } = this.#client;
    const tracks = kind === 'camera' ? localStream?.getVideoTracks() : kind === 'microphone' ? localStream?.getAudioTracks() : [];
    return tracks?.[0]?.getSettings().deviceId;
  }
}
