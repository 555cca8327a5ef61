import { defaultEnvironment, type Environment } from '../environment.ts';
import { BrowserSpool, type Spool } from './spool.ts';
import type { RecorderType } from './types.ts';

/** What a recording needs from its surroundings. */
export interface RecordingEnvironment extends Pick<Environment, 'fetch' | 'now' | 'setTimeout' | 'clearTimeout' | 'random' | 'onWake'> {
  /** Milliseconds since 1970, by this machine's clock. */
  wallClock(): number;
  /** The browser's recorder; absent where there is none. */
  Recorder: RecorderType | undefined;
  /** Absent where nothing can be kept. */
  spool: Spool | undefined;
  /** Takes what has this name for this tab alone, until the answer is called; answers nothing where another tab has it. Absent where tabs cannot be kept apart. */
  hold: ((name: string) => Promise<(() => void) | undefined>) | undefined;
}

/** The environment of this page. */
export function browserEnvironment(): RecordingEnvironment {
  const { fetch, now, setTimeout, clearTimeout, random, onWake } = defaultEnvironment();
  return {
    fetch,
    now,
    setTimeout,
    clearTimeout,
    random,
    onWake,
    wallClock: () => Date.now(),
    Recorder: globalThis.MediaRecorder,
    spool: globalThis.indexedDB && new BrowserSpool(),
    hold: globalThis.navigator?.locks && hold,
  };
}

function hold(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const held = (lock: Lock | null) => (lock ? new Promise<void>((release) => resolve(release)) : resolve(undefined));
    navigator.locks.request(name, { ifAvailable: true }, held).catch(reject);
  });
}
