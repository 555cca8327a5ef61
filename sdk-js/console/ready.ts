import { TunRTCError, type TunRTCClient } from '../src/index.ts';
import { Before } from '../src/ui/before.ts';
import { LABELS } from '../src/ui/labels.ts';
import { styled } from '../src/ui/styles.ts';
import { byId } from './dom.ts';
import { explain, fail } from './notice.ts';
import { self } from './self.ts';

const DEVICES = 'tunrtc.devices';

/** The way in is in sight however small the page is. */
const STYLES = `
:host { min-height: 0; }
.before { overflow: visible; padding: 12px 0; }
.before > .preview { width: auto; height: min(330px, 34vh); max-width: 100%; }
.before > button.primary { position: sticky; bottom: 12px; }
`;

/** Whether to begin with the microphone, and with the camera. */
export type Wanted = [audio: boolean, video: boolean];

/** A session that one is about to join. */
export interface Place {
  name: string;
  /** Who is there. */
  about: string;
  join(audio: boolean, video: boolean): Promise<void>;
}

/** The third view: oneself in the mirror, before one joins. */
export class Ready {
  readonly #client: TunRTCClient;
  readonly #root: ShadowRoot;
  readonly #useSpeaker: (deviceId: string) => void;
  #before: Before | undefined;
  #stop = () => {};
  #wanted: Wanted = [true, true];
  /** Whether the browser is still asked for what the preview shows. */
  #isAsking = false;
  #isJoining = false;
  #problem = '';

  constructor(client: TunRTCClient, useSpeaker: (deviceId: string) => void) {
    this.#client = client;
    this.#root = styled(byId('ready-call'), STYLES);
    this.#useSpeaker = useSpeaker;
  }

  /** Shows oneself until {@link close}. */
  open(place: Place): void {
    this.close();
    const onError = (error: unknown) => this.#failed(error);
    this.#before = new Before(this.#client, LABELS, LABELS.ready, { join: () => void this.#join(place), onSpeaker: this.#useSpeaker, onError });
    byId('ready-title').textContent = place.name;
    byId('ready-about').textContent = place.about;
    this.#root.replaceChildren(this.#before.element);
    this.#stop = this.#client.subscribe(() => this.#show());
    this.#wanted = lastDevices();
    this.#preview();
    this.#show();
  }

  /** Shows nothing any more. What the preview has captured is the call's, or ends with the next leave. */
  close(): void {
    this.#stop();
    this.#before?.close();
    this.#before = undefined;
    this.#root.replaceChildren();
    this.#problem = '';
  }

  #preview(): void {
    this.#isAsking = true;
    this.#client
      .preview(...this.#wanted)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#isAsking = false));
  }

  async #join(place: Place): Promise<void> {
    const { isMuted, isVideoEnabled } = this.#client;
    const wanted = (this.#wanted = this.#isAsking ? this.#wanted : [!isMuted, isVideoEnabled]);
    this.#isJoining = true;
    this.#problem = '';
    this.#show();
    try {
      await place.join(...wanted);
      keepDevices(wanted);
    } catch (error) {
      this.#failed(error);
      // What was captured ended with the attempt. A device that was refused is not asked for again.
      const isDevice = error instanceof TunRTCError && error.code.startsWith('media_');
      if (this.#before && !isDevice) this.#preview();
    } finally {
      this.#isJoining = false;
      this.#show();
    }
  }

  #failed(error: unknown): void {
    if (!this.#before || (error instanceof TunRTCError && error.code === 'closed')) return;
    if (!self(this.#client)) return fail(error);
    this.#problem = explain(error);
    this.#show();
  }

  #show(): void {
    this.#before?.update(this.#client.getSnapshot(), this.#isJoining, this.#problem);
  }
}

/** With which devices to begin: as they were the last time, in a call too; where there was none, with both. */
export function lastDevices(): Wanted {
  const [audio = true, video = true] = (localStorage.getItem(DEVICES) ?? '').split(' ').filter(Boolean).map((word) => word === 'true');
  return [audio, video];
}

export function keepDevices(wanted: Wanted): void {
  localStorage.setItem(DEVICES, wanted.join(' '));
}
