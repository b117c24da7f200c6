/** A packet on its way through the plain reference: what Linux keeps in `struct sk_buff` and `struct napi_gro_cb`, as far as it matters. */

export type Kernel = 'linux-6.1' | 'linux-6.12' | 'linux-6.18' | 'linux-7.2';

/** How the host is set up. */
export interface Host {
  as: Kernel;
  /** UDP ports of tunnel devices. */
  vxlan?: number;
  geneve?: number;
  gue?: number;
  /** GRE and IP in IP. Default true. */
  ipTunnels?: boolean;
  /** `rx-udp-gro-forwarding`, or ports of sockets with UDP_GRO. */
  udp: 'off' | 'forwarding' | readonly number[];
  /** `gro_max_size`, `gro_ipv4_max_size`. */
  maxSize: number;
  maxSize4: number;
  /** Checksums of TCP, UDP and GRE are summed. Default true. */
  verify?: boolean;
  /** Packets held in a bucket at most. Default 8: `MAX_GRO_SKBS`. */
  perBucket?: number;
}

/** `call_gro_receive` counts to this. */
const RECURSION_LIMIT = 15;

/** An Ethernet header ends, and Linux begins to count bytes, here. */
export const ETHERNET = 14;

export class Skb {
  readonly number: number;
  /** The frame; of a held packet its headers may be changed. */
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** What the device says beside the frame, and must be the same: a tag that was stripped, an SA. */
  readonly beside: string;
  readonly isFromEsp: boolean;
  /** Where the callbacks are: `NAPI_GRO_CB(skb)->data_offset`. */
  at = ETHERNET;
  flush = false;
  sameFlow = false;
  encapMark = false;
  isFou = false;
  /** Offsets of the outer IP header and of that inside a tunnel. */
  network: [number, number] = [0, 0];
  transport = 0;
  /** The last IP protocol. */
  proto = 0;
  private recursion = 0;

  /** 6.1 only: set by the IP callbacks for the packet that is held, read by those of TCP and UDP. */
  heldFlush = false;
  flushId = 0;
  isAtomic = true;
  /** 6.12: one bit; since 6.18: one of the outer header and one of the inner one. */
  fixedId = 0;

  /** Of a held packet. */
  count = 1;
  gsoSize = 0;
  /** Where its payload begins, and what was merged. */
  payloadAt = 0;
  readonly merged: Uint8Array[] = [];
  readonly from: number[];

  constructor(number: number, bytes: Uint8Array, hash: number, beside: string, isFromEsp: boolean) {
    this.number = number;
    this.bytes = bytes.slice();
    this.hash = hash;
    this.beside = beside;
    this.isFromEsp = isFromEsp;
    this.from = [number];
  }

  /** Bytes from the Ethernet header's end on. */
  get length(): number {
    return this.merged.reduce((sum, m) => sum + m.length, this.bytes.length - ETHERNET);
  }

  /** Bytes from where the callbacks are to the end. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Whether so many bytes are there. */
  has(bytes: number): boolean {
    return this.left >= bytes;
  }

  u8(at: number): number {
    return this.bytes[at];
  }

  u16(at: number): number {
    return this.bytes[at] * 256 + this.bytes[at + 1];
  }

  u32(at: number): number {
    return this.u16(at) * 65536 + this.u16(at + 2);
  }

  text(from: number, to: number): string {
    return Buffer.from(this.bytes.subarray(from, to)).toString('hex');
  }

  /** Calls one callback from another; too many of them are refused. */
  call(callback: () => Skb | undefined): Skb | undefined {
    if (++this.recursion === RECURSION_LIMIT) {
      this.flush = true;
      return undefined;
    }
    return callback();
  }
}

/** Keeps `same_flow` only where the held packet agrees. Both have their headers at the same places, or disagree before. */
export function keepSame(held: readonly Skb[], agrees: (p: Skb) => boolean): void {
  for (const p of held) if (p.sameFlow && !agrees(p)) p.sameFlow = false;
}

/** One's complement sum of bytes, and more words. */
export function onesSum(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let sum = start;
  for (let i = from; i < to; i += 2) sum += bytes[i] * 256 + (i + 1 < to ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return sum;
}

/** Sum of a pseudo-header: addresses of the IP header at `l3`, protocol, length. */
export function pseudo(bytes: Uint8Array, l3: number, v6: boolean, proto: number, length: number): number {
  const addresses = v6 ? onesSum(bytes, l3 + 8, l3 + 40) : onesSum(bytes, l3 + 12, l3 + 20);
  return addresses + proto + length;
}
