/**
 * What may come in clear: the inbound half of RFC 4301's policy database, for packets that did not come by an SA. The first entry
 * that matches decides; without one a packet passes.
 *
 * A thousand entries cost little more than ten: entries with the same lengths of prefixes are a group, which is a hash table over
 * the addresses cut to these lengths, and policies have few groups. Groups are looked at in the order of their first entries,
 * until none can hold an entry before the one that was found.
 *
 *     group: family | first entry | mask of slots | where slots begin | source mask: 4 | destination mask: 4
 *     slot:  first entry of a chain of those with these addresses, in their order; + 1; 0: free
 */
import { optionError } from '../../errors.ts';
import { parseSelector, SELECTOR_PROPERTIES, type Selector, type SelectorConfig } from './selector.ts';
import {
  concerns,
  matchesUpper,
  S_ACTION,
  S_DST,
  S_DST_MASK,
  S_FAMILY,
  S_NEXT,
  S_SRC,
  S_SRC_MASK,
  SELECTOR_SHIFT,
  selectorWords,
} from './selector-words.ts';
import type { Traffic } from './traffic.ts';

export type PolicyAction = 'protect' | 'bypass' | 'discard';

/**
 * An entry: clear traffic that it selects should have been protected, may pass, or is discarded. What IPsec itself consists of (ESP,
 * AH, IKE to UDP port 500 or in NAT-T, NAT-T) is selected only by entries of `proto` esp or ah, or of udp with ports.
 */
export interface PolicyConfig extends SelectorConfig {
  readonly action: PolicyAction;
}

const PASSES = 0;
const DROPS = 1;
const ACTIONS: readonly PolicyAction[] = ['protect', 'bypass', 'discard'];

const GROUP_SHIFT = 4;
const G_FAMILY = 0;
const G_FIRST = 1;
const G_SLOT_MASK = 2;
const G_SLOTS = 3;
const G_SRC_MASK = 4;
const G_DST_MASK = 8;

/** Checks a list of entries. @throws RxSteerError ERR_RXSTEER_OPTION */
export function checkPolicy(value: unknown): readonly PolicyConfig[] {
  if (!Array.isArray(value)) throw optionError('esp.policy', 'a list of entries', value);
  for (const [i, entry] of value.entries()) selectorsOf(entry, `esp.policy[${i}]`);
  return value as readonly PolicyConfig[];
}

function selectorsOf(entry: unknown, where: string): Selector[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw optionError(where, 'an object', entry);
  for (const name of Object.keys(entry)) {
    if (name !== 'action' && !(SELECTOR_PROPERTIES as readonly string[]).includes(name)) {
      throw optionError(`${where}.${name}`, `one of ${SELECTOR_PROPERTIES.join(', ')}, action`, name);
    }
  }
  const { action } = entry as PolicyConfig;
  if (!ACTIONS.includes(action)) throw optionError(`${where}.action`, "'protect', 'bypass' or 'discard'", action);
  return parseSelector(entry as PolicyConfig, (property, expected, got) =>
    optionError(`${where}.${property}`, expected, got),
  );
}

export class Policy {
  private readonly w: Int32Array;
  private readonly groups: Int32Array;
  private readonly groupCount: number;
  private readonly slots: Int32Array;

  /** @throws RxSteerError ERR_RXSTEER_OPTION */
  constructor(entries: readonly PolicyConfig[]) {
    const selectors: Selector[] = [];
    const actions: number[] = [];
    for (const [i, entry] of entries.entries()) {
      for (const selector of selectorsOf(entry, `esp.policy[${i}]`)) {
        // Without addresses it is of both families, each of which has groups of its own.
        const families = selector.family === 0 ? ([4, 6] as const) : [selector.family];
        for (const family of families) {
          selectors.push({ ...selector, family });
          actions.push(entry.action === 'bypass' ? PASSES : DROPS);
        }
      }
    }
    this.w = selectorWords(selectors);
    actions.forEach((action, i) => {
      this.w[(i << SELECTOR_SHIFT) + S_ACTION] = action;
    });
    const members = new Map<string, number[]>();
    selectors.forEach(({ family, src, dst }, i) => {
      const name = `${family} ${src?.length ?? 0} ${dst?.length ?? 0}`;
      members.set(name, [...(members.get(name) ?? []), i]);
    });
    this.groupCount = members.size;
    this.groups = new Int32Array(members.size << GROUP_SHIFT);
    let words = 0;
    [...members.values()].forEach((list, i) => {
      const g = i << GROUP_SHIFT;
      const b = list[0] << SELECTOR_SHIFT;
      let size = 4;
      while (size < list.length * 2) size *= 2;
      this.groups.set([selectors[list[0]].family, list[0], size - 1, words], g);
      this.groups.set(this.w.subarray(b + S_SRC_MASK, b + S_SRC_MASK + 4), g + G_SRC_MASK);
      this.groups.set(this.w.subarray(b + S_DST_MASK, b + S_DST_MASK + 4), g + G_DST_MASK);
      words += size;
    });
    this.slots = new Int32Array(words);
    [...members.values()].forEach((list, i) => {
      for (const entry of list) this.insert(i << GROUP_SHIFT, entry);
    });
  }

  /**
   * Whether a packet that came in clear is dropped. An entry that drops also takes a fragment whose ports it cannot see; one that
   * lets pass does not.
   */
  drops(t: Traffic): boolean {
    const { w, groups } = this;
    const { family } = t;
    let best = 0x7fffffff;
    for (let g = 0, end = this.groupCount << GROUP_SHIFT; g < end; g += 1 << GROUP_SHIFT) {
      if (groups[g + G_FIRST] >= best) break;
      if (groups[g + G_FAMILY] !== family) continue;
      const head = family === 4 ? this.find4(g, t) : this.find6(g, t);
      for (let i = head; i >= 0 && i < best; ) {
        const b = i << SELECTOR_SHIFT;
        if (concerns(w, b, t) && matchesUpper(w, b, t, w[b + S_ACTION] === DROPS)) best = i;
        i = w[b + S_NEXT] - 1;
      }
    }
    return best !== 0x7fffffff && w[(best << SELECTOR_SHIFT) + S_ACTION] === DROPS;
  }

  /** The first entry of a group with the packet's addresses, or -1. */
  private find4(g: number, t: Traffic): number {
    const { w, groups, slots } = this;
    const s = t.s0 & groups[g + G_SRC_MASK];
    const d = t.d0 & groups[g + G_DST_MASK];
    const mask = groups[g + G_SLOT_MASK];
    const base = groups[g + G_SLOTS];
    for (let slot = mixed(s, d) & mask; ; slot = (slot + 1) & mask) {
      const i = slots[base + slot] - 1;
      if (i < 0) return -1;
      const b = i << SELECTOR_SHIFT;
      if (w[b + S_SRC] === s && w[b + S_DST] === d) return i;
    }
  }

  private find6(g: number, t: Traffic): number {
    const { w, groups, slots } = this;
    const s0 = t.s0 & groups[g + G_SRC_MASK];
    const s1 = t.s1 & groups[g + G_SRC_MASK + 1];
    const s2 = t.s2 & groups[g + G_SRC_MASK + 2];
    const s3 = t.s3 & groups[g + G_SRC_MASK + 3];
    const d0 = t.d0 & groups[g + G_DST_MASK];
    const d1 = t.d1 & groups[g + G_DST_MASK + 1];
    const d2 = t.d2 & groups[g + G_DST_MASK + 2];
    const d3 = t.d3 & groups[g + G_DST_MASK + 3];
    const mask = groups[g + G_SLOT_MASK];
    const base = groups[g + G_SLOTS];
    const hash = mixed(mixed(s0, s1) ^ s2, mixed(s3, d0) ^ d1) ^ mixed(d2, d3);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const i = slots[base + slot] - 1;
      if (i < 0) return -1;
      const b = i << SELECTOR_SHIFT;
      if (
        w[b + S_SRC + 3] === s3 &&
        w[b + S_DST + 3] === d3 &&
        w[b + S_SRC] === s0 &&
        w[b + S_SRC + 1] === s1 &&
        w[b + S_SRC + 2] === s2 &&
        w[b + S_DST] === d0 &&
        w[b + S_DST + 1] === d1 &&
        w[b + S_DST + 2] === d2
      ) {
        return i;
      }
    }
  }

  /** Puts an entry behind those of its group with the same addresses. */
  private insert(g: number, entry: number): void {
    const { w, groups, slots } = this;
    const b = entry << SELECTOR_SHIFT;
    const [s0, s1, s2, s3] = w.subarray(b + S_SRC, b + S_SRC + 4);
    const [d0, d1, d2, d3] = w.subarray(b + S_DST, b + S_DST + 4);
    const six = w[b + S_FAMILY] === 6;
    const hash = six ? mixed(mixed(s0, s1) ^ s2, mixed(s3, d0) ^ d1) ^ mixed(d2, d3) : mixed(s0, d0);
    const mask = groups[g + G_SLOT_MASK];
    const base = groups[g + G_SLOTS];
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      let at = (slots[base + slot] - 1) << SELECTOR_SHIFT;
      if (at < 0) {
        slots[base + slot] = entry + 1;
        return;
      }
      if (!sameAddresses(w, at, b)) continue;
      while (w[at + S_NEXT] !== 0) at = (w[at + S_NEXT] - 1) << SELECTOR_SHIFT;
      w[at + S_NEXT] = entry + 1;
      return;
    }
  }
}

function sameAddresses(w: Int32Array, a: number, b: number): boolean {
  for (let i = 0; i < 4; i++) {
    if (w[a + S_SRC + i] !== w[b + S_SRC + i] || w[a + S_DST + i] !== w[b + S_DST + i]) return false;
  }
  return true;
}

function mixed(a: number, b: number): number {
  let x = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77);
  x = Math.imul(x ^ (x >>> 15), 0xc2b2ae3d);
  return x ^ (x >>> 13);
}
