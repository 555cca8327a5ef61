// The SDK's reference, made of the comments in its sources, which a server and a site on AWS have at `/docs/sdk/`. What somebody could not find in
// it, or a link that leads nowhere, is an error of `npm run lint`, and keeps nobody from building.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const at = (path) => new URL(`../${path}`, import.meta.url);
const OUT = at('build/reference/');
const MADE_FROM = at('build/reference.sha256');
const TYPEDOC = fileURLToPath(new URL('../bin/typedoc', import.meta.resolve('typedoc')));

/** Makes the reference, unless it is there and its sources are those that it was made from: it takes longer than all the rest of a build. */
export async function buildReference() {
  const sources = await hashOfSources();
  if ((await readFile(MADE_FROM, 'utf8').catch(() => '')) === sources) return OUT;
  await rm(MADE_FROM, { force: true });
  await rm(OUT, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [TYPEDOC, '--logLevel', 'Error', '--treatWarningsAsErrors', 'false'], { cwd: fileURLToPath(at('')), stdio: 'inherit' });
  if (status !== 0) throw new Error('the reference of the SDK was not made');
  await moveScripts();
  await cp(at('LICENSE'), new URL('LICENSE.txt', OUT));
  await writeFile(MADE_FROM, sources);
  return OUT;
}

/** Moves the script that typedoc writes into each page, the same into all, into a file: the policy of a site need not allow it then. */
async function moveScripts() {
  const inline = /<script>(?<script>[^]*?)<\/script>/;
  const assets = /<script defer src="(?<assets>[^"]*)main\.js"/;
  let moved = '';
  for (const name of await readdir(OUT, { recursive: true })) {
    if (!name.endsWith('.html')) continue;
    const page = await readFile(new URL(name, OUT), 'utf8');
    const { script } = inline.exec(page)?.groups ?? {};
    const from = assets.exec(page)?.groups?.assets;
    if (script === undefined || from === undefined || (moved && script !== moved)) throw new Error(`typedoc wrote ${name} in another way`);
    moved = script;
    await writeFile(new URL(name, OUT), page.replace(inline, () => `<script src="${from}theme.js"></script>`));
  }
  await writeFile(new URL('assets/theme.js', OUT), moved);
}

async function hashOfSources() {
  const files = (await readdir(at('src/'), { recursive: true })).filter((file) => file.endsWith('.ts')).map((file) => `src/${file}`);
  const hash = createHash('sha256');
  for (const file of [...files.sort(), 'README.md', 'scripts/reference.mjs', 'package.json', 'package-lock.json', 'tsconfig.json', 'typedoc.json']) {
    hash.update(`${file}\n`).update(await readFile(at(file)));
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(fileURLToPath(await buildReference()));
