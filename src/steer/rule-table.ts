/**
 * Finds the rule of a packet: the one at the lowest location that matches, as a NIC does.
 *
 * Tuple space search (Srinivasan, Suri, Varghese, 1999). Rules of one flow type with the same masks form a group, which is a hash
 * table over what its masks leave of the words; a packet looks once into each group of its types, in the order of each group's
 * first location, and stops where no earlier one can follow. A thousand rules of one shape cost one look; a thousand shapes a thousand.
 *
 * Dissection, hash and table of a mix of TCP and ESP, 38 ns without rules: 55 to 70 with a thousand that name SPIs, 70 to 80 with a
 * thousand five-tuples, 95 to 100 with a thousand in five shapes (Node 20.20, EPYC); a match by itself 30.
 */
import { CLASS_FRAGMENT4, CLASS_OTHER4, CLASS_TCP4, CLASSES } from '../counters.ts';
import { RxSteerError } from '../errors.ts';
import { u16 } from '../wire/bytes.ts';
import type { Dissection } from '../wire/dissection.ts';
import { IPV4_DST, IPV4_SRC } from '../wire/ipv4.ts';
import { IPV6_DST, IPV6_SRC } from '../wire/ipv6.ts';
import {
  L4_THERE,
  RULE_LOCATIONS,
  type Rule,
  ruleError,
  WORD_DST,
  WORD_IP,
  WORD_L4,
  WORD_SPI,
  WORD_SRC,
  WORD_VLAN,
} from './rule.ts';
import { KEY_WORDS, turned, WORD_DST_4 } from './rule-groups.ts';
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
  private readonly key = new Int32Array(KEY_WORDS);

  /** @throws RxSteerError `ERR_RXSTEER_RULE`: two rules at one location, or no location left */
  constructor(rules: readonly Rule[]) {
    this.rules = located(rules);
    this.words = layRules(this.rules);
    this.needs = new Int32Array(CLASSES.length);
    let classes = 0;
    for (const { base, six, care } of this.rules) {
      const bits = care.reduce((all, word, i) => all | (word === 0 ? 0 : 1 << i), 0);
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
    this.read(bytes, d, cls);
    return firstMatch(this.words, cls, this.key);
  }

  /** The words of a packet that rules of its class look at. */
  private read(bytes: Uint8Array, d: Dissection, cls: number): void {
    const key = this.key;
    const needs = this.needs[cls];
    const six = (cls & 1) !== 0;
    const l3 = d.l3;
    key[WORD_VLAN] = d.vlan;
    key[WORD_SPI] = turned(d.spi);
    if ((needs & ((1 << WORD_L4) | (1 << WORD_IP))) !== 0) {
      const tos = six ? (u16(bytes, l3) >> 4) & 0xff : bytes[l3 + 1];
      const there = hasL4(cls, d);
      key[WORD_IP] = (there ? L4_THERE : 0) | (tos << 8) | d.proto;
      key[WORD_L4] = there ? little(bytes, d.l4) : 0;
    }
    if ((needs & (0xf << WORD_SRC)) !== 0) {
      if (six) words16(bytes, l3 + IPV6_SRC, key, WORD_SRC);
      else key[WORD_SRC] = little(bytes, l3 + IPV4_SRC);
    }
    if ((needs & (0xf << WORD_DST)) !== 0) {
      if (six) words16(bytes, l3 + IPV6_DST, key, WORD_DST);
      else key[WORD_DST_4] = little(bytes, l3 + IPV4_DST);
    }
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

/** Whether 4 bytes follow the IP header, and are no fragment's. */
function hasL4(cls: number, d: Dissection): boolean {
  const four = cls & ~1;
  if (four === CLASS_FRAGMENT4 || four < CLASS_TCP4) return false;
  return four !== CLASS_OTHER4 || d.end - d.l4 >= 4;
}

function words16(bytes: Uint8Array, off: number, key: Int32Array, at: number): void {
  for (let i = 0; i < 4; i++) key[at + i] = little(bytes, off + 4 * i);
}

/** Four bytes as the words of a packet have them. */
function little(bytes: Uint8Array, off: number): number {
  return bytes[off] | (bytes[off + 1] << 8) | (bytes[off + 2] << 16) | (bytes[off + 3] << 24);
}
