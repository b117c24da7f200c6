/** What the table alone does to the load. */
import type { ScenarioReport } from './report.ts';

/**
 * Max over mean that an `equal` table makes of a perfect hash, ceil(S / N) * N / S: 1 where the queues divide the entries, and for
 * tables that were filled otherwise on purpose.
 */
export function tableSkew({ table, queues }: ScenarioReport): number {
  const n = queues.length;
  if (table.fill !== `equal ${n}` || table.size % n === 0) return 1;
  return (Math.ceil(table.size / n) * n) / table.size;
}
