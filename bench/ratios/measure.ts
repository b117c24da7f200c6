import { type Case, type Effort, QUICK, type Round, repeat } from '../harness.ts';
import { reference } from './reference.ts';

export interface RatioEffort {
  readonly turns: number;
  /** Timed seconds of a turn, of the reference and of the case each; and of what goes before to train the optimiser. */
  readonly seconds: number;
  readonly warmUp: number;
}

export const CI_EFFORT: RatioEffort = { turns: 15, seconds: 0.015, warmUp: 0.25 };

/** How long an item of a case takes, in items of the reference loop. */
export interface Ratio {
  readonly ratio: number;
  /** What the middle half of the turns lies within, as a part of the ratio. */
  readonly spread: number;
}

/** Case and reference take turns: what the machine does meanwhile falls on both. */
export async function measureRatio(c: Case, { turns, seconds, warmUp }: RatioEffort): Promise<Ratio> {
  const effort: Effort = { ...QUICK, seconds };
  const base = reference();
  const round: Round = await c.make(effort);
  try {
    await repeat(base, warmUp / 2, true);
    await repeat(round, warmUp, true);
    const ratios: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const before = await repeat(base, seconds, false);
      const { ns } = await repeat(round, seconds, false);
      const after = await repeat(base, seconds, false);
      ratios.push(ns / ((before.ns + after.ns) / 2));
    }
    return ratioOf(ratios);
  } finally {
    await round.close?.();
  }
}

/** The median of the turns, and how far its quarters lie apart. */
export function ratioOf(turns: readonly number[]): Ratio {
  const sorted = [...turns].sort((a, b) => a - b);
  const at = (part: number): number => {
    const place = part * (sorted.length - 1);
    const low = Math.floor(place);
    const next = sorted[Math.min(low + 1, sorted.length - 1)];
    return sorted[low] + (place - low) * (next - sorted[low]);
  };
  const ratio = at(0.5);
  return { ratio, spread: (at(0.75) - at(0.25)) / ratio };
}
