// Holds the package to its size, minified and gzipped: what every page loads, and what the first call with WebRTC loads.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';

const LIMIT_KB = { index: 18, mesh: 8 };

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
  if (size > limit) process.exitCode = 1;
}
