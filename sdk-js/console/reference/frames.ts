/** The signaling frames of the AsyncAPI document, for people to read. */
import { make } from '../dom.ts';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
}

/** What a schema may name is in there. */
export interface Schemas {
  components: { schemas: Record<string, Schema> };
}

export interface AsyncDocument extends Schemas {
  operations: Record<string, { action: 'send' | 'receive' }>;
  components: { messages: Record<string, { payload: Schema }>; schemas: Record<string, Schema> };
}

/** What a field is called decides what an example of it looks like. */
export const EXAMPLES: Record<string, unknown> = {
  userId: '0190a5f0-7d3a-7b1e-8c55-1f2e3d4c5b6a',
  targetUserId: '0190a5f0-7d3a-7b1e-8c55-1f2e3d4c5b6a',
  fromUserId: '0190a5f0-7d3a-7b1e-8c55-1f2e3d4c5b6a',
  sessionId: '0190a5f1-02c4-7f60-a1b2-c3d4e5f60718',
  signalId: '0190a5f2-6a10-7e21-9b3c-4d5e6f708192',
  messageId: '0190a5f2-6a10-7e21-9b3c-4d5e6f708192',
  username: 'alice',
  fromUsername: 'alice',
  name: 'Design review',
  message: 'Hello everyone!',
  sdp: 'v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n',
  candidate: 'candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
  usernameFragment: 'F7gI',
  epoch: '2026-11-22T12:00:00.000Z',
  seq: 1,
  id: '1',
  identity: 'user-4711',
  code: 'peer_not_found',
};

export function showFrames(place: HTMLElement, document: AsyncDocument): void {
  place.append(...Object.keys(document.operations).map((name) => frame(document, name)));
}

function frame(document: AsyncDocument, name: string): HTMLElement {
  const { messages } = document.components;
  const payload = messages[name]?.payload ?? {};
  const ack = messages[`${name}.ack`]?.payload;
  const summary = make('summary', {}, make('b', {}, ack ? 'send' : 'event'), make('code', {}, name));
  const body = make('div', { className: 'body' }, ...described(document, 'data', payload.properties?.['data']));
  body.append(...example(ack ? 'Example' : 'Example, as it comes', exampleOf(document, payload)));
  if (ack) body.append(...described(document, 'data of its ack', ack.properties?.['data']), ...example('Its ack', exampleOf(document, ack)));
  return make('details', { id: name }, summary, body);
}

function example(title: string, value: unknown): HTMLElement[] {
  return [make('h3', {}, title), make('pre', { tabIndex: 0 }, make('code', {}, JSON.stringify(value, null, 2)))];
}

function described(document: AsyncDocument, title: string, schema: Schema | undefined): HTMLElement[] {
  const { properties = {}, required = [] } = resolve(document, schema);
  const rows = Object.entries(properties).map(([name, field]) => {
    const text = field.description ?? resolve(document, field).description ?? '';
    const optional = required.includes(name) ? [] : [make('span', { className: 'soft' }, ' optional')];
    const type = make('td', {}, make('code', {}, kindOf(field)), make('div', { className: 'soft' }, limits(field)));
    return make('tr', {}, make('td', {}, make('code', {}, name), ...optional), type, make('td', {}, text));
  });
  return [make('h3', {}, title), rows.length > 0 ? make('table', {}, make('tbody', {}, ...rows)) : make('p', { className: 'soft' }, 'Nothing.')];
}

function resolve(document: Schemas, schema: Schema | undefined): Schema {
  return (schema?.$ref ? document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] : schema) ?? {};
}

function kindOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const branches = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (branches) return branches.map(kindOf).join(' | ');
  if (schema.type === 'array') return `${kindOf(schema.items ?? {})}[]`;
  return [schema.type ?? 'any'].flat().join(' | ');
}

function limits({ minLength, maxLength, minimum, maximum, minItems, maxItems }: Schema): string {
  const span = (low: number | undefined, high: number | undefined, unit: string) =>
    low === undefined && high === undefined ? '' : `${low ?? 0}–${high ?? '∞'}${unit}`;
  return [span(minLength, maxLength, ' characters'), span(minimum, maximum, ''), span(minItems, maxItems, ' items')].filter(Boolean).join(', ');
}

/** A value that the schema allows, as it might come. */
export function exampleOf(document: Schemas, given: Schema, name = ''): unknown {
  const schema = resolve(document, given);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [branch] = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? [];
  if (branch) return exampleOf(document, branch, name);
  const type = [schema.type].flat()[0];
  if (type === 'array') return [exampleOf(document, schema.items ?? {}, name.replace(/s$/, ''))];
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(([field, value]) => [field, exampleOf(document, value, field)]);
    return Object.fromEntries(fields);
  }
  if (name in EXAMPLES) return EXAMPLES[name];
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'object') return {};
  return schema.format === 'date-time' || /At$|timestamp|since/.test(name) ? '2026-11-22T12:00:00.000Z' : name;
}
