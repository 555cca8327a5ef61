/** Lines over time. A part of its own: who reads the list does not load it. */
import uPlot from 'uplot';

export interface Line {
  name: string;
  /** One for each minute; null where nothing is known. */
  values: readonly (number | null)[];
}

export interface Drawing {
  minutes: readonly string[];
  lines: readonly Line[];
  metric: string;
  unit: string;
}

const HEIGHT = 260;
/** Colours that hold on both grounds; with more lines than these, dashes tell them apart. */
const COLOURS = ['#0d9488', '#d97706', '#6366f1', '#db2777', '#65a30d', '#0284c7'];
const DASHES = [[], [8, 5], [2, 4]];
/** What goes from 1 to 5, whatever the values are. */
const OPINIONS: ReadonlySet<string> = new Set(['score', 'mos']);

/** Draws lines into an element, as wide as it is; the answer takes them out of it. */
export function draw(element: HTMLElement, { minutes, lines, metric, unit }: Drawing): () => void {
  const style = getComputedStyle(element);
  const [text, grid] = [style.getPropertyValue('--muted'), style.getPropertyValue('--line')].map((value) => colour(element, value));
  const axis: uPlot.Axis = { stroke: text ?? '', grid: { stroke: grid ?? '', width: 1 }, ticks: { stroke: grid ?? '', width: 1 } };
  const value = (_: uPlot, at: number | null) => (at === null ? '–' : `${at}${unit && ` ${unit}`}`);
  const chart = new uPlot(
    {
      width: widthOf(element),
      height: HEIGHT,
      scales: { y: { range: OPINIONS.has(metric) ? [1, 5] : (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [axis, { ...axis, size: 60 }],
      cursor: { drag: { x: false, y: false } },
      series: [
        { label: 'Minute', value: (_, at: number | null) => (at === null ? '–' : new Date(at * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })) },
        ...lines.map(({ name }, place): uPlot.Series => {
          const stroke = COLOURS[place % COLOURS.length] ?? '';
          return { label: name, stroke, width: 2, dash: DASHES[Math.floor(place / COLOURS.length) % DASHES.length] ?? [], points: { show: true, size: 6, fill: stroke }, value };
        }),
      ],
    },
    [minutes.map((at) => Date.parse(at) / 1000), ...lines.map(({ values }) => [...values])],
    element,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: widthOf(element), height: HEIGHT }));
  observer.observe(element);
  return () => {
    observer.disconnect();
    chart.destroy();
  };
}

function widthOf(element: HTMLElement): number {
  const { paddingLeft, paddingRight } = getComputedStyle(element);
  return Math.max(0, element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
}

/** A colour as a canvas takes it: it does not know `light-dark()`. */
function colour(element: HTMLElement, value: string): string {
  const probe = document.createElement('i');
  probe.style.color = value;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
