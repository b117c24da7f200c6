/** From a dissected packet to its flow hash: picks the fields of its class and hashes them, where they lie if possible. */
import { CLASS_AH4, CLASS_AH6, CLASS_NATT4, CLASS_NATT6, CLASS_NONIP, CLASSES } from '../counters.ts';
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
  FIELD_R,
  FIELD_S,
  FIELD_T,
  FIELD_V,
  type FlowFields,
  resolveFields,
  type Xfrm,
} from './fields.ts';
import { HFUNC_TOEPLITZ, type Hfunc, hfuncNumber, keylessHash } from './hfunc.ts';
import { Toeplitz } from './toeplitz.ts';

// Copies, because V8 folds the constants of a module but loads and checks an imported one at every use.
const V4_SRC = IPV4_SRC;
const V6_SRC = IPV6_SRC;

export interface FlowHasherOptions {
  /** 16 to 64 bytes, most significant first. Only toeplitz uses it. */
  key: Uint8Array;
  /** Default `toeplitz`. */
  hfunc?: Hfunc;
  /** Default `none`. */
  xfrm?: Xfrm;
  /** Letters at flow types; see fields.ts for the defaults. */
  fields?: FlowFields;
}

/** Bytes of the longest input: two IPv6 addresses and two ports; VLAN ID, protocol, flow label. */
export const INPUT_MAX = 43;

/** How the packets of a class are hashed: all but the last where they lie. */
const NO_HASH = 0;
const V4_ADDRESSES = 1;
const V4_TUPLE = 2;
const V6_ADDRESSES = 3;
const V6_TUPLE = 4;
const GATHER = 5;
export const WAY_GATHER: number = GATHER;

export class FlowHasher {
  /** Whether the last packet had a hash: 0 for `nonip` and `malformed`. The hash itself may be 0 and valid. */
  valid = 0;
  /** Toeplitz of fields that are not sorted: each bit of a field adds the same to every hash. */
  readonly linear: boolean;
  readonly toeplitz: Toeplitz;
  /** Bits at class numbers: IPv4 tuple, with ports or SPI at `l4` itself. */
  private readonly joined: number = 0;
  /** At class numbers: the way (1 to 4: where the fields lie), the fields, and where ports or SPI lie behind `l4`. */
  readonly ways: Uint8Array;
  private readonly fields: Uint8Array;
  private readonly shift: Uint8Array;
  private readonly xfrm: Xfrm;
  private readonly hfunc: number;
  private readonly scratch = new Uint8Array(INPUT_MAX);

  /** @throws RxSteerError `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_OPTION` (xfrm, hfunc) */
  constructor(options: FlowHasherOptions) {
    const { hfunc = 'toeplitz', xfrm = 'none' } = options;
    this.hfunc = hfuncNumber(hfunc);
    this.toeplitz = new Toeplitz(options.key);
    this.linear = hfunc === 'toeplitz' && xfrm !== 'sort';
    this.xfrm = xfrm;
    this.fields = resolveFields(options.fields, xfrm);
    if (this.hfunc === HFUNC_TOEPLITZ) checkReach(this.fields, options.key.length);
    this.shift = new Uint8Array(CLASSES.length);
    this.shift[CLASS_AH4] = this.shift[CLASS_AH6] = AH_SPI;
    this.shift[CLASS_NATT4] = this.shift[CLASS_NATT6] = UDP_HEADER;
    this.ways = new Uint8Array(CLASSES.length);
    for (let cls = CLASS_NONIP + 1; cls < CLASSES.length; cls++) {
      this.ways[cls] = wayOf(this.fields[cls], cls & 1, this.hfunc === HFUNC_TOEPLITZ && xfrm === 'none');
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
    const { hfunc, scratch } = this;
    return hfunc === HFUNC_TOEPLITZ
      ? this.toeplitz.hash(scratch, 0, length, 0)
      : keylessHash(hfunc, scratch, 0, length);
  }

  /**
   * Writes what is hashed of the packet to `out` (INPUT_MAX bytes) and returns how many bytes that is: source address,
   * destination address, L4 bytes 0-1, L4 bytes 2-3, VLAN ID, protocol, flow label, without gaps, after xfrm. 0 when the packet has no hash.
   */
  input(bytes: Uint8Array, d: Dissection, out: Uint8Array): number {
    const cls = d.cls;
    const fields = this.ways[cls] === NO_HASH ? 0 : this.fields[cls];
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

/** The fields behind the ports. Without a tag the VLAN ID is 0, which is that of a frame with a priority tag, too. */
function more(fields: number, bytes: Uint8Array, d: Dissection, out: Uint8Array, at: number): number {
  let n = at | 0;
  if ((fields & FIELD_V) !== 0) {
    out[n++] = (d.vlan >> 8) & 0x0f;
    out[n++] = d.vlan & 0xff;
  }
  if ((fields & FIELD_T) !== 0) out[n++] = d.proto;
  if ((fields & FIELD_L) !== 0) {
    out[n++] = 0;
    out[n++] = bytes[d.l3 + 1] & 0x0f;
    n = copy(bytes, d.l3 + 2, 2, out, n);
  }
  return n;
}

/** A key covers its length less 4 bytes of input: letters whose bits it would not reach would be ignored, silently. */
function checkReach(fields: Uint8Array, length: number): void {
  for (let cls = 0; cls < fields.length; cls++) {
    const bits = fields[cls];
    if (bits < FIELD_V) continue;
    const size = (cls & 1) !== 0 ? 16 : 4;
    const sizes = [size, size, 2, 2, 2, 1, 4];
    const input = sizes.reduce((sum, bytes, bit) => sum + ((bits >> bit) & 1) * bytes, 0);
    if (input + 4 > length) {
      throw new RxSteerError(
        'ERR_RXSTEER_KEY',
        `key: expected ${input + 4} bytes at least for the ${input} bytes that are hashed of ${CLASSES[cls]}, got ${length}`,
      );
    }
  }
}

function copy(from: Uint8Array, off: number, len: number, to: Uint8Array, at: number): number {
  for (let i = 0; i < len; i++) to[at + i] = from[off + i];
  return (at + len) | 0;
}

/** (A, B) becomes (A ^ B, A ^ B), or (A | B, A ^ B); `size` bytes each. */
function fuse(bytes: Uint8Array, off: number, size: number, or: boolean): void {
  for (let i = off; i < off + size; i++) {
    const a = bytes[i];
    const b = bytes[i + size];
    bytes[i] = or ? a | b : a ^ b;
    bytes[i + size] = a ^ b;
  }
}

/** (A, B) becomes (B, A) when B is smaller; `size` bytes each. */
function sort(bytes: Uint8Array, off: number, size: number): void {
  const other = off + size;
  let i = 0;
  while (i < size && bytes[off + i] === bytes[other + i]) i++;
  if (i === size || bytes[off + i] < bytes[other + i]) return;
  for (; i < size; i++) {
    const a = bytes[off + i];
    bytes[off + i] = bytes[other + i];
    bytes[other + i] = a;
  }
}
