import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Roster } from '../../src/roster.ts';
import type { Participant } from '../../src/wire.ts';

function somebody(userId: string, more: Partial<Participant> = {}): Participant {
  return { userId, username: userId, joinedAt: '', status: 'connected', isMuted: false, isVideoEnabled: true, role: 'participant', ...more };
}

const names = (participants: Iterable<Participant>) => [...participants].map(({ userId }) => userId);
const members = (roster: Roster) => [...roster.members.keys()];

describe('a roster', () => {
  test('told in the order of the frames’ times is the same in whatever order they come', () => {
    const frames: ((roster: Roster) => void)[] = [
      (roster) => roster.joined(somebody('bob'), '1'),
      (roster) => roster.updated(somebody('bob', { isMuted: true }), '2'),
      (roster) => roster.left('bob', '3'),
    ];
    for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
      const roster = new Roster();
      for (const place of order) frames[place]?.(roster);
      assert.deepEqual(members(roster), [], String(order));
    }
  });

  test('keeps the latest status', () => {
    const roster = new Roster();
    roster.joined(somebody('bob'), '1');
    assert.equal(roster.updated(somebody('bob', { isMuted: true }), '3'), 'news');
    assert.equal(roster.updated(somebody('bob', { isMuted: false }), '2'), 'old');
    assert.equal(roster.members.get('bob')?.isMuted, true);
  });

  test('that comes as a list says who came, who changed and who is gone', () => {
    const roster = new Roster();
    for (const name of ['bob', 'carol', 'dave']) roster.joined(somebody(name), '1');
    const { present, joined, updated, left } = roster.list([somebody('bob', { isMuted: true }), somebody('carol'), somebody('erin')], '5');
    assert.deepEqual([present, joined, updated, left].map(names), [['bob', 'carol', 'erin'], ['erin'], ['bob'], ['dave']]);
  });

  test('that comes as a list leaves alone what is known since', () => {
    const roster = new Roster();
    roster.joined(somebody('bob'), '1');
    roster.left('bob', '6');
    roster.joined(somebody('carol'), '7');
    const { joined, left } = roster.list([somebody('bob')], '5');
    assert.deepEqual([joined, left, members(roster)], [[], [], ['carol']]);
  });

  test('takes nothing from those who are gone, and waits for an explanation of those who are not known', () => {
    const roster = new Roster();
    roster.list([somebody('bob')], '5');
    roster.left('bob', '7');
    assert.equal(roster.signalled('bob', '6'), 'old');
    assert.equal(roster.signalled('stranger', '4'), 'old', 'the list is newer');
    assert.equal(roster.signalled('stranger', '8'), 'doubtful');
    assert.equal(roster.updated(somebody('stranger'), '8'), 'doubtful');
  });

  test('is in doubt where a list and a frame cross', () => {
    const roster = new Roster();
    roster.list([somebody('bob')], '5');
    assert.equal(roster.joined(somebody('carol'), '4'), 'doubtful', 'the list may have been made before');
    assert.equal(roster.updated(somebody('bob', { isMuted: true }), '4'), 'doubtful', 'it may have been written since');
    assert.equal(roster.updated(somebody('bob'), '4'), 'old', 'it says nothing else');
    assert.equal(roster.left('bob', '4'), 'doubtful', 'he may have left after the list was made, or come back');
    roster.settle('carol', somebody('carol'), '4');
    roster.settle('bob', undefined, '4');
    assert.deepEqual(members(roster), ['carol']);
  });
});
