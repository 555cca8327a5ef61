import { CaptionError, type CaptionEngine, type CaptionErrorCode, type Ear } from './engine.ts';

/** The part of the browser's speech recognition that is used ([Web Speech API](https://webaudio.github.io/web-speech-api/)). */
interface Recognition {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  /** Whether nothing may leave the machine; absent in browsers that do not know it. */
  processLocally?: boolean;
  onresult: ((event: { resultIndex: number; results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }> }) => void) | null;
  onerror: ((event: { error: string; message?: string }) => void) | null;
  onend: (() => void) | null;
  start(audio?: MediaStreamTrack): void;
  abort(): void;
}

/** What says no more than that nobody spoke, or that the service was away for a moment: it is begun anew. */
const PASSING: ReadonlySet<string> = new Set(['no-speech', 'aborted', 'network']);
const CODES: Record<string, CaptionErrorCode> = {
  'not-allowed': 'denied',
  'service-not-allowed': 'denied',
  'language-not-supported': 'language_unsupported',
};
/** An end that comes sooner after a beginning than this is a failure; so many in a row, and the engine gives up. */
const SHORTEST_MS = 1_000;
const FAILURES = 5;

/** The browser's own speech recognition, on the machine where the browser can say so. */
export const browser: CaptionEngine = async (audio, ear) => {
  const { SpeechRecognition, webkitSpeechRecognition } = globalThis as Record<string, unknown>;
  const Recognition = (SpeechRecognition ?? webkitSpeechRecognition) as (new () => Recognition) | undefined;
  if (!Recognition) throw new CaptionError('unsupported', 'This browser has no speech recognition.');
  return recognize(new Recognition(), audio as MediaStreamTrack, ear);
};

function recognize(recognition: Recognition, audio: MediaStreamTrack, ear: Ear): () => void {
  let isOver = false;
  let startedAt = 0;
  let failures = 0;
  const start = () => {
    startedAt = performance.now();
    recognition.start(audio);
  };
  const fail = (error: CaptionError) => {
    isOver = true;
    ear.failed(error);
  };
  Object.assign(recognition, { lang: ear.language, continuous: true, interimResults: true });
  if ('processLocally' in recognition) recognition.processLocally = true;
  recognition.onresult = ({ resultIndex, results }) => {
    for (const result of Array.from(results).slice(resultIndex)) {
      ear.heard({ text: result[0]?.transcript ?? '', final: result.isFinal });
    }
  };
  recognition.onerror = ({ error, message }) => {
    if (!isOver && !PASSING.has(error)) fail(new CaptionError(CODES[error] ?? 'engine_failed', message || error));
  };
  // It ends by itself after a while, most browsers' after a minute.
  recognition.onend = () => {
    if (isOver) return;
    failures = performance.now() - startedAt < SHORTEST_MS ? failures + 1 : 0;
    if (failures < FAILURES) start();
    else fail(new CaptionError('engine_failed', 'Speech recognition does not stay on.'));
  };
  start();
  return () => {
    isOver = true;
    recognition.abort();
  };
}
