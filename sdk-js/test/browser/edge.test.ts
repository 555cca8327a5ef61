/** The console as infra/edge.yaml offers it: one name for page and API, and CloudFront's headers on the page. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { freshPage, joinListed, launch, portOf, seesEverybody, signIn, startServer, startSession } from '../support/browser.ts';

const EDGE = new URL('../../../../infra/edge.yaml', import.meta.url);

/** typedoc makes a style sheet for filters; without filters it is empty. This is how browsers name what they refuse. */
const EMPTY_STYLE = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

/** The policy of the template, for a server whose signaling is not at the page's own name. */
function policy(signaling: string): string {
  const [, text] = /- "(default-src .+)"/.exec(readFileSync(EDGE, 'utf8')) ?? [];
  if (!text?.includes('wss://${DomainName}')) throw new Error('edge.yaml has no policy that lets signaling through');
  return text.replace('wss://${DomainName}', signaling).replaceAll('${Recordings}', '');
}

/** What stands between the browser and the server: it passes everything on, and adds the policy to what is not the API's. */
async function edgeOf(url: string): Promise<{ url: string; close(): void }> {
  const headers = { 'content-security-policy': policy(url.replace('http:', 'ws:')), 'x-content-type-options': 'nosniff' };
  const server = createServer((incoming, response) => {
    // As the template's request policy has it: everything but Host is passed on, since the server knows its own name.
    const asked = { ...incoming.headers, host: new URL(url).host };
    const onward = ask(`${url}${incoming.url}`, { method: incoming.method, headers: asked }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...(incoming.url?.startsWith('/api/') ? {} : headers) });
      answer.pipe(response);
    });
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${portOf(server)}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What the browser says it kept the page from doing. */
function refusals(page: Page): string[] {
  const said: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) said.push(message.text());
  });
  return said;
}

test('the references of the API and the SDK are on the public site, and its policy refuses none of their scripts', async () => {
  const server = await startServer();
  const edge = await edgeOf(server.url);
  const browser = await launch();
  try {
    const page = await freshPage(browser);
    const refused = refusals(page);
    await page.goto(`${edge.url}/docs`);
    await page.locator('.opblock').first().waitFor();
    await page.getByRole('link', { name: 'The JavaScript SDK' }).click();
    await page.getByRole('heading', { name: 'tunrtc-client', level: 1 }).first().waitFor();
    assert.deepEqual(refused.filter((text) => !text.includes(EMPTY_STYLE)), []);
  } finally {
    await browser.close();
    edge.close();
    await server.stop();
  }
});

test('two people hold a call on the public site, and its policy refuses nothing that the console does', async () => {
  const server = await startServer();
  const edge = await edgeOf(server.url);
  const browser = await launch();
  try {
    const pages = [await freshPage(browser), await freshPage(browser)] as const;
    const refused = pages.map(refusals);
    const [demo, alice] = await Promise.all([signIn(pages[0], edge.url, 'Demo'), signIn(pages[1], edge.url, 'Alice')]);
    await startSession(demo, 'At the edge');
    await alice.getByRole('button', { name: 'Refresh' }).click();
    await joinListed(alice, 'At the edge');
    await Promise.all([seesEverybody(demo, 1), seesEverybody(alice, 1)]);
    assert.deepEqual(refused, [[], []]);

    // The policy is in force: what it forbids does not run.
    const ran = await demo.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.injected = true';
      document.body.append(script);
      return 'injected' in globalThis;
    });
    assert.equal(ran, false);
    assert.equal(refused[0]?.length, 1);
  } finally {
    await browser.close();
    edge.close();
    await server.stop();
  }
});
