/** The page at /docs: REST by Swagger UI, with examples and the sign-in of this tab; signaling and contents by this page itself. */
import { TunRTCClient } from '../../src/index.ts';
import { byId, make } from '../dom.ts';
import { EXAMPLES, exampleOf, showFrames, type AsyncDocument, type Schema } from './frames.ts';
import { snippets } from './snippets.ts';

interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  security?: unknown[];
  tags?: string[];
  requestBody?: Content;
  responses: Record<string, Content>;
}
interface Content {
  content?: Record<string, { schema: Schema; example?: unknown }>;
}
interface RestDocument {
  paths: Record<string, Record<string, Operation>>;
  tags?: { name: string; description: string }[];
  components: { responses: Record<string, Content>; schemas: Record<string, Schema> };
}
/** What the server said when it was asked, by operation. */
type Examples = Record<string, { request?: unknown; response?: unknown }>;

interface SwaggerRequest {
  url: string;
  headers: Record<string, string>;
}
declare const SwaggerUIBundle: (options: object) => unknown;

const GROUPS: [name: string, description: string, path: RegExp][] = [
  ['Apps', 'What an app’s backend asks, with a key', /^\/api\/(users|keys|usage|webhooks|events)\b/],
  ['Accounts', 'Who one is', /^\/api\/auth\//],
  ['Sessions', 'The rooms that people meet in', /^\/api\/sessions?\//],
  ['Calls', 'What a call needs beside its session', /^\/api\/iceservers/],
  ['Server', 'How the server does', /./],
];

const client = new TunRTCClient({ url: location.origin, storage: sessionStorage });

async function load<Kind>(path: string): Promise<Kind> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as Kind;
}

/** Puts routes into groups, and examples where the document has none: of what is sent, in a terminal and in a page too. */
function dress(rest: RestDocument, examples: Examples): void {
  rest.tags = GROUPS.map(([name, description]) => ({ name, description }));
  for (const [path, item] of Object.entries(rest.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      operation.tags ??= [GROUPS.find(([, , pattern]) => pattern.test(path))?.[0] ?? 'Server'];
      const { request, response } = examples[operation.operationId] ?? {};
      const [answer] = Object.values(operation.responses);
      const [sent] = Object.values(operation.requestBody?.content ?? {});
      const body: unknown = request ?? (sent && exampleOf(rest, sent.schema));
      setExample(operation.requestBody, body);
      setExample(answer, response);
      const url = location.origin + path.replace(/{(\w+)}/g, (_, name: string) => String(EXAMPLES[name] ?? name));
      const sample = snippets({ method: method.toUpperCase(), url, body, needsToken: operation.security !== undefined });
      operation.description = [operation.description, sample].filter(Boolean).join('\n\n');
    }
  }
  for (const [code, refusal] of Object.entries(rest.components.responses)) setExample(refusal, problem(code, refusal));
}

function setExample(content: Content | undefined, example: unknown): void {
  if (example === undefined) return;
  for (const body of Object.values(content?.content ?? {})) body.example ??= example;
}

/** A problem document of this code, as the server writes it. */
function problem(code: string, refusal: Content): unknown {
  const schema = JSON.stringify(refusal.content ?? {});
  const status = Number(/"status":\{"const":(\d+)\}/.exec(schema)?.[1]);
  const detail = document.getElementById(code)?.lastElementChild?.textContent ?? '';
  const errors = code === 'invalid_request' ? { errors: [{ field: 'name', reason: 'is missing' }] } : {};
  const named = { type: `/docs#${code}`, title: code.replaceAll('_', ' '), status, detail, code, message: detail };
  return { ...named, requestId: '0190a5f0-6c1e-7c53-9f6e-2d5f1b0c7a11', ...errors };
}

/** With the sign-in of this tab, where the request has none of its own. */
async function sign(request: SwaggerRequest): Promise<SwaggerRequest> {
  const isOurs = new URL(request.url, location.href).origin === location.origin;
  if (!isOurs || !client.user || request.headers['Authorization']) return request;
  await client.me().catch(() => {});
  const token = client.api.auth?.token;
  if (token) request.headers['Authorization'] = `Bearer ${token}`;
  return request;
}

/** Resolves when the routes are on the page: Swagger UI's own `onComplete` comes before that. */
function showRest(rest: RestDocument): Promise<void> {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('.opblock')) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(byId('swagger'), { childList: true, subtree: true });
    SwaggerUIBundle({
      spec: rest,
      dom_id: '#swagger',
      deepLinking: false,
      docExpansion: 'list',
      defaultModelsExpandDepth: -1,
      displayRequestDuration: true,
      requestSnippetsEnabled: true,
      tryItOutEnabled: true,
      requestInterceptor: sign,
    });
  });
}

/** Where a name in the address is on the page, opened. */
function reveal(name: string): void {
  const operation = document.querySelector(`[id^="operations-"][id$="-${CSS.escape(name)}"]`);
  if (operation && !operation.classList.contains('is-open')) operation.querySelector<HTMLElement>('.opblock-summary-control')?.click();
  const place = operation ?? document.getElementById(name);
  if (place instanceof HTMLDetailsElement) place.open = true;
  place?.scrollIntoView({ block: 'start' });
}

/** Everything on the page by name, to be found by any word of it. */
function showContents(rest: RestDocument, signaling: AsyncDocument): void {
  const item = (name: string, kind: string, text: string, words: string) => {
    const element = make('li', {}, make('a', { href: `#${name}` }, make('small', {}, `${kind} `), text));
    element.dataset['words'] = `${kind} ${text} ${words}`.toLowerCase();
    return element;
  };
  const operations = Object.entries(rest.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, summary, responses }]) =>
      item(operationId, method.toUpperCase(), path, `${summary} ${JSON.stringify(responses).match(/responses\/\w+/g) ?? ''} ${Object.keys(responses)}`),
    ),
  );
  const frames = Object.entries(signaling.operations).map(([name, { action }]) => item(name, action === 'receive' ? 'send' : 'event', name, 'frame'));
  const errors = [...document.querySelectorAll('tr[id]')].map(({ id, textContent }) => item(id, 'error', id, textContent ?? ''));
  const group = (id: string, text: string) => make('li', { className: 'group' }, make('a', { href: `#${id}` }, text));
  byId('contents').append(group('rest', 'REST'), ...operations, group('signaling', 'Signaling'), ...frames, group('errors', 'Errors'), ...errors);
  const find = byId<HTMLInputElement>('find');
  find.oninput = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const items = [...byId('contents').querySelectorAll<HTMLElement>('li:not(.group)')];
    for (const each of items) each.hidden = !words.every((word) => each.dataset['words']?.includes(word));
    const count = items.filter(({ hidden }) => !hidden).length;
    byId('found').textContent = words.length > 0 ? `${count} found` : '';
  };
}

async function show(): Promise<void> {
  const [rest, signaling, examples] = await Promise.all([
    load<RestDocument>('/openapi.json'),
    load<AsyncDocument>('/asyncapi.json'),
    load<Examples>('/reference/examples.json'),
  ]);
  dress(rest, examples);
  byId('account').textContent = client.user
    ? `Requests that you try are ${client.user.username}’s, who is signed in in this tab.`
    : 'Sign in in the console, in this tab, to try what needs an account; or give a token to “Authorize”.';
  showFrames(byId('frames'), signaling);
  showContents(rest, signaling);
  await showRest(rest);
  const revealHash = () => location.hash && reveal(decodeURIComponent(location.hash.slice(1)));
  addEventListener('hashchange', revealHash);
  // The address does not change when the same place is asked for once more.
  byId('contents').addEventListener('click', ({ target }) => {
    if ((target as Element).closest('a')?.hash === location.hash) revealHash();
  });
  revealHash();
}

show().catch((error: Error) => byId('swagger').replaceChildren(make('p', { role: 'alert' }, `The reference did not load: ${error.message}`)));
