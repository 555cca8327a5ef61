/**
 * Writes down what is said, away from the page's own thread: the voice detector, the speech model, and what they run on.
 * @module
 */
import { env, InferenceSession } from 'onnxruntime-web/wasm';
import type { Assets } from '../assets.ts';
import { asCaptionError } from '../engine.ts';
import type { Frame } from '../frames.ts';
import type { Opening, Told } from './messages.ts';
import { Moonshine } from './moonshine.ts';
import { Voice } from './voice.ts';
import { Writer } from './writer.ts';

const tell = (told: Told) => (self as unknown as { postMessage(told: Told): void }).postMessage(told);

self.onmessage = ({ data }: MessageEvent<Opening>) => void open(data).catch(fail);

async function open({ assets, sound }: Opening): Promise<void> {
  env.wasm.numThreads = 1;
  env.wasm.wasmPaths = { mjs: assets.runtime, wasm: assets.wasm };
  const [voice, moonshine] = [new Voice(await session(assets.voice)), await model(assets)];
  const factor = await measure(moonshine);
  const writer = new Writer({
    listen: (samples) => voice.likelihood(samples),
    write: (samples, isVoid) => moonshine.write(samples, isVoid),
    factor,
    heard: (heard) => tell({ type: 'heard', ...heard }),
    onLate: () => tell({ type: 'failed', code: 'too_slow', message: 'This machine cannot keep up with speech just now.' }),
    pause: () => new Promise((resolve) => setTimeout(resolve)),
    now: () => Date.now(),
  });
  sound.onmessage = ({ data }: MessageEvent<Frame>) => void writer.push(data).catch(fail);
  tell({ type: 'ready', factor });
}

async function model({ encoder, decoder, vocabulary }: Assets): Promise<Moonshine> {
  const words = (await (await load(vocabulary)).json()) as string[];
  return new Moonshine(await session(encoder), await session(decoder), words);
}

/** The better of two: the first one may have been disturbed. */
async function measure(moonshine: Moonshine): Promise<number> {
  const now = () => performance.now();
  const factor = await moonshine.measure(now);
  return factor < 1 ? factor : Math.min(factor, await moonshine.measure(now));
}

async function session(address: string): Promise<InferenceSession> {
  return InferenceSession.create(await (await load(address)).arrayBuffer());
}

async function load(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} is not there (${response.status})`);
  return response;
}

function fail(thrown: unknown): void {
  const { code, message } = asCaptionError(thrown);
  tell({ type: 'failed', code, message });
}
