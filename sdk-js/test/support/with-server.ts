/** A server and a browser for all tests of a file. */
import { after, afterEach, before } from 'node:test';
import type { Browser } from 'playwright-core';
import { launch, startServer, type Server } from './browser.ts';

/** What `withServer` has started: each file of tests runs in a process of its own. */
export let server: Server;
export let browser: Browser;

/**
 * Starts both before the first test, and ends them after the last one. What else a file needs of the server is part of `start`: Node.js runs
 * a file's `before` hooks at the same time.
 */
export function withServer(start: () => Promise<Server> = startServer, open: () => Promise<Browser> = launch): void {
  before(async () => {
    server = await start();
    browser = await open();
  });

  after(async () => {
    await browser.close();
    await server.stop();
  });
}

/** No page of a test is open in the next one. */
export function closePagesAfterEach(): void {
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
}
