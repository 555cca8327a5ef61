/** The documents of the project, as somebody finds them who starts at the README. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../../../', import.meta.url);
/** Beside those that a reader is led to, the ones of single folders. */
const OTHERS = ['infra/README.md', 'localstack/fuzz/README.md', 'sdk-csharp/README.md', ...readdirSync(new URL('docs/adr/', ROOT)).map((name) => `docs/adr/${name}`)];
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'CODE_OF_CONDUCT.md', 'CONTRIBUTING.md', 'SECURITY.md', 'coturn/README.md', 'sdk-js/README.md', ...['docs/', 'docs/guides/'].flatMap((folder) => readdirSync(new URL(folder, ROOT)).map((name) => folder + name))]
  .filter((path) => path.endsWith('.md'));

const read = (path: string | URL) => readFileSync(new URL(path, ROOT), 'utf8');

/** Links to files of the project, with the place in them, if one is named. */
function links(path: string): { target: URL; text: string }[] {
  const prose = read(path).replace(/```[^]*?```/g, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, text = '']) => text)
    .filter((text) => !/^[a-z]+:/.test(text))
    .map((text) => ({ text, target: new URL(text, new URL(path, ROOT)) }));
}

/** The places of a document that a link can name, made of its headings as GitHub makes them. */
function places(document: string): string[] {
  return [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'),
  );
}

test('every link leads somewhere', () => {
  const dead = [...DOCUMENTS, ...OTHERS].flatMap((path) =>
    links(path)
      .filter(({ target }) => {
        const file = new URL(target.pathname, target);
        if (!existsSync(file)) return true;
        return target.hash !== '' && !places(read(file)).includes(target.hash.slice(1));
      })
      .map(({ text }) => `${path}: ${text}`),
  );
  assert.deepEqual(dead, []);
});

test('the README, and the guides’ own, lead to every document', () => {
  const known = new Set(['README.md', 'docs/guides/README.md'].flatMap(links).map(({ target }) => target.pathname));
  const missing = DOCUMENTS.filter((path) => path !== 'README.md' && !known.has(new URL(path, ROOT).pathname));
  assert.deepEqual(missing, []);
});
