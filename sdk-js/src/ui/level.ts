/** Times a second that the level is looked at. */
const RATE = 12;

/** How loud a microphone is, as a bar, for as long as it is asked to be. */
export class Level {
  readonly #bar: HTMLElement;
  #stop: (() => void) | undefined;
  #track: MediaStreamTrack | undefined;

  constructor(bar: HTMLElement) {
    this.#bar = bar;
  }

  /** Follows this track; none ends it. */
  follow(track: MediaStreamTrack | undefined): void {
    if (track === this.#track) return;
    this.#stop?.();
    this.#track = track;
    this.#stop = track && typeof AudioContext !== 'undefined' ? this.#listen(track) : undefined;
    if (!track) this.#bar.style.transform = '';
  }

  #listen(track: MediaStreamTrack): () => void {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // From -50 dB, a quiet room, to -10 dB, a loud voice.
      const level = Math.min(Math.max((10 * Math.log10(power + 1e-10) + 50) / 40, 0), 1);
      this.#bar.style.transform = `scaleX(${track.enabled ? level.toFixed(2) : 0})`;
    }, 1000 / RATE);
    return () => {
      clearInterval(timer);
      void context.close();
    };
  }
}
