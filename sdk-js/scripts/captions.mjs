// Puts together dist/captions/: what captions on the device are made of. Names follow from what is in the files, so a browser may keep them for ever;
// assets.json says which there are, and is all that has to be asked for anew.
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import llama from 'llama-tokenizer-js';

const at = (path) => new URL(`../${path}`, import.meta.url);
const packaged = (path) => at(`node_modules/${path}`);
const MODEL = '@moonshine-ai/moonshine-js/dist/model/tiny/quantized';
// Of moonshine-js the weights alone are used: `overrides` in package.json keeps what its own loader runs on (a library of models, with
// programs for every system) from being installed, and gives it the voice detector that its packagers have in a folder of theirs.
/** As in src/captions/assets.ts. */
const PROTOCOL = 1;

const SOURCES = {
  worker: at('dist/captions/worker.js'),
  worklet: at('dist/captions/worklet.js'),
  runtime: packaged('onnxruntime-web/dist/ort-wasm-simd-threaded.mjs'),
  wasm: packaged('onnxruntime-web/dist/ort-wasm-simd-threaded.wasm'),
  voice: packaged('@ricky0123/vad-web/dist/silero_vad_v5.onnx'),
  encoder: packaged(`${MODEL}/encoder_model.onnx`),
  decoder: packaged(`${MODEL}/decoder_model_merged.onnx`),
};
/** Whose work it is. */
const PACKAGES = ['@moonshine-ai/moonshine-js', '@ricky0123/vad-web', 'onnxruntime-web', 'llama-tokenizer-js'];

/** Writes dist/captions/, where tsdown has put the programs. */
export async function buildCaptions() {
  const contents = { vocabulary: [Buffer.from(JSON.stringify(llama.vocabById)), '.json'] };
  for (const [name, source] of Object.entries(SOURCES)) contents[name] = [await readFile(source), extname(source.pathname)];
  const files = {};
  for (const [name, [content, extension]] of Object.entries(contents)) {
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
    files[name] = `${name}.${hash}${extension}`;
    await writeFile(at(`dist/captions/${files[name]}`), content);
  }
  await writeFile(at('dist/captions/assets.json'), JSON.stringify({ protocol: PROTOCOL, files }));
  await writeFile(at('dist/captions/LICENSES.txt'), (await Promise.all(PACKAGES.map(notice))).join('\n'));
  for (const name of ['worker', 'worklet']) await rm(at(`dist/captions/${name}.js`));
}

/** A package, its licence, and the text of that where the package has it. The voice detector is Silero's, under MIT. */
async function notice(name) {
  const folder = packaged(`${name}/`);
  const { version, license, homepage = '' } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8'));
  const text = (await readdir(folder)).find((file) => file.startsWith('LICENSE'));
  return `${name} ${version} (${license}) ${homepage}\n\n${text ? await readFile(new URL(text, folder), 'utf8') : ''}`;
}
