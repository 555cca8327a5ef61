// Holds the package to its size, minified and gzipped: what every page loads, and what is loaded when it is first asked for.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';

const LIMIT_KB = { index: 20.7, quality: 0.9 };

const { output } = await build({
  input: new URL('../dist/index.js', import.meta.url).pathname,
  output: { format: 'esm', minify: true },
  write: false,
});
const { name } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
for (const chunk of output) {
  const size = gzipSync(chunk.code, { level: 9 }).length / 1024;
  const limit = LIMIT_KB[chunk.name] ?? 0;
  console.log(`${name}/${chunk.name}: ${size.toFixed(2)} KB of ${limit} KB (ES module, minified, gzipped)`);
  if (size > limit) process.exitCode = 1;
}
