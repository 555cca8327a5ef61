import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { headOf, leftoversOf } from '../../src/recording/leftovers.ts';
import type { Saved, Segment } from '../../src/recording/spool.ts';

const FRAGMENT = '\0\0\0\u0008moof';
const CLUSTER = Uint8Array.of(0x1f, 0x43, 0xb6, 0x75);
const saved = (...segments: Segment[]) => ({ segments, mimeType: 'video/mp4', chunkSeconds: 4 }) as unknown as Saved;
const bytes = (text: string) => new TextEncoder().encode(text);
const files = async (of: Saved, pieces: Record<number, string>) => {
  const left = await leftoversOf(of, Object.keys(pieces).map(Number), async (seq) => new Blob([pieces[seq] ?? '']));
  return Promise.all(left.map(async ({ file, ...about }) => ({ ...about, text: await file.text() })));
};

describe('the head of a segment', () => {
  test('is what stands before the first fragment of MP4, and before the first cluster of WebM', async () => {
    assert.deepEqual(await headOf(new Blob([`ftyp moov${FRAGMENT} media ${FRAGMENT}`])), bytes('ftyp moov'));
    assert.deepEqual(await headOf(new Blob(['EBML', CLUSTER, 'media', CLUSTER])), bytes('EBML'));
  });

  test('is all of a first piece that has no media yet, as Chromium gives it', async () => {
    assert.deepEqual(await headOf(new Blob(['ftyp moov'])), bytes('ftyp moov'));
  });
});

describe('what is left', () => {
  const segment = (fromSeq: number, head?: string): Segment => ({ fromSeq, startedAt: 1_000_000 + fromSeq * 4_000, isTold: true, ...(head && { head: bytes(head) }) });

  test('of a segment whose first piece is here is its pieces', async () => {
    assert.deepEqual(await files(saved(segment(0, 'head ')), { 0: 'head one ', 1: 'two' }), [{ startedAt: 1_000_000, pieces: 2, text: 'head one two' }]);
  });

  test('of one whose first piece has arrived begins with the head, and with the first media that is whole', async () => {
    const text = `head ${FRAGMENT} three four`;
    assert.deepEqual(await files(saved(segment(0, 'head ')), { 2: `half of two ${FRAGMENT} three `, 3: 'four' }), [{ startedAt: 1_008_000, pieces: 2, text }]);
  });

  test('is a file for each segment, and those of which nothing is here are left out', async () => {
    const left = await files(saved(segment(0, 'a'), segment(2, 'b'), segment(4)), { 1: 'one', 4: 'four', 5: 'five' });
    assert.deepEqual(left.map(({ startedAt, text }) => [startedAt, text]), [[1_004_000, 'aone'], [1_016_000, 'fourfive']]);
  });
});
