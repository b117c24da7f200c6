/**
 * Rules as tables of 32-bit words, without a pointer in them: where something is, is said in words from the beginning. So they can
 * be copied into the frame memory as they are; `rule-table.ts` and `kernels/assembly/rules.ts` read the same ones.
 *
 *       0 to 21  at class numbers: where the list of its groups is; 0: no rule speaks of the class
 *      22        the kernel's own: the address of the counter of packets that rules drop
 *      24 to 35  the factors of the hash
 *     list       where each of the class's groups is, in the order of their first rules; 0 ends it
 *     group      its first rule | slots - 1 | where its slots are | where its entries are | 12 words: the bits that matter |
 *                how many words are not 0 in these | which
 *     slots      0: free; check << 17 | entry + 1
 *     entry      what the bits that matter have to be, and in two words behind: number of the rule | queue, -1: drop, -2: a context
 *
 * The words of a packet are those of `rule.ts`; but IPv4 has its destination right behind its source, so that all of it, and the
 * two words behind, are two vectors. An entry of IPv4 has 8 words, one of IPv6 16. Groups, slots and entries begin at multiples of 16 bytes.
 *
 * A group has the rules of one flow type with the same masks, and its slots are a hash table over what the masks leave. A search
 * begins at a multiple of four, goes on to the next slot, and ends at the first that is free: so the kernel looks at four at once. With
 * a quarter of them taken at most, the first four have a free one in 49 of 50 searches.
 */
import { CLASSES, type ClassName } from '../counters.ts';
import { type Rule, type RuleBase, WORD_DST, WORD_SRC } from './rule.ts';

export const RULE_DROPS_ADDRESS = 22;
const FACTORS_AT = 24;
const LISTS = 36;
const GROUP_FIRST = 0;
const GROUP_MASK = 1;
const GROUP_SLOTS = 2;
const GROUP_ENTRIES = 3;
const GROUP_CARE = 4;
const GROUP_COUNT = 16;
const GROUP_FIELDS = 17;
const ENTRY_WORDS_4 = 8;
const ENTRY_WORDS_6 = 16;
/** Of an entry: the number of its rule, and behind it what it does. */
const ENTRY_NUMBER_4 = 6;
const ENTRY_NUMBER_6 = 12;
const ENTRY_BITS = 17;
/** Where the destination is among the words of IPv4. */
export const WORD_DST_4: number = WORD_SRC + 1;
/** Words of a packet. */
export const KEY_WORDS = 12;
/** Slots for a rule, at least. */
const SPREAD = 4;

/** Odd numbers of no particular kind, one for each word. */
const FACTORS = Int32Array.of(
  ...[0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1, 0xd3a2646d],
  ...[0xfd7046c5, 0xb55a4f09, 0x8f1bbcdd, 0x5a827999, 0xca62c1d7, 0x6ed9eba1],
);

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

/** More words than those of a rule can be: a group of its own of eleven words, in ten lists. */
export const RULE_BYTES_MOST = 320;

/** Rules of one flow type with the same masks. */
interface Group {
  readonly six: 0 | 1;
  readonly classes: readonly number[];
  /** Words in which bits matter, and these bits. */
  readonly fields: readonly number[];
  readonly care: Int32Array;
  /** Of its rules, ascending. */
  readonly numbers: readonly number[];
}

/** @param rules in the order of their locations */
export function layRules(rules: readonly Rule[]): Int32Array<ArrayBuffer> {
  const groups = grouped(rules);
  const lists: number[][] = CLASSES.map(() => []);
  groups.forEach(({ classes }, i) => {
    for (const cls of classes) lists[cls].push(i);
  });
  let size = LISTS;
  const take = (count: number, align: 1 | 4): number => {
    const at = Math.ceil(size / align) * align;
    size = at + count;
    return at;
  };
  const listAt = lists.map((list) => (list.length === 0 ? 0 : take(list.length + 1, 1)));
  const places = groups.map(({ six, fields, numbers }) => ({
    group: take(GROUP_FIELDS + fields.length, 4),
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
  groups.forEach(({ six, fields, care, numbers }, i) => {
    const { group, slots, entries } = places[i];
    words.set([numbers[0], slotsFor(numbers.length) - 1, slots, entries, ...care], group);
    words.set([fields.length, ...fields], group + GROUP_COUNT);
    numbers.forEach((number, entry) => {
      const rule = rules[number];
      const value = packed(rule.value, six);
      const hash = hashOf(words, group, value);
      const slot = slotOf(words, group, six, value, hash);
      // The first of equal rules wins.
      if (words[slot] !== 0) return;
      words[slot] = (checkOf(hash) << ENTRY_BITS) | (entry + 1);
      const at = entries + entry * (six === 1 ? ENTRY_WORDS_6 : ENTRY_WORDS_4);
      const behind = six === 1 ? ENTRY_NUMBER_6 : ENTRY_NUMBER_4;
      words.set(value.subarray(0, behind), at);
      words.set([number, actionOf(rule)], at + behind);
    });
  });
  return words;
}

/** The number of the first of these rules that matches a packet of the class with the words `key`, or -1. */
export function firstMatch(words: Int32Array, cls: number, key: Int32Array): number {
  let list = words[cls];
  if (list === 0) return -1;
  const six = cls & 1;
  const entryWords = six === 1 ? ENTRY_WORDS_6 : ENTRY_WORDS_4;
  const behind = six === 1 ? ENTRY_NUMBER_6 : ENTRY_NUMBER_4;
  let best = -1;
  for (let group = words[list]; group !== 0; group = words[++list]) {
    if (best >= 0 && words[group + GROUP_FIRST] > best) break;
    const slot = words[slotOf(words, group, six, key, hashOf(words, group, key))];
    if (slot === 0) continue;
    const number = words[words[group + GROUP_ENTRIES] + entryOf(slot) * entryWords + behind];
    if (best < 0 || number < best) best = number;
  }
  return best;
}

/** Where the slot is that has what these words are, or the free one where it would be. */
function slotOf(words: Int32Array, group: number, six: number, key: Int32Array, hash: number): number {
  const mask = words[group + GROUP_MASK];
  const slots = words[group + GROUP_SLOTS];
  const entries = words[group + GROUP_ENTRIES];
  const entryWords = six === 1 ? ENTRY_WORDS_6 : ENTRY_WORDS_4;
  const check = checkOf(hash);
  for (let i = hash & mask & ~3; ; i = (i + 1) & mask) {
    const slot = words[slots + i];
    if (
      slot === 0 ||
      (slot >>> ENTRY_BITS === check && isAt(words, group, entries + entryOf(slot) * entryWords, key))
    ) {
      return slots + i;
    }
  }
}

function isAt(words: Int32Array, group: number, entry: number, key: Int32Array): boolean {
  const end = group + GROUP_FIELDS + words[group + GROUP_COUNT];
  for (let at = group + GROUP_FIELDS; at < end; at++) {
    const word = words[at];
    if (words[entry + word] !== (key[word] & words[group + GROUP_CARE + word])) return false;
  }
  return true;
}

/**
 * A sum, so that its parts need not wait for each other. A product carries upward only: each word's upper half is brought down
 * before, and the sum's behind. Else prefixes of 8 bits would give 256 hashes, however many they are.
 */
function hashOf(words: Int32Array, group: number, key: Int32Array): number {
  const end = group + GROUP_FIELDS + words[group + GROUP_COUNT];
  let sum = 0;
  for (let at = group + GROUP_FIELDS; at < end; at++) {
    const word = words[at];
    const bits = key[word] & words[group + GROUP_CARE + word];
    sum = (sum + Math.imul(bits ^ (bits >>> 16), words[FACTORS_AT + word])) | 0;
  }
  const mixed = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 16);
}

/** Bits of a hash that a slot has, never 0: the lower ones chose where it is. */
function checkOf(hash: number): number {
  return (hash >>> 18) | 0x4000;
}

function entryOf(slot: number): number {
  return (slot & ((1 << ENTRY_BITS) - 1)) - 1;
}

/** The words of a rule in the order of a packet's. */
function packed(words: Int32Array, six: 0 | 1): Int32Array {
  const out = words.slice();
  if (six === 1) return out;
  out[WORD_DST_4] = words[WORD_DST];
  out[WORD_DST] = 0;
  return out;
}

function slotsFor(rules: number): number {
  let slots = 4;
  while (slots < SPREAD * rules) slots <<= 1;
  return slots;
}

function actionOf({ action, context }: Rule): number {
  return context < 0 ? action : ACTION_CONTEXT;
}

/** In the order of their first rules, as a Map keeps its entries. */
function grouped(rules: readonly Rule[]): Group[] {
  const groups = new Map<string, Group & { readonly numbers: number[] }>();
  rules.forEach(({ base, six, care }, number) => {
    const shape = `${base}${six} ${care.join(' ')}`;
    const group = groups.get(shape);
    if (group !== undefined) group.numbers.push(number);
    else {
      const bits = packed(care, six);
      const fields = [...bits.keys()].filter((word) => bits[word] !== 0);
      groups.set(shape, { six, classes: classesOf(base, six), fields, care: bits, numbers: [number] });
    }
  });
  return [...groups.values()];
}
