/** The apps of docs/guides, as somebody would copy them: taken out of the page, built, and served. */
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { rolldown, type Plugin } from 'rolldown';
import { compile as compileSvelte } from 'svelte/compiler';
import { compileScript, parse } from 'vue/compiler-sfc';
import { portOf } from './browser.ts';

const PACKAGE = new URL('../../../', import.meta.url);
const DOCS = new URL('../docs/', PACKAGE);

/** A code block of a document that says its file's name after its language. */
export async function block(document: string, file: string): Promise<string> {
  const text = await readFile(new URL(document, DOCS), 'utf8');
  const escaped = file.replace(/[.[\]/]/g, '\\$&');
  const code = new RegExp(`^\`\`\`\\w+ ${escaped}\\n([^]*?)^\`\`\``, 'm').exec(text)?.[1];
  if (code === undefined) throw new Error(`${document} shows no ${file}`);
  return code;
}

/** What a project of either framework has in its build. */
const frameworks: Plugin = {
  name: 'frameworks',
  transform(code, id) {
    if (id.endsWith('.svelte')) return compileSvelte(code, { filename: id, dev: false }).js.code;
    if (!id.endsWith('.vue')) return undefined;
    const { descriptor } = parse(code, { filename: id });
    return { code: compileScript(descriptor, { id: 'guide', inlineTemplate: true }).content, moduleType: 'js' };
  },
};

/** One script made of files by their names; the first is the entry. */
export async function bundle(name: string, files: Record<string, string>, mode = 'development'): Promise<string> {
  const folder = new URL(`build/guides/${name}/`, PACKAGE);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [file, code] of Object.entries(files)) await writeFile(new URL(file, folder), code);
  const built = await rolldown({
    input: new URL(Object.keys(files)[0] ?? '', folder).pathname,
    platform: 'browser',
    plugins: [frameworks],
    resolve: { conditionNames: ['browser', 'import', mode] },
    transform: { define: { 'process.env.NODE_ENV': JSON.stringify(mode) } },
  });
  const { output } = await built.generate({ format: 'esm', codeSplitting: false });
  await built.close();
  return output[0].code;
}

export interface Site {
  url: string;
  stop(): Promise<void>;
}

/** A web server of one's own, on another port than TunRTC's, for these files. */
export async function serve(files: Record<string, string>): Promise<Site> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/[?#].*/, '');
    const body = files[path];
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://localhost:${portOf(server)}`, stop };
}

/** A page with a script, and a place for what it shows. */
export const shell = (script: string, rest = ''): string => `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width" />
  <title>An app</title>
  <style>:root { color-scheme: light dark; } body { margin: 0; } video { width: 200px; }</style>
  <main><h1 style="position: absolute; clip-path: inset(50%)">An app</h1><div id="root"></div></main>
  <script type="module" src="${script}"></script>
  ${rest}
</html>`;
