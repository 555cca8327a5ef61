import { Tensor, type InferenceSession } from 'onnxruntime-web/wasm';
import { FRAME } from '../frames.ts';
import { RATE } from '../resampler.ts';

/** The detector also takes the end of the frame before, in samples. */
const CONTEXT = 64;
/** What is as quiet as this is silence, without asking. */
const SILENT = 1e-4;

/** How likely there is a voice in a frame, by Silero's detector. */
export class Voice {
  readonly #session: InferenceSession;
  readonly #rate = new Tensor('int64', BigInt64Array.of(BigInt(RATE)), []);
  #state: Tensor = new Tensor('float32', new Float32Array(2 * 128), [2, 1, 128]);
  #context = new Float32Array(CONTEXT);

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  async likelihood(frame: Float32Array): Promise<number> {
    const input = new Float32Array(CONTEXT + FRAME);
    input.set(this.#context);
    input.set(frame, CONTEXT);
    this.#context = frame.slice(-CONTEXT);
    // A muted microphone costs nothing.
    if (frame.every((sample) => Math.abs(sample) < SILENT)) return 0;
    const answer = await this.#session.run({ input: new Tensor('float32', input, [1, input.length]), state: this.#state, sr: this.#rate });
    this.#state = answer['stateN'] as Tensor;
    return Number(answer['output']?.data[0] ?? 0);
  }
}
