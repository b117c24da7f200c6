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
import { CLASS_FRAGMENT4, CLASS_OTHER4, CLASS_TCP4, CLASSES, type ClassName } from '../counters.ts';
import { RxSteerError } from '../errors.ts';
import { u16, u32 } from '../wire/bytes.ts';
import type { Dissection } from '../wire/dissection.ts';
import { IPV4_DST, IPV4_SRC } from '../wire/ipv4.ts';
import { IPV6_DST, IPV6_SRC } from '../wire/ipv6.ts';
import {
  L4_THERE,
  RULE_LOCATIONS,
  RULE_WORDS,
  type Rule,
  type RuleBase,
  ruleError,
  WORD_DST,
  WORD_IP,
  WORD_L4,
  WORD_SPI,
  WORD_SRC,
  WORD_VLAN,
} from './rule.ts';

/** Which classes of packets a flow type speaks of. What travels in UDP is UDP to a NIC; ip is any IP packet, fragments too. */
const BASE_CLASSES: Record<RuleBase, readonly string[]> = {
  tcp: ['tcp'],
  udp: ['udp', 'natt', 'ike', 'keepalive'],
  sctp: ['sctp'],
  esp: ['esp'],
  ah: ['ah'],
  natt: ['natt'],
  ip: ['tcp', 'udp', 'sctp', 'esp', 'ah', 'natt', 'ike', 'keepalive', 'fragment', 'other'],
};

const NOTHING: readonly RuleGroup[] = [];

export class RuleTable {
  /** In the order of their locations, all of which are given. */
  readonly rules: readonly Rule[];
  /** Bits at the numbers of classes that rules speak of. */
  readonly classes: number;
  /** At class numbers, by their first rules; and bits of the words that they look at. */
  private readonly groups: readonly (readonly RuleGroup[])[];
  private readonly needs: Int32Array;
  private readonly key = new Int32Array(RULE_WORDS);

  /** @throws RxSteerError `ERR_RXSTEER_RULE`: two rules at one location, or no location left */
  constructor(rules: readonly Rule[]) {
    this.rules = located(rules);
    this.needs = new Int32Array(CLASSES.length);
    const groups: RuleGroup[][] = CLASSES.map(() => []);
    let classes = 0;
    for (const group of grouped(this.rules)) {
      const { base, six } = group.rule;
      for (const name of BASE_CLASSES[base]) {
        const cls = CLASSES.indexOf(`${name}${six === 1 ? 6 : 4}` as ClassName);
        groups[cls].push(group);
        classes |= 1 << cls;
        for (const word of group.words) this.needs[cls] |= 1 << word;
      }
    }
    this.groups = groups.map((list) => (list.length === 0 ? NOTHING : list));
    this.classes = classes;
  }

  /** The number of the first rule that matches the packet, or -1. */
  match(bytes: Uint8Array, d: Dissection): number {
    const cls = d.cls;
    if (((this.classes >> cls) & 1) === 0) return -1;
    this.read(bytes, d, cls);
    const groups = this.groups[cls];
    let best = -1;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i];
      if (best >= 0 && group.first > best) break;
      const found = group.find(this.key);
      if (found >= 0 && (best < 0 || found < best)) best = found;
    }
    return best;
  }

  /** The words of a packet that rules of its class look at. */
  private read(bytes: Uint8Array, d: Dissection, cls: number): void {
    const key = this.key;
    const needs = this.needs[cls];
    const six = (cls & 1) !== 0;
    const l3 = d.l3;
    key[WORD_VLAN] = d.vlan;
    key[WORD_SPI] = d.spi;
    if ((needs & ((1 << WORD_L4) | (1 << WORD_IP))) !== 0) {
      const tos = six ? (u16(bytes, l3) >> 4) & 0xff : bytes[l3 + 1];
      const there = hasL4(cls, d);
      key[WORD_IP] = (there ? L4_THERE : 0) | (tos << 8) | d.proto;
      key[WORD_L4] = there ? u32(bytes, d.l4) : 0;
    }
    if ((needs & (0xf << WORD_SRC)) !== 0) {
      if (six) words16(bytes, l3 + IPV6_SRC, key, WORD_SRC);
      else key[WORD_SRC] = u32(bytes, l3 + IPV4_SRC);
    }
    if ((needs & (0xf << WORD_DST)) !== 0) {
      if (six) words16(bytes, l3 + IPV6_DST, key, WORD_DST);
      else key[WORD_DST] = u32(bytes, l3 + IPV4_DST);
    }
  }
}

/** Rules of one flow type with the same masks. */
class RuleGroup {
  /** One of its rules, and the number of its first. */
  readonly rule: Rule;
  readonly first: number;
  /** Words in which bits matter, and these bits. */
  readonly words: Uint8Array;
  private readonly care: Int32Array;
  /** What those words have to be, rule after rule, and the numbers of the rules. */
  private readonly values: Int32Array;
  private readonly numbers: Int32Array;
  /** Place of a rule in these + 1, or 0. */
  private readonly slots: Int32Array;

  /** `numbers` in ascending order: the first of equal rules wins. */
  constructor(rules: readonly Rule[], numbers: readonly number[]) {
    this.rule = rules[numbers[0]];
    this.first = numbers[0];
    const { care } = this.rule;
    this.words = Uint8Array.from(care.keys()).filter((word) => care[word] !== 0);
    this.care = Int32Array.from(this.words, (word) => care[word]);
    this.numbers = Int32Array.from(numbers);
    this.values = Int32Array.from(numbers.flatMap((n) => Array.from(this.words, (word) => rules[n].value[word])));
    let size = 4;
    while (size < 2 * numbers.length) size <<= 1;
    this.slots = new Int32Array(size);
    for (let i = 0; i < numbers.length; i++) {
      const slot = this.slot(rules[numbers[i]].value);
      if (this.slots[slot] === 0) this.slots[slot] = i + 1;
    }
  }

  /** The number of the rule that matches, or -1. */
  find(key: Int32Array): number {
    const entry = this.slots[this.slot(key)];
    return entry === 0 ? -1 : this.numbers[entry - 1];
  }

  /** The slot that holds what these words are, or the empty one where it would be. */
  private slot(key: Int32Array): number {
    const { words, care, slots, values } = this;
    const count = words.length;
    const mask = slots.length - 1;
    let hash = 0;
    for (let i = 0; i < count; i++) hash = Math.imul(hash ^ (key[words[i]] & care[i]), 0x85ebca6b);
    // A multiplication carries upward only.
    hash ^= hash >>> 16;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot];
      if (entry === 0) return slot;
      const base = (entry - 1) * count;
      let i = 0;
      while (i < count && values[base + i] === (key[words[i]] & care[i])) i++;
      if (i === count) return slot;
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

function grouped(rules: readonly Rule[]): RuleGroup[] {
  const groups = new Map<string, number[]>();
  rules.forEach(({ base, six, care }, number) => {
    const shape = `${base}${six} ${care.join(' ')}`;
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, [number]);
    else group.push(number);
  });
  // A Map keeps the order of its first entries: that of the groups' first rules.
  return [...groups.values()].map((numbers) => new RuleGroup(rules, numbers));
}

/** Whether 4 bytes follow the IP header, and are no fragment's. */
function hasL4(cls: number, d: Dissection): boolean {
  const four = cls & ~1;
  if (four === CLASS_FRAGMENT4 || four < CLASS_TCP4) return false;
  return four !== CLASS_OTHER4 || d.end - d.l4 >= 4;
}

function words16(bytes: Uint8Array, off: number, key: Int32Array, at: number): void {
  for (let i = 0; i < 4; i++) key[at + i] = u32(bytes, off + 4 * i);
}
