/**
 * Which rules share a hash table: first those of one flow type with the same masks, as in tuple space search (Srinivasan, Suri,
 * Varghese, 1999); then such groups together where the bits that all of them look at tell their rules apart, as in TupleMerge (Daly
 * and others, 2019). So five-tuples, and rules that leave a port or part of an address out, are one look, which else were five.
 */
import type { Rule, RuleBase } from './rule.ts';
import { KEY_WORDS, keyOf } from './rule-key.ts';

/** Rules of a table that have the same hash, at most: a packet is held against each of them. */
const ALIKE_MOST = 4;
/** How many tables a group tries to join, and how many times its own rules it may have to hash anew for that: it bounds the work. */
const TRIED_MOST = 16;
const REHASHED_MOST = 16;

/** Rules of one flow type in one hash table. */
export interface RuleGroup {
  readonly base: RuleBase;
  readonly six: 0 | 1;
  /** The bits that all of its rules look at. */
  readonly care: Int32Array;
  /** Of its rules, ascending; of rules that say the same only the first. */
  readonly numbers: readonly number[];
}

/** Two odd numbers for each word, for its lower and its upper half: 16 bits, signed. */
export const FACTORS: Int32Array = Int32Array.from(
  [31337, 30851, 30197, 29629, 28979, 28289, 27617, 26981, 26317, 25643, 24977, 24317].map(
    (lower, i) =>
      lower | ([32749, 31013, 30383, 29833, 29201, 28499, 27827, 27191, 26539, 25867, 25189, 24527][i] << 16),
  ),
);

/** The hash of the words that a mask leaves. */
export function hashOf(words: Int32Array, care: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < KEY_WORDS; i++) sum = (sum + products(words[i] & care[i], FACTORS[i])) | 0;
  return mixed(sum);
}

/** What a word adds to the hash: `i32x4.dot_i16x8_s` does it for four. */
export function products(word: number, factors: number): number {
  return Math.imul((word << 16) >> 16, (factors << 16) >> 16) + Math.imul(word >> 16, factors >> 16);
}

export function mixed(sum: number): number {
  return Math.imul(sum, 0x9e3779b1);
}

/** @param rules in the order of their locations */
export function groupRules(rules: readonly Rule[]): RuleGroup[] {
  const alone = ofOneShape(rules);
  // Those with the fewest bits first: what follows often has all of these.
  alone.sort((a, b) => bitsOf(a.care) - bitsOf(b.care));
  const tables = new Map<string, Table[]>();
  for (const group of alone) {
    const type = `${group.base}${group.six}`;
    const known = tables.get(type) ?? [];
    tables.set(type, known);
    if (!known.slice(0, TRIED_MOST).some((table) => table.takes(group))) known.push(new Table(rules, group));
  }
  const all = [...tables.values()].flat();
  for (const { numbers } of all) numbers.sort((a, b) => a - b);
  return all.sort((a, b) => a.numbers[0] - b.numbers[0]);
}

/** Groups that are put together. */
class Table implements RuleGroup {
  readonly base: RuleBase;
  readonly six: 0 | 1;
  care: Int32Array;
  readonly numbers: number[];
  private readonly rules: readonly Rule[];
  /** How many rules have a hash. */
  private counts = new Map<number, number>();

  constructor(rules: readonly Rule[], { base, six, care, numbers }: RuleGroup) {
    this.base = base;
    this.six = six;
    this.care = care;
    this.numbers = [...numbers];
    this.rules = rules;
    this.count(this.counts, numbers, care);
  }

  /** Takes a group in, if its rules and those that are there can be told apart by the bits that both look at. */
  takes({ care, numbers }: RuleGroup): boolean {
    const common = this.care.map((bits, word) => bits & care[word]);
    let { counts } = this;
    if (common.some((bits, word) => bits !== this.care[word])) {
      if (this.numbers.length > REHASHED_MOST * numbers.length) return false;
      counts = new Map();
      if (!this.count(counts, this.numbers, common)) return false;
    }
    if (!this.count(counts, numbers, common)) return false;
    this.care = common;
    this.counts = counts;
    for (const number of numbers) this.numbers.push(number);
    return true;
  }

  /** Counts rules by their hashes. False, and none is counted: too many have the same. */
  private count(counts: Map<number, number>, numbers: readonly number[], care: Int32Array): boolean {
    for (let i = 0; i < numbers.length; i++) {
      const hash = this.hash(numbers[i], care);
      const count = counts.get(hash) ?? 0;
      if (count === ALIKE_MOST) {
        for (let k = 0; k < i; k++) {
          const counted = this.hash(numbers[k], care);
          counts.set(counted, counts.get(counted)! - 1);
        }
        return false;
      }
      counts.set(hash, count + 1);
    }
    return true;
  }

  private hash(number: number, care: Int32Array): number {
    return hashOf(keyOf(this.rules[number].value, this.six), care);
  }
}

/** Groups of rules of one flow type with the same masks. */
function ofOneShape(rules: readonly Rule[]): RuleGroup[] {
  const groups = new Map<string, RuleGroup & { readonly numbers: number[] }>();
  const said = new Set<string>();
  rules.forEach(({ base, six, care, value }, number) => {
    const shape = `${base}${six} ${care.join(' ')}`;
    const all = `${shape} ${value.join(' ')}`;
    if (said.has(all)) return;
    said.add(all);
    const group = groups.get(shape);
    if (group !== undefined) group.numbers.push(number);
    else groups.set(shape, { base, six, care: keyOf(care, six), numbers: [number] });
  });
  return [...groups.values()];
}

function bitsOf(care: Int32Array): number {
  let bits = 0;
  for (const word of care) for (let rest = word; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}
