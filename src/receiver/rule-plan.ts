import { DROP_RULE } from '../counters.ts';
import type { Region } from '../memory/frame-memory.ts';
import type { RuleTable } from '../steer/rule-table.ts';
import { RULE_BYTES_MOST, RULE_DROPS_ADDRESS } from '../steer/rule-words.ts';

/** So many rules find room always, whatever they say. */
const ALWAYS = 4096;

/**
 * Bytes that are kept for the tables of rules in the control memory: for 4,096 of any kind (1.5 MiB, committed on first touch), and
 * for those that there are at first when they are more.
 */
export function ruleCapacity(table: RuleTable | undefined): number {
  return Math.max(ALWAYS * RULE_BYTES_MOST, table?.words.byteLength ?? 0);
}

/**
 * Puts the tables of rules, or of others than before, where the dispatch kernel reads them.
 *
 * @param place in the frame memory's buffer
 * @param drops the counters of dropped packets, in the same buffer
 * @returns the address that the plan is told; 0: there are no rules, or more than find room. Then the kernel knows none, and the
 *   classes that they speak of are the dispatcher's own (`Steerer.ways`).
 */
export function fillRules(
  buffer: ArrayBufferLike,
  place: Region,
  drops: Float64Array,
  table: RuleTable | undefined,
): number {
  if (table === undefined || table.words.byteLength > place.length) return 0;
  const words = new Int32Array(buffer, place.offset, table.words.length);
  words.set(table.words);
  words[RULE_DROPS_ADDRESS] = drops.byteOffset + 8 * DROP_RULE;
  return place.offset;
}
