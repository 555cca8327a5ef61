import { CaptionError } from './engine.ts';

/** What this client and the files have to agree on; another number, and they are not of one version. */
export const PROTOCOL = 1;

/** The files that engines load, by what they are, each with its address. */
export interface Assets {
  worklet: string;
  worker: string;
  runtime: string;
  wasm: string;
  voice: string;
  encoder: string;
  decoder: string;
  vocabulary: string;
}

/** Reads where the files are. Their names change with what is in them, so that they can be kept for ever; this list is asked for anew. */
export async function findAssets(address: string): Promise<Assets> {
  const missing = (cause?: unknown) => new CaptionError('assets_missing', `The files for captions are not at ${address}.`, cause);
  const response = await fetch(new URL('assets.json', address)).catch((error: unknown) => {
    throw missing(error);
  });
  if (!response.ok) throw missing();
  const { protocol, files } = (await response.json().catch(() => ({}))) as { protocol?: number; files?: Assets };
  if (protocol !== PROTOCOL || !files) throw new CaptionError('assets_missing', `The files for captions at ${address} are of another version.`);
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, new URL(file as string, address).href])) as unknown as Assets;
}
