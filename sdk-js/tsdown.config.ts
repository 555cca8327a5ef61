import { defineConfig } from 'tsdown';

const tighten = (css: string) => css.replace(/\n\s*/g, '').replace(/\s*([{};,>])\s*/g, '$1').replace(/: /g, ':').replace(/;}/g, '}');

/** What the package's modules have in common, whatever they are for. */
const MODULE = {
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  dts: true,
  sourcemap: true,
  clean: false,
  outDir: 'dist',
  outExtensions: () => ({ js: '.js', dts: '.d.ts' }),
} as const;

export default defineConfig([
  {
    entry: { index: 'src/index.ts' },
    ...MODULE,
    // What is loaded later has a name without a hash, as the package's list of files does.
    outputOptions: {
      chunkFileNames: '[name].js',
      // What both parts need is a file beside them: the entry exports what is public, and no more.
      codeSplitting: { groups: [{ name: 'common', test: /src[\\/](errors|timers|signaling[\\/]ticket)\.ts$/ }] },
    },
  },
  {
    // The ready-made parts, beside the client: it is the program's one, and React is the program's own.
    entry: { react: 'src/react/index.ts', ui: 'src/ui/index.ts', element: 'src/ui/element.ts', data: 'src/data.ts', invites: 'src/invites.ts' },
    ...MODULE,
    // The client is the file beside these, also for a page without a bundler. A style sheet says the same without its blanks.
    plugins: [
      { name: 'client', renderChunk: (code, { fileName }) => (fileName.endsWith('.js') ? code.replaceAll(`from "tunrtc-client"`, `from "./index.js"`) : null) },
      { name: 'styles', transform: (code, id) => (id.endsWith('/ui/styles.ts') ? code.replace(/`[^]*`/, tighten) : undefined) },
    ],
    deps: { neverBundle: ['tunrtc-client', 'react'] },
    outputOptions: {
      chunkFileNames: '[name].js',
      // Hooks run in the browser: Next and others ask for this line.
      banner: ({ name }) => (name === 'react' ? `'use client';` : ''),
    },
  },
  {
    // Captions: each engine is loaded when it is asked for.
    entry: { captions: 'src/captions/index.ts' },
    ...MODULE,
    deps: { neverBundle: ['tunrtc-client'] },
    outputOptions: { chunkFileNames: 'captions-[name].js' },
  },
  {
    // Recording, and the player of what was recorded.
    entry: { recording: 'src/recording/index.ts' },
    ...MODULE,
    deps: { neverBundle: ['tunrtc-client'] },
  },
  // What the engine on the device runs in, each in one file; they are served beside the models (scripts/captions.mjs).
  ...Object.entries({ worker: 'src/captions/worker/index.ts', worklet: 'src/captions/worklet.ts' }).map(([name, source]) => ({
    entry: { [name]: source },
    format: 'esm' as const,
    platform: 'browser' as const,
    target: 'es2022',
    dts: false,
    minify: true,
    clean: false,
    outDir: 'dist/captions',
    outExtensions: () => ({ js: '.js' }),
  })),
  {
    // For backends, and by itself: nothing of it is in what pages load.
    entry: { server: 'src/server.ts' },
    ...MODULE,
  },
  {
    // One file for a <script> tag: everything hangs on the global `TunRTC`.
    entry: { tunrtc: 'src/index.ts' },
    format: 'iife',
    globalName: 'TunRTC',
    platform: 'browser',
    target: 'es2022',
    dts: false,
    sourcemap: true,
    minify: true,
    clean: false,
    outDir: 'dist',
    outputOptions: { entryFileNames: '[name].js' },
  },
  {
    entry: { app: 'console/app.ts', 'reference/reference': 'console/reference/reference.ts', 'analytics/analytics': 'console/analytics/analytics.ts', 'replay/replay': 'console/replay/replay.ts' },
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    dts: false,
    sourcemap: true,
    minify: true,
    clean: false,
    outDir: 'dist/console',
    deps: { onlyBundle: ['uplot'] },
    outExtensions: () => ({ js: '.js' }),
  },
]);
