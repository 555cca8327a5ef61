// Builds the package into dist/, the console site with the SDK's reference, which is served at `/` as it is, into dist/console/, and what captions on the device
// load, which is served at `/captions/`, into dist/captions/.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'tsdown';
import { buildCaptions } from './captions.mjs';
import { buildReference } from './reference.mjs';

const at = (path) => new URL(`../${path}`, import.meta.url);

await rm(at('dist/'), { recursive: true, force: true });
await build();
await buildCaptions();
await mkdir(at('dist/console/sdk/'), { recursive: true });
for (const file of await readdir(at('console/'), { recursive: true })) {
  if (/\.\w+$/.test(file) && !file.endsWith('.ts')) await cp(at(`console/${file}`), at(`dist/console/${file}`));
}
// The pages beside the console begin as it does, and let people sign in as it does: with the same parts.
const home = await readFile(at('console/index.html'), 'utf8');
const part = (pattern) => pattern.exec(home)[0];
const head = part(/<meta charset[^]*?app\.css" \/>/).replace(/<title>.*\s*/, '').replaceAll('href="', 'href="../');
const bar = part(/<a class="skip"[^]*?<\/header>/).replace('href="./"', 'href="../"');
const signIn = part(/<section id="sign-in"[^]*?<\/section>/);

/** @param ways what stands in the place of the links below the console's form */
async function besideConsole(page, ways) {
  const source = await readFile(at(`console/${page}/index.html`), 'utf8');
  const [, title] = /<title>(.*) – TunRTC<\/title>/.exec(source);
  const named = `<p class="session-name" aria-hidden="true">${title}</p>\n      `;
  const whole = source
    .replace('<!-- head -->', () => head)
    // What stands between the mark and the theme is about a call.
    .replace('<!-- bar -->', () => bar.replace(/<p id="session-name"[^]*(?=<button id="theme")/, named))
    .replace('<!-- sign-in -->', () => signIn.replace(/<nav class="links"[^]*?<\/nav>/, ways));
  await writeFile(at(`dist/console/${page}/index.html`), whole);
}

await besideConsole('replay', '');
await besideConsole('analytics', '<p class="aside"><a id="with-key" hidden>With an API key of this server</a></p>');
const uplot = (file) => new URL(`../${file}`, import.meta.resolve('uplot'));
await cp(uplot('dist/uPlot.min.css'), at('dist/console/analytics/uplot.css'));
await cp(uplot('LICENSE'), at('dist/console/analytics/uplot.LICENSE.txt'));
const swagger = (file) => new URL(import.meta.resolve(`swagger-ui-dist/${file}`));
for (const file of ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt']) await cp(swagger(file), at(`dist/console/reference/${file}`));
for (const file of ['LICENSE', 'NOTICE']) await cp(swagger(file), at(`dist/console/reference/swagger-ui.${file}.txt`));
// The site's policy lets no `data:` in: the drawings in the style sheet become files beside it.
const drawings = [];
const style = (await readFile(swagger('swagger-ui.css'), 'utf8')).replace(/url\("data:image\/svg\+xml;charset=utf-8,(.*?)"\)/g, (_, svg) => {
  drawings.push(decodeURIComponent(svg));
  return `url("swagger-ui-${drawings.length}.svg")`;
});
await writeFile(at('dist/console/reference/swagger-ui.css'), style);
for (const [index, svg] of drawings.entries()) await writeFile(at(`dist/console/reference/swagger-ui-${index + 1}.svg`), svg);
await cp(await buildReference(), at('dist/console/docs/sdk/'), { recursive: true });
await cp(at('examples/'), at('dist/console/examples/'), { recursive: true });
// The stock client that one of the examples is made of.
await cp(at('node_modules/@microsoft/signalr/dist/browser/signalr.min.js'), at('dist/console/examples/signalr.min.js'));
for (const file of await readdir(at('dist/'))) {
  if (file !== 'console' && file !== 'captions') await cp(at(`dist/${file}`), at(`dist/console/sdk/${file}`));
}
// The package itself, for whoever has a server and no registry that has it: `npm install http://localhost:5000/sdk/tunrtc-client.tgz`.
const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', 'dist/console/sdk'], { cwd: fileURLToPath(at('')), encoding: 'utf8', shell: process.platform === 'win32' }));
await rename(at(`dist/console/sdk/${packed.filename}`), at('dist/console/sdk/tunrtc-client.tgz'));
