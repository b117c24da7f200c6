/** A chart with two logarithmic axes: curves that are held against each other over orders of magnitude. */
import { compact, frame, svg } from '../../src/report/page/charts.ts';
import { el, type Markup, short } from '../../src/report/page/markup.ts';

export interface LogCurve {
  readonly name: string;
  /** Both above 0. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 640;
const HEIGHT = 320;
/** Characters of a name that fit into half of the width. */
const LONG = 38;

/** Marks that can be told apart without colour, around a point: for paper. */
const MARKS: readonly ((x: number, y: number) => string)[] = [
  (x, y) => `M${short(x - 3.5)} ${short(y)}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z`,
  (x, y) => `M${short(x - 3.5)} ${short(y - 3.5)}h7v7h-7z`,
  (x, y) => `M${short(x)} ${short(y - 4.5)}l4.5 8h-9z`,
  (x, y) => `M${short(x)} ${short(y - 5)}l5 5l-5 5l-5-5z`,
  (x, y) => `M${short(x)} ${short(y + 4.5)}l4.5-8h-9z`,
  (x, y) => `M${short(x - 4)} ${short(y - 1)}h3v-3h2v3h3v2h-3v3h-2v-3h-3z`,
];

/** Of one, two and five, and their tens. */
function marksBetween(from: number, to: number): number[] {
  const marks: number[] = [];
  for (let ten = 10 ** Math.floor(Math.log10(from)); ten <= to; ten *= 10) {
    for (const step of [1, 2, 5]) marks.push(Number((step * ten).toPrecision(1)));
  }
  return marks.filter((mark) => mark >= from * 0.999 && mark <= to * 1.001);
}

/** The least and the greatest mark around values. */
function around(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const marks = marksBetween(low / 10, high * 10);
  return [marks.filter((mark) => mark <= low).at(-1)!, marks.find((mark) => mark >= high && mark > low)!];
}

/** Curves over `ticks`, the values of x that have a mark. Their names stand above the plot, each with its line. */
export function logChart(
  curves: readonly LogCurve[],
  ticks: readonly number[],
  axes: { readonly x: string; readonly y: string },
  label: string,
): Markup {
  const shown = curves.filter(({ points }) => points.length > 0);
  const across = shown.some(({ name }) => name.length > LONG) ? 1 : 2;
  const f = frame(WIDTH, HEIGHT);
  const [low, high] = around(shown.flatMap(({ points }) => points.map(([, y]) => y)));
  const first = Math.log(ticks[0]);
  const last = Math.log(ticks[ticks.length - 1]);
  const x = (value: number): number =>
    f.x(last === first ? 0.5 : 0.02 + (0.94 * (Math.log(value) - first)) / (last - first));
  const y = (value: number): number => f.y(Math.log(value / low) / Math.log(high / low));
  const levels = marksBetween(low, high).flatMap((mark) => [
    el('line', {
      class: String(mark).startsWith('1') ? 'grid ten' : 'grid',
      x1: f.x(0),
      x2: f.x(1),
      y1: y(mark),
      y2: y(mark),
    }),
    el('text', { class: 'tick end', x: f.x(0) - 6, y: y(mark) + 4 }, compact(mark)),
  ]);
  const below = ticks.map((tick) => el('text', { class: 'tick mid', x: x(tick), y: HEIGHT - 14 }, compact(tick)));
  const lines = shown.map(({ points }, i) => {
    const d = points.map(([px, py], n) => `${n === 0 ? 'M' : 'L'}${short(x(px))} ${short(y(py))}`).join('');
    const marks = points.map(([px, py]) => MARKS[i % MARKS.length](x(px), y(py))).join('');
    return [el('path', { class: `curve g${i}`, d }), el('path', { class: `mark g${i}`, d: marks })];
  });
  const keys = shown.flatMap(({ name }, i) => {
    const left = f.x(0) + (i % across) * (WIDTH / 2 - 20);
    const top = 12 + 18 * Math.floor(i / across);
    return [
      el('path', { class: `curve g${i}`, d: `M${short(left)} ${top}h26` }),
      el('path', { class: `mark g${i}`, d: MARKS[i % MARKS.length](left + 13, top) }),
      el('text', { class: 'name', x: left + 32, y: top + 4 }, name),
    ];
  });
  const head = 18 * Math.ceil(shown.length / across) + 22;
  const units = [
    el('text', { class: 'tick', x: 4, y: 0 }, axes.y),
    el('text', { class: 'tick end', x: f.x(1), y: HEIGHT }, axes.x),
  ];
  return svg(
    { width: WIDTH, height: HEIGHT + head + 4 },
    label,
    ...keys,
    el('g', { transform: `translate(0 ${head})` }, ...levels, ...below, ...lines.flat(), ...units),
  );
}
