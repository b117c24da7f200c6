/**
 * The charts, as SVG: plain shapes with classes, coloured by the page. Each is an image with a name for those who do not see it; the
 * table beside it has its numbers.
 */
import { el, type Markup, short } from './markup.ts';

/** Height of a plot, and what axes take of it. */
const HEIGHT = 220;
const LEFT = 52;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 30;

export interface Frame {
  readonly width: number;
  readonly height: number;
  x(share: number): number;
  y(share: number): number;
}

export function frame(width: number, height: number = HEIGHT): Frame {
  return {
    width,
    height,
    x: (share) => LEFT + share * (width - LEFT - RIGHT),
    y: (share) => height - BOTTOM - share * (height - TOP - BOTTOM),
  };
}

export function svg(f: Pick<Frame, 'width' | 'height'>, label: string, ...children: readonly Markup[]): Markup {
  const attributes = {
    viewBox: `0 0 ${f.width} ${f.height}`,
    role: 'img',
    'aria-label': label,
    style: `max-width:${f.width}px`,
    xmlns: 'http://www.w3.org/2000/svg',
  };
  return el('svg', attributes, ...children);
}

/** A round number at or above `most`, and the marks up to it. */
export function niceScale(most: number): { top: number; ticks: number[] } {
  if (!(most > 0)) return { top: 1, ticks: [0, 1] };
  const step0 = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * step0).find((candidate) => most / candidate <= 5)!;
  const count = Math.ceil(most / step - 1e-9);
  return { top: count * step, ticks: Array.from({ length: count + 1 }, (_, i) => i * step) };
}

/** Numbers for axes: `1.5k`, `20M`. */
export function compact(value: number): string {
  const units: [number, string][] = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [size, unit] of units) if (value >= size) return `${short(value / size)}${unit}`;
  return short(value);
}

function yAxis(f: Frame, ticks: readonly number[], top: number): Markup[] {
  return ticks.flatMap((tick) => {
    const y = f.y(tick / top);
    return [
      el('line', { class: 'grid', x1: LEFT, x2: f.width - RIGHT, y1: y, y2: y }),
      el('text', { class: 'tick end', x: LEFT - 6, y: y + 4 }, compact(tick)),
    ];
  });
}

/** Bars for loads, and a line at their mean: what is above it is in another colour. */
export function loadBars(loads: readonly number[], label: string, unit: string): Markup {
  const f = frame(560);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const { top, ticks } = niceScale(Math.max(...loads));
  const slot = (f.x(1) - f.x(0)) / loads.length;
  const every = Math.ceil(loads.length / 16);
  const bars = loads.map((load, i) => {
    const y = f.y(load / top);
    const box = { x: f.x(0) + i * slot + slot * 0.1, y, width: slot * 0.8, height: f.y(0) - y };
    return el(
      'rect',
      { class: load > mean * 1.0001 ? 'bar over' : 'bar', ...box },
      el('title', {}, `queue ${i}: ${load.toLocaleString('en-US')} ${unit}`),
    );
  });
  const names = loads.flatMap((_, i) =>
    i % every === 0 ? [el('text', { class: 'tick mid', x: f.x(0) + (i + 0.5) * slot, y: f.height - 12 }, i)] : [],
  );
  const at = f.y(mean / top);
  return svg(
    f,
    label,
    ...yAxis(f, ticks, top),
    ...bars,
    ...names,
    el('line', { class: 'fair', x1: f.x(0), x2: f.x(1), y1: at, y2: at }),
    el('text', { class: 'note end', x: f.x(1), y: at - 4 }, 'fair share'),
  );
}

/** Bars without axes, for a cell of a table. */
export function sparkBars(loads: readonly number[], label: string): Markup {
  const width = 120;
  const height = 26;
  const most = Math.max(...loads, 1e-9);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const slot = width / loads.length;
  // One path for all: a table has many.
  const bars = (over: boolean): string =>
    loads
      .map((load, i) => {
        if (load > mean * 1.0001 !== over || load === 0) return '';
        const h = Math.max(1, (height * load) / most);
        return `M${short(i * slot)} ${height}v-${short(h)}h${short(Math.max(0.5, slot - 1))}v${short(h)}z`;
      })
      .join('');
  const at = height - (height * mean) / most;
  return svg(
    { width, height },
    label,
    el('path', { class: 'bar', d: bars(false) }),
    el('path', { class: 'bar over', d: bars(true) }),
    el('line', { class: 'fair', x1: 0, x2: width, y1: at, y2: at }),
  );
}

/** Shades of a heat map. */
const SHADES = 9;

/**
 * An indirection table: a cell an entry, in rows, darker with more load; the number in it is the queue where there is room.
 *
 * @param queues at indices
 */
export function heatMap(loads: ArrayLike<number>, queues: ArrayLike<number>, label: string, unit: string): Markup {
  const size = loads.length;
  const across = size <= 128 ? 16 : 32;
  const cell = across === 16 ? 33 : 16.5;
  const rows = Math.ceil(size / across);
  let most = 0;
  for (let i = 0; i < size; i++) most = Math.max(most, loads[i]);
  const shades = Array.from({ length: SHADES + 1 }, () => '');
  const cells: Markup[] = [];
  for (let i = 0; i < size; i++) {
    const x = 30 + (i % across) * cell;
    const y = 2 + Math.floor(i / across) * (cell * 0.7);
    const shade = loads[i] === 0 ? 0 : Math.max(1, Math.round((SHADES * loads[i]) / most));
    shades[shade] += `M${short(x)} ${short(y)}h${short(cell - 1)}v${short(cell * 0.7 - 1)}h-${short(cell - 1)}z`;
    if (across !== 16) continue;
    const dark = shade > SHADES / 2 ? 'cell dark' : 'cell';
    const says = `entry ${i}, queue ${queues[i]}: ${loads[i].toLocaleString('en-US')} ${unit}`;
    cells.push(
      el('text', { class: dark, x: x + cell / 2 - 0.5, y: y + cell * 0.35 + 3 }, queues[i], el('title', {}, says)),
    );
  }
  const names = Array.from({ length: rows }, (_, row) =>
    el('text', { class: 'tick end', x: 26, y: 2 + (row + 0.5) * cell * 0.7 + 4 }, row * across),
  );
  const paths = shades.flatMap((d, shade) => (d === '' ? [] : [el('path', { class: `heat h${shade}`, d })]));
  return svg({ width: 34 + across * cell, height: rows * cell * 0.7 + 6 }, label, ...paths, ...cells, ...names);
}

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** Lorenz curves beside the line of equal sizes. */
export function lorenzChart(curves: readonly Curve[], label: string): Markup {
  const f = frame(360, 300);
  const marks = [0, 0.25, 0.5, 0.75, 1];
  const axes = marks.flatMap((mark) => [
    el('line', { class: 'grid', x1: LEFT, x2: f.width - RIGHT, y1: f.y(mark), y2: f.y(mark) }),
    el('text', { class: 'tick end', x: LEFT - 6, y: f.y(mark) + 4 }, `${100 * mark}%`),
    el('text', { class: 'tick mid', x: f.x(mark), y: f.height - 12 }, `${100 * mark}%`),
  ]);
  const lines = curves.map(({ points }, i) => {
    const d = points.map(([x, y], n) => `${n === 0 ? 'M' : 'L'}${short(f.x(x))} ${short(f.y(y))}`).join('');
    return el('path', { class: `curve c${i}`, d });
  });
  const legend = curves.map(({ name }, i) =>
    el('text', { class: `key c${i}`, x: f.x(0.04), y: f.y(0.95) + 16 * i }, name),
  );
  const equal = el('line', { class: 'fair', x1: f.x(0), y1: f.y(0), x2: f.x(1), y2: f.y(1) });
  return svg(f, label, ...axes, equal, ...lines, ...legend);
}

/**
 * Max over mean in windows of time; 0: nothing is known of that window. `lines`: levels with names.
 *
 * @param seconds of all windows
 */
export function timeChart(
  series: readonly number[],
  seconds: number,
  lines: readonly { readonly name: string; readonly value: number }[],
  label: string,
): Markup {
  const f = frame(560);
  const { top, ticks } = niceScale(Math.max(...series, 1));
  const x = (i: number): number => f.x(series.length === 1 ? 0.5 : i / (series.length - 1));
  let d = '';
  let pen = 'M';
  series.forEach((value, i) => {
    if (value === 0) pen = 'M';
    else {
      // A window alone between such as nothing is known of would be no line.
      const alone = pen === 'M' && (series[i + 1] ?? 0) === 0;
      d += `${pen}${short(x(i))} ${short(f.y(value / top))}${alone ? 'h1' : ''}`;
      pen = 'L';
    }
  });
  const levels = lines.flatMap(({ name, value }) => [
    el('line', { class: 'fair', x1: f.x(0), x2: f.x(1), y1: f.y(value / top), y2: f.y(value / top) }),
    el('text', { class: 'note end', x: f.x(1), y: f.y(value / top) - 4 }, name),
  ]);
  const marks = niceScale(seconds).ticks.filter((tick) => tick <= seconds * 1.0001);
  const times = marks.map((tick) =>
    el('text', { class: 'tick mid', x: f.x(seconds === 0 ? 0 : tick / seconds), y: f.height - 12 }, `${short(tick)} s`),
  );
  return svg(f, label, ...yAxis(f, ticks, top), ...levels, el('path', { class: 'curve c0', d }), ...times);
}
