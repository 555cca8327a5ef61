import type { TunRTCClient } from 'tunrtc-client';
import type { MediaStreamTrack } from '../platform.ts';
import { CaptionError } from './engine.ts';

/** Whether another microphone was chosen is looked at so often: no event tells it. */
const LOOK_MS = 500;

/** The microphone as one track. */
export interface Microphone {
  track: MediaStreamTrack;
  close(): void;
}

/** The microphone of a client, whichever that is just now: silent while it is muted or off. */
export async function openMicrophone(client: TunRTCClient): Promise<Microphone> {
  if (typeof AudioContext === 'undefined') throw new CaptionError('unsupported', 'There is no Web Audio here.');
  const context = new AudioContext();
  const sink = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  const [track] = sink.stream.getAudioTracks();
  let source: MediaStreamAudioSourceNode | undefined;
  let current: MediaStreamTrack | undefined;
  const follow = () => {
    const microphone = client.localStream?.getAudioTracks()[0];
    if (microphone === current) return;
    current = microphone;
    source?.disconnect();
    source = microphone && new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([microphone]) });
    source?.connect(sink);
  };
  follow();
  const timer = setInterval(follow, LOOK_MS);
  const close = () => {
    clearInterval(timer);
    track?.stop();
    void context.close();
  };
  if (!track) throw new CaptionError('unsupported', 'Web Audio gave no track.');
  // A page that nobody has touched yet may not run audio; it begins with the first touch.
  void context.resume();
  return { track, close };
}
