/** Ratios beside those that are committed. */
import type { Ratio } from './measure.ts';

export type Verdict = 'same' | 'faster' | 'slower' | 'new';

export interface Comparison {
  readonly case: string;
  readonly now: Ratio;
  /** Absent: none is committed. */
  readonly then?: Ratio;
  /** By how much it takes longer now: 0.1 is 10 %. */
  readonly change?: number;
  readonly verdict: Verdict;
}

/** `bench/ratios.json`. */
export interface Committed {
  readonly schema: 'rxsteer.ratios/1';
  /** Where they were measured; another processor or engine has others. */
  readonly machine: { readonly node: string; readonly cpu: string };
  readonly cases: Readonly<Record<string, Ratio>>;
}

/** Changes below this are not told of, however steady the turns were: another layout of code and memory makes as much. */
const LEAST = 0.15;
/** Spreads of both, so many times. */
const SPREADS = 2;

export function compare(name: string, now: Ratio, committed: Committed | undefined): Comparison {
  const cases = committed?.cases ?? {};
  const then = Object.hasOwn(cases, name) ? cases[name] : undefined;
  if (then === undefined) return { case: name, now, verdict: 'new' };
  const change = now.ratio / then.ratio - 1;
  // How many times as long, whichever of the two takes longer: half as long is as far off as twice as long.
  const apart = Math.max(now.ratio, then.ratio) / Math.min(now.ratio, then.ratio) - 1;
  const isOutside = apart > Math.max(LEAST, SPREADS * (now.spread + then.spread));
  return { case: name, now, then, change, verdict: isOutside ? (change > 0 ? 'slower' : 'faster') : 'same' };
}

/** Committed cases that there are no longer. */
export function gone(names: readonly string[], committed: Committed | undefined): string[] {
  return Object.keys(committed?.cases ?? {}).filter((name) => !names.includes(name));
}

export function comparisonLine({ case: name, now, then, change, verdict }: Comparison): string {
  const figure = ({ ratio }: Ratio): string => ratio.toPrecision(3);
  const cells = [
    figure(now),
    `${Math.round(100 * now.spread)} %`,
    then === undefined ? '-' : figure(then),
    change === undefined ? '-' : `${change < 0 ? '' : '+'}${Math.round(100 * change)} %`,
  ];
  const mark = verdict === 'same' ? '' : `  ${verdict}`;
  return `${name.padEnd(WIDTH)}${cells.map((cell) => cell.padStart(11)).join('')}${mark}`;
}

export const HEADING: string = `${'case'.padEnd(30)}${['ratio', 'spread', 'committed', 'change'].map((head) => head.padStart(11)).join('')}`;
const WIDTH = 30;
