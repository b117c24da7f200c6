/**
 * Which fields of which packets are hashed, in the words of `ethtool -N DEV rx-flow-hash TYPE LETTERS`
 * (https://man7.org/linux/man-pages/man8/ethtool.8.html). For esp, ah and natt, `f n` are the two halves of the SPI: it
 * stands where ports stand. Sequence numbers are never hashed: one SA must not be spread.
 */
import { CLASSES, type ClassName } from '../counters.ts';
import { optionError, RxSteerError, shown } from '../errors.ts';

/** Source address, destination address, L4 bytes 0 and 1, L4 bytes 2 and 3. */
export const FIELD_S = 1;
export const FIELD_D = 2;
export const FIELD_F = 4;
export const FIELD_N = 8;
/**
 * VLAN ID of the outermost tag, L3 protocol, IPv6 flow label. ethtool does not say where they stand in the input; here they
 * follow the ports, in this order, as 2, 1 and 4 bytes, and nothing is promised about any NIC.
 */
export const FIELD_V = 16;
export const FIELD_T = 32;
export const FIELD_L = 64;
/** Packets of the type are discarded; overrides all others. */
export const FIELD_R = 128;

const LETTERS = 'sdfnvtlr';
const PORT_LETTERS = 'fn';
/** L2 destination and GTP TEID: the dissection does not know them. */
const LETTERS_LATER = 'me';
/** Flow types of ethtool that are not ours to hash. */
const TYPES_LATER = /^(ether|ah-esp[46]|gtp[uc]\w*)$/;

/**
 * What happens to the input before it is hashed: `ethtool -X DEV xfrm`, and `sort` beside it, which is DPDK's
 * SYMMETRIC_TOEPLITZ_SORT: of both addresses, and of both ports, the smaller one comes first.
 */
export type Xfrm = 'none' | 'symmetric-xor' | 'symmetric-or-xor' | 'sort';
export const XFRMS: readonly Xfrm[] = ['none', 'symmetric-xor', 'symmetric-or-xor', 'sort'];

/** Flow types without their family, and the classes of packets that each one decides. */
const TYPE_CLASSES: Record<string, readonly string[]> = {
  tcp: ['tcp'],
  udp: ['udp', 'ike', 'keepalive'],
  sctp: ['sctp'],
  esp: ['esp'],
  ah: ['ah'],
  natt: ['natt'],
  ip: ['fragment', 'other'],
};

const DEFAULTS: Record<string, string> = {
  tcp: 'sdfn',
  udp: 'sdfn',
  esp: 'sdfn',
  natt: 'sdfn',
  sctp: 'sd',
  ah: 'sd',
  ip: 'sd',
};

/** `{ esp4: 'sdfn', natt: 'sd' }`: letters at flow types; a type without 4 or 6 is both, unless that family is there too. */
export type FlowFields = Readonly<Record<string, string>>;

/** The textual option `TYPE=LETTERS`, for example `esp4=sdfn`. Throws as {@link resolveFields} does. */
export function parseFlowHash(text: string): { type: string; letters: string } {
  const match = /^([^=]+)=(.*)$/.exec(text);
  if (match === null) throw fieldsError(`expected TYPE=LETTERS, for example esp4=sdfn, got ${shown(text)}`);
  const [, type, letters] = match;
  parseLetters(type, letters);
  return { type, letters };
}

/**
 * The fields of every class as bits, at class numbers; 0 where nothing is hashed.
 *
 * @throws RxSteerError `ERR_RXSTEER_FIELDS`: an unknown flow type or letter, one that is not supported, a type that does not
 *   have that field, or fields that a symmetric `xfrm` cannot have
 */
export function resolveFields(fields: FlowFields = {}, xfrm: Xfrm = 'none'): Uint8Array {
  if (!XFRMS.includes(xfrm)) throw optionError('xfrm', XFRMS.join(', '), xfrm);
  const given = new Map<string, number>();
  for (const [type, letters] of Object.entries(fields)) given.set(type, parseLetters(type, letters));
  const bits = new Uint8Array(CLASSES.length);
  for (const type of flowTypes()) {
    const family = type.slice(-1);
    const base = type.slice(0, -1);
    const chosen = given.get(type) ?? given.get(base) ?? parseLetters(type, DEFAULTS[base]);
    if (xfrm !== 'none') checkSymmetric(type, chosen, xfrm);
    for (const name of TYPE_CLASSES[base]) bits[CLASSES.indexOf(`${name}${family}` as ClassName)] = chosen;
  }
  return bits;
}

/** The fields that apply to every flow type, defaults included: `{ tcp4: 'sdfn', tcp6: 'sdfn', .. }`. */
export function fieldsInForce(fields: FlowFields = {}, xfrm: Xfrm = 'none'): Record<string, string> {
  const bits = resolveFields(fields, xfrm);
  const result: Record<string, string> = {};
  for (const type of flowTypes()) {
    const name = TYPE_CLASSES[type.slice(0, -1)][0] + type.slice(-1);
    result[type] = lettersOf(bits[CLASSES.indexOf(name as ClassName)]);
  }
  return result;
}

function flowTypes(): string[] {
  return Object.keys(TYPE_CLASSES).flatMap((base) => [`${base}4`, `${base}6`]);
}

function lettersOf(bits: number): string {
  return [...LETTERS].filter((_, i) => (bits & (1 << i)) !== 0).join('');
}

function parseLetters(type: string, letters: string): number {
  const base = type.replace(/[46]$/, '');
  if (!Object.hasOwn(TYPE_CLASSES, base)) {
    throw TYPES_LATER.test(type)
      ? fieldsError(`flow type ${shown(type)} is known to ethtool but not supported here`)
      : fieldsError(
          `expected a flow type (${Object.keys(TYPE_CLASSES).join(', ')}, with 4, 6 or neither), got ${shown(type)}`,
        );
  }
  if (typeof letters !== 'string' || letters === '') {
    throw fieldsError(`${type}: expected letters of s, d, f, n, v, t, l, r, got ${shown(letters)}`);
  }
  let bits = 0;
  for (const letter of letters) {
    const bit = LETTERS.indexOf(letter);
    if (bit < 0) {
      throw LETTERS_LATER.includes(letter)
        ? fieldsError(`${type}: letter ${shown(letter)} is known to ethtool but not supported here`)
        : fieldsError(`${type}: expected letters of s, d, f, n, v, t, l, r, got ${shown(letter)}`);
    }
    if (letter === 'l' && !type.endsWith('6')) {
      throw fieldsError(`${type}: letter "l" needs a flow label, and only types that end in 6 have one`);
    }
    if (base === 'ip' && PORT_LETTERS.includes(letter)) {
      throw fieldsError(`${type}: letter ${shown(letter)} needs ports or an SPI, and ${type} has neither`);
    }
    bits |= 1 << bit;
  }
  return bits;
}

/** The kernel's rule (`ethtool_check_xfrm_rxfh`): under a symmetric xfrm each source needs its destination. */
function checkSymmetric(type: string, bits: number, xfrm: Xfrm): void {
  if ((bits & ~(FIELD_S | FIELD_D | FIELD_F | FIELD_N)) !== 0) {
    throw fieldsError(`${type}: with xfrm ${xfrm}, expected letters of s, d, f, n, got ${shown(lettersOf(bits))}`);
  }
  if (((bits & FIELD_S) !== 0) !== ((bits & FIELD_D) !== 0) || ((bits & FIELD_F) !== 0) !== ((bits & FIELD_N) !== 0)) {
    throw fieldsError(`${type}: with xfrm ${xfrm}, s needs d and f needs n, got ${shown(lettersOf(bits))}`);
  }
}

function fieldsError(says: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_FIELDS', `rx-flow-hash: ${says}`);
}
