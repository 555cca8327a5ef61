/** A stock SignalR client in a call in Chromium with a page on our SDK. */
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { eventually, freshPage } from '../support/browser.ts';
import { browser, server, withServer } from '../support/with-server.ts';

withServer();

describe('in Chromium', () => {
  const pictures = (page: Page) =>
    page.evaluate(() => [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).length);

  async function join(path: string, name: string): Promise<Page> {
    const page = await freshPage(browser);
    await page.goto(`${server.url}/examples/${path}`);
    await page.getByLabel('Who you are').selectOption(name);
    await page.getByRole('button', { name: 'Join' }).click();
    return page;
  }

  async function say(page: Page, text: string): Promise<void> {
    await page.getByLabel('Message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  }

  for (const [first, second] of [['signalr.html', 'basic.html'], ['basic.html', 'signalr.html']] as const) {
    test(`${first} and ${second} are one video call, whoever is first`, async () => {
      const bob = await join(first, 'bob');
      await bob.getByLabel('Message').waitFor();
      const alice = await join(second, 'alice');
      await alice.getByLabel('Message').waitFor();
      for (const page of [bob, alice]) await eventually(async () => (await pictures(page)) === 2, 'both pictures are shown');
      await say(alice, 'hello from alice');
      await say(bob, 'hello from bob');
      for (const page of [bob, alice]) {
        for (const text of ['alice: hello from alice', 'bob: hello from bob']) {
          await eventually(async () => (await page.locator('#messages').innerText()).includes(text), `${text} is shown`);
        }
      }
      await alice.close();
      await eventually(async () => (await bob.locator('video').count()) === 1, 'the picture of who left is taken away');
      await bob.close();
    });
  }
});
