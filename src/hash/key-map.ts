/**
 * What each bit of a packet's fields does to the hash under a key: the key as a matrix, by flow type and field. The low bits
 * of a column are what that bit moves in the table index.
 */

import { optionError } from '../errors.ts';
import { type FlowFields, fieldsInForce, type Xfrm } from './fields.ts';
import { checkKey } from './keys.ts';

/** A field of the hashed input. */
export interface FieldMap {
  /** `src`, `dst`, `sport`, `dport`, `spi`, or half an SPI; under symmetric-or-xor pairs, as in `src|dst` and `src^dst`. */
  name: string;
  /** What the bits of the field add to the hash (int32): at i that of value 2^i. */
  columns: Int32Array;
}

/** The fields of a flow type, in the order in which they are hashed. */
export interface TypeMap {
  /** As ethtool says, with the family: `tcp4`, `esp6`, `natt4`, `ip4`. */
  type: string;
  /** Bytes of the hashed input. */
  inputBytes: number;
  fields: FieldMap[];
}

export interface KeyMapOptions {
  /** Letters at flow types; defaults as for hashing. */
  fields?: FlowFields;
  /** Default `none`. `symmetric-or-xor` is not linear in the fields, so there the bits behind it are shown; `sort` is refused. */
  xfrm?: Xfrm;
}

/**
 * The maps of all flow types.
 *
 * @param key 16 to 64 bytes, most significant first
 * @throws RxSteerError `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_OPTION` (xfrm)
 */
export function keyMap(key: Uint8Array, options: KeyMapOptions = {}): TypeMap[] {
  checkKey(key);
  const { fields, xfrm = 'none' } = options;
  if (xfrm === 'sort')
    throw optionError('xfrm', 'none, symmetric-xor or symmetric-or-xor: sorting is not linear', xfrm);
  return Object.entries(fieldsInForce(fields, xfrm)).map(([type, letters]) => typeMap(key, type, letters, xfrm));
}

/** 32 bits of the key from a bit on, as an int32; zeros follow the key. */
export function keyWindow(key: Uint8Array, bit: number): number {
  const at = bit >> 3;
  const shift = bit & 7;
  let word = 0;
  for (let i = 0; i < 4; i++) word = (word << 8) | (key[at + i] ?? 0);
  return shift === 0 ? word : (word << shift) | ((key[at + 4] ?? 0) >> (8 - shift));
}

function typeMap(key: Uint8Array, type: string, letters: string, xfrm: Xfrm): TypeMap {
  const size = type.endsWith('6') ? 128 : 32;
  const hasSpi = /^(esp|ah|natt)/.test(type);
  const names = { s: 'src', d: 'dst', f: hasSpi ? 'spi-high' : 'sport', n: hasSpi ? 'spi-low' : 'dport' };
  const parts: FieldMap[] = [];
  let at = 0;
  for (const letter of ['s', 'd', 'f', 'n'] as const) {
    if (!letters.includes(letter)) continue;
    const bits = letter === 's' || letter === 'd' ? size : 16;
    const end = at + bits - 1;
    parts.push({ name: names[letter], columns: Int32Array.from({ length: bits }, (_, i) => keyWindow(key, end - i)) });
    at += bits;
  }
  // a symmetric xfrm has both of a pair or neither: fields.ts sees to it
  if (xfrm !== 'none') for (let i = 0; i < parts.length; i += 2) fuse(parts[i], parts[i + 1], xfrm);
  return { type, inputBytes: at >> 3, fields: xfrm === 'symmetric-or-xor' ? parts : joinSpi(parts) };
}

/** (A, B) is hashed as (A ^ B, A ^ B): a bit of either moves both. Of (A | B, A ^ B) only the names change. */
function fuse(a: FieldMap, b: FieldMap, xfrm: Xfrm): void {
  if (xfrm === 'symmetric-or-xor') {
    [a.name, b.name] = [`${a.name}|${b.name}`, `${a.name}^${b.name}`];
    return;
  }
  for (let i = 0; i < a.columns.length; i++) a.columns[i] = b.columns[i] ^= a.columns[i];
}

/** The two halves of an SPI as one field. */
function joinSpi(parts: FieldMap[]): FieldMap[] {
  const high = parts.find((part) => part.name === 'spi-high');
  const low = parts.find((part) => part.name === 'spi-low');
  if (high === undefined || low === undefined) return parts;
  const columns = new Int32Array(32);
  columns.set(low.columns);
  columns.set(high.columns, 16);
  return [...parts.filter((part) => part !== high && part !== low), { name: 'spi', columns }];
}
