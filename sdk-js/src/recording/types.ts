import type { RecordingKind } from '../wire.ts';

/** A fragment of a file ends at a key frame: without one, no piece is complete. In milliseconds. */
export const KEY_FRAMES_MS = 2_000;

/** The part of `MediaRecorder` that tells what it can do. */
export interface RecorderType {
  new (stream: MediaStream, options?: MediaRecorderOptions): MediaRecorder;
  isTypeSupported(type: string): boolean;
}

const AUDIO = ['audio/mp4;codecs=opus', 'audio/webm;codecs=opus'] as const;
/** H.264 at level 4.0, which is 1080p at 30 frames a second. */
const H264 = 'video/mp4;codecs=avc1.640028,opus';
const OTHERS = ['video/mp4;codecs=vp9,opus', 'video/webm;codecs=vp9,opus', 'video/webm;codecs=vp8,opus'] as const;

/**
 * What to record as, the best first. H.264 is played everywhere; but where the browser does not know how to make a key frame every
 * few seconds it gives nothing before the end, and a crash would lose all of it. Then it is never used.
 */
export function recordingTypes(kind: RecordingKind, Recorder: RecorderType): string[] {
  const wanted = kind === 'audio' ? AUDIO : makesKeyFrames(Recorder) ? [H264, ...OTHERS] : OTHERS;
  return wanted.filter((type) => Recorder.isTypeSupported(type));
}

/** Whether the browser knows the option `videoKeyFrameIntervalDuration`: one that does reads it. No other way tells. */
export function makesKeyFrames(Recorder: RecorderType): boolean {
  let isRead = false;
  const options = {
    get videoKeyFrameIntervalDuration() {
      isRead = true;
      return KEY_FRAMES_MS;
    },
  };
  try {
    // TypeScript does not know it yet.
    new Recorder(new MediaStream(), options as MediaRecorderOptions);
  } catch {
    // Some do not take an empty stream; what they have read by then they know.
  }
  return isRead;
}

/** Without codecs: `video/mp4`. That is what pieces are stored as, and what two types have in common that can follow each other. */
export function essenceOf(type: string): string {
  return type.split(';')[0] ?? '';
}
