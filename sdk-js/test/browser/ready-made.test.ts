/** The ready-made parts and the guides' own apps: built as the guides say, and used by two people in real browsers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { clientPage, eventually, freshPage, seesEverybody, startServerIn } from '../support/browser.ts';
import { block, bundle, serve, shell, type Site } from '../support/guides.ts';
import { looksRight } from '../support/look.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';
import type { TunRTCClient } from '../../src/index.ts';
import { mintToken } from '../../src/server.ts';

const MOUNTS = 50;
const LOCAL = 'http://localhost:5000';

const sites: Site[] = [];

withServer(() => startServerIn({ TUNRTC_TICKETS_PER_USER: '100000' }, '--port', '0'));
after(() => Promise.all(sites.map((site) => site.stop())));

// Chromium opens sixteen microphones at most, and a page that was left open keeps one.
closePagesAfterEach();

async function site(files: Record<string, string>): Promise<string> {
  const made = await serve(files);
  sites.push(made);
  return made.url;
}

/** As somebody would change a guide's app: to their own server, and for the other person to the other account. */
const at = (code: string, name = 'demo') =>
  code.replaceAll(LOCAL, server.url).replaceAll('demo@tunrtc.com', `${name}@tunrtc.com`).replaceAll('demo123', `${name}123`);

/** Two people who open an app: the second by the address that the first one's has become. */
async function two(files: (name: string) => Promise<Record<string, string>>): Promise<[Page, Page]> {
  const [demo, alice] = await Promise.all([freshPage(browser), freshPage(browser)]);
  await demo.goto(await site(await files('demo')));
  await demo.waitForURL(/#.+/);
  await alice.goto((await site(await files('alice'))) + new URL(demo.url()).hash);
  return [demo, alice];
}

const app = (name: string, files: () => Promise<Record<string, string>>) => (person: string) =>
  files().then(async (all) => {
    const changed = Object.fromEntries(Object.entries(all).map(([file, code]) => [file, at(code, person)]));
    return { '/': shell('/app.js'), '/app.js': await bundle(`${name}-${person}`, changed) };
  });

/** How many videos of a page have moved on. */
const playing = (page: Page) =>
  page.evaluate(() => {
    const all = (root: ParentNode): HTMLVideoElement[] =>
      [...root.querySelectorAll('*')].flatMap((element) => [
        ...(element instanceof HTMLVideoElement ? [element] : []),
        ...(element.shadowRoot ? all(element.shadowRoot) : []),
      ]);
    return all(document).filter(({ videoWidth, currentTime }) => videoWidth > 0 && currentTime > 0).length;
  });

const shows = (page: Page, videos: number) => eventually(async () => (await playing(page)) === videos, `${videos} videos play`);

async function join(...pages: Page[]): Promise<void> {
  for (const page of pages) await page.getByRole('button', { name: 'Join', exact: true }).click();
  for (const page of pages) await page.getByRole('toolbar', { name: 'Video call' }).waitFor();
  for (const page of pages) await shows(page, pages.length);
}

async function say(page: Page, text: string): Promise<void> {
  const field = page.getByLabel('Message', { exact: true });
  if (!(await field.isVisible())) await page.getByRole('button', { name: /^Chat/ }).click();
  await field.fill(text);
  await field.press('Enter');
}

describe('an app of the guides is a call of two:', () => {
  test('React, ten lines', async () => {
    const main = await block('guides/react.md', 'main.jsx');
    assert.ok(main.trim().split('\n').filter((line) => line.trim()).length <= 13, 'ten lines, and their imports');
    const [demo, alice] = await two(app('react-ten', async () => ({ 'main.jsx': main })));
    await join(demo, alice);
    await say(demo, 'hello from React');
    await alice.getByRole('button', { name: 'Chat, 1 unread' }).or(alice.getByText('hello from React')).first().waitFor();
  });

  test('React, of one’s own', async () => {
    const main = (await block('guides/react.md', 'main.jsx')).replace('TunRTCProvider, VideoCall', 'TunRTCProvider').replace(/<VideoCall.*\/>/, '<Call sessionId={location.hash.slice(1)} />');
    const files = async () => ({ 'main.jsx': `import { Call } from './Call.jsx';\n${main}`, 'Call.jsx': await block('guides/react.md', 'Call.jsx') });
    await talk(...(await two(app('react-own', files))));
  });

  test('Vue', async () => {
    await talk(...(await two(app('vue', async () => ({ 'main.js': await block('guides/vue.md', 'main.js'), 'Call.vue': await block('guides/vue.md', 'Call.vue') })))));
  });

  test('Svelte', async () => {
    await talk(...(await two(app('svelte', async () => ({ 'main.js': await block('guides/svelte.md', 'main.js'), 'Call.svelte': await block('guides/svelte.md', 'Call.svelte') })))));
  });

  test('no framework, from the server’s own files', async () => {
    const [demo, alice] = await two(async (name) => ({ '/': at(await block('guides/plain.md', 'index.html'), name) }));
    await demo.getByRole('heading', { name: 'Join my call' }).waitFor();
    await join(demo, alice);
  });

  /** What the small apps have: pictures, a button, and a line to write. */
  async function talk(demo: Page, alice: Page): Promise<void> {
    await Promise.all([shows(demo, 2), shows(alice, 2)]);
    await demo.getByText('connected, with alice').waitFor();
    await demo.getByLabel('Message').fill('hello');
    await demo.getByLabel('Message').press('Enter');
    await alice.getByText('demo: hello').waitFor();
    await demo.getByRole('button', { name: 'Mute' }).click();
    await demo.getByRole('button', { name: 'Unmute' }).waitFor();
    await alice.close();
    await demo.getByText('with nobody yet').waitFor();
    await shows(demo, 1);
  }
});

test('users of an app’s own meet in a room by their tokens: React on one side, the element on the other', async () => {
  const token = (identity: string) => mintToken({ key: 'devkey', secret: 'tunrtc-development-secret-0123456789' }, { identity, name: identity, room: 'daily' });
  const react = `import { createRoot } from 'react-dom/client';
    import { TunRTCProvider, VideoCall } from 'tunrtc-client/react';
    createRoot(document.getElementById('root')).render(
      <TunRTCProvider url="${server.url}" getToken={async () => '${await token('Ann')}'}><VideoCall style={{ height: '90vh' }} /></TunRTCProvider>,
    );`;
  const [ann, ben] = [await freshPage(browser), await freshPage(browser)];
  await ann.goto(await site({ '/': shell('/app.js'), '/app.js': await bundle('token', { 'token.jsx': react }) }));
  const element = (await block('guides/plain.md', 'token.html')).replace('A TOKEN OF YOUR BACKEND', await token('Ben'));
  await ben.goto(await site({ '/': at(element) }));
  await join(ann, ben);
  await ann.locator('.tile').filter({ hasText: 'Ben' }).waitFor();
  await ben.locator('.tile').filter({ hasText: 'Ann' }).waitFor();

  // A new token, for when the old one runs out, disturbs nobody; without an address there is no call.
  const call = ben.locator('tunrtc-call');
  await call.evaluate((element, renewed) => element.setAttribute('token', renewed), await token('Ben'));
  await shows(ben, 2);
  await call.evaluate((element) => element.removeAttribute('url'));
  await eventually(async () => (await ann.locator('.tile').count()) === 1, 'the element has left');
});

test('React rendered by a server, and hydrated, is a call', async () => {
  const room = (await block('guides/next.md', 'app/call/[id]/room.jsx')).replace('process.env.NEXT_PUBLIC_TUNRTC_URL', `'${server.url}'`);
  const rendered = await bundle('next-server', {
    'server.jsx': `import { renderToString } from 'react-dom/server.browser';
      import { Room } from './room.jsx';
      export const html = (sessionId) => renderToString(<Room sessionId={sessionId} />);`,
    'room.jsx': room,
  });
  const alice = await clientPage(browser, server.url, 'alice');
  const sessionId = await alice.evaluate(async () => {
    const session = await tunrtc.createSession('Hydrated');
    await tunrtc.joinSession(session.sessionId, true, true);
    return session.sessionId;
  });
  const markup = renderedBy(rendered, sessionId);
  assert.match(markup, /Signing in/);
  const script = await bundle('next-browser', {
    'browser.jsx': `import { hydrateRoot } from 'react-dom/client';
      import { Room } from './room.jsx';
      const onRecoverableError = (error) => { globalThis.mismatch = String(error); };
      hydrateRoot(document.getElementById('root'), <Room sessionId="${sessionId}" />, { onRecoverableError });`,
    'room.jsx': room,
  });
  const demo = await freshPage(browser);
  await demo.goto(await site({ '/': shell('/app.js').replace('<div id="root"></div>', `<div id="root">${markup}</div>`), '/app.js': script }));
  await demo.getByRole('button', { name: 'Join', exact: true }).click();
  await shows(demo, 2);
  assert.equal(await demo.evaluate(() => (globalThis as { mismatch?: string }).mismatch), undefined);
});

/** What a server sends. In a process of its own: React's renderer for browsers keeps the one that it is loaded into alive. */
function renderedBy(code: string, sessionId: string): string {
  const input = `${code}\nprocess.stdout.write(html('${sessionId}'), () => process.exit());`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], { input, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

describe(`mounted and unmounted ${MOUNTS} times, no camera, seat or connection is left:`, () => {
  const cases: Record<string, () => Promise<Record<string, string>>> = {
    'React, in StrictMode': async () => ({
      'main.jsx': `import { StrictMode } from 'react';
        import { createRoot } from 'react-dom/client';
        import { TunRTCProvider, VideoCall } from 'tunrtc-client/react';
        globalThis.mount = (client, sessionId, host) => {
          const root = createRoot(host);
          root.render(<StrictMode><TunRTCProvider client={client}><VideoCall sessionId={sessionId} preview={false} /></TunRTCProvider></StrictMode>);
          return () => root.unmount();
        };`,
    }),
    'React’s hooks, in StrictMode': async () => ({
      'main.jsx': `import { StrictMode } from 'react';
        import { createRoot } from 'react-dom/client';
        import { TunRTCProvider } from 'tunrtc-client/react';
        import { Call } from './Call.jsx';
        globalThis.mount = (client, sessionId, host) => {
          const root = createRoot(host);
          root.render(<StrictMode><TunRTCProvider client={client}><Call sessionId={sessionId} /></TunRTCProvider></StrictMode>);
          return () => root.unmount();
        };`,
      'Call.jsx': await block('guides/react.md', 'Call.jsx'),
    }),
    'the element': async () => ({
      'main.js': `import 'tunrtc-client/element';
        globalThis.mount = (client, sessionId, host) => {
          const call = document.createElement('tunrtc-call');
          call.setAttribute('session', sessionId);
          call.toggleAttribute('no-preview', true);
          call.client = client;
          host.append(call);
          return () => call.remove();
        };`,
    }),
    'Vue': async () => ({
      'main.js': `import { createApp, reactive } from 'vue';
        import Call from './Call.vue';
        globalThis.mount = (client, sessionId, host) => {
          const app = createApp(Call, { client: reactive(client), sessionId });
          app.mount(host);
          return () => app.unmount();
        };`,
      'Call.vue': await block('guides/vue.md', 'Call.vue'),
    }),
    'Svelte': async () => ({
      'main.js': `import { mount, unmount } from 'svelte';
        import Call from './Call.svelte';
        globalThis.mount = (client, sessionId, target) => {
          const call = mount(Call, { target, props: { client, sessionId } });
          return () => unmount(call);
        };`,
      'Call.svelte': await block('guides/svelte.md', 'Call.svelte'),
    }),
  };
  for (const [name, files] of Object.entries(cases)) {
    test(name, async () => {
      const alice = await clientPage(browser, server.url, 'alice');
      const sessionId = await alice.evaluate(async () => {
        const session = await tunrtc.createSession('Fifty');
        await tunrtc.joinSession(session.sessionId, true, true);
        return session.sessionId;
      });
      const page = await mountingPage(name, await files());
      const left = await page.evaluate(mountAgainAndAgain, { sessionId, times: MOUNTS });
      assert.deepEqual(left, { tracks: 0, connections: 0 }, 'at once');
      await eventually(async () => (await page.evaluate(() => opened().sockets)) === 0, 'every socket is closed');
      await eventually(() => alice.evaluate(() => tunrtc.participants.size === 0), 'the seat is free');
      await page.evaluate((id) => window.keep(id), sessionId);
      await Promise.all([seesEverybody(page, 1), seesEverybody(alice, 1)]);
      await shows(page, 2);
      assert.deepEqual(await page.evaluate(() => opened()), { tracks: 2, connections: 1, sockets: 1 });
      await page.evaluate(() => window.drop());
      await eventually(async () => Object.values(await page.evaluate(() => opened())).every((count) => count === 0), 'all is closed');
      await eventually(() => alice.evaluate(() => tunrtc.participants.size === 0), 'and the seat given back');
      assert.deepEqual(await page.evaluate(() => window.problems), []);
    });
  }

  async function mountingPage(name: string, files: Record<string, string>): Promise<Page> {
    const main = Object.keys(files)[0] ?? '';
    const client = `import { TunRTCClient } from 'tunrtc-client';
      globalThis.tunrtc = new TunRTCClient('${server.url}');
      await globalThis.tunrtc.login('demo@tunrtc.com', 'demo123');`;
    const script = await bundle(`fifty-${name.replace(/\W/g, '')}`, { ...files, [main]: `${client}\n${files[main] ?? ''}\nglobalThis.isReady = true;` });
    const page = await freshPage(browser);
    await page.addInitScript(watch);
    await page.goto(await site({ '/': shell('/app.js'), '/app.js': script }));
    await page.waitForFunction(() => (globalThis as { isReady?: boolean }).isReady);
    return page;
  }
});

declare global {
  /** What the page holds just now. */
  var opened: () => { tracks: number; connections: number; sockets: number };
  interface Window {
    mount(client: TunRTCClient, sessionId: string, host: HTMLElement): () => void;
    keep(sessionId: string): void;
    drop(): void;
    problems: string[];
  }
}

/** Runs in the page, before anything else: counts what is opened. */
function watch(): void {
  const tracks: MediaStreamTrack[] = [];
  const sockets: WebSocket[] = [];
  const connections: RTCPeerConnection[] = [];
  const { mediaDevices } = navigator;
  const capture = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (constraints) => {
    const stream = await capture(constraints);
    tracks.push(...stream.getTracks());
    return stream;
  };
  const note = <Thing extends object>(type: new (...given: never[]) => Thing, list: Thing[]) =>
    new Proxy(type, {
      construct: (target, given, made) => {
        const thing = Reflect.construct(target, given, made) as Thing;
        list.push(thing);
        return thing;
      },
    });
  window.WebSocket = note(WebSocket, sockets) as typeof WebSocket;
  window.RTCPeerConnection = note(RTCPeerConnection, connections) as typeof RTCPeerConnection;
  window.opened = () => ({
    tracks: tracks.filter(({ readyState }) => readyState === 'live').length,
    connections: connections.filter(({ connectionState }) => connectionState !== 'closed').length,
    sockets: sockets.filter(({ readyState }) => readyState < 3).length,
  });
  window.problems = [];
  addEventListener('unhandledrejection', ({ reason }) => window.problems.push(String(reason)));
  addEventListener('error', ({ message }) => window.problems.push(message));
  let drop = () => {};
  window.keep = (sessionId) => {
    const host = document.createElement('div');
    document.getElementById('root')?.append(host);
    drop = window.mount(tunrtc, sessionId, host);
  };
  window.drop = () => drop();
}

/** Runs in the page. Some are taken away at once, some when they have joined, some in between. */
async function mountAgainAndAgain({ sessionId, times }: { sessionId: string; times: number }): Promise<{ tracks: number; connections: number }> {
  const connected = () =>
    new Promise<void>((resolve, reject) => {
      setTimeout(() => reject(new Error('it never connects')), 60_000);
      const look = () => {
        if (tunrtc.connectionState.status !== 'connected') return;
        stop();
        resolve();
      };
      const stop = tunrtc.subscribe(look);
      look();
    });
  for (let mount = 0; mount < times; mount++) {
    window.keep(sessionId);
    if (mount % 10 === 9) await connected();
    else if (mount % 3 === 2) await new Promise((resolve) => requestAnimationFrame(resolve));
    else if (mount % 3 === 1) await Promise.resolve();
    window.drop();
  }
  await tunrtc.leaveSession();
  await new Promise((resolve) => setTimeout(resolve));
  const { tracks, connections } = opened();
  return { tracks, connections };
}

describe('the ready-made call', () => {
  test('shows a person how things stand: before, in and after it', async () => {
    const [demo, alice] = await two(async (name) => ({ '/': at(await block('guides/plain.md', 'index.html'), name) }));
    await demo.getByLabel('Camera').locator('option').nth(1).waitFor({ state: 'attached' });
    await join(demo, alice);
    await say(demo, 'look at https://example.org/ <b>now</b>');
    await alice.getByRole('button', { name: 'Chat, 1 unread' }).or(alice.getByRole('log')).first().waitFor();
    await say(alice, 'I see');
    await alice.getByRole('log').getByText('<b>now</b>').waitFor();
    assert.equal(await alice.getByRole('link', { name: 'https://example.org/' }).getAttribute('rel'), 'noopener noreferrer');

    await demo.getByRole('button', { name: 'Mute', exact: true }).click();
    await alice.getByRole('listitem').filter({ hasText: 'Microphone off' }).filter({ hasText: 'demo' }).waitFor();
    await demo.getByRole('button', { name: 'Turn camera off' }).click();
    await alice.locator('.tile.blank:not(.own)').waitFor();
    await demo.getByRole('button', { name: 'Turn camera on' }).click();
    await alice.locator('.tile:not(.blank):not(.own)').waitFor();

    await demo.getByRole('button', { name: 'Share screen' }).click();
    await alice.locator('.stage .tile.screen').waitFor();
    await shows(alice, 3);
    await demo.getByText('You are sharing your screen.').waitFor();
    await demo.getByRole('button', { name: 'Stop sharing' }).click();
    await alice.locator('.tile.screen').waitFor({ state: 'detached' });

    await demo.getByRole('button', { name: 'Leave' }).click();
    await demo.getByRole('heading', { name: 'You left the call.' }).waitFor();
    await alice.getByText('Nobody else is here yet.').waitFor();
    await demo.getByRole('button', { name: 'Join again' }).click();
    await join(demo);
    await demo.getByRole('log').getByText('I see').or(demo.getByRole('button', { name: /^Chat/ })).first().waitFor();
  });

  test('says in a person’s words what is wrong, and joins without devices', async () => {
    const files = { '/': at(await block('guides/plain.md', 'index.html')) };
    const page = await freshPage(browser);
    await page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.goto(await site(files));
    await page.getByRole('alert').getByText('was not allowed').waitFor();
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('toolbar', { name: 'Video call' }).waitFor();
    const unknown = await freshPage(browser);
    await unknown.goto(`${await site(files)}#01900000-0000-7000-8000-000000000000`);
    await unknown.getByRole('button', { name: 'Join', exact: true }).click();
    await unknown.getByRole('alert').getByText('There is no such call.').waitFor();
  });

  test('looks right at every width, light and dark, and to a screen reader', async () => {
    const [demo, alice] = await two(async (name) => ({ '/': at(await block('guides/plain.md', 'index.html'), name) }));
    await demo.getByLabel('Camera').locator('option').nth(1).waitFor({ state: 'attached' });
    await looksRight(demo, undefined, 'before');
    await join(demo, alice);
    await say(alice, 'Good morning! The new layout is live, can everybody see it? https://example.org/a-long-address-that-does-not-end-for-quite-a-while');
    await looksRight(demo, undefined, 'pair');
    await say(demo, 'Yes.');
    await looksRight(demo, undefined, 'chat');
    await demo.getByRole('button', { name: 'Close' }).click();
    await alice.getByRole('button', { name: 'Share screen' }).click();
    await demo.locator('.stage .tile.screen').waitFor();
    await looksRight(demo, undefined, 'presenting');
    await alice.getByRole('button', { name: 'Stop sharing' }).click();
    const others = [await clientPage(browser, server.url, 'bob'), await clientPage(browser, server.url, 'A person with quite a long name', 'register')];
    const sessionId = new URL(demo.url()).hash.slice(1);
    for (const page of others) await page.evaluate((id) => tunrtc.joinSession(id, true, true), sessionId);
    await others[0]?.evaluate(() => tunrtc.setVideoEnabled(false));
    await eventually(async () => (await demo.locator('.people .tile').count()) === 4, 'everybody has a tile');
    await looksRight(demo, undefined, 'four');
    await demo.getByRole('button', { name: 'Leave' }).click();
    await looksRight(demo, undefined, 'after');
  });
});
