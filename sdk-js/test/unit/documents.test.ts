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

/** The project's own place on the web: what is linked there is in this checkout. */
const OURS = /^https:\/\/github\.com\/tunrtc\/tunrtc\/(?:blob|tree)\/main\//;
/** Pages beside the documents that lead to them. */
const PAGES = ['sdk-js/console/index.html', 'sdk-js/console/analytics/index.html', 'sdk-js/console/replay/index.html', 'localstack/gateway/src/reference.html'];
/** Whom documents may send a reader to. Another one is looked at, by a person, before it stands here: no test asks the Internet. */
const HOSTS = new Set([
  'caddyserver.com', 'developer.mozilla.org', 'docs.aws.amazon.com', 'docs.docker.com', 'github.com', 'keepachangelog.com', 'learn.microsoft.com',
  'nodejs.org', 'queue.acm.org', 'rustup.rs', 'semver.org', 'webrtc.github.io', 'www.rfc-editor.org', 'www.standardwebhooks.com',
]);

/** Where the prose of a document, or a page, leads. */
function linked(path: string): string[] {
  const prose = read(path).replace(/```[^]*?```/g, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)|<(https?:[^>\s]+)>| href="([^"]+)"/g)].map(([, text, plain, page]) => text ?? plain ?? page ?? '');
}

/** Links to files of the project, with the place in them, if one is named. */
function links(path: string): { target: URL; text: string }[] {
  return linked(path)
    .filter((text) => OURS.test(text) || !/^[a-z]+:/.test(text))
    .map((text) => ({ text, target: OURS.test(text) ? new URL(text.replace(OURS, ''), ROOT) : new URL(text, new URL(path, ROOT)) }));
}

/** The places of a document that a link can name, made of its headings as GitHub makes them. */
function places(document: string): string[] {
  return [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'),
  );
}

test('every link leads somewhere', () => {
  const leadsNowhere = ({ target }: { target: URL }) => {
    const file = new URL(target.pathname, target);
    if (!existsSync(file)) return true;
    return target.hash !== '' && !places(read(file)).includes(target.hash.slice(1));
  };
  const dead = [...DOCUMENTS, ...OTHERS].flatMap((path) => links(path).filter(leadsNowhere).map(({ text }) => `${path}: ${text}`));
  // A page's other links are the server's; the browser tests follow them.
  const ofPages = PAGES.flatMap((path) => links(path).filter((link) => OURS.test(link.text) && leadsNowhere(link)).map(({ text }) => `${path}: ${text}`));
  assert.deepEqual([...dead, ...ofPages], []);
});

test('links out of the project are whole, encrypted, and lead to places that were looked at', () => {
  const odd = [...DOCUMENTS, ...OTHERS, ...PAGES].flatMap((path) =>
    linked(path)
      .filter((text) => /^[a-z]+:/.test(text) && !/^(mailto:[^@]+@[^@]+|http:\/\/localhost:5000\/.*|http:\/\/localhost:5000)$/.test(text))
      .filter((text) => !URL.canParse(text) || new URL(text).protocol !== 'https:' || !HOSTS.has(new URL(text).hostname) || /[.,;]$/.test(text))
      .map((text) => `${path}: ${text}`),
  );
  assert.deepEqual(odd, []);
});

test('the README, and the guides’ own, lead to every document', () => {
  const known = new Set(['README.md', 'docs/guides/README.md'].flatMap(links).map(({ target }) => target.pathname));
  const missing = DOCUMENTS.filter((path) => path !== 'README.md' && !known.has(new URL(path, ROOT).pathname));
  assert.deepEqual(missing, []);
});
