/**
 * Rules as tables of 32-bit words, without a pointer in them: where something is, is said in words from the beginning. So they can
 * be copied into the frame memory as they are; `rule-table.ts` and `kernels/assembly/rules.ts` read the same ones.
 *
 *       0 to 21  at class numbers: where the list of its groups is; 0: no rule speaks of the class
 *      22        the kernel's own: the address of the counter of packets that rules drop
 *      24 to 35  the factors of the hash
 *     list       where each of the class's groups is, in the order of their first rules; 0 ends it
 *     group      its first rule | 32 - log2(slots) | where its slots are | where its entries are | 12 words: the bits that are hashed |
 *                how many words are not 0 in these | which
 *     slots      0: free; check << 17 | entry + 1
 *     entry      what a packet's words have to be | number of the rule | queue, -1: drop, -2: a context
 *                the bits of the words that matter
 *
 * The words of a packet are those of `rule.ts`; but IPv4 has its destination right behind its source, so that they are two vectors
 * of four, with room for number and queue. IPv6 has four with these. Groups, slots and entries begin at multiples of 16 bytes.
 *
 * Groups are hash tables (`rule-groups.ts`). A search begins at a multiple of four, goes on to the next slot, and ends at the first
 * that is free: so the kernel looks at four at once. With a quarter of them taken at most, the first four nearly always have a free one.
 */
import { CLASSES, type ClassName } from '../counters.ts';
import type { Rule, RuleBase } from './rule.ts';
import { FACTORS, groupRules, hashOf, KEY_WORDS, mixed, packed, products } from './rule-groups.ts';

export const RULE_DROPS_ADDRESS = 22;
const FACTORS_AT = 24;
const LISTS = 36;
const GROUP_FIRST = 0;
const GROUP_SHIFT = 1;
const GROUP_SLOTS = 2;
const GROUP_ENTRIES = 3;
const GROUP_CARE = 4;
const GROUP_COUNT = 16;
const GROUP_FIELDS = 17;
/** Of an entry: its words; the number of its rule, behind which is what it does; the bits that matter. */
const ENTRY_WORDS_4 = 16;
const ENTRY_WORDS_6 = 32;
const ENTRY_NUMBER_4 = 6;
const ENTRY_NUMBER_6 = 12;
const ENTRY_CARE_4 = 8;
const ENTRY_CARE_6 = 16;
const ENTRY_BITS = 17;
/** Slots for a rule, at least. */
const SPREAD = 4;

/** What an entry says in place of a queue: the rule has a context, whose hash may be another one. */
const ACTION_CONTEXT = -2;

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

/** Numbers of the classes that rules of a flow type speak of. */
export function classesOf(base: RuleBase, six: 0 | 1): number[] {
  return BASE_CLASSES[base].map((name) => CLASSES.indexOf(`${name}${six === 1 ? 6 : 4}` as ClassName));
}

/** More than a rule can take: a group of its own of eleven words, in ten lists. */
export const RULE_BYTES_MOST = 384;

/** @param rules in the order of their locations */
export function layRules(rules: readonly Rule[]): Int32Array<ArrayBuffer> {
  const groups = groupRules(rules);
  const lists: number[][] = CLASSES.map(() => []);
  groups.forEach(({ base, six }, i) => {
    for (const cls of classesOf(base, six)) lists[cls].push(i);
  });
  let size = LISTS;
  const take = (count: number, align: 1 | 4): number => {
    const at = Math.ceil(size / align) * align;
    size = at + count;
    return at;
  };
  const listAt = lists.map((list) => (list.length === 0 ? 0 : take(list.length + 1, 1)));
  const places = groups.map(({ six, numbers }) => ({
    group: take(GROUP_FIELDS + KEY_WORDS, 4),
    slots: take(slotsFor(numbers.length), 4),
    entries: take(numbers.length * (six === 1 ? ENTRY_WORDS_6 : ENTRY_WORDS_4), 4),
  }));
  const words = new Int32Array(size);
  words.set(FACTORS, FACTORS_AT);
  lists.forEach((list, cls) => {
    words[cls] = listAt[cls];
    words.set(
      list.map((group) => places[group].group),
      listAt[cls],
    );
  });
  groups.forEach(({ six, care, numbers }, i) => {
    const { group, slots, entries } = places[i];
    const shift = Math.clz32(slotsFor(numbers.length) - 1);
    const mask = -1 >>> shift;
    const fields = [...care.keys()].filter((word) => care[word] !== 0);
    words.set([numbers[0], shift, slots, entries, ...care, fields.length, ...fields], group);
    numbers.forEach((number, entry) => {
      const rule = rules[number];
      const value = packed(rule.value, six);
      const hash = hashOf(value, care);
      let slot = (hash >>> shift) & ~3;
      while (words[slots + slot] !== 0) slot = (slot + 1) & mask;
      words[slots + slot] = (checkOf(hash) << ENTRY_BITS) | (entry + 1);
      const says = [number, actionOf(rule)];
      if (six === 1) {
        const at = entries + entry * ENTRY_WORDS_6;
        words.set([...value, ...says], at);
        words.set(packed(rule.care, 1), at + ENTRY_CARE_6);
      } else {
        const at = entries + entry * ENTRY_WORDS_4;
        words.set([...value.subarray(0, ENTRY_NUMBER_4), ...says], at);
        words.set(packed(rule.care, 0).subarray(0, ENTRY_NUMBER_4), at + ENTRY_CARE_4);
      }
    });
  });
  return words;
}

/** The number of the first of these rules that matches a packet of the class with the words `key`, or -1. */
export function firstMatch(words: Int32Array, cls: number, key: Int32Array): number {
  let list = words[cls];
  if (list === 0) return -1;
  const six = (cls & 1) !== 0;
  let best = -1;
  for (let group = words[list]; group !== 0; group = words[++list]) {
    if (best >= 0 && words[group + GROUP_FIRST] > best) break;
    const hash = groupHash(words, group, key);
    const check = checkOf(hash);
    const shift = words[group + GROUP_SHIFT];
    const mask = -1 >>> shift;
    const slots = words[group + GROUP_SLOTS];
    for (let i = (hash >>> shift) & ~3; ; i = (i + 1) & mask) {
      const slot = words[slots + i];
      if (slot === 0) break;
      if (slot >>> ENTRY_BITS !== check) continue;
      const number = (slot & ((1 << ENTRY_BITS) - 1)) - 1;
      const entries = words[group + GROUP_ENTRIES];
      const rule = six
        ? ruleAt6(words, entries + number * ENTRY_WORDS_6, key)
        : ruleAt4(words, entries + number * ENTRY_WORDS_4, key);
      if (rule >= 0 && (best < 0 || rule < best)) best = rule;
    }
  }
  return best;
}

/** As `hashOf`, by the words that are hashed alone. */
function groupHash(words: Int32Array, group: number, key: Int32Array): number {
  const end = group + GROUP_FIELDS + words[group + GROUP_COUNT];
  let sum = 0;
  for (let at = group + GROUP_FIELDS; at < end; at++) {
    const word = words[at];
    const bits = key[word] & words[group + GROUP_CARE + word];
    sum = (sum + products(bits, words[FACTORS_AT + word])) | 0;
  }
  return mixed(sum);
}

/** The number of the rule of an entry, if it matches, or -1. */
function ruleAt4(words: Int32Array, entry: number, key: Int32Array): number {
  const care = entry + ENTRY_CARE_4;
  const differ =
    ((key[0] ^ words[entry]) & words[care]) |
    ((key[1] ^ words[entry + 1]) & words[care + 1]) |
    ((key[2] ^ words[entry + 2]) & words[care + 2]) |
    ((key[3] ^ words[entry + 3]) & words[care + 3]) |
    ((key[4] ^ words[entry + 4]) & words[care + 4]) |
    ((key[5] ^ words[entry + 5]) & words[care + 5]);
  return differ === 0 ? words[entry + ENTRY_NUMBER_4] : -1;
}

function ruleAt6(words: Int32Array, entry: number, key: Int32Array): number {
  for (let i = 0; i < KEY_WORDS; i++) {
    if (((key[i] ^ words[entry + i]) & words[entry + ENTRY_CARE_6 + i]) !== 0) return -1;
  }
  return words[entry + ENTRY_NUMBER_6];
}

/** Bits of a hash that a slot has, never 0: the upper ones chose where it is. */
function checkOf(hash: number): number {
  return (hash & 0x3fff) | 0x4000;
}

function slotsFor(rules: number): number {
  let slots = 4;
  while (slots < SPREAD * rules) slots <<= 1;
  return slots;
}

function actionOf({ action, context }: Rule): number {
  return context < 0 ? action : ACTION_CONTEXT;
}
