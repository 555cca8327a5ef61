import type { AttendanceView, CallDetailView, RunView, SeriesView } from '../../src/wire.ts';
import type { Calls } from './data.ts';
import { byId, make } from '../dom.ts';
import { attempt } from '../notice.ts';
import { cards, duration, happened, head, minute, moment, number, rows, score, second, type Column } from './words.ts';

/** What can be shown of every minute, with its name and unit. */
const METRICS: readonly (readonly [metric: string, name: string])[] = [
  ['score', 'Score'],
  ['mos', 'Voice, opinion'],
  ['audioLossPercent', 'Voice, lost'],
  ['concealedPercent', 'Voice, concealed'],
  ['rttMs', 'Round trip'],
  ['jitterMs', 'Jitter'],
  ['freezes', 'Picture, freezes'],
  ['freezeMs', 'Picture, time frozen'],
  ['fps', 'Picture, a second'],
  ['height', 'Picture, height'],
  ['videoLossPercent', 'Picture, lost'],
  ['audioInKbps', 'Voice, received'],
  ['audioOutKbps', 'Voice, sent'],
  ['videoInKbps', 'Picture, received'],
  ['videoOutKbps', 'Picture, sent'],
  ['availableKbps', 'What the line carries'],
];

/** One stay of somebody in the call. */
interface Stay {
  person: AttendanceView;
  run: RunView | undefined;
}

const PEOPLE: readonly Column<Stay>[] = [
  ['Who', ({ person }) => named(person)],
  ['Score', ({ run }) => score(run?.score)],
  ['Worst', ({ run }) => score(run?.worstScore)],
  ['Voice', ({ run }) => number(run?.audioMos, '', 2)],
  ['Join', ({ run }) => duration(run?.joinMs)],
  ['Path', ({ run }) => (run?.relayed === undefined ? '–' : run.relayed ? 'relayed' : 'direct')],
  ['Reconnects', ({ run }) => number(run?.reconnects)],
  ['Freezes', ({ run }) => (run?.freezes === undefined ? '–' : `${number(run.freezes)} (${duration(run.freezeMs)})`)],
  ['On', ({ run }) => [run?.client?.browser, run?.client?.os].filter(Boolean).join(', ') || '–'],
  ['Outcome', ({ run, person }) => outcome(run, person)],
];

/** The second view: one call. */
export class CallPage {
  readonly #calls: () => Calls;
  readonly #ownId: () => string | undefined;
  #call: CallDetailView | undefined;
  #asked = 0;
  #draw: typeof import('./chart.ts').draw | undefined;
  #erase = () => {};

  /** @param ownId who looks, if that is somebody who may have been there: their lines come first */
  constructor(calls: () => Calls, ownId: () => string | undefined) {
    this.#calls = calls;
    this.#ownId = ownId;
    head(byId('people'), PEOPLE);
    byId('metric').append(...METRICS.map(([value, name]) => make('option', { value }, name)));
    for (const id of ['participant', 'metric']) byId(id).onchange = () => void attempt(null, () => this.#chart());
  }

  async show(sessionId: string): Promise<void> {
    const call = await this.#calls().call(sessionId);
    this.#call = call;
    const people = call.participants;
    byId('call-title').textContent = call.name;
    const cut = call.truncated ? ['. It was so long that only its last part is shown.'] : [];
    byId('call-times').replaceChildren(moment(call.startedAt), ' to ', moment(call.lastReportAt), ...cut);
    cards(byId('call-cards'), [
      ['People', number(people.length)],
      ['Minutes', number(call.participantMinutes)],
      ['Score', score(call.score)],
      ['Worst', score(call.worstScore)],
      ['Voice', number(call.audioMos, '', 2)],
      ['Time to join', duration(call.joinMs)],
      ['Relayed', number(call.relayed)],
      ['Freezes', number(call.freezes)],
    ]);
    rows(byId('people'), PEOPLE, people.flatMap((person): Stay[] => (person.runs.length > 0 ? person.runs : [undefined]).map((run) => ({ person, run }))));
    byId('timeline').replaceChildren(
      ...call.timeline.map(({ at, userId, kind, detail }) =>
        make('li', {}, second(at), make('b', {}, this.#name(userId)), happened(kind, detail, (id) => this.#name(id))),
      ),
    );
    const link = byId<HTMLAnchorElement>('replay');
    // Files play for accounts; an operator's key has no part in the page that plays them.
    link.hidden = this.#ownId() === undefined || !call.timeline.some(({ kind }) => kind === 'recordingStarted');
    link.href = `../replay/index.html#session=${encodeURIComponent(sessionId)}`;
    byId('participant').replaceChildren(...people.map((person) => make('option', { value: person.userId }, named(person))));
    const first = people.find(({ userId }) => userId === this.#ownId()) ?? people.find(({ runs }) => runs.length > 0);
    if (first) byId<HTMLSelectElement>('participant').value = first.userId;
    await this.#chart();
  }

  /** Draws again, in other colours say. */
  redraw(): void {
    if (this.#call && document.body.dataset['view'] === 'call') void attempt(null, () => this.#chart());
  }

  #name(userId: string): string {
    const person = this.#call?.participants.find((each) => each.userId === userId);
    return person ? named(person) : userId;
  }

  async #chart(): Promise<void> {
    const turn = ++this.#asked;
    const [who, metric] = [byId<HTMLSelectElement>('participant'), byId<HTMLSelectElement>('metric')];
    if (!this.#call || !who.value) return this.#clear('Nobody reported anything of this call.');
    const [series, { draw }] = await Promise.all([this.#calls().series(this.#call.sessionId, who.value, metric.value), import('./chart.ts')]);
    if (turn !== this.#asked) return;
    this.#draw = draw;
    this.#showSeries(series, `${metric.selectedOptions[0]?.textContent}${series.unit && `, ${series.unit}`}: as seen by ${this.#name(who.value)}`);
  }

  #clear(words: string): void {
    this.#erase();
    byId('numbers-region').hidden = true;
    byId('chart-state').textContent = words;
  }

  #showSeries({ points, metric, unit }: SeriesView, title: string): void {
    if (points.length === 0) return this.#clear('There are no numbers of this: nobody else was there, or the browser does not measure it.');
    const minutes = everyMinute(points.map((point) => point.minute));
    const peers = [...new Set(points.map(({ peerUserId }) => peerUserId ?? ''))];
    const values = new Map(points.map((point) => [`${point.minute} ${point.peerUserId ?? ''}`, point.value]));
    const lines = peers.map((peer) => ({ name: peer ? this.#name(peer) : 'The worst of all', values: minutes.map((at) => values.get(`${at} ${peer}`) ?? null) }));
    const numbers = points.map(({ value }) => value);
    const span = `from ${number(Math.min(...numbers), unit, 2)} to ${number(Math.max(...numbers), unit, 2)}`;
    byId('chart-state').textContent = '';
    byId('chart').setAttribute('aria-label', `${title}, ${span}. The numbers are in the table below.`);
    this.#erase();
    this.#erase = this.#draw?.(byId('chart'), { minutes, lines, metric, unit }) ?? (() => {});
    byId('numbers-region').hidden = false;
    byId('numbers-title').textContent = title;
    const columns: Column<string>[] = [
      ['Minute', (at) => minute(at)],
      ...lines.map((line): Column<string> => [line.name, (at) => number(line.values[minutes.indexOf(at)] ?? undefined, '', 2)]),
    ];
    head(byId('numbers'), columns);
    rows(byId('numbers'), columns, minutes);
  }
}

/** From the first to the last, those too of which nothing is known. */
function everyMinute(known: readonly string[]): string[] {
  const times = known.map((at) => Date.parse(at));
  const first = Math.min(...times);
  const count = (Math.max(...times) - first) / 60_000 + 1;
  // As the server writes them: the same minute has one text.
  const written = new Map(known.map((at) => [Date.parse(at), at]));
  return Array.from({ length: count }, (_, index) => first + index * 60_000).map((time) => written.get(time) ?? new Date(time).toISOString());
}

function named({ username, identity }: AttendanceView): string {
  return username || identity || '?';
}

const OUTCOMES: Record<string, string> = { alone: 'was alone' };

function outcome(run: RunView | undefined, { missing }: AttendanceView): Node {
  const cell = make('span', {}, run ? (OUTCOMES[run.outcome] ?? run.outcome) : 'told nothing');
  if (run?.failure) cell.append(' ', make('b', {}, run.failure));
  const times = missing.slice(0, 5).map(minute).join(', ');
  if (missing.length > 0) cell.append(make('small', {}, `${missing.length} ${missing.length > 1 ? 'minutes' : 'minute'} missing: ${times}${missing.length > 5 ? ' …' : ''}`));
  return cell;
}
