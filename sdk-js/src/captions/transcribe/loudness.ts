/** So much louder than the room is a voice, in dB, and no voice is softer than this. */
const ABOVE_DB = 10;
const SOFTEST_DB = -55;
/** How fast the room is taken to be louder than it was, in dB a frame: about 1 dB in 3 s. */
const RISE_DB = 0.01;

/** Tells a voice from the room by loudness alone: good enough to open a line for it, and costs nothing. */
export class Loudness {
  #room = 0;

  /** Whether this frame is louder than the room. */
  isVoice(samples: Float32Array): boolean {
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const level = 10 * Math.log10(power + 1e-10);
    this.#room = Math.min(level, this.#room + RISE_DB);
    return level > Math.max(this.#room + ABOVE_DB, SOFTEST_DB);
  }
}
