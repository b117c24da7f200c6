/**
 * The first rule that matches a packet: `firstMatch` of `steer/rule-words.ts`, which lays the tables out and says what they are.
 * The words of a packet are two vectors of four for IPv4, three for IPv6: without a loop over those that matter, five groups took
 * 0.6 times as long (`npm run bench -- rules`).
 */

// Of the block.
const DROPS = 88;
const FACTORS = 96;

// Of a group.
const FIRST = 0;
const SHIFT = 4;
const SLOTS = 8;
const ENTRIES = 12;
const CARE = 16;
const MASKS = 64;
const ENTRY_BITS = 17;

/** In place of a queue. */
export const NO_RULE: i32 = -3;
export const RULE_DROPS: i32 = -1;

function products(bits: v128, factors: v128): v128 {
  return i32x4.dot_i16x8_s(bits, factors);
}

function hashOf(sums: v128): u32 {
  const halves = i32x4.add(sums, v128.shuffle<u32>(sums, sums, 2, 3, 0, 1));
  const sum: u32 = i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1);
  return sum * 0x9e3779b1;
}

/** Bits at the places of four slots that have this hash's check. */
function alike(four: v128, hash: u32): i32 {
  return i32x4.bitmask(i32x4.eq(i32x4.shr_u(four, ENTRY_BITS), i32x4.splat((hash & 0x3fff) | 0x4000)));
}

function entryOf(slot: u32): usize {
  return <usize>((slot & ((1 << ENTRY_BITS) - 1)) - 1);
}

/** Where packets are counted that rules drop: a double. */
export function dropsOf(rules: usize): usize {
  return load<u32>(rules, DROPS);
}

/**
 * @param list where the list of the class's groups is, in words from `rules`
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
  const tos: u32 = six !== 0 ? (((<u32>load<u8>(l3)) << 4) | (load<u8>(l3, 1) >> 4)) & 0xff : <u32>load<u8>(l3, 1);
  let first = i32x4.splat(vlan);
  first = i32x4.replace_lane(first, 1, 0x10000 | (tos << 8) | protocol);
  first = v128.load32_lane(l4, first, 2);
  first = v128.load32_lane(ports, first, 3);
  const at = rules + (list << 2);
  return six !== 0
    ? match6(rules, at, first, v128.load(l3, 8), v128.load(l3, 24))
    : match4(rules, at, first, v128.load64_zero(l3, 12));
}

/** Words: those of the tag, IP, L4 and the SPI, then source and destination. */
function match4(rules: usize, list: usize, first: v128, ends: v128): i32 {
  const factors = v128.load(rules, FACTORS);
  const endFactors = v128.load(rules, FACTORS + 16);
  let best: u32 = 0xffffffff;
  let queue = NO_RULE;
  for (let at = list; ; at += 4) {
    const offset: usize = load<u32>(at);
    if (offset === 0) break;
    const group = rules + (offset << 2);
    if (load<u32>(group, FIRST) > best) break;
    const care = v128.load(group, CARE);
    const endCare = v128.load(group, CARE + 16);
    const hash = hashOf(
      i32x4.add(products(v128.and(first, care), factors), products(v128.and(ends, endCare), endFactors)),
    );
    const shift = load<u32>(group, SHIFT);
    const slots = rules + ((<usize>load<u32>(group, SLOTS)) << 2);
    let i = (hash >> shift) & ~3;
    let fourth: u32;
    do {
      const place = slots + ((<usize>i) << 2);
      const four = v128.load(place);
      for (let bits = alike(four, hash); bits !== 0; bits &= bits - 1) {
        const number = entryOf(load<u32>(place + ((<usize>ctz(bits)) << 2)));
        const entry = rules + ((<usize>load<u32>(group, ENTRIES)) << 2) + (number << 5);
        const says = load<u32>(entry, 28);
        const mask = rules + ((<usize>(load<u32>(group, MASKS) + ((says >> 16) << 3))) << 2);
        const differ = v128.and(v128.xor(first, v128.load(entry)), v128.load(mask));
        const endsDiffer = v128.and(v128.xor(ends, v128.load(entry, 16)), v128.load(mask, 16));
        if (v128.any_true(v128.or(differ, endsDiffer))) continue;
        const rule = load<u32>(entry, 24);
        if (rule < best) {
          best = rule;
          queue = <i32>(says << 16) >> 16;
        }
      }
      fourth = i32x4.extract_lane(four, 3);
      i = (i + 4) & (<u32>-1 >> shift);
    } while (fourth !== 0);
  }
  return queue;
}

/** As `match4`, with a vector for each of the addresses. */
function match6(rules: usize, list: usize, first: v128, source: v128, destination: v128): i32 {
  const factors = v128.load(rules, FACTORS);
  const sourceFactors = v128.load(rules, FACTORS + 16);
  const destinationFactors = v128.load(rules, FACTORS + 32);
  let best: u32 = 0xffffffff;
  let queue = NO_RULE;
  for (let at = list; ; at += 4) {
    const offset: usize = load<u32>(at);
    if (offset === 0) break;
    const group = rules + (offset << 2);
    if (load<u32>(group, FIRST) > best) break;
    const care = v128.load(group, CARE);
    const sourceCare = v128.load(group, CARE + 16);
    const destinationCare = v128.load(group, CARE + 32);
    const hash = hashOf(
      i32x4.add(
        products(v128.and(first, care), factors),
        i32x4.add(
          products(v128.and(source, sourceCare), sourceFactors),
          products(v128.and(destination, destinationCare), destinationFactors),
        ),
      ),
    );
    const shift = load<u32>(group, SHIFT);
    const slots = rules + ((<usize>load<u32>(group, SLOTS)) << 2);
    let i = (hash >> shift) & ~3;
    let fourth: u32;
    do {
      const place = slots + ((<usize>i) << 2);
      const four = v128.load(place);
      for (let bits = alike(four, hash); bits !== 0; bits &= bits - 1) {
        const number = entryOf(load<u32>(place + ((<usize>ctz(bits)) << 2)));
        const entry = rules + ((<usize>load<u32>(group, ENTRIES)) << 2) + (number << 6);
        const says = load<u32>(entry, 52);
        const mask = rules + ((<usize>(load<u32>(group, MASKS) + (says >> 16) * 12)) << 2);
        const differ = v128.and(v128.xor(first, v128.load(entry)), v128.load(mask));
        const sourceDiffers = v128.and(v128.xor(source, v128.load(entry, 16)), v128.load(mask, 16));
        const destinationDiffers = v128.and(v128.xor(destination, v128.load(entry, 32)), v128.load(mask, 32));
        if (v128.any_true(v128.or(differ, v128.or(sourceDiffers, destinationDiffers)))) continue;
        const rule = load<u32>(entry, 48);
        if (rule < best) {
          best = rule;
          queue = <i32>(says << 16) >> 16;
        }
      }
      fourth = i32x4.extract_lane(four, 3);
      i = (i + 4) & (<u32>-1 >> shift);
    } while (fourth !== 0);
  }
  return queue;
}
