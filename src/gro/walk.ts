/**
 * From the IP header of a packet to the TCP or UDP header that GRO compares, through tunnels, as Linux's callbacks walk:
 * `inet_gro_receive`, `ipv6_gro_receive`, `udp_gro_receive`, `vxlan_gro_receive`, `geneve_gro_receive`, `gue_gro_receive`, `gre_gro_receive`,
 * `eth_gro_receive`, `vlan_gro_receive`. One level of tunnel is entered, as there.
 *
 * Nothing outside `[l3, end)` is read. The frame's own idea of lengths is compared with the bytes that are there, never used.
 */
import type { Kernels } from '../kernels/kernels.ts';
import { pseudoSum } from './checksum.ts';
import { ip4LengthDiffers, ip4Pass, ip4Reserved } from './ip4.ts';
import { ip6LengthDiffers } from './ip6.ts';
import { tcpIsWhole } from './look-again.ts';
import * as R from './reasons.ts';

const TCP = 6;
const UDP = 17;
const IPIP = 4;
const IPV6 = 41;
const GRE = 47;
const AH = 51;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;

const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
const TYPE_TEB = 0x6558;
const TYPE_VLAN = 0x8100;
const TYPE_QINQ = 0x88a8;

const GRE_CHECKSUM = 0x8000;
const GRE_KEY = 0x2000;

const GUE_PRIVATE = 1;

/** Headers inside each other that Linux lets pass: `GRO_RECURSION_LIMIT`. */
const RECURSION_LIMIT = 15;

export const TRUST_NONE = 0;
export const TRUST_OUTER = 1;
export const TRUST_ALL = 2;

/** UDP destination ports of tunnels; -1: none. */
export interface TunnelPorts {
  readonly vxlan: number;
  readonly geneve: number;
  readonly gue: number;
}

export interface WalkOptions {
  readonly verify: boolean;
  /** GRE and IP in IP are entered. */
  readonly ipTunnels: boolean;
  readonly ports: TunnelPorts;
  /** UDP is merged: to any port, or to those with a 1. */
  readonly udpAll: boolean;
  readonly udpPorts: Uint8Array;
  /** The length of UDP around a tunnel must be the bytes that are there. */
  readonly udpLengths: boolean;
}

/** What was found of a packet: where its innermost headers are. Reused for every packet. */
export class Walk {
  /** A flush reason when the packet must not be merged or held, but ends the run of its flow; else 0. */
  refused = 0;
  /** Innermost IP header and TCP or UDP header. */
  l3 = 0;
  l4 = 0;
  v6 = false;
  udp = false;
  /** The outer IP header is another one: `l3` is inside a tunnel. */
  tunnel = false;
  /** What stands behind the outermost IP header: where, and its protocol number. */
  outerL4 = 0;
  outerProto = 0;
  /** Checksum of the innermost header was verified. */
  verified = false;
  private readonly view: DataView;
  private readonly kernels: Kernels;
  private readonly options: WalkOptions;
  private end = 0;
  private trust = 0;
  private isFou = false;
  private depth = 0;

  constructor(view: DataView, kernels: Kernels, options: WalkOptions) {
    this.view = view;
    this.kernels = kernels;
    this.options = options;
  }

  /**
   * Walks the packet in `[l3, end)`, whose IP version is `v6 ? 6 : 4`.
   *
   * @param trust checksums of TCP and UDP that need not be verified: TRUST_NONE, TRUST_OUTER (the first one), TRUST_ALL
   * @param tags VLAN tags in front of it
   *
   * @returns PASS_NONE, or why the packet can neither be merged nor compared
   */
  from(l3: number, v6: boolean, end: number, trust: number, tags: number): number {
    this.refused = 0;
    this.tunnel = false;
    this.udp = false;
    this.verified = false;
    this.isFou = false;
    this.depth = tags;
    this.end = end;
    this.trust = trust;
    this.outerL4 = 0;
    return v6 ? this.ip6(l3) : this.ip4(l3);
  }

  private ip4(at: number): number {
    const { view, end } = this;
    if (end - at < 20) return R.PASS_MALFORMED;
    const pass = ip4Pass(view, at);
    if (pass !== R.PASS_NONE) return pass;
    if ((view.getUint16(at + 6) & 0x3fff) !== 0) return R.PASS_FRAGMENT;
    if (ip4LengthDiffers(view, at, end - at)) this.refused = R.FLUSH_IP_LENGTH;
    else if (ip4Reserved(view, at)) this.refused = R.FLUSH_IP_RESERVED;
    this.l3 = at;
    this.v6 = false;
    return this.upper(view.getUint8(at + 9), at + 20);
  }

  private ip6(at: number): number {
    const { view, end } = this;
    // Linux does not look at the version, and merges what no host takes.
    if (end - at < 40 || view.getUint8(at) >> 4 !== 6) return R.PASS_MALFORMED;
    if (ip6LengthDiffers(view, at, end - at)) this.refused = R.FLUSH_IP_LENGTH;
    let next = view.getUint8(at + 6);
    let l4 = at + 40;
    while (next === HOP_BY_HOP || next === ROUTING || next === DESTINATION) {
      if (end - l4 < 8) return R.PASS_MALFORMED;
      const length = (view.getUint8(l4 + 1) + 1) << 3;
      if (length > end - l4) return R.PASS_MALFORMED;
      next = view.getUint8(l4);
      l4 += length;
    }
    if (next === FRAGMENT) return R.PASS_FRAGMENT;
    this.l3 = at;
    this.v6 = true;
    return this.upper(next, l4);
  }

  private upper(proto: number, l4: number): number {
    if (++this.depth === RECURSION_LIMIT) return R.PASS_NESTED;
    if (this.outerL4 === 0) {
      this.outerL4 = l4;
      this.outerProto = proto;
    }
    switch (proto) {
      case TCP:
        return this.tcp(l4);
      case UDP:
        return this.datagram(l4);
      case GRE:
        return this.gre(l4);
      case IPIP:
      case IPV6:
        if (!this.options.ipTunnels) return R.PASS_PROTOCOL;
        if (this.tunnel) return R.PASS_NESTED;
        this.tunnel = true;
        return proto === IPIP ? this.ip4(l4) : this.ip6(l4);
      case AH:
        return R.PASS_IP_EXTENSION;
      default:
        return R.PASS_PROTOCOL;
    }
  }

  private tcp(l4: number): number {
    if (!this.checksumHolds(l4, TCP)) return R.PASS_TCP_CHECKSUM;
    if (!tcpIsWhole(this.view, l4, this.end)) return R.PASS_MALFORMED;
    this.l4 = l4;
    return R.PASS_NONE;
  }

  private datagram(l4: number): number {
    const { view, end, options } = this;
    if (end - l4 < 8) return R.PASS_MALFORMED;
    const port = view.getUint16(l4 + 2);
    const checksum = view.getUint16(l4 + 6);
    const { vxlan, geneve, gue } = options.ports;
    const isTunnel = port === vxlan || port === geneve || port === gue;
    if (!isTunnel && !options.udpAll && options.udpPorts[port] === 0) return R.PASS_PROTOCOL;
    if (checksum !== 0 && !this.checksumHolds(l4, UDP)) return R.PASS_UDP_CHECKSUM;
    if (isTunnel) {
      if (this.tunnel || this.isFou) return R.PASS_NESTED;
      // Not verified, so not vouched for.
      if (checksum !== 0 && this.refused !== 0) return R.PASS_IP_LENGTH;
      if (options.udpLengths && view.getUint16(l4 + 4) !== end - l4) return R.PASS_UDP_LENGTH;
      if (++this.depth === RECURSION_LIMIT) return R.PASS_NESTED;
      // GUE is but one more header of the IP tunnel in it.
      if (port === gue) return this.gue(l4 + 8);
      this.tunnel = true;
      return port === vxlan ? this.vxlan(l4 + 8) : this.geneve(l4 + 8);
    }
    if (checksum === 0) return R.PASS_UDP_CHECKSUM;
    const length = view.getUint16(l4 + 4);
    if (length <= 8 || length !== end - l4) return R.PASS_UDP_LENGTH;
    if (++this.depth === RECURSION_LIMIT) return R.PASS_NESTED;
    this.udp = true;
    this.l4 = l4;
    return R.PASS_NONE;
  }

  private vxlan(at: number): number {
    if (++this.depth === RECURSION_LIMIT) return R.PASS_NESTED;
    return this.end - at < 8 ? R.PASS_MALFORMED : this.ethernet(at + 8);
  }

  private geneve(at: number): number {
    const { view, end } = this;
    if (end - at < 8) return R.PASS_MALFORMED;
    const word = view.getUint16(at);
    const inner = at + 8 + (((word >> 8) & 0x3f) << 2);
    // Version, and control packets, whose content is no tenant's.
    if (word >> 14 !== 0 || (word & 0x80) !== 0) return R.PASS_PROTOCOL;
    return inner > end ? R.PASS_MALFORMED : this.byType(view.getUint16(at + 2), inner);
  }

  private gue(at: number): number {
    const { view, end } = this;
    if (end - at < 4) return R.PASS_MALFORMED;
    this.isFou = true;
    const first = view.getUint8(at);
    if (first >> 6 === 1) {
      // Variant 1: the IP packet itself.
      const version = first >> 4;
      return version === 4 ? this.upper(IPIP, at) : version === 6 ? this.upper(IPV6, at) : R.PASS_PROTOCOL;
    }
    // Version 0, no control message; of the flags only the one that says that private flags follow, and none of these.
    const flags = view.getUint16(at + 2);
    const inner = at + 4 + ((first & 0x1f) << 2);
    if (first >> 5 !== 0 || flags > GUE_PRIVATE) return R.PASS_PROTOCOL;
    if (inner > end) return R.PASS_MALFORMED;
    if (flags === GUE_PRIVATE && (inner - at < 8 || view.getInt32(at + 4) !== 0)) return R.PASS_PROTOCOL;
    const proto = view.getUint8(at + 1);
    if (proto !== IPIP && proto !== IPV6 && proto !== GRE) return R.PASS_PROTOCOL;
    return this.upper(proto, inner);
  }

  private gre(at: number): number {
    const { view, end, options } = this;
    if (!options.ipTunnels) return R.PASS_PROTOCOL;
    if (this.tunnel) return R.PASS_NESTED;
    this.tunnel = true;
    if (end - at < 4) return R.PASS_MALFORMED;
    const flags = view.getUint16(at);
    // Version 0 with key and checksum; sequence numbers could not be restored.
    if ((flags & ~(GRE_CHECKSUM | GRE_KEY)) !== 0) return R.PASS_PROTOCOL;
    if ((flags & GRE_CHECKSUM) !== 0) {
      if (this.isFou) return R.PASS_PROTOCOL;
      if (options.verify && this.refused === 0 && this.kernels.checksum(at, end - at) !== 0xffff)
        return R.PASS_GRE_CHECKSUM;
    }
    const inner = at + 4 + ((flags & GRE_CHECKSUM) >> 13) + ((flags & GRE_KEY) >> 11);
    return inner > end ? R.PASS_MALFORMED : this.byType(view.getUint16(at + 2), inner);
  }

  private ethernet(at: number): number {
    return this.end - at < 14 ? R.PASS_MALFORMED : this.byType(this.view.getUint16(at + 12), at + 14);
  }

  private byType(type: number, at: number): number {
    if (++this.depth === RECURSION_LIMIT) return R.PASS_NESTED;
    switch (type) {
      case TYPE_IPV4:
        return this.ip4(at);
      case TYPE_IPV6:
        return this.ip6(at);
      case TYPE_TEB:
        return this.ethernet(at);
      case TYPE_VLAN:
      case TYPE_QINQ:
        return this.end - at < 4 ? R.PASS_MALFORMED : this.byType(this.view.getUint16(at + 2), at + 4);
      default:
        return R.PASS_PROTOCOL;
    }
  }

  /** What is refused anyhow is not summed. */
  private checksumHolds(l4: number, proto: number): boolean {
    this.verified = false;
    if (this.refused !== 0 || !this.options.verify) return true;
    if (this.trust === TRUST_ALL || (this.trust === TRUST_OUTER && !this.tunnel)) return true;
    const length = this.end - l4;
    const sum = this.kernels.checksum(l4, length) + pseudoSum(this.view, this.l3, this.v6, proto) + length;
    // At most 19 words and a length: two folds tell, also above 64 KiB.
    const once = (sum & 0xffff) + (sum >>> 16);
    this.verified = (once & 0xffff) + (once >>> 16) === 0xffff;
    return this.verified;
  }
}
