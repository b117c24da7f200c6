/** The record that a dissection fills. One is made and reused for every packet: nothing is allocated on the way. */
import { CLASS_MALFORMED, CLASS_NONIP } from '../counters.ts';
import { UDP_PORT_NATT } from './udp.ts';

/**
 * What is known about a packet. All fields are int32, all offsets absolute in the bytes that were given, and within the
 * packet's own `[off, end]`. Fields that do not apply to the class are 0.
 */
export class Dissection {
  /** Setting: the UDP port of NAT-T, on either side; -1 for none. */
  nattPort: number = UDP_PORT_NATT;
  /** Class number, and the reason when it is `malformed` (counters.ts). */
  cls = 0;
  reason = 0;
  /** The IP header; for `nonip` what follows the link header. */
  l3 = 0;
  /** What follows the IP header, its options and extension headers. */
  l4 = 0;
  /** End of the IP payload: what the IP length says, but not beyond the bytes. */
  end = 0;
  /** IP protocol number at `l4`. */
  proto = 0;
  /** SPI of esp, ah and natt, as an int32. */
  spi = 0;
  /** The ESP header of esp (= `l4`) and natt (= `l4 + 8`). */
  esp = 0;
  /** 1: the IP or UDP length says more than is there. The class stays, but headers behind the fixed ones may be cut. */
  truncated = 0;
  /** 0, or 0x10000 | TCI of the outermost VLAN tag. */
  vlan = 0;
  /** Of a fragment: offset in bytes, whether more follow, identification (int32), protocol behind. */
  fragOff = 0;
  fragMore = 0;
  fragId = 0;
  fragNext = 0;
  /** Of a fragment: the IPv6 fragment header (IPv4: `l3`), and the byte that holds the next-header value 44 (IPv4: 0). */
  fragHdr = 0;
  fragPrev = 0;
  /**
   * Of the innermost packet of a tunnel (`innermost`): what kind of tunnel with an identifier it came by, `TUNNEL_*`, and that
   * identifier (VNI, GRE key, TEID; int32). Of such tunnels around that one: a hash of kinds and identifiers.
   */
  tunnel = 0;
  tunnelId = 0;
  tunnelOuter = 0;
  /** Of a packet in a tunnel: where its frame begins, an Ethernet header or `l3`. */
  frame = 0;
  /** EtherType behind link header and tags; of raw IP the one that it would have. */
  etherType = 0;
  /** Of `nonip` in Ethernet: bytes of Ethernet header and tags in front of `l3`. */
  link = 0;
  /**
   * Of the dissector's own: 1 when one of `reason`, `spi`, `esp`, `truncated`, `vlan`, `link`, the fragment's and the tunnel's fields
   * may not be 0. They nearly always are, and one load says so: ten stores and two loads less for every plain packet.
   */
  dirty = 0;
}

/** Kinds of tunnels that have identifiers, which keep tenants with the same addresses apart. */
export const TUNNEL_NONE = 0;
export const TUNNEL_VXLAN = 1;
export const TUNNEL_GENEVE = 2;
/** Only with a key. */
export const TUNNEL_GRE = 3;
export const TUNNEL_GTPU = 4;
/** Names of the kinds, at their numbers. */
export const TUNNEL_NAMES = ['none', 'vxlan', 'geneve', 'gre', 'gtpu'] as const;

/** Sets the fields that {@link Dissection.dirty} speaks of to 0. */
export function clean(out: Dissection): void {
  out.reason = 0;
  out.spi = 0;
  out.esp = 0;
  out.truncated = 0;
  out.vlan = 0;
  out.fragOff = 0;
  out.fragMore = 0;
  out.fragId = 0;
  out.fragNext = 0;
  out.fragHdr = 0;
  out.fragPrev = 0;
  out.tunnel = 0;
  out.tunnelId = 0;
  out.tunnelOuter = 0;
  out.frame = 0;
  out.link = 0;
  out.dirty = 0;
}

/** Ends a dissection as `malformed`. `l3` and `l4` are as far as it came; both lie within the packet. */
export function malformed(out: Dissection, reason: number, l3: number, l4: number, end: number): number {
  out.cls = CLASS_MALFORMED;
  out.reason = reason;
  out.dirty = 1;
  out.l3 = l3;
  out.l4 = l4;
  out.end = end;
  out.proto = 0;
  return CLASS_MALFORMED;
}

/** Ends a dissection as `nonip`: the payload of the link is at `l3`. */
export function nonIp(out: Dissection, l3: number, end: number): number {
  out.cls = CLASS_NONIP;
  out.l3 = l3;
  out.l4 = end;
  out.end = end;
  out.proto = 0;
  return CLASS_NONIP;
}
