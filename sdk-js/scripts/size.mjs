// Holds the package to its size: all of it as an ES module, minified and gzipped.
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';

const LIMIT_KB = 20.1;

const { output } = await build({
  input: new URL('../dist/index.js', import.meta.url).pathname,
  output: { format: 'esm', minify: true },
  write: false,
});
const size = gzipSync(output[0].code, { level: 9 }).length;
const { name } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
console.log(`${name}: ${(size / 1024).toFixed(2)} KB of ${LIMIT_KB} KB (ES module, minified, gzipped)`);
if (size > LIMIT_KB * 1024) process.exitCode = 1;
