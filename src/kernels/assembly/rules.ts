/**
 * The first rule that matches a packet: `firstMatch` of `steer/rule-words.ts`, which lays the tables out and says what they are.
 * The words of a packet are those of `steer/rule-key.ts`.
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
const SPI = 68;
const ENTRY_BITS = 17;

/** In place of a queue. */
export const NO_RULE: i32 = -3;
export const RULE_DROPS: i32 = -1;

function hashOf(sums: v128, more: i32): u32 {
  const halves = i32x4.add(sums, v128.shuffle<u32>(sums, sums, 2, 3, 0, 1));
  return <u32>(i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1) + more) * 0x9e3779b1;
}

/** As `i32x4.dot_i16x8_s` does it for four. */
function products(word: u32, factors: u32): i32 {
  return (<i32>(word << 16) >> 16) * (<i32>(factors << 16) >> 16) + (<i32>word >> 16) * (<i32>factors >> 16);
}

/** Bits at the places of four slots that have this hash's check. */
function alike(four: v128, hash: u32): i32 {
  return i32x4.bitmask(i32x4.eq(i32x4.shr_u(four, ENTRY_BITS), i32x4.splat((hash & 0x3fff) | 0x4000)));
}

function entryOf(slot: u32): usize {
  return <usize>((slot & ((1 << ENTRY_BITS) - 1)) - 1);
}

/** The queue that an entry names, or what stands in its place. */
function queueOf(says: u32): i32 {
  return <i32>(says << 16) >> 16;
}

/** Tag, L4 present, TOS. */
function last4(l3: usize, vlan: u32): u32 {
  return vlan | 0x20000 | ((<u32>load<u8>(l3, 1)) << 24);
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
export function ruleOf(rules: usize, list: usize, l3: usize, ports: usize, six: u32, vlan: u32): i32 {
  const at = rules + (list << 2);
  return six !== 0 ? match6(rules, at, l3, ports, vlan) : match4(rules, at, l3, ports, vlan);
}

function match4(rules: usize, list: usize, l3: usize, ports: usize, vlan: u32): i32 {
  const packet = v128.load(l3, 8);
  const factors = v128.load(rules, FACTORS);
  let best: u32 = 0xffffffff;
  let queue = NO_RULE;
  for (let at = list; ; at += 4) {
    const offset: usize = load<u32>(at);
    if (offset === 0) break;
    const group = rules + (offset << 2);
    if (load<u32>(group, FIRST) > best) break;
    const words = load<u32>(group, SPI) !== 0 ? v128.load32_lane(ports, packet, 3) : packet;
    const lastCare = load<u32>(group, CARE + 16);
    const more = lastCare === 0 ? 0 : products(last4(l3, vlan) & lastCare, load<u32>(rules, FACTORS + 16));
    const hash = hashOf(i32x4.dot_i16x8_s(v128.and(words, v128.load(group, CARE)), factors), more);
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
        const says = load<u32>(entry, 24);
        const mask = rules + ((<usize>(load<u32>(group, MASKS) + ((says >> 16) << 3))) << 2);
        if (v128.any_true(v128.and(v128.xor(words, v128.load(entry)), v128.load(mask)))) continue;
        const lastMask = load<u32>(mask, 16);
        if (lastMask !== 0 && ((last4(l3, vlan) ^ load<u32>(entry, 16)) & lastMask) !== 0) continue;
        const rule = load<u32>(entry, 20);
        if (rule < best) {
          best = rule;
          queue = queueOf(says);
        }
      }
      fourth = i32x4.extract_lane(four, 3);
      i = (i + 4) & (<u32>-1 >> shift);
    } while (fourth !== 0);
  }
  return queue;
}

function match6(rules: usize, list: usize, l3: usize, ports: usize, vlan: u32): i32 {
  const source = v128.load(l3, 8);
  const destination = v128.load(l3, 24);
  const tos: u32 = (((<u32>load<u8>(l3)) << 4) | (<u32>load<u8>(l3, 1) >> 4)) & 0xff;
  let packet = v128.load32_zero(l3, 4);
  packet = v128.load32_lane(l3, packet, 1, 40);
  packet = i32x4.replace_lane(packet, 2, vlan | 0x20000 | (tos << 24));
  const sourceFactors = v128.load(rules, FACTORS);
  const destinationFactors = v128.load(rules, FACTORS + 16);
  const factors = v128.load(rules, FACTORS + 32);
  let best: u32 = 0xffffffff;
  let queue = NO_RULE;
  for (let at = list; ; at += 4) {
    const offset: usize = load<u32>(at);
    if (offset === 0) break;
    const group = rules + (offset << 2);
    if (load<u32>(group, FIRST) > best) break;
    const words = load<u32>(group, SPI) !== 0 ? v128.load32_lane(ports, packet, 1) : packet;
    const sums = i32x4.add(
      i32x4.dot_i16x8_s(v128.and(words, v128.load(group, CARE + 32)), factors),
      i32x4.add(
        i32x4.dot_i16x8_s(v128.and(source, v128.load(group, CARE)), sourceFactors),
        i32x4.dot_i16x8_s(v128.and(destination, v128.load(group, CARE + 16)), destinationFactors),
      ),
    );
    const hash = hashOf(sums, 0);
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
        const sourceDiffers = v128.and(v128.xor(source, v128.load(entry)), v128.load(mask));
        const destinationDiffers = v128.and(v128.xor(destination, v128.load(entry, 16)), v128.load(mask, 16));
        const differ = v128.and(v128.xor(words, v128.load(entry, 32)), v128.load(mask, 32));
        if (v128.any_true(v128.or(differ, v128.or(sourceDiffers, destinationDiffers)))) continue;
        const rule = load<u32>(entry, 48);
        if (rule < best) {
          best = rule;
          queue = queueOf(says);
        }
      }
      fourth = i32x4.extract_lane(four, 3);
      i = (i + 4) & (<u32>-1 >> shift);
    } while (fourth !== 0);
  }
  return queue;
}
