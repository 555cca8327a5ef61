import type { TunRTCClient } from 'tunrtc-client';
import { findAssets } from '../assets.ts';
import { asCaptionError, type CaptionEngine, type CaptionErrorCode } from '../engine.ts';
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

/** What the server's refusals mean to somebody who wants captions. */
const REFUSALS: Record<string, CaptionErrorCode> = { not_offered: 'unsupported', invalid_request: 'language_unsupported', forbidden: 'denied' };

/**
 * The engine with addresses that TunRTC's server signs. One is asked for before it listens: where the server offers none, or the language is not one
 * of Amazon Transcribe's, nobody has to speak to find out.
 */
export function ofServer(client: TunRTCClient): CaptionEngine {
  const path = `/api/session/${encodeURIComponent(client.sessionId ?? '')}/transcribe`;
  const address = async (language: string) => (await client.api.call<{ url: string }>('POST', path, { language })).url;
  return async (audio, ear) => {
    await address(ear.language).catch((thrown: { code?: string }) => {
      throw asCaptionError(thrown, REFUSALS[thrown.code ?? '']);
    });
    return engine(({ language }) => address(language))(audio, ear);
  };
}
