/**
 * Rules as `ethtool -N DEV flow-type TYPE FIELD VALUE [m MASK] .. action QUEUE` takes them
 * (https://man7.org/linux/man-pages/man8/ethtool.8.html). A bit that is set in a mask is one that does not matter.
 *
 * A rule becomes words that a packet's words are compared with, of which `care` says the bits that matter:
 *
 *     0 tag | 1 L4 present, TOS, protocol | 2 first 4 bytes of L4 | 3 SPI | 4 to 7 source | 8 to 11 destination
 */
import { RxSteerError, shown } from '../errors.ts';
import { parseAddress } from '../wire/address.ts';
import { u32 } from '../wire/bytes.ts';

export const RULE_WORDS = 12;
export const WORD_VLAN = 0;
export const WORD_IP = 1;
export const WORD_L4 = 2;
export const WORD_SPI = 3;
export const WORD_SRC = 4;
export const WORD_DST = 8;
/** In the word of the tag: there is one. In that of IP: there are 4 bytes behind the IP header, and no fragment. */
export const VLAN_THERE = 0x10000;
export const L4_THERE = 0x10000;

/** What `action -1` says. */
export const ACTION_DROP = -1;
/** Locations are below; rules without one are given the highest that are free. */
export const RULE_LOCATIONS = 65536;

export interface Rule {
  /** As it was given. */
  readonly text: string;
  /** Flow type without its family, and 1 for IPv6. */
  readonly base: RuleBase;
  readonly six: 0 | 1;
  /** -1: none was given. */
  readonly location: number;
  /** A queue, or {@link ACTION_DROP}. With a context: what is added to the queue of its table. */
  readonly action: number;
  /** RSS context, or -1. */
  readonly context: number;
  readonly care: Int32Array;
  readonly value: Int32Array;
}

export type RuleBase = 'tcp' | 'udp' | 'sctp' | 'esp' | 'ah' | 'natt' | 'ip';

const PORTS = ['src-port', 'dst-port'];
const FIELDS: Record<RuleBase, readonly string[]> = {
  tcp: PORTS,
  udp: PORTS,
  sctp: PORTS,
  esp: ['spi'],
  ah: ['spi'],
  natt: ['spi'],
  ip: ['l4proto', 'l4data', 'spi', ...PORTS],
};
const FIELDS_LATER = ['vlan-etype', 'user-def', 'dst-mac', 'vf'];
const TYPES_LATER = ['ether'];

/**
 * Reads a rule: `flow-type esp4 spi 0x1001 action 2`. Numbers are decimal or 0x.
 *
 * @throws RxSteerError `ERR_RXSTEER_RULE`: names the rule, what was expected and what came
 */
export function parseRule(text: string): Rule {
  if (typeof text !== 'string') throw new RxSteerError('ERR_RXSTEER_RULE', `rule: expected a text, got ${shown(text)}`);
  const [first, type, ...words] = text.trim().split(/\s+/);
  if (first !== 'flow-type' || type === undefined) throw ruleError(text, 'expected flow-type TYPE first');
  const base = type.slice(0, -1) as RuleBase;
  const family = type.slice(-1);
  if (!Object.hasOwn(FIELDS, base) || (family !== '4' && family !== '6')) {
    throw TYPES_LATER.includes(type)
      ? ruleError(text, `flow type ${type} is known to ethtool but not supported here`)
      : ruleError(text, `expected a flow type (${Object.keys(FIELDS).join(', ')}, with 4 or 6), got ${shown(type)}`);
  }
  const reader = new RuleReader(text, base, family === '6' ? 1 : 0);
  while (words.length > 0) {
    const name = words.shift()!;
    const value = words.shift();
    if (value === undefined) throw ruleError(text, `expected a value behind ${name}`);
    let mask: string | undefined;
    if (words[0] === 'm' || words[0] === `${name}-mask`) {
      words.shift();
      mask = words.shift();
      if (mask === undefined) throw ruleError(text, `expected a mask behind ${name} ${value} m`);
    }
    reader.option(name, value, mask);
  }
  return reader.rule();
}

export function ruleError(text: string, says: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_RULE', `rule ${shown(text)}: ${says}`);
}

/** Takes the options of a rule one after the other. */
class RuleReader {
  private readonly text: string;
  private readonly base: RuleBase;
  private readonly six: 0 | 1;
  private readonly seen = new Set<string>();
  private readonly care = new Int32Array(RULE_WORDS);
  private readonly value = new Int32Array(RULE_WORDS);
  private location = -1;
  private action: number | undefined;
  private context = -1;

  constructor(text: string, base: RuleBase, six: 0 | 1) {
    this.text = text;
    this.base = base;
    this.six = six;
  }

  option(name: string, value: string, mask: string | undefined): void {
    // One thing under two names.
    const what = name === 'queue' ? 'action' : name;
    if (this.seen.has(what)) throw ruleError(this.text, `expected ${what} once`);
    this.seen.add(what);
    if (what === 'action' || what === 'context' || what === 'loc') {
      if (mask !== undefined) throw ruleError(this.text, `expected no mask for ${name}`);
      if (what === 'action')
        this.action = value === '-1' && name === 'action' ? ACTION_DROP : this.number(name, value, 0xffff);
      else if (what === 'context') this.context = this.number(name, value, 0xfffffffe);
      else this.location = this.number(name, value, RULE_LOCATIONS - 1);
      return;
    }
    this.field(name, value, mask);
  }

  rule(): Rule {
    const { text, base, six, location, context, care, value } = this;
    if (this.action === undefined && context < 0) {
      throw ruleError(text, 'expected an action (a queue, or -1 to drop) or a context');
    }
    for (let word = 0; word < RULE_WORDS; word++) value[word] &= care[word];
    return { text, base, six, location, action: this.action ?? 0, context, care, value };
  }

  private field(name: string, value: string, mask: string | undefined): void {
    const tos = this.six === 1 ? 'tclass' : 'tos';
    if (name === 'src-ip') this.address(WORD_SRC, name, value, mask);
    else if (name === 'dst-ip') this.address(WORD_DST, name, value, mask);
    else if (name === tos) this.bits(WORD_IP, name, value, mask, 8, 8);
    else if (name === 'vlan') this.bits(WORD_VLAN, name, value, mask, 16, 0, VLAN_THERE);
    else if (FIELDS[this.base].includes(name)) this.transport(name, value, mask);
    else if (FIELDS_LATER.includes(name)) {
      throw ruleError(this.text, `${name} is known to ethtool but not supported here`);
    } else {
      const known = ['src-ip', 'dst-ip', tos, ...FIELDS[this.base], 'vlan', 'action', 'context', 'loc'];
      throw ruleError(this.text, `expected ${known.join(', ')}, got ${shown(name)}`);
    }
  }

  private transport(name: string, value: string, mask: string | undefined): void {
    const raw = this.base === 'ip';
    if (name === 'l4proto') this.bits(WORD_IP, name, value, mask, 8, 0);
    else if (name === 'spi' && !raw) this.bits(WORD_SPI, name, value, mask, 32, 0);
    else {
      // Of ip4 and ip6 they are names for the same four bytes, which may not be there.
      const before = this.care[WORD_L4];
      if (name === 'src-port') this.bits(WORD_L4, name, value, mask, 16, 16);
      else if (name === 'dst-port') this.bits(WORD_L4, name, value, mask, 16, 0);
      else if (before !== 0) throw ruleError(this.text, `expected only one of l4data, spi and ports, got ${name} too`);
      else this.bits(WORD_L4, name, value, mask, 32, 0);
      if (raw && this.care[WORD_L4] !== 0) {
        this.care[WORD_IP] |= L4_THERE;
        this.value[WORD_IP] |= L4_THERE;
      }
    }
  }

  /** A number of so many bits that stands `shift` bits up in a word; `there` is set with it when any of its bits matter. */
  private bits(
    word: number,
    name: string,
    value: string,
    mask: string | undefined,
    size: number,
    shift: number,
    there = 0,
  ): void {
    const max = 2 ** size - 1;
    const number = this.number(name, value, max);
    const care = mask === undefined ? max : max - this.number(`${name} m`, mask, max);
    if (care === 0) return;
    const all = max << shift;
    if ((this.care[word] & all) !== 0) throw ruleError(this.text, `expected only one field for the bytes of ${name}`);
    this.care[word] |= (care << shift) | there;
    this.value[word] |= (number << shift) | there;
  }

  private address(word: number, name: string, value: string, mask: string | undefined): void {
    const address = this.bytes(name, value);
    const care = mask === undefined ? undefined : this.bytes(`${name} m`, mask);
    for (let i = 0; i < address.length; i += 4) {
      this.value[word + (i >> 2)] = u32(address, i);
      this.care[word + (i >> 2)] = care === undefined ? -1 : ~u32(care, i);
    }
  }

  private bytes(name: string, text: string): Uint8Array {
    const family = this.six === 1 ? 'IPv6' : 'IPv4';
    let bytes: Uint8Array;
    try {
      bytes = parseAddress(text);
    } catch {
      throw ruleError(this.text, `${name}: expected an ${family} address, got ${shown(text)}`);
    }
    if (bytes.length !== (this.six === 1 ? 16 : 4)) {
      throw ruleError(this.text, `${name}: expected an ${family} address, got ${shown(text)}`);
    }
    return bytes;
  }

  private number(name: string, text: string, max: number): number {
    const value = /^(0|[1-9]\d{0,9}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value <= max)) {
      const shownMax = max > 0xffff ? `0x${max.toString(16)}` : max;
      throw ruleError(this.text, `${name}: expected a whole number from 0 to ${shownMax}, got ${shown(text)}`);
    }
    return value;
  }
}
