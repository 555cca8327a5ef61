import { findAssets } from '../assets.ts';
import type { CaptionEngine } from '../engine.ts';
import type { Frame } from '../frames.ts';
import { tap } from '../sound.ts';
import { Line, type BinarySocket } from './line.ts';

/** What is spoken, and how it is sent: what the address has to be signed for. */
export interface TranscribeRequest {
  /** BCP 47; Amazon Transcribe wants a region in it, as `en-US` has. */
  language: string;
  sampleRate: 16_000;
  encoding: 'pcm';
}

/** The engine for an app that gets addresses of Amazon Transcribe signed. */
export function engine(sign: (request: TranscribeRequest) => Promise<string>): CaptionEngine {
  return async (audio, ear) => {
    const { worklet } = await findAssets(ear.assets);
    const sound = new MessageChannel();
    const line = new Line({
      url: () => sign({ language: ear.language, sampleRate: 16_000, encoding: 'pcm' }),
      openSocket: (url) => new WebSocket(url) as unknown as BinarySocket,
      ear,
    });
    sound.port1.onmessage = ({ data }: MessageEvent<Frame>) => line.push(data);
    const stop = await tap(audio, worklet, sound.port2);
    return () => {
      stop();
      sound.port1.close();
      line.close();
    };
  };
}
