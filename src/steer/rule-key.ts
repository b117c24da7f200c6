/**
 * The words of a packet that rules are looked for by. They are chosen for the kernel: as they lie in the headers, read as
 * little-endian numbers, so that one load has all that a five-tuple of IPv4 says, and two have the addresses of IPv6.
 *
 *     IPv4   0 TTL, protocol, checksum | 1 source | 2 destination | 3 L4 or SPI | 4 tag, L4 present, TOS
 *     IPv6   0 to 3 source | 4 to 7 destination | 8 length, next header, hop limit | 9 L4 or SPI | 10 tag, L4 present, traffic class
 *
 * No rule cares for TTL, checksum, length and hop limit, and no flow type has rules for both the first 4 bytes of L4 and an SPI
 * that lies elsewhere.
 */
import { CLASS_FRAGMENT4, CLASS_OTHER4, CLASS_TCP4 } from '../counters.ts';
import { u16 } from '../wire/bytes.ts';
import type { Dissection } from '../wire/dissection.ts';
import { IPV4_DST, IPV4_SRC } from '../wire/ipv4.ts';
import { IPV6_DST, IPV6_SRC } from '../wire/ipv6.ts';
import { L4_THERE, type RuleBase, WORD_DST, WORD_IP, WORD_L4, WORD_SPI, WORD_SRC, WORD_VLAN } from './rule.ts';

export const KEY_WORDS = 12;
/** Places of the word that is L4 or SPI. */
export const KEY_L4_4 = 3;
export const KEY_L4_6 = 9;
/** Bits of the last word, above those of the tag. */
const THERE = 0x20000;
const TOS_SHIFT = 24;

/** Whether rules of a flow type look at the SPI in place of the first 4 bytes of L4. */
export function looksAtSpi(base: RuleBase): boolean {
  return base === 'esp' || base === 'ah' || base === 'natt';
}

/** The words of a rule, or the bits of them that matter, as a packet's. */
export function keyOf(words: Int32Array, six: 0 | 1): Int32Array {
  const out = new Int32Array(KEY_WORDS);
  const ip = words[WORD_IP];
  const protocol = ip & 0xff;
  const l4 = turned(words[WORD_L4] | words[WORD_SPI]);
  const last = words[WORD_VLAN] | ((ip & L4_THERE) === 0 ? 0 : THERE) | (((ip >> 8) & 0xff) << TOS_SHIFT);
  if (six === 1) {
    for (let i = 0; i < 4; i++) {
      out[i] = turned(words[WORD_SRC + i]);
      out[4 + i] = turned(words[WORD_DST + i]);
    }
    out.set([protocol << 16, l4, last], 8);
  } else out.set([protocol << 8, turned(words[WORD_SRC]), turned(words[WORD_DST]), l4, last]);
  return out;
}

/**
 * Reads those words of a packet that `needs` has bits for, and beside them `out[KEY_WORDS]`: L4, and `out[KEY_WORDS + 1]`: the SPI,
 * one of which takes the place of the word that is either.
 */
export function readKey(bytes: Uint8Array, d: Dissection, needs: number, out: Int32Array): void {
  const { cls, l3, proto } = d;
  const there = hasL4(cls, d);
  out[KEY_WORDS] = there ? little(bytes, d.l4) : 0;
  out[KEY_WORDS + 1] = turned(d.spi);
  const last = d.vlan | (there ? THERE : 0);
  if ((cls & 1) === 0) {
    out[0] = proto << 8;
    if ((needs & 2) !== 0) out[1] = little(bytes, l3 + IPV4_SRC);
    if ((needs & 4) !== 0) out[2] = little(bytes, l3 + IPV4_DST);
    out[4] = last | (bytes[l3 + 1] << TOS_SHIFT);
  } else {
    if ((needs & 0x0f) !== 0) for (let i = 0; i < 4; i++) out[i] = little(bytes, l3 + IPV6_SRC + 4 * i);
    if ((needs & 0xf0) !== 0) for (let i = 0; i < 4; i++) out[4 + i] = little(bytes, l3 + IPV6_DST + 4 * i);
    out[8] = proto << 16;
    out[10] = last | (((u16(bytes, l3) >> 4) & 0xff) << TOS_SHIFT);
  }
}

/** Whether 4 bytes follow the IP header, and are no fragment's. */
function hasL4(cls: number, d: Dissection): boolean {
  const four = cls & ~1;
  if (four === CLASS_FRAGMENT4 || four < CLASS_TCP4) return false;
  return four !== CLASS_OTHER4 || d.end - d.l4 >= 4;
}

function little(bytes: Uint8Array, off: number): number {
  return bytes[off] | (bytes[off + 1] << 8) | (bytes[off + 2] << 16) | (bytes[off + 3] << 24);
}

function turned(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >> 8) & 0xff00) | (word >>> 24);
}
