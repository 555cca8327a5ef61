import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { clientPage, eventually, freshPage, startServer } from '../support/browser.ts';
import { browser, closePagesAfterEach, server, withServer } from '../support/with-server.ts';

// The examples are run as they are, and the shortest one names the default port.
withServer(() => startServer('--port', '5000', '--reconnect-grace-seconds', '3'));
closePagesAfterEach();

/** A page with everything it says, errors too. */
async function open(path: string): Promise<{ page: Page; said: string[] }> {
  const page = await freshPage(browser);
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(`uncaught: ${error.message}`));
  await page.goto(`${server.url}/examples/${path}`);
  return { page, said };
}

/** Videos on the page that show a picture. */
const pictures = (page: Page) =>
  page.evaluate(() => [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).length);

/** All videos on the page, black ones too. */
const videos = (page: Page) => page.locator('video').count();

async function join(page: Page, name: string): Promise<string> {
  return page.evaluate(async (wanted) => {
    const session = (await tunrtc.listSessions()).find((each) => each.name === wanted);
    if (!session) throw new Error(`no session ${wanted}`);
    await tunrtc.joinSession(session.sessionId, true, true);
    return session.sessionId;
  }, name);
}

describe('the examples', () => {
  test('fifteen lines are a video call, for everybody who opens the page', async () => {
    const first = await open('fifteen-lines.html');
    await eventually(async () => first.said.some((line) => /^guest-\w+: Hello everyone!$/.test(line)), 'the message comes back');
    const second = await open('fifteen-lines.html');
    const alice = await clientPage(browser, server.url, 'alice');
    const sessionId = await join(alice, 'My Video Call');
    for (const { page } of [first, second]) await eventually(async () => (await pictures(page)) === 3, 'all pictures are shown');
    await eventually(async () => first.said.includes('alice joined'), 'she is announced');
    const history = await alice.evaluate((id) => tunrtc.getMessages(id), sessionId);
    assert.deepEqual(history.map(({ message }) => message), ['Hello everyone!', 'Hello everyone!']);
    await second.page.close();
    await eventually(async () => (await videos(first.page)) === 2, 'the picture of a closed page is taken away');
    await alice.evaluate(() => tunrtc.leaveSession());
    await eventually(async () => (await videos(first.page)) === 1, 'and that of somebody who left');
    assert.deepEqual([...first.said, ...second.said].filter((line) => line.startsWith('uncaught')), []);
  });

  test('the fifteen lines of the README are the ones that were run', async () => {
    const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
    const script = /<script type="module">\n([^]*?)<\/script>/.exec(await read('examples/fifteen-lines.html'))?.[1] ?? '';
    const lines = script.trimEnd().split('\n').map((line) => line.slice(2));
    assert.ok(lines.filter((line) => line.trim()).length <= 15, 'they are fifteen lines');
    assert.ok((await read('README.md')).includes(lines.join('\n')), 'the README shows them');
  });

  test('basic: two people call each other and chat', async () => {
    const [alice, bob] = [await open('basic.html'), await open('basic.html')];
    for (const [{ page }, name] of [[alice, 'alice'], [bob, 'bob']] as const) {
      await page.getByLabel('Who you are').selectOption(name);
      await page.getByRole('button', { name: 'Join' }).click();
      await page.getByRole('button', { name: 'Send' }).waitFor();
    }
    for (const { page } of [alice, bob]) await eventually(async () => (await pictures(page)) === 2, 'two pictures');
    await alice.page.getByLabel('Message').fill('Hi Bob');
    await alice.page.getByRole('button', { name: 'Send' }).click();
    await bob.page.getByText('alice: Hi Bob').waitFor();
    await alice.page.close();
    await bob.page.getByText('alice left').waitFor();
    assert.equal(await videos(bob.page), 1, 'nothing is left of her');
    assert.deepEqual([...alice.said, ...bob.said].filter((line) => line.startsWith('uncaught')), []);
  });

  test('advanced: screen, mute, a file and statistics', async () => {
    const [alice, bob] = [await open('advanced.html'), await open('advanced.html')];
    for (const [{ page }, name] of [[alice, 'alice'], [bob, 'bob']] as const) {
      await page.getByLabel('Who you are').selectOption(name);
      await page.getByRole('button', { name: 'Join' }).click();
      await page.getByRole('button', { name: 'Leave' }).waitFor();
    }
    for (const { page } of [alice, bob]) await eventually(async () => (await pictures(page)) === 2, 'two pictures');
    await alice.page.getByRole('button', { name: 'Share screen' }).click();
    await bob.page.getByText('alice (screen)').waitFor();
    await alice.page.getByRole('button', { name: 'Stop sharing' }).click();
    await bob.page.getByText('alice (screen)').waitFor({ state: 'detached' });
    await alice.page.getByRole('button', { name: 'Mute' }).click();
    await bob.page.getByRole('log').getByText('alice: connected, muted').waitFor();
    await alice.page.getByRole('button', { name: 'Send a file' }).click();
    await bob.page.getByRole('log').getByText('file from alice: hello.txt, 9 bytes').waitFor();
    await bob.page.getByText('"localCandidate":"host"').waitFor();
    await alice.page.getByRole('button', { name: 'Share screen' }).click();
    await bob.page.getByText('alice (screen)').waitFor();
    await alice.page.getByRole('button', { name: 'Leave' }).click();
    await bob.page.getByRole('log').getByText('alice left (left)').waitFor();
    assert.deepEqual(await bob.page.locator('figcaption').allTextContents(), ['You (camera)']);
    assert.equal(await videos(alice.page), 0);
    await alice.page.getByRole('button', { name: 'Join' }).click();
    await bob.page.getByText('alice (camera)').waitFor();
    assert.deepEqual([...alice.said, ...bob.said].filter((line) => line.startsWith('uncaught')), []);
  });

  test('without a camera the advanced one joins without', async () => {
    const { page } = await open('advanced.html');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
    });
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByRole('log').getByText('Joining without').waitFor();
    const demo = await clientPage(browser, server.url, 'demo');
    await join(demo, 'Advanced example');
    await page.getByRole('log').getByText('demo joined').waitFor();
    await eventually(() => demo.evaluate(() => tunrtc.participants.size === 1), 'one other');
    await eventually(async () => (await pictures(page)) === 1, 'the other’s picture');
    const statuses = await demo.evaluate(() => [...tunrtc.participants.values()].map(({ isMuted, isVideoEnabled }) => [isMuted, isVideoEnabled]));
    assert.deepEqual(statuses, [[true, false]]);
  });
});
