/**
 * Which fields of which packets are hashed, in the words of `ethtool -N DEV rx-flow-hash TYPE LETTERS`
 * (https://man7.org/linux/man-pages/man8/ethtool.8.html). For esp, ah and natt, `f n` are the two halves of the SPI: it
 * stands where ports stand. No letter hashes sequence numbers: one SA must not be spread.
 */
import { CLASS_NATT4, CLASS_NATT6, CLASS_UDP4, CLASSES, type ClassName } from '../counters.ts';
import { optionError, RxSteerError, shown } from '../errors.ts';

/** Source address, destination address, L4 bytes 0 and 1, L4 bytes 2 and 3. */
export const FIELD_S = 1;
export const FIELD_D = 2;
export const FIELD_F = 4;
export const FIELD_N = 8;
/**
 * VLAN ID of the outermost tag, L3 protocol (of `ether` the EtherType), IPv6 flow label. ethtool does not say where they stand
 * in the input; here they follow the ports, in this order, as 2, 1 (EtherType: 2) and 4 bytes, and nothing is promised about
 * any NIC.
 */
export const FIELD_V = 16;
export const FIELD_T = 32;
export const FIELD_L = 64;
/** Packets of the type are discarded; overrides all others. */
export const FIELD_R = 128;
/** Of `ether`: the L2 destination, 6 bytes. Of `gtpu`: the TEID, 4 bytes. They come last. */
export const FIELD_M = 256;
export const FIELD_E = 512;
/** Of natt: it is hashed as UDP is, its `f n` are ports. No letter: {@link AS_UDP} says so. */
export const FIELD_PORTS = 1024;

const LETTERS = 'sdfnvtlrme';
/** Says of natt, in place of letters, that ESP in UDP is hashed as any UDP: most NICs do not look into it. */
export const AS_UDP = 'udp';

/** Letters that every flow type has, and those that only some have. */
const LETTERS_OF: Record<string, string> = { ip: 'sdvtr', ether: 'vtmr', gtpu: 'sdfnvte' };
const LETTERS_OF_OTHERS = 'sdfnvtr';
const LACKS: Record<string, string> = {
  f: 'needs ports or an SPI',
  n: 'needs ports or an SPI',
  s: 'needs an IP address',
  d: 'needs an IP address',
  l: 'needs a flow label, and only types that end in 6 have one',
  m: 'needs the L2 destination, which is kept of ether alone',
  e: 'needs a TEID, and only gtpu4 and gtpu6 have one',
  r: 'needs a class of packets of its own',
};
/** Flow types of ethtool that are not ours to hash. */
const TYPES_LATER = /^gtp[uc]\w*$/;

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
/** Not hashed unless asked for: frames that are no IP (one type for all), GTP-U (which is UDP otherwise). */
const TYPES_ON_DEMAND = ['ether', 'gtpu'];
/** ethtool's older name for both. */
const AH_ESP = 'ah-esp';
const BASES: readonly string[] = [...Object.keys(TYPE_CLASSES), ...TYPES_ON_DEMAND, AH_ESP];

const DEFAULTS: Record<string, string> = {
  tcp: 'sdfn',
  udp: 'sdfn',
  esp: 'sdfn',
  natt: 'sdfn',
  sctp: 'sd',
  ah: 'sd',
  ip: 'sd',
};

/**
 * `{ esp4: 'sdfn', natt: 'sd' }`: letters at flow types; a type without 4 or 6 is both, unless that family is there too. `natt`
 * may be `'udp'`: hashed as UDP is. `ah-esp` is both esp and ah. `ether` has no family.
 */
export type FlowFields = Readonly<Record<string, string>>;

/** What is hashed of every class, and of GTP-U. */
export interface ResolvedFields {
  /** Bits at class numbers; 0 where nothing is hashed. */
  readonly classes: Uint16Array;
  /** Bits of GTP-U over IPv4 and IPv6; 0: as UDP. */
  readonly gtpu: Uint16Array;
}

/** The textual option `TYPE=LETTERS`, for example `esp4=sdfn`. Throws as {@link resolveFields} does. */
export function parseFlowHash(text: string): { type: string; letters: string } {
  const match = /^([^=]+)=(.*)$/.exec(text);
  if (match === null) throw fieldsError(`expected TYPE=LETTERS, for example esp4=sdfn, got ${shown(text)}`);
  const [, type, letters] = match;
  parseLetters(type, letters);
  return { type, letters };
}

/**
 * Letters at flow types with their family: `{ esp: 'sd' }` as esp4 and esp6, `ah-esp4` as esp4 and ah4. What names the family
 * goes before what does not, and `esp` before `ah-esp`. Throws as {@link resolveFields} does.
 */
export function spellOut(fields: FlowFields): Map<string, string> {
  const given = new Map<string, string>();
  const weight = (type: string): number => (type.startsWith(AH_ESP) ? 0 : 1) + (/[46]$/.test(type) ? 2 : 0);
  for (const type of Object.keys(fields).sort((a, b) => weight(a) - weight(b))) {
    const letters = fields[type];
    parseLetters(type, letters);
    const base = type.replace(/[46]$/, '');
    const endings = base === 'ether' ? [''] : base === type ? ['4', '6'] : [type.slice(-1)];
    for (const name of base === AH_ESP ? ['esp', 'ah'] : [base]) {
      for (const ending of endings) given.set(name + ending, letters);
    }
  }
  return given;
}

/**
 * The fields of every class as bits.
 *
 * @throws RxSteerError `ERR_RXSTEER_FIELDS`: an unknown flow type or letter, one that is not supported, a type that does not
 *   have that field, or fields that a symmetric `xfrm` cannot have
 */
export function resolveFields(fields: FlowFields = {}, xfrm: Xfrm = 'none'): ResolvedFields {
  if (!XFRMS.includes(xfrm)) throw optionError('xfrm', XFRMS.join(', '), xfrm);
  const given = new Map<string, number>();
  for (const [type, letters] of spellOut(fields)) given.set(type, parseLetters(type, letters));
  const classes = new Uint16Array(CLASSES.length);
  for (const type of flowTypes()) {
    const base = type.slice(0, -1);
    const chosen = given.get(type) ?? parseLetters(type, DEFAULTS[base]);
    if (xfrm !== 'none') checkSymmetric(type, chosen, xfrm);
    for (const name of TYPE_CLASSES[base]) classes[CLASSES.indexOf(`${name}${type.slice(-1)}` as ClassName)] = chosen;
  }
  for (const natt of [CLASS_NATT4, CLASS_NATT6]) {
    if (classes[natt] === FIELD_PORTS) classes[natt] |= classes[CLASS_UDP4 | (natt & 1)];
  }
  classes[CLASSES.indexOf('nonip')] = given.get('ether') ?? 0;
  const gtpu = Uint16Array.of(given.get('gtpu4') ?? 0, given.get('gtpu6') ?? 0);
  if (xfrm !== 'none') {
    // The kernel holds a TEID for symmetric by itself: it names the tunnel, in either direction.
    for (const type of ['gtpu4', 'gtpu6']) checkSymmetric(type, (given.get(type) ?? 0) & ~FIELD_E, xfrm);
    checkSymmetric('ether', given.get('ether') ?? 0, xfrm);
  }
  return { classes, gtpu };
}

/**
 * The fields that apply to every flow type, defaults included: `{ tcp4: 'sdfn', tcp6: 'sdfn', .. }`. Types that are hashed as
 * UDP, or only when asked for, are not there unless they have letters of their own.
 */
export function fieldsInForce(fields: FlowFields = {}, xfrm: Xfrm = 'none'): Record<string, string> {
  const { classes, gtpu } = resolveFields(fields, xfrm);
  const result: Record<string, string> = {};
  for (const type of flowTypes()) {
    const name = TYPE_CLASSES[type.slice(0, -1)][0] + type.slice(-1);
    const bits = classes[CLASSES.indexOf(name as ClassName)];
    if ((bits & FIELD_PORTS) === 0) result[type] = lettersOf(bits);
  }
  gtpu.forEach((bits, six) => {
    if (bits !== 0) result[six === 0 ? 'gtpu4' : 'gtpu6'] = lettersOf(bits);
  });
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
  if (!BASES.includes(base) || (base === 'ether' && base !== type)) {
    throw TYPES_LATER.test(type)
      ? fieldsError(`flow type ${shown(type)} is known to ethtool but not supported here`)
      : fieldsError(
          `expected a flow type (${BASES.join(', ')}, with 4, 6 or neither; ether: neither), got ${shown(type)}`,
        );
  }
  if (base === 'natt' && letters === AS_UDP) return FIELD_PORTS;
  const known = [...LETTERS].join(', ');
  if (typeof letters !== 'string' || letters === '') {
    throw fieldsError(`${type}: expected letters of ${known}, got ${shown(letters)}`);
  }
  const own = LETTERS_OF[base] ?? LETTERS_OF_OTHERS;
  const allowed = type.endsWith('6') ? `${own}l` : own;
  let bits = 0;
  for (const letter of letters) {
    const bit = LETTERS.indexOf(letter);
    if (bit < 0) throw fieldsError(`${type}: expected letters of ${known}, got ${shown(letter)}`);
    if (!allowed.includes(letter)) throw fieldsError(`${type}: letter ${shown(letter)} ${LACKS[letter]}`);
    bits |= 1 << bit;
  }
  return bits;
}

/** The kernel's rule (`ethtool_check_xfrm_rxfh`): under a symmetric xfrm each source needs its destination. */
function checkSymmetric(type: string, bits: number, xfrm: Xfrm): void {
  if ((bits & ~(FIELD_S | FIELD_D | FIELD_F | FIELD_N | FIELD_PORTS)) !== 0) {
    throw fieldsError(`${type}: with xfrm ${xfrm}, expected letters of s, d, f, n, got ${shown(lettersOf(bits))}`);
  }
  if (((bits & FIELD_S) !== 0) !== ((bits & FIELD_D) !== 0) || ((bits & FIELD_F) !== 0) !== ((bits & FIELD_N) !== 0)) {
    throw fieldsError(`${type}: with xfrm ${xfrm}, s needs d and f needs n, got ${shown(lettersOf(bits))}`);
  }
}

function fieldsError(says: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_FIELDS', `rx-flow-hash: ${says}`);
}
