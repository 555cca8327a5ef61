import { InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { RATE } from '../resampler.ts';
import { decode } from './vocabulary.ts';

/** Moonshine tiny, as it was trained ([paper](https://arxiv.org/abs/2410.15608)): layers and heads of its decoder, tokens that begin and end. */
const LAYERS = 6;
const HEADS = 8;
const HEAD_SIZE = 36;
const BEGIN = 1;
const END = 2;
/** People do not say more in a second; more tokens are the model turning in circles. */
const TOKENS_PER_SECOND = 6.5;
/** A voice for so many seconds has said something, though the model may think not; of a shorter sound it may be right. */
const SURELY_WORDS = 1.5;
/** Whether words are still wanted is asked after so many tokens. */
const ASK_EVERY = 4;

type Cache = Record<string, Tensor>;

/** Makes words of speech at 16 kHz, in English. */
export class Moonshine {
  readonly #encoder: InferenceSession;
  readonly #decoder: InferenceSession;
  readonly #vocabulary: readonly string[];

  constructor(encoder: InferenceSession, decoder: InferenceSession, vocabulary: readonly string[]) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#vocabulary = vocabulary;
  }

  /** @param isVoid asked in between; once it answers yes there is no answer */
  async write(samples: Float32Array<ArrayBuffer>, isVoid?: () => Promise<boolean>): Promise<string | undefined> {
    const tokens = await this.#tokens(samples, samples.length / RATE < SURELY_WORDS ? 0 : 1, isVoid);
    return tokens && decode(tokens, this.#vocabulary);
  }

  /** How much of a second it takes to write down a second of usual speech. */
  async measure(now: () => number): Promise<number> {
    const seconds = 4;
    const noise = Float32Array.from({ length: seconds * RATE }, (_, index) => Math.sin(index * index) / 10);
    // The first time something is made ready.
    await this.#tokens(noise.slice(0, RATE), 1);
    const began = now();
    await this.#tokens(noise, seconds * 3);
    return (now() - began) / 1000 / seconds;
  }

  /** @param fewest the model may not end before */
  async #tokens(samples: Float32Array<ArrayBuffer>, fewest: number, isVoid?: () => Promise<boolean>): Promise<number[] | undefined> {
    const { last_hidden_state: sound } = await this.#encoder.run({ input_values: new Tensor('float32', samples, [1, samples.length]) });
    if (!sound) throw new Error('the encoder answered nothing');
    const most = Math.max(fewest, Math.ceil((samples.length / RATE) * TOKENS_PER_SECOND));
    const tokens: number[] = [];
    let cache = emptyCache();
    while (tokens.length < most) {
      if (isVoid && tokens.length % ASK_EVERY === 0 && (await isVoid())) return undefined;
      const answer = await this.#decoder.run({
        ...cache,
        input_ids: new Tensor('int64', BigInt64Array.of(BigInt(tokens.at(-1) ?? BEGIN)), [1, 1]),
        encoder_hidden_states: sound,
        use_cache_branch: new Tensor('bool', [tokens.length > 0]),
      });
      const token = likeliest(answer['logits']?.data as Float32Array, tokens.length < fewest);
      if (token === END) break;
      cache = nextCache(cache, answer, tokens.length > 0);
      tokens.push(token);
    }
    return tokens;
  }
}

function emptyCache(): Cache {
  const names = Array.from({ length: LAYERS }, (_, layer) => ['decoder', 'encoder'].flatMap((part) => [`${layer}.${part}.key`, `${layer}.${part}.value`]));
  return Object.fromEntries(names.flat().map((name) => [`past_key_values.${name}`, new Tensor('float32', new Float32Array(0), [0, HEADS, 1, HEAD_SIZE])]));
}

/** What the decoder remembers of the sound it answers the first time only. */
function nextCache(cache: Cache, answer: InferenceSession.OnnxValueMapType, isLater: boolean): Cache {
  const next = Object.keys(cache).map((name) => {
    const isKept = isLater && name.includes('.encoder.');
    return [name, isKept ? cache[name] : answer[name.replace('past_key_values', 'present')]];
  });
  return Object.fromEntries(next) as Cache;
}

function likeliest(logits: Float32Array, mayNotEnd: boolean): number {
  let best = -1;
  for (let token = 0; token < logits.length; token++) {
    if (mayNotEnd && token === END) continue;
    if (best < 0 || (logits[token] ?? 0) > (logits[best] ?? 0)) best = token;
  }
  return best;
}
