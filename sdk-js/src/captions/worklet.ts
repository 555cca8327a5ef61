/**
 * Takes sound out of the browser's audio thread: frames of 512 samples at 16 kHz, to whatever port it is given.
 * @module
 */
import { FRAME, WORKLET, type Frame } from './frames.ts';
import { Resampler } from './resampler.ts';

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const QUANTUM = new Float32Array(128);

class Tap extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate);
  #frame = new Float32Array(FRAME);
  #filled = 0;
  #to: MessagePort | undefined;
  #isOver = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | undefined>) => {
      this.#to = data;
      this.#isOver = !data;
    };
  }

  process([input]: Float32Array[][]): boolean {
    for (const sample of this.#resampler.push(input?.[0] ?? QUANTUM)) this.#take(sample);
    return !this.#isOver;
  }

  #take(sample: number): void {
    this.#frame[this.#filled++] = sample;
    if (this.#filled < FRAME) return;
    const frame: Frame = { samples: this.#frame, at: Date.now() };
    this.#to?.postMessage(frame, [frame.samples.buffer]);
    this.#frame = new Float32Array(FRAME);
    this.#filled = 0;
  }
}

registerProcessor(WORKLET, Tap);
