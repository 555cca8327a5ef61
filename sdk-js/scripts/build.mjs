// Builds the package into dist/, and the console site, which is served at `/` as it is, into dist/console/.
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { build } from 'tsdown';

const at = (path) => new URL(`../${path}`, import.meta.url);

await rm(at('dist/'), { recursive: true, force: true });
await build();
await mkdir(at('dist/console/sdk/'), { recursive: true });
for (const file of await readdir(at('console/'))) {
  if (!file.endsWith('.ts')) await cp(at(`console/${file}`), at(`dist/console/${file}`));
}
await cp(at('examples/'), at('dist/console/examples/'), { recursive: true });
for (const file of await readdir(at('dist/'))) {
  if (file !== 'console') await cp(at(`dist/${file}`), at(`dist/console/sdk/${file}`));
}
