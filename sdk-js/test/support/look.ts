/** What holds of a page however it is shown: nothing sticks out of the window, and axe finds nothing to complain about. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A phone, a tablet, a laptop and a large screen, in CSS pixels. */
const SIZES = [
  { width: 360, height: 740 },
  { width: 768, height: 1024 },
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];

declare global {
  var axe: { run(): Promise<AxeResults> };
}

/** A folder in which a picture of everything that is looked at is kept. */
const PICTURES = process.env['TUNRTC_PICTURES'];

/** Looks at a view at every width, light and dark; `prepare` brings it into place after each change of the width. */
export async function looksRight(page: Page, prepare = async () => {}, name = 'view'): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await prepare();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const at = `${size.width} pixels, ${colorScheme}`;
      if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}-${size.width}-${colorScheme}.png` });
      assert.deepEqual(await outside(page), [], `in the window: ${at}`);
      assert.deepEqual(await complaints(page), [], `accessible: ${at}`);
    }
  }
}

/** The keyboard goes through the page as it is read, row by row, and shows where it is. Begins at what has the focus. */
export async function tabsInOrder(page: Page): Promise<void> {
  const steps: Step[] = [];
  for (;;) {
    await page.keyboard.press('Tab');
    const step = await focused(page);
    if (!step || steps.some(({ place }) => place === step.place)) break;
    steps.push(step);
  }
  assert.ok(steps.length > 1, 'there is something to go through');
  for (const [index, step] of steps.entries()) {
    assert.ok(step.isShown, `${step.name} shows that it has the focus`);
    const before = steps[index - 1];
    const isBehind = !before || step.top >= before.bottom || (step.bottom > before.top && step.left >= before.left);
    assert.ok(isBehind, `${step.name} is reached after ${before?.name}, and stands before it`);
  }
}

interface Step {
  name: string;
  /** Its place among all elements of the page. */
  place: number;
  top: number;
  bottom: number;
  left: number;
  isShown: boolean;
}

/** What has the focus; nothing when the keyboard has left the page's content. */
function focused(page: Page): Promise<Step | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement;
    const main = element?.closest('main');
    if (!element || !main || element === main) return undefined;
    const { top, bottom, left } = element.getBoundingClientRect();
    const scrolled = main.scrollTop;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return {
      name: element.getAttribute('aria-label') || element.id || element.textContent || element.tagName,
      place: [...document.querySelectorAll('*')].indexOf(element),
      top: top + scrolled,
      bottom: bottom + scrolled,
      left,
      isShown: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
    };
  });
}

/** Elements that can be seen or used and are not within the window's width. */
function outside(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const within = (root: ParentNode): Element[] =>
      [...root.querySelectorAll('*')].flatMap((element) => [element, ...(element.shadowRoot ? within(element.shadowRoot) : [])]);
    return within(document)
      .filter((element) => element.matches('button, input, select, a[href], video, h1, h2, [role=log]'))
      .filter((element) => !element.closest('.hidden, .skip'))
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.left < 0 || box.right > innerWidth))
      .map(({ element }) => element.id || element.outerHTML.slice(0, 80));
  });
}

/** What axe-core's rules find, and where. It is run by the protocol, so a page's own policy does not keep it out. */
async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await axe.run();
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  });
}
