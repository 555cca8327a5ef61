// Holds the package's declarations, every line of them, to programs that know less than this one: without the DOM
// library, with Node's types alone, and with the module resolution of older programs.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url).pathname;
const FOLDER = at('build/types/');
const PROGRAM = `import { TunRTCClient, TunRTCError } from 'tunrtc-client';
const client = new TunRTCClient({ url: 'http://localhost:5000', environment: { openSocket: () => ({}) as never } });
client.on('message', ({ message }) => message.length);
export const failed = (error: unknown): boolean => error instanceof TunRTCError && error.code === 'closed';
`;
/** With the DOM library the platform's types are what they are everywhere else. */
const BROWSER = `const pc: RTCPeerConnection = client.createPeerConnection('somebody');
client.on('remoteStream', ({ stream }) => (document.createElement('video').srcObject = stream));
new TunRTCClient({ url: '/', rtcConfiguration: { iceTransportPolicy: 'relay' } });
// @ts-expect-error: not a policy
new TunRTCClient({ url: '/', rtcConfiguration: { iceTransportPolicy: 'neither' } });
export default pc;
`;
/** The ready-made parts, with React's types and without anything else. */
const PARTS = `import { createElement } from 'react';
import { TunRTCProvider, useCall, VideoCall } from 'tunrtc-client/react';
import { Captions } from 'tunrtc-client/captions';
import { RecordingPlayer, startRecording } from 'tunrtc-client/recording';
import { mountCall } from 'tunrtc-client/ui';
import 'tunrtc-client/element';
document.querySelector('tunrtc-call')!.client = client;
export const mounted: Promise<void> = mountCall(document.body, { client, sessionId: '' }).unmount();
export const App = () => createElement(TunRTCProvider, { client }, createElement(VideoCall, { sessionId: '', onLeft: (code) => code.length }));
export const written: Promise<void> = new Captions(client).start({ engine: 'device', language: 'en' });
export const recorded: Promise<void> = startRecording(client, { kind: 'audio' }).then((recording) => recording.stop());
export const shown: () => void = new RecordingPlayer([]).show('', document.createElement('video'));
export const useMute = () => useCall().setMuted(true);
// @ts-expect-error: neither a client nor an address
createElement(TunRTCProvider, {});
`;
const DOM = ['es2022', 'dom'];
const CASES = {
  'a browser': [PROGRAM + BROWSER, { module: 'nodenext', lib: DOM }],
  'neither DOM nor Node': [PROGRAM, { module: 'nodenext', lib: ['es2022'] }],
  'Node without DOM': [PROGRAM, { module: 'nodenext', lib: ['es2022'], types: ['node'] }],
  'moduleResolution node10': [PROGRAM + BROWSER, { module: 'esnext', moduleResolution: 'node10', ignoreDeprecations: '6.0', lib: DOM }],
  'the ready-made parts': [PROGRAM + PARTS, { module: 'nodenext', lib: ['es2022', 'dom', 'dom.iterable'] }],
  'moduleResolution bundler': [PROGRAM + BROWSER, { module: 'esnext', moduleResolution: 'bundler', lib: DOM }],
};

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(`${FOLDER}node_modules`, { recursive: true });
symlinkSync(at('.'), `${FOLDER}node_modules/tunrtc-client`);
for (const [name, [program, options]] of Object.entries(CASES)) {
  const compilerOptions = { noEmit: true, strict: true, target: 'es2022', skipLibCheck: false, types: [], ...options };
  writeFileSync(`${FOLDER}program.mts`, program);
  writeFileSync(`${FOLDER}tsconfig.json`, JSON.stringify({ compilerOptions, files: ['program.mts'] }));
  try {
    execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', FOLDER]);
    console.log(`types: ${name}`);
  } catch (error) {
    console.error(`types: ${name} fails\n${error.stdout}`);
    process.exitCode = 1;
  }
}
