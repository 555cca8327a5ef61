/** What every client does (docs/vectors), which the C# SDK is held against too. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { play, type Vector } from '../support/vectors.ts';

const FOLDER = new URL('../../../../docs/vectors/', import.meta.url);
const RECORD = process.env['TUNRTC_RECORD'] !== undefined;

describe('shared vectors', () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.json')).sort()) {
    const address = new URL(name, FOLDER);
    const vector = JSON.parse(readFileSync(address, 'utf8')) as Vector;
    test(vector.title, async () => {
      const seen = await play(vector);
      if (RECORD) writeFileSync(address, `${JSON.stringify({ ...vector, expected: seen }, null, 2)}\n`);
      else assert.deepEqual(seen, vector.expected);
    });
  }

  test('are not empty', () => {
    const vectors = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
    assert.ok(vectors.length >= 25, `${vectors.length} vectors`);
  });
});
