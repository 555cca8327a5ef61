import type { MediaStreamTrack } from '../platform.ts';

/** What an engine understood: each replaces the last one, until a final one ends the sentence. */
export interface Heard {
  /** All of the sentence so far. A final one without text ends a sentence that was none. */
  text: string;
  /** Whether nothing more comes of this sentence. */
  final: boolean;
  /** How long ago the sentence began, in milliseconds; when it was first heard of, if absent. */
  beganMsAgo?: number;
}

/** What an engine is told, and whom it tells. */
export interface Ear {
  /** What is spoken, as a BCP 47 tag. */
  readonly language: string;
  /** Where the files for captions are: an address that ends with a slash. */
  readonly assets: string;
  heard(heard: Heard): void;
  /** The engine cannot go on; captions stop. */
  failed(error: unknown): void;
}

/**
 * Makes text of speech. Gets the microphone as one track, which is silent while the microphone is muted or off and stays the
 * same when another microphone is chosen. Resolves once it listens, with what stops it.
 */
export type CaptionEngine = (audio: MediaStreamTrack, ear: Ear) => Promise<() => void>;

/** What can be wrong with captions. */
export type CaptionErrorCode =
  /** This browser has not what the engine needs. */
  | 'unsupported'
  /** The engine does not know the language. */
  | 'language_unsupported'
  /** The files for captions are not where `assets` says, or do not fit this version. */
  | 'assets_missing'
  /** This machine cannot keep up with speech. */
  | 'too_slow'
  /** The browser, or the service behind the engine, refused. */
  | 'denied'
  /** The engine failed. */
  | 'engine_failed'
  /** The server did not take a sentence; `cause` is why. */
  | 'not_sent'
  /** Captions were stopped while they were starting. */
  | 'closed';

/** What goes wrong with captions; the code is stable, the message is for people. */
export class CaptionError extends Error {
  override readonly name = 'CaptionError';
  readonly code: CaptionErrorCode;

  constructor(code: CaptionErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Whatever was thrown, as an error of captions. */
export function asCaptionError(thrown: unknown, code: CaptionErrorCode = 'engine_failed'): CaptionError {
  if (thrown instanceof CaptionError) return thrown;
  return new CaptionError(code, thrown instanceof Error ? thrown.message : String(thrown), thrown);
}
