/**
 * What holds the traffic back, in the order of what it costs. Every sentence rests on numbers that stand beside it; docs/measures.md
 * has the thresholds.
 */
import type { Running } from './analysis.ts';
import { findCauses } from './causes.ts';
import { evidenceOf } from './evidence.ts';
import type { Facts } from './facts.ts';
import type { AnalyzeReport, VerdictEntry } from './report.ts';

export function verdictOf(
  report: Omit<AnalyzeReport, 'verdict'>,
  facts: Facts,
  running: readonly Running[],
): VerdictEntry[] {
  if (report.input.packets === 0) {
    return [{ cause: 'empty', severity: 'note', says: 'There are no packets to judge.', evidence: {}, remedies: [] }];
  }
  return findCauses(evidenceOf(report, facts, running));
}
