import type { MediaStreamTrack } from '../platform.ts';
import { CaptionError } from './engine.ts';
import { WORKLET } from './frames.ts';

/**
 * Has a track's sound sent to a port, as frames of 512 samples at 16 kHz; the answer stops it.
 *
 * @param worklet the address of the audio processor
 */
export async function tap(track: MediaStreamTrack, worklet: string, to: MessagePort): Promise<() => void> {
  if (typeof AudioWorkletNode === 'undefined') throw new CaptionError('unsupported', 'There are no audio worklets here: the page has to be secure (https).');
  const context = new AudioContext();
  const stop = () => void context.close();
  try {
    await context.audioWorklet.addModule(worklet);
  } catch (cause) {
    stop();
    throw new CaptionError('assets_missing', 'The audio processor could not be loaded.', cause);
  }
  const node = new AudioWorkletNode(context, WORKLET, { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
  node.port.postMessage(to, [to]);
  new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) }).connect(node);
  void context.resume();
  return () => {
    node.port.postMessage(undefined);
    stop();
  };
}
