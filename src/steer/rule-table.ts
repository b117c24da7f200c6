/**
 * Finds the rule of a packet: the one at the lowest location that matches, as a NIC does.
 *
 * Rules of one flow type are in as few hash tables as tell them apart (`rule-groups.ts`); a packet looks once into each of its
 * types, in the order of each table's first location, and stops where no earlier one can follow. A thousand rules of shapes that
 * share bits cost one look, those whose shapes share none a look a shape.
 *
 * This is the reference, and what serves packets that the dispatch kernel leaves: dissection and match of random TCP flows take 80
 * to 90 ns with a thousand rules, in one shape or in five that share bits; dissection alone 11 (Node 20.20, EPYC). The kernel's
 * figures are in bench/README.md.
 */
import { CLASSES } from '../counters.ts';
import { RxSteerError } from '../errors.ts';
import type { Dissection } from '../wire/dissection.ts';
import { RULE_LOCATIONS, type Rule, ruleError } from './rule.ts';
import { KEY_WORDS, keyOf, readKey } from './rule-key.ts';
import { classesOf, firstMatch, layRules } from './rule-words.ts';

export class RuleTable {
  /** In the order of their locations, all of which are given. */
  readonly rules: readonly Rule[];
  /** Bits at the numbers of classes that rules speak of. */
  readonly classes: number;
  /** The tables, as `rule-words.ts` lays them out. */
  readonly words: Int32Array<ArrayBuffer>;
  /** At class numbers: bits of the words that rules look at. */
  private readonly needs: Int32Array;
  private readonly key = new Int32Array(KEY_WORDS + 2);

  /** @throws RxSteerError `ERR_RXSTEER_RULE`: two rules at one location, or no location left */
  constructor(rules: readonly Rule[]) {
    this.rules = located(rules);
    this.words = layRules(this.rules);
    this.needs = new Int32Array(CLASSES.length);
    let classes = 0;
    for (const { base, six, care } of this.rules) {
      const bits = keyOf(care, six).reduce((all, word, i) => all | (word === 0 ? 0 : 1 << i), 0);
      for (const cls of classesOf(base, six)) {
        classes |= 1 << cls;
        this.needs[cls] |= bits;
      }
    }
    this.classes = classes;
  }

  /** The number of the first rule that matches the packet, or -1. */
  match(bytes: Uint8Array, d: Dissection): number {
    const cls = d.cls;
    if (((this.classes >> cls) & 1) === 0) return -1;
    readKey(bytes, d, this.needs[cls], this.key);
    return firstMatch(this.words, cls, this.key);
  }
}

/**
 * Gives rules without a location the highest that are free, in their order, as ethtool does for drivers that do not choose: so the
 * newest of them goes first. Returns them sorted.
 */
function located(rules: readonly Rule[]): Rule[] {
  const taken = new Set<number>();
  for (const { location, text } of rules) {
    if (location < 0) continue;
    if (taken.has(location)) throw ruleError(text, `expected a location of its own, and ${location} is taken`);
    taken.add(location);
  }
  if (rules.length > RULE_LOCATIONS) {
    throw new RxSteerError('ERR_RXSTEER_RULE', `rules: expected at most ${RULE_LOCATIONS}, got ${rules.length}`);
  }
  let free = RULE_LOCATIONS - 1;
  const all = rules.map((rule) => {
    if (rule.location >= 0) return rule;
    while (taken.has(free)) free--;
    return { ...rule, location: free-- };
  });
  return all.sort((a, b) => a.location - b.location);
}
