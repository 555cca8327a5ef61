import type { CallView } from '../../src/wire.ts';
import type { Calls, Wanted } from './data.ts';
import { byId, make } from '../dom.ts';
import { attempt } from '../notice.ts';
import { cards, duration, head, link, moment, number, percent, rows, score, type Column } from './words.ts';

/** Days that are shown at first, and the most that the server answers for. */
const DAYS = 7;
const MOST_DAYS = 31;
const DAY_MS = 86_400_000;

const COLUMNS: readonly Column<CallView>[] = [
  ['Call', (row) => link(row)],
  ['Began', ({ startedAt }) => moment(startedAt)],
  ['People', ({ participants }) => number(participants)],
  ['Minutes', ({ participantMinutes }) => number(participantMinutes)],
  ['Score', (row) => score(row.score)],
  ['Worst', (row) => score(row.worstScore)],
  ['Voice', ({ audioMos }) => number(audioMos, '', 2)],
  ['Join', ({ joinMs }) => duration(joinMs)],
  ['Relayed', ({ relayed }) => number(relayed)],
  ['Reconnects', ({ reconnects }) => number(reconnects)],
  ['Freezes', ({ freezes }) => number(freezes)],
];

/** The first view: what calls were like in some days, and each of them. */
export class OverviewView {
  readonly #calls: () => Calls;
  #cursor: string | undefined;
  /** Answers that were overtaken by a later question are not shown. */
  #asked = 0;

  constructor(calls: () => Calls) {
    this.#calls = calls;
    const today = Date.now();
    byId<HTMLInputElement>('from').value = dayOf(today - (DAYS - 1) * DAY_MS);
    byId<HTMLInputElement>('to').value = dayOf(today);
    head(byId('calls'), COLUMNS);
    const form = byId<HTMLFormElement>('filter');
    form.onsubmit = (event) => {
      event.preventDefault();
      void attempt(form.querySelector('button'), () => this.show());
    };
    const more = byId('more');
    more.onclick = () => void attempt(more, () => this.#more());
  }

  async show(): Promise<void> {
    const turn = ++this.#asked;
    const wanted = this.#wanted();
    const [overview, { rows: list, cursor }] = await Promise.all([this.#calls().overview(wanted), this.#calls().list(wanted)]);
    if (turn !== this.#asked) return;
    cards(byId('cards'), [
      ['Calls', number(overview.calls)],
      ['People', number(overview.participants)],
      ['Minutes', number(overview.participantMinutes)],
      ['Joins that worked', percent(overview.joinSuccess)],
      ['Time to join', duration(overview.medianJoinMs)],
      ['Relayed', percent(overview.relayedShare)],
      ['Score', score(overview.meanScore)],
    ]);
    const worst = overview.worst.map((row) => make('li', {}, score(row.worstScore), link(row), make('small', {}, moment(row.startedAt))));
    byId('worst-calls').replaceChildren(...worst);
    byId('worst-title').hidden = worst.length === 0;
    rows(byId('calls'), COLUMNS, list);
    this.#page(cursor);
  }

  async #more(): Promise<void> {
    const turn = ++this.#asked;
    const shown = byId('calls').querySelectorAll('tbody tr').length;
    const { rows: list, cursor } = await this.#calls().list(this.#wanted(), this.#cursor);
    if (turn !== this.#asked) return;
    rows(byId('calls'), COLUMNS, list, true);
    this.#page(cursor);
    // The button may be gone; whoever used the keyboard goes on at what is new.
    if (!cursor) byId('calls').querySelectorAll('tbody tr')[shown]?.querySelector('a')?.focus();
  }

  #page(cursor: string | undefined): void {
    this.#cursor = cursor;
    byId('more').hidden = !cursor;
    const count = byId('calls').querySelectorAll('tbody tr').length;
    byId('calls').hidden = count === 0;
    const none = cursor ? 'There are none of that kind among the newest.' : 'There are none of that kind in these days.';
    byId('list-state').textContent = count === 0 ? none : cursor ? `The ${count} newest.` : `${count} in all.`;
  }

  /** Whole days as they are here, today until now, and no more of them than the server answers for. */
  #wanted(): Wanted {
    const [from, to] = [byId<HTMLInputElement>('from'), byId<HTMLInputElement>('to')];
    const end = Math.min(midnight(to.value) + DAY_MS, Date.now());
    const start = Math.max(Math.min(midnight(from.value), end - 1_000), end - MOST_DAYS * DAY_MS);
    from.value = dayOf(start);
    const { value } = byId<HTMLSelectElement>('worst');
    return { from: new Date(start).toISOString(), to: new Date(end).toISOString(), ...(value && { maxScore: value }) };
  }
}

/** The beginning of a day, as it is here; of today, when none is given. */
function midnight(day: string): number {
  return new Date(`${day || dayOf(Date.now())}T00:00`).getTime();
}

function dayOf(time: number): string {
  const date = new Date(time);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
