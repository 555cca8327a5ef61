/** Sound comes in frames of so many samples: what the voice detector takes. */
export const FRAME = 512;
/** How long one is, in milliseconds, at 16 kHz. */
export const FRAME_MS = 32;
/** The name of the audio processor. */
export const WORKLET = 'tunrtc-captions';

/** A frame of sound at 16 kHz, and when its last sample was taken: `Date.now()` of this machine, the one clock that all threads have. */
export interface Frame {
  samples: Float32Array<ArrayBuffer>;
  at: number;
}
