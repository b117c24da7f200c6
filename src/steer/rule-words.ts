/**
 * Rules as tables of 32-bit words, without a pointer in them: where something is, is said in words from the beginning. So they can
 * be copied into the frame memory as they are; `rule-table.ts` and `kernels/assembly/rules.ts` read the same ones.
 *
 *       0 to 21  at class numbers: where the list of its groups is; 0: no rule speaks of the class
 *      22        the kernel's own: the address of the counter of packets that rules drop
 *      24 to 35  the factors of the hash
 *     list       where each of the class's groups is, in the order of their first rules; 0 ends it
 *     group      its first rule | 32 - log2(slots) | where its slots are | where its entries are | 12 words: the bits that are hashed |
 *                where its masks are | 1: it looks at the SPI | how many words are not 0 in the bits that are hashed | which
 *     slots      0: free; check << 17 | entry + 1
 *     entry      what a packet's words have to be | number of the rule | mask << 16 | queue, -1: drop, -2: a context
 *     mask       the bits of a packet's words that matter
 *
 * The words of a packet are those of `rule-key.ts`: five for IPv4, twelve for IPv6, where an entry has two more words than these.
 * Groups, slots, entries and masks begin at multiples of 16 bytes.
 *
 * Groups are hash tables (`rule-groups.ts`). A search begins at a multiple of four, goes on to the next slot, and ends at the first
 * that is free: so the kernel looks at four at once. With a quarter of them taken at most, the first four nearly always have a free one.
 */
import { CLASSES, type ClassName } from '../counters.ts';
import type { Rule, RuleBase } from './rule.ts';
import { FACTORS, groupRules, hashOf, mixed, products } from './rule-groups.ts';
import { KEY_L4_4, KEY_L4_6, KEY_WORDS, keyOf, looksAtSpi } from './rule-key.ts';

export const RULE_DROPS_ADDRESS = 22;
const FACTORS_AT = 24;
const LISTS = 36;
const GROUP_FIRST = 0;
const GROUP_SHIFT = 1;
const GROUP_SLOTS = 2;
const GROUP_ENTRIES = 3;
const GROUP_CARE = 4;
const GROUP_MASKS = 16;
const GROUP_SPI = 17;
const GROUP_COUNT = 18;
const GROUP_FIELDS = 19;
/** Of an entry: its words; the number of its rule, behind which is what it does. Of a mask: its words. */
const ENTRY_WORDS_4 = 8;
const ENTRY_WORDS_6 = 16;
const ENTRY_NUMBER_4 = 5;
const ENTRY_NUMBER_6 = 12;
const MASK_WORDS_4 = 8;
const MASK_WORDS_6 = 12;
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
  const masks = groups.map(({ numbers }) => masksOf(rules, numbers));
  const places = groups.map(({ six, numbers }, i) => ({
    group: take(GROUP_FIELDS + KEY_WORDS, 4),
    slots: take(slotsFor(numbers.length), 4),
    entries: take(numbers.length * (six === 1 ? ENTRY_WORDS_6 : ENTRY_WORDS_4), 4),
    masks: take(masks[i].size * (six === 1 ? MASK_WORDS_6 : MASK_WORDS_4), 4),
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
  groups.forEach(({ base, six, care, numbers }, i) => {
    const { group, slots, entries, masks: masksAt } = places[i];
    const shift = Math.clz32(slotsFor(numbers.length) - 1);
    const fields = [...care.keys()].filter((word) => care[word] !== 0);
    words.set(
      [numbers[0], shift, slots, entries, ...care, masksAt, looksAtSpi(base) ? 1 : 0, fields.length, ...fields],
      group,
    );
    numbers.forEach((number, entry) => {
      const rule = rules[number];
      const value = keyOf(rule.value, six);
      const hash = hashOf(value, care);
      let slot = (hash >>> shift) & ~3;
      while (words[slots + slot] !== 0) slot = (slot + 1) & (-1 >>> shift);
      words[slots + slot] = (checkOf(hash) << ENTRY_BITS) | (entry + 1);
      const mask = masks[i].get(rule.care.join())!;
      const entryWords = six === 1 ? ENTRY_WORDS_6 : ENTRY_WORDS_4;
      const maskWords = six === 1 ? MASK_WORDS_6 : MASK_WORDS_4;
      const behind = six === 1 ? ENTRY_NUMBER_6 : ENTRY_NUMBER_4;
      const at = entries + entry * entryWords;
      words.set([...value.subarray(0, behind), number, (mask << 16) | (actionOf(rule) & 0xffff)], at);
      words.set(keyOf(rule.care, six).subarray(0, maskWords), masksAt + mask * maskWords);
    });
  });
  return words;
}

/** The number of the first of these rules that matches a packet of the class with the words `key`, as `readKey` gives them, or -1. */
export function firstMatch(words: Int32Array, cls: number, key: Int32Array): number {
  let list = words[cls];
  if (list === 0) return -1;
  const six = (cls & 1) !== 0;
  const l4 = six ? KEY_L4_6 : KEY_L4_4;
  let best = -1;
  for (let group = words[list]; group !== 0; group = words[++list]) {
    if (best >= 0 && words[group + GROUP_FIRST] > best) break;
    key[l4] = key[KEY_WORDS + words[group + GROUP_SPI]];
    const hash = groupHash(words, group, key);
    const check = checkOf(hash);
    const shift = words[group + GROUP_SHIFT];
    const mask = -1 >>> shift;
    const slots = words[group + GROUP_SLOTS];
    for (let i = (hash >>> shift) & ~3; ; i = (i + 1) & mask) {
      const slot = words[slots + i];
      if (slot === 0) break;
      if (slot >>> ENTRY_BITS !== check) continue;
      const entry = (slot & ((1 << ENTRY_BITS) - 1)) - 1;
      const rule = six ? ruleAt6(words, group, entry, key) : ruleAt4(words, group, entry, key);
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
function ruleAt4(words: Int32Array, group: number, entry: number, key: Int32Array): number {
  const at = words[group + GROUP_ENTRIES] + entry * ENTRY_WORDS_4;
  const mask = words[group + GROUP_MASKS] + (words[at + ENTRY_NUMBER_4 + 1] >>> 16) * MASK_WORDS_4;
  const differ =
    ((key[0] ^ words[at]) & words[mask]) |
    ((key[1] ^ words[at + 1]) & words[mask + 1]) |
    ((key[2] ^ words[at + 2]) & words[mask + 2]) |
    ((key[3] ^ words[at + 3]) & words[mask + 3]) |
    ((key[4] ^ words[at + 4]) & words[mask + 4]);
  return differ === 0 ? words[at + ENTRY_NUMBER_4] : -1;
}

function ruleAt6(words: Int32Array, group: number, entry: number, key: Int32Array): number {
  const at = words[group + GROUP_ENTRIES] + entry * ENTRY_WORDS_6;
  const mask = words[group + GROUP_MASKS] + (words[at + ENTRY_NUMBER_6 + 1] >>> 16) * MASK_WORDS_6;
  for (let i = 0; i < KEY_WORDS; i++) if (((key[i] ^ words[at + i]) & words[mask + i]) !== 0) return -1;
  return words[at + ENTRY_NUMBER_6];
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

/** Numbers of the masks that these rules have, by what they are. */
function masksOf(rules: readonly Rule[], numbers: readonly number[]): Map<string, number> {
  const masks = new Map<string, number>();
  for (const number of numbers) {
    const mask = rules[number].care.join();
    if (!masks.has(mask)) masks.set(mask, masks.size);
  }
  return masks;
}
