/** The API reference at /docs: what it shows, what it finds, and that one can try it; and the examples on it, against the server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { TunRTCClient } from '../../src/index.ts';
import { eventually, freshPage, signIn, startServer } from '../support/browser.ts';
import { looksRight } from '../support/look.ts';
import { browser, server, withServer } from '../support/with-server.ts';

const EXAMPLES = new URL('../../../console/reference/examples.json', import.meta.url);

/** The hash of an empty text, as browsers name what they refuse. */
const EMPTY = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

const run = promisify(execFile);

type Examples = Record<string, { request?: unknown; response?: unknown }>;

/** What the next request is made of. */
interface Answer {
  token: string;
  refreshToken: string;
  sessionId: string;
}

// Named here, so that the examples have one; nothing here talks to it.
withServer(() => startServer('--stun-url', 'stun:stun.l.google.com:19302'));

async function open(place = ''): Promise<Page> {
  const page = await freshPage(browser);
  await page.goto(`${server.url}/docs${place}`);
  await page.locator('.opblock').first().waitFor();
  return page;
}

/** Asks every route that has an example what a newcomer would, in this order. */
async function ask(): Promise<Examples> {
  const examples: Examples = {};
  let token = '';
  const call = async (operation: string, method: string, path: string, request?: object): Promise<Answer> => {
    const headers: Record<string, string> = { ...(token && { authorization: `Bearer ${token}` }), ...(request && { 'content-type': 'application/json' }) };
    const answer = await fetch(server.url + path, { method, headers, ...(request && { body: JSON.stringify(request) }) });
    const text = await answer.text();
    assert.ok(answer.ok, `${operation}: ${text}`);
    const response = text ? (JSON.parse(text) as Answer) : undefined;
    examples[operation] = { ...(request && { request }), ...(response && { response }) };
    return response ?? { token: '', refreshToken: '', sessionId: '' };
  };
  const account = { email: 'ada@example.org', password: 'a bicycle in the rain' };
  ({ token } = await call('auth_register', 'POST', '/api/auth/register', { username: 'ada', ...account }));
  const { refreshToken } = await call('auth_login', 'POST', '/api/auth/login', account);
  ({ token } = await call('auth_refresh', 'POST', '/api/auth/refresh', { refreshToken }));
  await call('auth_me', 'GET', '/api/auth/me');
  const { sessionId } = await call('session_create', 'POST', '/api/session/create', { name: 'Design review', maxParticipants: 6, visibility: 'unlisted' });
  await call('session_join', 'POST', '/api/session/join', { sessionId });
  await call('session_ticket', 'POST', '/api/session/ticket', { sessionId });
  await say(account, sessionId);
  await call('session_get', 'GET', `/api/session/${sessionId}`);
  await call('session_messages', 'GET', `/api/session/${sessionId}/messages`);
  await call('ice_servers', 'GET', '/api/iceservers');
  await call('session_leave', 'POST', '/api/session/leave', { sessionId });
  await call('session_end', 'POST', '/api/session/end', { sessionId });
  await call('session_create', 'POST', '/api/session/create', { name: 'Design review', maxParticipants: 6 });
  await call('session_active', 'GET', '/api/session/active');
  const changed = { currentPassword: account.password, newPassword: 'a bicycle in the sun' };
  const fresh = await call('auth_password', 'POST', '/api/auth/password', changed);
  token = fresh.token;
  await call('auth_logout', 'POST', '/api/auth/logout', { refreshToken: fresh.refreshToken });
  ({ token } = await call('auth_login', 'POST', '/api/auth/login', { email: account.email, password: changed.newPassword }));
  await call('auth_delete', 'DELETE', '/api/auth/me', { password: changed.newPassword });
  token = '';
  await call('health', 'GET', '/health');
  return JSON.parse(JSON.stringify(examples, shorten)) as Examples;
}

async function say({ email, password }: { email: string; password: string }, sessionId: string): Promise<void> {
  const client = new TunRTCClient({ url: server.url, environment: { createPeerConnection: undefined } });
  await client.login(email, password);
  await client.joinSession(sessionId, false, false);
  await client.sendMessage('Hello everyone!');
  await client.disconnect();
  await fetch(`${server.url}/api/session/join`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.api.auth?.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sessionId }),
  });
}

/** Tokens are long and mean nothing to a reader; the address is that of the guides. */
function shorten(key: string, value: unknown): unknown {
  if (/token|ticket/i.test(key) && typeof value === 'string' && key !== 'tokenType') return `${value.slice(0, 12)}…`;
  return key === 'url' && typeof value === 'string' ? value.replace(/localhost:\d+|127\.0\.0\.1:\d+/, 'localhost:5000') : value;
}

/** What an example has that the server's answer lacks, or has as something else. A server may answer more by now. */
function missing(kept: unknown, now: unknown, place = ''): string[] {
  if (kept === null || typeof kept !== 'object') return typeof kept === typeof now && (kept === null) === (now === null) ? [] : [place];
  if (now === null || typeof now !== 'object' || Array.isArray(kept) !== Array.isArray(now)) return [place];
  return Object.entries(kept).flatMap(([field, value]) => missing(value, (now as Record<string, unknown>)[field], `${place}.${field}`));
}

test('the examples are what the server answers', async () => {
  const now = await ask();
  if (process.env['TUNRTC_RECORD']) await writeFile(EXAMPLES, `${JSON.stringify(now, null, 2)}\n`);
  const kept = JSON.parse(await readFile(EXAMPLES, 'utf8')) as Examples;
  assert.deepEqual(missing(kept, now), [], 'record them anew with TUNRTC_RECORD=1');
});

test('shows every route and every frame with an example, and nothing is kept out by the page’s own policy', async () => {
  const page = await freshPage(browser);
  const refused: string[] = [];
  page.on('console', (message) => message.type() === 'error' && refused.push(message.text()));
  await page.goto(`${server.url}/docs`);
  await page.locator('.opblock').first().waitFor();
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const routes = Object.values(paths).flatMap((item) => Object.keys(item));
  assert.equal(await page.locator('.opblock').count(), routes.length);
  await page.locator('#receiveOffer summary').click();
  await page.locator('#receiveOffer pre').getByText('fromUserId').waitFor();
  await page.getByRole('link', { name: 'POST /api/session/join' }).click();
  await page.locator('#operations-Sessions-session_join').getByText('currentParticipants').first().waitFor();
  assert.deepEqual(refused, []);
});

test('a route has what one would type, in a terminal and in a page, and both do what they say', async () => {
  const page = await open('#session_create');
  const demo = new TunRTCClient({ url: server.url, environment: { createPeerConnection: undefined } });
  const { token } = await demo.login('demo@tunrtc.com', 'demo123');
  const [inTerminal = '', inPage = ''] = await page.locator('#operations-Sessions-session_create .opblock-description pre').allTextContents();
  const { stdout } = await run('sh', ['-c', `${inTerminal.trim()} --silent`], { env: { ...process.env, TOKEN: token } });
  assert.equal((JSON.parse(stdout) as { name: string }).name, 'Design review');
  const status = await page.evaluate(`(async (token) => { ${inPage}; return answer.status; })('${token}')`);
  assert.equal(status, 201);
  // Without a recorded example the body is one that the schema allows.
  await page.getByRole('link', { name: 'POST /api/session/{sessionId}/mute' }).click();
  await page.locator('#operations-Sessions-session_mute .opblock-description').getByText(/-d '\{.*"kind":"audio"/).waitFor();
});

test('is searched, and leads where a problem’s type points', async () => {
  const page = await open('#session_full');
  await page.locator('tr#session_full').waitFor();
  await eventually(() => page.locator('tr#session_full').evaluate((row) => row.getBoundingClientRect().top < innerHeight), 'the row is in sight');
  await page.getByLabel('Find').fill('iceCandidate');
  await page.getByText('2 found').waitFor();
  await page.getByLabel('Find').fill('session_full post');
  await page.getByRole('link', { name: 'POST /api/session/join' }).waitFor();
});

test('tries a route with the sign-in of this tab', async () => {
  const page = await signIn(await freshPage(browser), server.url, 'Demo');
  await page.goto(`${server.url}/docs#auth_me`);
  await page.getByText('Requests that you try are demo’s').waitFor();
  const operation = page.locator('#operations-Accounts-auth_me');
  await operation.getByRole('button', { name: 'Execute' }).click();
  await operation.locator('.live-responses-table').getByText('demo@tunrtc.com').waitFor();
});

test('leads to the SDK’s own reference, which is searched and whose links lead somewhere', async () => {
  const page = await open();
  const refused: string[] = [];
  // typedoc makes a style sheet for filters. Without filters it is empty, and so no loss where inline styles are not allowed.
  page.on('console', (message) => message.type() === 'error' && !message.text().includes(EMPTY) && refused.push(message.text()));
  await page.getByRole('link', { name: 'The JavaScript SDK' }).click();
  await page.getByRole('heading', { name: 'tunrtc-client', level: 1 }).first().waitFor();
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('combobox').fill('joinSession');
  await page.getByRole('option', { name: 'TunRTCClient.joinSession' }).first().click();
  await page.getByText('Captures what is asked for, takes a seat').waitFor();
  await page.goto(`${server.url}/docs/sdk`);
  assert.equal(new URL(page.url()).pathname, '/docs/sdk/');
  assert.deepEqual(refused, []);
  assert.deepEqual(await deadLinks(new URL('../../../dist/console/docs/sdk/', import.meta.url)), []);
});

/** Links between the pages of a folder to pages, or places on one, that are not there. What begins with a slash is the server's. */
async function deadLinks(folder: URL): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.html'));
  const pages = new Map(await Promise.all(names.map(async (name) => [new URL(name, folder).pathname, await readFile(new URL(name, folder), 'utf8')] as const)));
  const leads = ({ pathname, hash }: URL) => {
    const page = pages.get(pathname);
    return page === undefined ? existsSync(pathname) : hash === '' || page.includes(`id="${decodeURIComponent(hash.slice(1))}"`);
  };
  return [...pages].flatMap(([from, text]) =>
    [...text.matchAll(/ href="([^"]+)"/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^(\/|[a-z]+:)/.test(link) && link !== '#' && !leads(new URL(link, new URL(from, folder))))
      .map((link) => `${from}: ${link}`),
  );
}

test('fits every width', async () => {
  const page = await open();
  // Swagger UI is somebody else's, and so are its colours; everything around it is held to our own rules.
  await page.evaluate(() => document.getElementById('swagger')?.replaceChildren());
  await looksRight(page, undefined, 'reference');
});
