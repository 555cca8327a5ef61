/** How numbers, times and events are written here. */
import { make } from '../dom.ts';
import type { CallView } from '../../src/wire.ts';

const NONE = '–';
/** From these on a score is good, or fair. */
const GOOD = 4;
const FAIR = 3;

export function number(value: number | undefined, unit = '', digits = 0): string {
  if (value === undefined) return NONE;
  return `${value.toLocaleString([], { maximumFractionDigits: digits })}${unit && `\u00a0${unit}`}`;
}

/** @param share 0 to 1 */
export function percent(share: number | undefined): string {
  return number(share === undefined ? undefined : share * 100, '%', 1);
}

export function duration(milliseconds: number | undefined): string {
  if (milliseconds === undefined || milliseconds < 10_000) return number(milliseconds, 'ms');
  return number(milliseconds / 1000, 's');
}

/** A number, and a colour for those who see it. */
export function score(value: number | undefined): HTMLElement {
  const mark = make('span', { className: 'score' }, value === undefined ? NONE : value.toFixed(2));
  if (value !== undefined) mark.dataset['level'] = value >= GOOD ? 'good' : value >= FAIR ? 'fair' : 'bad';
  return mark;
}

export function moment(at: string): HTMLElement {
  return make('time', { dateTime: at }, new Date(at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }));
}

export function second(at: string): HTMLElement {
  return make('time', { dateTime: at }, new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' }));
}

export function minute(at: string): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

export function link({ sessionId, name }: CallView): HTMLElement {
  return make('a', { href: `#call=${sessionId}` }, name);
}

/** Terms with their numbers. */
export function cards(list: HTMLElement, rows: readonly [term: string, value: string | Node][]): void {
  list.replaceChildren(...rows.map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', {}, value))));
}

/** A column of a table: its title, and what stands in it. The first one names the row. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string | Node];

export function head<Row>(table: HTMLElement, columns: readonly Column<Row>[]): void {
  const titles = columns.map(([title]) => make('th', { scope: 'col' }, title));
  // What is shown as blocks on a narrow page stays a table for those who listen to it.
  table.setAttribute('role', 'table');
  table.querySelector('thead')?.replaceChildren(roled('row', make('tr', {}, ...titles)));
}

export function rows<Row>(table: HTMLElement, columns: readonly Column<Row>[], all: readonly Row[], isMore = false): void {
  const body = table.querySelector('tbody');
  if (!isMore) body?.replaceChildren();
  for (const row of all) {
    const cells = columns.map(([title, cell], place) => {
      if (place === 0) return roled('rowheader', make('th', { scope: 'row' }, cell(row)));
      const element = roled('cell', make('td', {}, make('span', {}, cell(row))));
      element.dataset['of'] = title;
      return element;
    });
    body?.append(roled('row', make('tr', {}, ...cells)));
  }
}

function roled<Element extends HTMLElement>(role: string, element: Element): Element {
  element.setAttribute('role', role);
  return element;
}

const EVENTS: Record<string, string> = {
  joined: 'joined',
  left: 'left',
  connected: 'connected',
  disconnected: 'disconnected',
  reconnecting: 'lost the connection to the server',
  reconnected: 'was connected again',
  muted: 'muted the microphone',
  unmuted: 'opened the microphone',
  cameraOff: 'turned the camera off',
  cameraOn: 'turned the camera on',
  screenOn: 'shared a screen',
  screenOff: 'stopped sharing the screen',
  iceRestart: 'looked for another way to',
  deviceChanged: 'changed the device for',
  hidden: 'left the page for another',
  visible: 'came back to the page',
  limited: 'sent less, held back by the',
  recordingStarted: 'began to record the',
  recordingStopped: 'ended recording the',
};
const DETAILS: Record<string, string> = { participant: 'camera and microphone', screen: 'screen', audio: 'sound', video: 'pictures', cpu: 'processor', bandwidth: 'line', closed: '' };
const BAD: ReadonlySet<string> = new Set(['reconnecting', 'iceRestart', 'limited', 'disconnected']);

/** What happened, in words; `name` gives the names of people by their ids. */
export function happened(kind: string, detail: string | undefined, name: (userId: string) => string): HTMLElement {
  const about = detail === undefined ? '' : (DETAILS[detail] ?? name(detail));
  const text = `${EVENTS[kind] ?? kind} ${kind === 'left' && about ? `(${about})` : about}`.trim();
  return make('span', { className: BAD.has(kind) ? 'bad' : '' }, text);
}
