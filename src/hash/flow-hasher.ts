/** From a dissected packet to its flow hash: picks the fields of its class and hashes them, where they lie if possible. */
import {
  CLASS_AH4,
  CLASS_AH6,
  CLASS_ESP4,
  CLASS_NATT4,
  CLASS_NATT6,
  CLASS_NONIP,
  CLASS_UDP6,
  CLASSES,
} from '../counters.ts';
import { RxSteerError } from '../errors.ts';
import { AH_SPI } from '../wire/ah.ts';
import type { Dissection } from '../wire/dissection.ts';
import { IPV4_SRC } from '../wire/ipv4.ts';
import { IPV6_SRC } from '../wire/ipv6.ts';
import { UDP_HEADER } from '../wire/udp.ts';
import {
  FIELD_D,
  FIELD_F,
  FIELD_L,
  FIELD_N,
  FIELD_PORTS,
  FIELD_R,
  FIELD_S,
  FIELD_V,
  type FlowFields,
  resolveFields,
  type Xfrm,
} from './fields.ts';
import { HFUNC_TOEPLITZ, type Hfunc, hfuncNumber, keylessHash } from './hfunc.ts';
import { copy, fuse, hasFlowLabel, isGtpu, more, sort } from './input.ts';
import { SipHash } from './siphash.ts';
import { Toeplitz } from './toeplitz.ts';

// Copies, because V8 folds the constants of a module but loads and checks an imported one at every use.
const V4_SRC = IPV4_SRC;
const V6_SRC = IPV6_SRC;

/**
 * How a device differs from plain RSS:
 *
 * - `reversed`: the key's bytes in reverse order, and a hash that starts as all ones (ENA, as Linux sets it up);
 * - `spi-sequence`: where `f n` are the SPI of ESP or AH, the sequence number is hashed behind it (octeontx2). It spreads the
 *   packets of one SA over queues, and so reorders them;
 * - `flow-dissector`: SipHash of the fields in canonical order, as Linux hashes in software; addresses and flow label alone
 *   where an IPv6 packet has one; never 0. The key has 16 bytes.
 */
export type HashVariant = 'plain' | 'reversed' | 'spi-sequence' | 'flow-dissector';

export interface FlowHasherOptions {
  /** 16 to 64 bytes, most significant first. Only toeplitz uses it. */
  key: Uint8Array;
  /** Default `toeplitz`. */
  hfunc?: Hfunc;
  /** Default `none`. */
  xfrm?: Xfrm;
  /** Letters at flow types; see fields.ts for the defaults. */
  fields?: FlowFields;
  /** Default `plain`. */
  variant?: HashVariant;
}

/** Bytes of the longest input: two IPv6 addresses and two ports; VLAN ID, protocol, flow label; TEID or sequence number. */
export const INPUT_MAX = 47;

/** How the packets of a class are hashed: all but the last where they lie. */
const NO_HASH = 0;
const V4_ADDRESSES = 1;
const V4_TUPLE = 2;
const V6_ADDRESSES = 3;
const V6_TUPLE = 4;
const GATHER = 5;
export const WAY_GATHER: number = GATHER;

export class FlowHasher {
  /** Whether the last packet had a hash: 0 for `malformed`, and `nonip` unless `ether` has letters. A hash of 0 may be valid. */
  valid = 0;
  /** Toeplitz of fields that are not sorted: each bit of a field adds the same to every hash of the flow. */
  readonly linear: boolean;
  readonly toeplitz: Toeplitz;
  /** Bits at class numbers: IPv4 tuple, with ports or SPI at `l4` itself. */
  private readonly joined: number = 0;
  /** At class numbers: the way (1 to 4: where the fields lie), the fields, and where ports or SPI lie behind `l4`. */
  readonly ways: Uint8Array;
  private readonly fields: Uint16Array;
  private readonly shift: Uint8Array;
  /** Fields of GTP-U over IPv4 and IPv6, where any are asked for. */
  private readonly gtpu: Uint16Array | undefined;
  private readonly variant: HashVariant;
  /** What the hash of no bits is. */
  private readonly initial: number;
  private readonly sip: SipHash | undefined;
  private readonly xfrm: Xfrm;
  private readonly hfunc: number;
  private readonly scratch = new Uint8Array(INPUT_MAX);

  /** @throws RxSteerError `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_OPTION` (xfrm, hfunc) */
  constructor(options: FlowHasherOptions) {
    const { key, hfunc = 'toeplitz', xfrm = 'none', variant = 'plain' } = options;
    this.hfunc = hfuncNumber(hfunc);
    this.variant = variant;
    this.toeplitz = new Toeplitz(variant === 'reversed' && key instanceof Uint8Array ? key.slice().reverse() : key);
    this.initial = variant === 'reversed' ? -1 : 0;
    this.sip = variant === 'flow-dissector' ? new SipHash(key) : undefined;
    this.linear = hfunc === 'toeplitz' && xfrm !== 'sort' && (variant === 'plain' || variant === 'reversed');
    const { classes: fields, gtpu } = resolveFields(options.fields, xfrm);
    this.xfrm = this.sip === undefined ? xfrm : 'sort';
    this.fields = fields;
    this.gtpu = gtpu[0] === 0 && gtpu[1] === 0 ? undefined : gtpu;
    if (this.hfunc === HFUNC_TOEPLITZ && this.sip === undefined) {
      checkReach(fields, key.length, (cls) => CLASSES[cls]);
      checkReach(gtpu, key.length, (six) => (six === 0 ? 'gtpu4' : 'gtpu6'));
    }
    this.shift = shiftsOf(fields);
    this.ways = new Uint8Array(CLASSES.length);
    if (fields[CLASS_NONIP] !== 0) this.ways[CLASS_NONIP] = GATHER;
    const plain = this.hfunc === HFUNC_TOEPLITZ && xfrm === 'none' && this.initial === 0 && this.sip === undefined;
    for (let cls = CLASS_NONIP + 1; cls < CLASSES.length; cls++) {
      const special =
        (gtpu[cls & 1] !== 0 && (cls | 1) === CLASS_UDP6) ||
        (variant === 'spi-sequence' && hasSequence(cls)) ||
        // Whoever goes by the way alone looks for an SPI in natt.
        ((cls | 1) === CLASS_NATT6 && this.shift[cls] === 0 && (fields[cls] & (FIELD_F | FIELD_N)) !== 0);
      this.ways[cls] = wayOf(fields[cls], cls & 1, plain && !special);
      if (this.ways[cls] === V4_TUPLE && this.shift[cls] === 0) this.joined |= 1 << cls;
    }
  }

  /** Bits at the numbers of the classes whose packets are discarded: letter r. */
  get discarded(): number {
    return this.fields.reduce((bits, fields, cls) => bits | ((fields & FIELD_R) === 0 ? 0 : 1 << cls), 0);
  }

  /** The hash of the packet that `d` describes, as an int32; sets {@link valid}. */
  hash(bytes: Uint8Array, d: Dissection): number {
    // IPv4 addresses and what follows them side by side: one piece of 12 bytes
    const l3 = d.l3;
    if (((this.joined >> d.cls) & 1) !== 0 && d.l4 === l3 + 20) {
      this.valid = 1;
      return this.toeplitz.hash12(bytes, (l3 + 12) | 0);
    }
    return this.hashParts(bytes, d);
  }

  private hashParts(bytes: Uint8Array, d: Dissection): number {
    const cls = d.cls;
    const toeplitz = this.toeplitz;
    this.valid = 1;
    switch (this.ways[cls]) {
      case V4_ADDRESSES:
        return toeplitz.hash8(bytes, d.l3 + V4_SRC);
      case V4_TUPLE:
        return toeplitz.hash8(bytes, d.l3 + V4_SRC) ^ toeplitz.hash4(bytes, d.l4 + this.shift[cls], 8);
      case V6_TUPLE: {
        const at = (d.l3 + V6_SRC) | 0;
        const l4 = (d.l4 + this.shift[cls]) | 0;
        if (l4 === at + 32) return toeplitz.hash36(bytes, at);
        return toeplitz.hash(bytes, at, 32, 0) ^ toeplitz.hash4(bytes, l4, 32);
      }
      case V6_ADDRESSES:
        return toeplitz.hash(bytes, d.l3 + V6_SRC, 32, 0);
      case GATHER:
        return this.hashInput(this.input(bytes, d, this.scratch));
      default:
        this.valid = 0;
        return 0;
    }
  }

  /** The hash of so many gathered bytes. */
  private hashInput(length: number): number {
    const { hfunc, scratch, sip } = this;
    // Linux takes 0 for none.
    if (sip !== undefined) return sip.hash(scratch, 0, length) || 1;
    return hfunc === HFUNC_TOEPLITZ
      ? this.toeplitz.hash(scratch, 0, length, 0) ^ this.initial
      : keylessHash(hfunc, scratch, 0, length);
  }

  /** The fields of a packet that is gathered. */
  private fieldsOf(bytes: Uint8Array, d: Dissection): number {
    const cls = d.cls;
    if (this.ways[cls] === NO_HASH) return 0;
    const fields = this.fields[cls];
    if (this.gtpu !== undefined && (cls | 1) === CLASS_UDP6 && this.gtpu[cls & 1] !== 0 && isGtpu(bytes, d)) {
      return this.gtpu[cls & 1];
    }
    if (this.sip !== undefined && (cls & 1) !== 0 && cls !== CLASS_NONIP && hasFlowLabel(bytes, d.l3)) {
      return (fields & ~(FIELD_F | FIELD_N)) | FIELD_L;
    }
    return fields;
  }

  /**
   * Writes what is hashed of the packet to `out` (INPUT_MAX bytes) and returns how many bytes that is: source address,
   * destination address, L4 bytes 0-1, L4 bytes 2-3 (and a sequence number, where the variant has it), VLAN ID, protocol, flow
   * label, L2 destination, TEID, without gaps, after xfrm. 0 when the packet has no hash.
   */
  input(bytes: Uint8Array, d: Dissection, out: Uint8Array): number {
    const cls = d.cls;
    const fields = this.fieldsOf(bytes, d);
    const six = (cls & 1) !== 0;
    const size = six ? 16 : 4;
    const src = (d.l3 + (six ? V6_SRC : V4_SRC)) | 0;
    const l4 = (d.l4 + this.shift[cls]) | 0;
    let n = 0;
    if ((fields & FIELD_S) !== 0) n = copy(bytes, src, size, out, n);
    if ((fields & FIELD_D) !== 0) n = copy(bytes, src + size, size, out, n);
    const ports = n;
    if ((fields & FIELD_F) !== 0) n = copy(bytes, l4, 2, out, n);
    if ((fields & FIELD_N) !== 0) n = copy(bytes, l4 + 2, 2, out, n);
    if (this.variant === 'spi-sequence' && hasSequence(cls) && (fields & FIELD_N) !== 0)
      return copy(bytes, l4 + 4, 4, out, n);
    if (this.xfrm === 'sort') {
      sort(out, 0, ports >> 1);
      sort(out, ports, (n - ports) >> 1);
    } else if (this.xfrm !== 'none') {
      const or = this.xfrm === 'symmetric-or-xor';
      fuse(out, 0, ports >> 1, or);
      fuse(out, ports, (n - ports) >> 1, or);
    }
    return fields < FIELD_V ? n : more(fields, bytes, d, out, n);
  }
}

function wayOf(fields: number, six: number, plain: boolean): number {
  if (!plain) return GATHER;
  if (fields === (FIELD_S | FIELD_D)) return six === 1 ? V6_ADDRESSES : V4_ADDRESSES;
  if (fields === (FIELD_S | FIELD_D | FIELD_F | FIELD_N)) return six === 1 ? V6_TUPLE : V4_TUPLE;
  return GATHER;
}

/** ESP and AH by themselves: NAT-T is UDP to the one device that hashes sequence numbers. */
function hasSequence(cls: number): boolean {
  return cls >= CLASS_ESP4 && cls <= CLASS_AH6;
}

/** At class numbers: where ports or SPI lie behind `l4`. */
function shiftsOf(fields: Uint16Array): Uint8Array {
  const shift = new Uint8Array(CLASSES.length);
  shift[CLASS_AH4] = shift[CLASS_AH6] = AH_SPI;
  for (const natt of [CLASS_NATT4, CLASS_NATT6]) {
    if ((fields[natt] & FIELD_PORTS) === 0) shift[natt] = UDP_HEADER;
    fields[natt] &= ~FIELD_PORTS;
  }
  return shift;
}

/** A key covers its length less 4 bytes of input: letters whose bits it would not reach would be ignored, silently. */
function checkReach(fields: Uint16Array, length: number, name: (index: number) => string): void {
  for (let index = 0; index < fields.length; index++) {
    const bits = fields[index] & ~FIELD_PORTS;
    if (bits < FIELD_V) continue;
    const size = (index & 1) !== 0 ? 16 : 4;
    const sizes = [size, size, 2, 2, 2, 1, 4, 0, 6, 4];
    const input = sizes.reduce((sum, bytes, bit) => sum + ((bits >> bit) & 1) * bytes, 0);
    if (input + 4 > length) {
      throw new RxSteerError(
        'ERR_RXSTEER_KEY',
        `key: expected ${input + 4} bytes at least for the ${input} bytes that are hashed of ${name(index)}, got ${length}`,
      );
    }
  }
}
