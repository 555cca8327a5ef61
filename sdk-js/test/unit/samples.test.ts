/** The code in the documents, held against the package's own types. Vue's and Svelte's is built and run by the browser tests. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';

const PACKAGE = new URL('../../../', import.meta.url);
const ROOT = new URL('../', PACKAGE);
const FOLDER = new URL('build/samples/', PACKAGE);
const DOCUMENTS = ['README.md', 'sdk-js/README.md', ...['docs/', 'docs/guides/'].flatMap((folder) => readdirSync(new URL(folder, ROOT)).map((name) => folder + name))].filter(
  (path) => path.endsWith('.md'),
);
/** What a sample may take for granted, because the text around it says so. */
const GIVEN = `
declare const client: import('tunrtc-client').TunRTCClient;
declare const sessionId: string;
declare const id: string;
declare const token: string;
declare const captions: import('tunrtc-client/captions').Captions;
declare const connection: import('@microsoft/signalr').HubConnection;
declare const entered: Promise<unknown>;
declare function answer(offer: unknown): void;
declare function add(data: unknown): void;
declare const IDLE: import('tunrtc-client').Snapshot;
declare const TunRTC: typeof import('tunrtc-client');
declare function show(what: unknown, muted?: boolean): void;
declare function report(error: unknown): void;
declare const { useEffect, useState, useSyncExternalStore }: typeof import('react');
declare const { TunRTCClient }: typeof import('tunrtc-client');
declare const video: HTMLVideoElement;
declare const MyWebSocket: new (url: string) => import('tunrtc-client').SocketLike;
declare const process: { env: Record<string, string> };
declare module 'node:http' {
  type Request = AsyncIterable<string> & { headers: Record<string, string> };
  type Response = { writeHead(status: number): { end(): void } };
  export function createServer(handle: (request: Request, response: Response) => void): { listen(port: number): void };
}
declare module '*.vue' { const component: import('vue').Component; export default component; }
declare module '*.svelte' { const component: import('svelte').Component<Record<string, unknown>>; export default component; }
`;
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  jsx: ts.JsxEmit.ReactJSX,
  allowJs: true,
  checkJs: true,
  noEmit: true,
  strict: true,
  // A sample in JavaScript says no types of its own.
  noImplicitAny: false,
  strictNullChecks: false,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  types: [],
  paths: {
    'tunrtc-client': [new URL('src/index.ts', PACKAGE).pathname],
    'tunrtc-client/react': [new URL('src/react/index.ts', PACKAGE).pathname],
    'tunrtc-client/captions': [new URL('src/captions/index.ts', PACKAGE).pathname],
    'tunrtc-client/data': [new URL('src/data.ts', PACKAGE).pathname],
    'tunrtc-client/recording': [new URL('src/recording/index.ts', PACKAGE).pathname],
    'tunrtc-client/server': [new URL('src/server.ts', PACKAGE).pathname],
    'tunrtc-client/invites': [new URL('src/invites.ts', PACKAGE).pathname],
    'tunrtc-client/ui': [new URL('src/ui/index.ts', PACKAGE).pathname],
    'tunrtc-client/element': [new URL('src/ui/element.ts', PACKAGE).pathname],
  },
};

interface Sample {
  document: string;
  file: string;
}

/** Writes every sample into a file of its own, in a folder a document: samples import each other by their names. */
function extract(document: string): Sample[] {
  const text = readFileSync(new URL(document, ROOT), 'utf8');
  const folder = new URL(`${document.replace(/\W/g, '-')}/`, FOLDER);
  return [...text.matchAll(/^```(js|ts|jsx|tsx) ?(\S*)\n([^]*?)^```/gm)].map(([, language = '', name, code = ''], at) => {
    const file = new URL(name || `${at}.${language}`, folder);
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, `${code}\nexport {};\n`);
    return { document, file: file.pathname };
  });
}

test('every sample of the documents fits the types', () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const given = new URL('given.d.ts', FOLDER).pathname;
  writeFileSync(given, GIVEN);
  const samples = DOCUMENTS.flatMap(extract);
  assert.ok(samples.length > 10, 'samples are found');
  const program = ts.createProgram([given, ...samples.map(({ file }) => file)], OPTIONS);
  const files = new Map(samples.map(({ file, document }) => [file, document]));
  const problems = ts.getPreEmitDiagnostics(program).flatMap(({ file, messageText, start }) => {
    const document = files.get(file?.fileName ?? '') ?? (file?.fileName === given ? 'given' : undefined);
    if (!document) return [];
    const line = file?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
    return `${document}: ${file?.text.split('\n')[line]?.trim()}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  assert.deepEqual(problems, []);
});
