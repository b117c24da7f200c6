/**
 * The first rule that matches a packet: `firstMatch` of `steer/rule-words.ts`, which lays the tables out and says what they are.
 * All that is kept in words is a number of words from `rules`.
 */

// Of the block.
const DROPS = 88;
const KEY = 96;

// Of a group.
const FIRST = 0;
const MASK = 4;
const SLOTS = 8;
const ENTRIES = 12;
const COUNT = 16;
const FIELDS = 20;
const FIELD_BYTES = 12;
const ENTRY_BITS = 17;

/** In place of a queue. */
export const NO_RULE: i32 = -3;
export const RULE_DROPS: i32 = -1;

function big(from: usize): u32 {
  return bswap<u32>(load<u32>(from));
}

/** Sixteen bytes as four words. */
function big16(from: usize): v128 {
  const bytes = v128.load(from);
  return v128.shuffle<u8>(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Where the group's entry is that the packet's words belong to, or 0. */
function entryOf(rules: usize, group: usize, count: usize): usize {
  const key = rules + KEY;
  const fields = group + FIELDS;
  const end = fields + count * FIELD_BYTES;
  let sum: u32 = 0;
  for (let at = fields; at < end; at += FIELD_BYTES) {
    const word = load<u32>(key + ((<usize>load<u32>(at)) << 2)) & load<u32>(at, 4);
    sum += (word ^ (word >> 16)) * load<u32>(at, 8);
  }
  sum = (sum ^ (sum >> 15)) * 0x2c1b3c6d;
  const hash = sum ^ (sum >> 16);
  const check = i32x4.splat((hash >> 18) | 0x4000);
  const mask = load<u32>(group, MASK);
  const slots = rules + ((<usize>load<u32>(group, SLOTS)) << 2);
  const entries = rules + ((<usize>load<u32>(group, ENTRIES)) << 2);
  let i = hash & mask & ~3;
  let fourth: u32;
  do {
    const four = slots + ((<usize>i) << 2);
    const taken = v128.load(four);
    let alike = i32x4.bitmask(i32x4.eq(i32x4.shr_u(taken, ENTRY_BITS), check));
    while (alike !== 0) {
      const slot = load<u32>(four + ((<usize>ctz(alike)) << 2));
      const entry = entries + <usize>((slot & ((1 << ENTRY_BITS) - 1)) - 1) * ((count + 2) << 2);
      let at = fields;
      let value = entry;
      while (at < end && load<u32>(value) === (load<u32>(key + ((<usize>load<u32>(at)) << 2)) & load<u32>(at, 4))) {
        at += FIELD_BYTES;
        value += 4;
      }
      if (at === end) return entry;
      alike &= alike - 1;
    }
    fourth = i32x4.extract_lane(taken, 3);
    i = (i + 4) & mask;
  } while (fourth !== 0);
  return 0;
}

/** Where packets are counted that rules drop: a double. */
export function dropsOf(rules: usize): usize {
  return load<u32>(rules, DROPS);
}

/**
 * @param list where the list of the class's groups is
 * @param ports where the SPI is, of ESP
 * @returns the rule's queue, or RULE_DROPS, NO_RULE, another negative number: a context
 */
export function ruleOf(
  rules: usize,
  list: usize,
  l3: usize,
  l4: usize,
  ports: usize,
  six: u32,
  vlan: u32,
  protocol: u32,
): i32 {
  const key = rules + KEY;
  store<u32>(key, vlan);
  store<u32>(key, big(l4), 8);
  store<u32>(key, big(ports), 12);
  let tos: u32;
  if (six !== 0) {
    tos = (<u32>bswap<u16>(load<u16>(l3)) >> 4) & 0xff;
    v128.store(key, big16(l3 + 8), 16);
    v128.store(key, big16(l3 + 24), 32);
  } else {
    tos = load<u8>(l3, 1);
    store<u32>(key, big(l3 + 12), 16);
    store<u32>(key, big(l3 + 16), 32);
  }
  store<u32>(key, 0x10000 | (tos << 8) | protocol, 4);

  let best: u32 = 0xffffffff;
  let queue = NO_RULE;
  for (let at = rules + (list << 2); ; at += 4) {
    const offset: usize = load<u32>(at);
    if (offset === 0) break;
    const group = rules + (offset << 2);
    if (load<u32>(group, FIRST) > best) break;
    const count: usize = load<u32>(group, COUNT);
    const entry = entryOf(rules, group, count);
    if (entry === 0) continue;
    const behind = entry + (count << 2);
    const number = load<u32>(behind);
    if (number < best) {
      best = number;
      queue = load<i32>(behind, 4);
    }
  }
  return queue;
}
