/** What takes real time, and what is measured in it. */
import assert from 'node:assert/strict';

export const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1_000));

export function near(actual: number | undefined, expected: number, within: number): void {
  assert.ok(Math.abs((actual ?? NaN) - expected) <= within, `${actual} is not within ${within} of ${expected}`);
}
