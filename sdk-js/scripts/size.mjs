// Holds the package to its size, minified and gzipped: what every page loads, and what the first call with WebRTC loads.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';

/** Node.js brings a zlib of its own, whose version ends with a commit. One that was built with another, as Debian's is, makes up to 0.5 % more of the same. */
const ZLIBS = process.versions.zlib.includes('-') ? 1 : 1.005;
const LIMIT_KB = { index: 18, mesh: 8, reporter: 5, app: 0.7, waiting: 1 };

const { output } = await build({
  input: new URL('../dist/index.js', import.meta.url).pathname,
  output: { format: 'esm', minify: true },
  write: false,
});
const { name } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
const loaded = new Set();

/** The bytes of a chunk and of all that it imports, as far as they are not loaded yet. */
function load(chunk) {
  if (loaded.has(chunk)) return 0;
  loaded.add(chunk);
  const own = gzipSync(chunk.code, { level: 9 }).length;
  return chunk.imports.reduce((bytes, file) => bytes + load(chunks.get(file)), own);
}

for (const chunk of output.filter(({ isEntry, isDynamicEntry }) => isEntry || isDynamicEntry)) {
  const size = load(chunk) / 1024;
  const limit = LIMIT_KB[chunk.name] ?? 0;
  console.log(`${name}/${chunk.name}: ${size.toFixed(2)} KB of ${limit} KB (ES module, minified, gzipped)`);
  if (size > limit * ZLIBS) process.exitCode = 1;
}

/** What an app loads more than the client for a ready-made part, whenever that is: apps that use one do not pay for another. */
const PARTS = {
  'react, <VideoCall>': { limit: 10, code: `export { TunRTCProvider, VideoCall } from '../dist/react.js';` },
  'react, hooks': { limit: 2, code: `export { TunRTCProvider, useCall, useChat, useDevices, useParticipants, useTracks, StreamVideo } from '../dist/react.js';` },
  'captions, with every engine': { limit: 8, code: `export * from '../dist/captions.js';` },
  'recording, with its player': { limit: 8, code: `export * from '../dist/recording.js';` },
  'element': { limit: 10, code: `import '../dist/element.js';` },
};
for (const [part, { limit, code }] of Object.entries(PARTS)) {
  const entry = new URL('../build/part.js', import.meta.url).pathname;
  await mkdir(new URL('../build/', import.meta.url), { recursive: true });
  await writeFile(entry, code);
  const { output } = await build({ input: entry, external: [/\/index\.js$/, 'react'], output: { format: 'esm', minify: true }, write: false });
  const size = output.reduce((bytes, chunk) => bytes + gzipSync(chunk.code, { level: 9 }).length, 0) / 1024;
  console.log(`${name}/${part}: ${size.toFixed(2)} KB of ${limit} KB more than the client`);
  if (size > limit * ZLIBS) process.exitCode = 1;
}
