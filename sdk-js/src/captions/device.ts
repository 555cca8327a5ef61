import { findAssets, type Assets } from './assets.ts';
import { CaptionError, type CaptionEngine, type Ear } from './engine.ts';
import { tap } from './sound.ts';
import type { Opening, Told } from './worker/messages.ts';

/** A second of speech takes a second to write down: more, and the words come later and later. */
const TOO_SLOW = 1;

/**
 * Writes down on this machine: nothing is sent anywhere but the words. In English, by Moonshine tiny behind Silero's voice detector,
 * in a worker. How fast the machine is gets measured first.
 */
export const device: CaptionEngine = async (audio, ear) => {
  if (!/^en(-|$)/i.test(ear.language)) throw new CaptionError('language_unsupported', 'On the device, captions are in English alone.');
  if (typeof Worker === 'undefined' || typeof WebAssembly === 'undefined') throw new CaptionError('unsupported', 'There are no workers with WebAssembly here.');
  const assets = await findAssets(ear.assets);
  const sound = new MessageChannel();
  const worker = openWorker(assets.worker);
  try {
    await ready(worker, ear, assets, sound.port1);
    const stop = await tap(audio, assets.worklet, sound.port2);
    return () => {
      stop();
      worker.terminate();
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
};

/** A worker has to be of the page's own origin: one from elsewhere is brought in by a script of our own. */
function openWorker(address: string): Worker {
  if (new URL(address).origin === location.origin) return new Worker(address, { type: 'module' });
  const script = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};`], { type: 'text/javascript' }));
  return new Worker(script, { type: 'module' });
}

function ready(worker: Worker, ear: Ear, assets: Assets, sound: MessagePort): Promise<void> {
  return new Promise((resolve, reject) => {
    let fail: (error: CaptionError) => void = reject;
    worker.onerror = ({ message }) => fail(new CaptionError('assets_missing', message || 'The worker for captions could not be loaded.'));
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if (data.type === 'heard') ear.heard(data);
      else if (data.type === 'failed') fail(new CaptionError(data.code, data.message));
      else if (data.factor > TOO_SLOW) fail(new CaptionError('too_slow', `Writing down a second of speech takes this machine ${data.factor.toFixed(1)} s.`));
      else {
        fail = (error) => ear.failed(error);
        resolve();
      }
    };
    const opening: Opening = { assets, sound };
    worker.postMessage(opening, [sound]);
  });
}
