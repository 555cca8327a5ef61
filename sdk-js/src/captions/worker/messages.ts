import type { Assets } from '../assets.ts';
import type { CaptionErrorCode, Heard } from '../engine.ts';

/** What the worker is told, once, with the port that sound comes to. */
export interface Opening {
  assets: Assets;
  sound: MessagePort;
}

/** What the worker tells. */
export type Told = { type: 'ready'; factor: number } | ({ type: 'heard' } & Heard) | { type: 'failed'; code: CaptionErrorCode; message: string };
