import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { Speakers } from '../../src/media/speakers.ts';

const STEP_MS = 400;

let speakers: Speakers;
let now: number;

beforeEach(() => {
  speakers = new Speakers();
  now = 0;
});

/** One reading; answers who speaks, if that is news. */
function hear(levels: Record<string, number>): string | undefined {
  now += STEP_MS;
  return speakers.read(new Map(Object.entries(levels)), now)?.map(({ userId }) => userId).join(' ');
}

describe('whoever', () => {
  test('is loud twice speaks; one click is no speech, nor is the noise of a room', () => {
    assert.equal(hear({ ada: 0.3, ben: 0.015 }), undefined);
    for (let reading = 0; reading < 5; reading++) assert.equal(hear({ ada: 0, ben: 0.015 }), undefined);
    assert.equal(hear({ ada: 0.3, ben: 0.015 }), undefined);
    assert.equal(hear({ ada: 0.2, ben: 0.015 }), 'ada');
  });

  test('pauses goes on speaking, and is silent after a second and a half', () => {
    hear({ ada: 0.3 });
    assert.equal(hear({ ada: 0.3 }), 'ada');
    const heard = Array.from({ length: 5 }, () => hear({ ada: 0 }));
    assert.deepEqual(heard, [undefined, undefined, undefined, '', undefined]);
  });

  test('is clearly louder comes first, and small differences change nothing', () => {
    hear({ ada: 0.2, ben: 0.1 });
    assert.equal(hear({ ada: 0.2, ben: 0.25 }), 'ada ben');
    assert.equal(hear({ ada: 0.2, ben: 0.3 }), undefined);
    assert.equal(hear({ ada: 0.05, ben: 0.5 }), 'ben ada');
  });

  test('leaves speaks no more', () => {
    hear({ ada: 0.3, ben: 0.3 });
    hear({ ada: 0.3, ben: 0.3 });
    assert.equal(hear({ ben: 0.3 }), 'ben');
    assert.deepEqual([...speakers.levels.keys()], ['ben']);
  });
});

test('levels rise at once and fall slowly', () => {
  hear({ ada: 0.5 });
  hear({ ada: 0 });
  assert.ok(Math.abs((speakers.levels.get('ada') ?? 0) - 0.3) < 1e-9);
});
