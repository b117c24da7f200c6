/**
 * Rules as tables of 32-bit words, without a pointer in them: where something is, is said in words from the beginning. So they can
 * be copied into the frame memory as they are; `rule-table.ts` and `kernels/assembly/rules.ts` read the same ones.
 *
 *       0 to 21  at class numbers: where the list of its groups is; 0: no rule speaks of the class
 *      22        the kernel's own: the address of the counter of packets that rules drop
 *      24 to 35  the kernel's own: the words of the packet that it looks for
 *     list       where each of the class's groups is, in the order of their first rules; 0 ends it
 *     group      its first rule | slots - 1 | where its slots are | where its entries are | how many words matter
 *                and of each of these: word | the bits of it that matter | factor
 *     slots      0: free; check << 17 | entry + 1
 *     entry      what the words have to be | number of the rule | queue, -1: drop, -2: another context
 *
 * A group has the rules of one flow type with the same masks, and its slots are a hash table over what the masks leave. A search
 * begins at a multiple of four, goes on to the next slot, and ends at the first that is free: so a kernel looks at four at once. With
 * a quarter of them taken at most, the first four have a free one in 49 of 50 searches.
 */
import { CLASSES, type ClassName } from '../counters.ts';
import { RULE_WORDS, type Rule, type RuleBase } from './rule.ts';

export const RULE_DROPS_ADDRESS = 22;
const KEY = 24;
const LISTS: number = KEY + RULE_WORDS;
const GROUP_FIRST = 0;
const GROUP_MASK = 1;
const GROUP_SLOTS = 2;
const GROUP_ENTRIES = 3;
const GROUP_COUNT = 4;
const GROUP_FIELDS = 5;
const FIELD_WORDS = 3;
/** Behind what the words of an entry have to be. */
const ENTRY_WORDS = 2;
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

/** More words than those of a rule can be: a group of its own of eleven words, in ten lists. */
export const RULE_BYTES_MOST = 320;

/** Rules of one flow type with the same masks. */
interface Group {
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
  const take = (count: number, align = 1): number => {
    const at = Math.ceil(size / align) * align;
    size = at + count;
    return at;
  };
  const listAt = lists.map((list) => (list.length === 0 ? 0 : take(list.length + 1)));
  const places = groups.map(({ fields, numbers }) => {
    const slotCount = slotsFor(numbers.length);
    return {
      group: take(GROUP_FIELDS + FIELD_WORDS * fields.length),
      // Four slots lie in one cache line.
      slots: take(slotCount, 4),
      slotCount,
      entries: take(numbers.length * (fields.length + ENTRY_WORDS)),
    };
  });
  const words = new Int32Array(size);
  lists.forEach((list, cls) => {
    words[cls] = listAt[cls];
    list.forEach((group, i) => {
      words[listAt[cls] + i] = places[group].group;
    });
  });
  groups.forEach(({ fields, care, numbers }, i) => {
    const at = places[i];
    words[at.group + GROUP_FIRST] = numbers[0];
    words[at.group + GROUP_MASK] = at.slotCount - 1;
    words[at.group + GROUP_SLOTS] = at.slots;
    words[at.group + GROUP_ENTRIES] = at.entries;
    words[at.group + GROUP_COUNT] = fields.length;
    fields.forEach((word, k) => {
      words.set([word, care[word], factor(k)], at.group + GROUP_FIELDS + FIELD_WORDS * k);
    });
    numbers.forEach((number, entry) => {
      const { value } = rules[number];
      const slot = slotOf(words, at.group, value);
      // The first of equal rules wins.
      if (words[slot] !== 0) return;
      words[slot] = (checkOf(words, at.group, value) << ENTRY_BITS) | (entry + 1);
      const where = at.entries + entry * (fields.length + ENTRY_WORDS);
      words.set([...fields.map((word) => value[word]), number, actionOf(rules[number])], where);
    });
  });
  return words;
}

/** The number of the first of these rules that matches a packet of the class with the words `key`, or -1. */
export function firstMatch(words: Int32Array, cls: number, key: Int32Array): number {
  let list = words[cls];
  if (list === 0) return -1;
  let best = -1;
  for (let group = words[list]; group !== 0; group = words[++list]) {
    if (best >= 0 && words[group + GROUP_FIRST] > best) break;
    const slot = words[slotOf(words, group, key)];
    if (slot === 0) continue;
    const count = words[group + GROUP_COUNT];
    const entry = (slot & ((1 << ENTRY_BITS) - 1)) - 1;
    const number = words[words[group + GROUP_ENTRIES] + entry * (count + ENTRY_WORDS) + count];
    if (best < 0 || number < best) best = number;
  }
  return best;
}

/** Where the slot is that has what these words are, or the free one where it would be. */
function slotOf(words: Int32Array, group: number, key: Int32Array): number {
  const count = words[group + GROUP_COUNT];
  const mask = words[group + GROUP_MASK];
  const slots = words[group + GROUP_SLOTS];
  const fields = group + GROUP_FIELDS;
  const hash = hashOf(words, fields, count, key);
  const check = (hash >>> 18) | 0x4000;
  for (let i = hash & mask & ~3; ; i = (i + 1) & mask) {
    const slot = words[slots + i];
    if (slot === 0) return slots + i;
    if (slot >>> ENTRY_BITS !== check) continue;
    const entry = (slot & ((1 << ENTRY_BITS) - 1)) - 1;
    const values = words[group + GROUP_ENTRIES] + entry * (count + ENTRY_WORDS);
    let k = 0;
    while (
      k < count &&
      words[values + k] === (key[words[fields + FIELD_WORDS * k]] & words[fields + FIELD_WORDS * k + 1])
    ) {
      k++;
    }
    if (k === count) return slots + i;
  }
}

function checkOf(words: Int32Array, group: number, key: Int32Array): number {
  return (hashOf(words, group + GROUP_FIELDS, words[group + GROUP_COUNT], key) >>> 18) | 0x4000;
}

/**
 * A sum, so that its parts need not wait for each other. A product carries upward only: each word's upper half is brought down
 * before, and the sum's behind. Else prefixes of 8 bits would give 256 hashes, however many they are.
 */
function hashOf(words: Int32Array, fields: number, count: number, key: Int32Array): number {
  let sum = 0;
  for (let at = fields, end = fields + FIELD_WORDS * count; at < end; at += FIELD_WORDS) {
    const word = key[words[at]] & words[at + 1];
    sum = (sum + Math.imul(word ^ (word >>> 16), words[at + 2])) | 0;
  }
  const mixed = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 16);
}

/** Odd, and not one another's multiples by a small number. */
function factor(k: number): number {
  return Math.imul(0x9e3779b1, Math.imul(k + 1, 0x85ebca6b) | 1) | 1;
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
      const fields = [...care.keys()].filter((word) => care[word] !== 0);
      groups.set(shape, { classes: classesOf(base, six), fields, care, numbers: [number] });
    }
  });
  return [...groups.values()];
}
