/** Through clear tunnels to the innermost packet. README.md has the list. */
import { BAD_NONE, CLASS_MALFORMED, CLASS_NONIP, CLASS_OTHER6, CLASS_UDP6 } from '../counters.ts';
import { u16 } from './bytes.ts';
import { dissect, LINK_ETHERNET } from './dissect.ts';
import { dissectIp } from './dissect-ip.ts';
import {
  clean,
  type Dissection,
  nonIp,
  TUNNEL_GENEVE,
  TUNNEL_GRE,
  TUNNEL_GTPU,
  TUNNEL_NONE,
  TUNNEL_VXLAN,
} from './dissection.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE,
  ETHERTYPE_TEB,
} from './ethernet.ts';
import {
  checkGeneve,
  GENEVE_FLAG_CONTROL,
  geneveFlags,
  geneveLength,
  geneveProtocol,
  geneveVni,
  UDP_PORT_GENEVE,
} from './geneve.ts';
import { checkGre, greHasKey, greKey, greLength, greProtocol } from './gre.ts';
import { checkGtpu, GTPU_GPDU, gtpuEnd, gtpuLength, gtpuTeid, gtpuType, UDP_PORT_GTPU } from './gtpu.ts';
import { checkGue, GUE_VARIANT, gueIsControl, gueLength, gueProtocol, UDP_PORT_GUE } from './gue.ts';
import { checkMpls, mplsLength } from './mpls.ts';
import { checkPppoe, PPP_IPV4, PPP_IPV6, PPPOE_HEADER, pppoeEnd, pppoeProtocol } from './pppoe.ts';
import { PROTO_GRE, PROTO_IPIP, PROTO_IPV6, PROTO_MPLS } from './protocols.ts';
import { UDP_DPORT, UDP_HEADER, udpEnd } from './udp.ts';
import { checkVxlan, UDP_PORT_VXLAN, VXLAN_HEADER, vxlanVni } from './vxlan.ts';

/** Tunnels inside tunnels beyond this are left closed. */
export const TUNNEL_MAX_DEPTH = 4;

/** Kinds of tunnels, as bits: in UDP; by IP protocol (IP in IP, 6in4, GRE); MPLS in frames, GRE and IP; PPPoE. */
export const TUNNELS_UDP = 1;
export const TUNNELS_IP = 2;
export const TUNNELS_MPLS = 4;
export const TUNNELS_PPPOE = 8;
export const TUNNELS_ALL = 15;

/** Nothing to enter; the record is as it was. */
const CLOSED = -1;

/**
 * Takes the record of a dissected packet and leaves that of its innermost packet in it: IP in IP (protocols 4 and 41), GRE
 * version 0 (IPv4, IPv6, Ethernet, MPLS), MPLS in IP; by UDP destination port VXLAN (4789), Geneve (6081), GUE (6080) and
 * GTP-U (2152); of frames that are `nonip`, MPLS label stacks and PPPoE sessions. Returns the class. A layer is entered only
 * when a well-formed IP packet is inside: ARP in VXLAN leaves the record at the UDP packet around it. ESP, AH and
 * fragments end the walk. `vlan` becomes that of the inner frame, 0 where a tunnel carries bare IP; MPLS and PPPoE are
 * part of their frame, whose tag stays. `tunnel`, `tunnelId` and `tunnelOuter` say by which VNIs, GRE keys and TEIDs.
 *
 * @param kinds of tunnels that are entered, `TUNNELS_UDP` and so on
 */
export function innermost(bytes: Uint8Array, out: Dissection, kinds: number = TUNNELS_ALL): number {
  for (let depth = 0; depth < TUNNEL_MAX_DEPTH && enterTunnel(bytes, out, kinds); depth++);
  return out.cls;
}

/** As {@link innermost}, one layer: false, and the record unchanged, when there is none to be entered. `frame` says where it begins. */
export function enterTunnel(bytes: Uint8Array, out: Dissection, kinds: number = TUNNELS_ALL): boolean {
  const cls = out.cls;
  if (!mayCarry(cls) || (kinds !== TUNNELS_ALL && (kindOf(bytes, out) & ~kinds) !== 0)) return false;
  const l3 = out.l3;
  const end = out.end;
  const vlan = out.vlan;
  const truncated = out.truncated;
  const type = out.etherType;
  const link = out.link;
  const frameAt = out.frame;
  const tunnel = out.tunnel;
  const tunnelId = out.tunnelId;
  const tunnelOuter = out.tunnelOuter;
  const inner = cls === CLASS_NONIP ? labelled(bytes, out) : enter(bytes, out);
  if (inner === CLOSED) return false;
  if (inner === CLASS_MALFORMED || inner === CLASS_NONIP) {
    // back to the layer around it
    if (cls === CLASS_NONIP) {
      clean(out);
      nonIp(out, l3, end);
      out.etherType = type;
      out.link = link;
    } else dissectIp(bytes, l3, end, out);
    out.vlan = vlan;
    out.truncated = truncated;
    out.frame = frameAt;
    out.tunnel = tunnel;
    out.tunnelId = tunnelId;
    out.tunnelOuter = tunnelOuter;
    out.dirty = 1;
    return false;
  }
  if (tunnel !== TUNNEL_NONE) {
    if (out.tunnel === TUNNEL_NONE) {
      out.tunnel = tunnel;
      out.tunnelId = tunnelId;
      out.tunnelOuter = tunnelOuter;
    } else out.tunnelOuter = around(tunnelOuter, tunnel, tunnelId);
    out.dirty = 1;
  }
  return true;
}

/**
 * The innermost packet of the one that `d` describes, without a change to `d`: its record is `inner`, or `d` itself when its
 * class carries no other packet.
 */
export function innermostOf(
  bytes: Uint8Array,
  d: Dissection,
  inner: Dissection,
  kinds: number = TUNNELS_ALL,
): Dissection {
  if (!mayCarry(d.cls)) return d;
  clean(inner);
  inner.nattPort = d.nattPort;
  inner.cls = d.cls;
  inner.l3 = d.l3;
  inner.l4 = d.l4;
  inner.end = d.end;
  inner.proto = d.proto;
  inner.truncated = d.truncated;
  inner.vlan = d.vlan;
  inner.etherType = d.etherType;
  inner.link = d.link;
  inner.dirty = 1;
  innermost(bytes, inner, kinds);
  return inner;
}

/** Adds a tunnel to the hash of those around it; not 0. */
function around(outer: number, tunnel: number, id: number): number {
  const h = Math.imul(Math.imul(outer ^ tunnel, 0x9e3779b1) ^ id, 0x85ebca77);
  return (h ^ (h >>> 15)) | 1;
}

/** The kinds of tunnels that one layer consists of; labels in GRE are two. */
function kindOf(bytes: Uint8Array, d: Dissection): number {
  const { cls, l4 } = d;
  if (cls === CLASS_NONIP) return d.etherType === ETHERTYPE_PPPOE ? TUNNELS_PPPOE : TUNNELS_MPLS;
  if ((cls | 1) === CLASS_UDP6) return TUNNELS_UDP;
  if (d.proto === PROTO_MPLS) return TUNNELS_IP | TUNNELS_MPLS;
  if (d.proto !== PROTO_GRE || checkGre(bytes, l4, d.end) !== BAD_NONE) return TUNNELS_IP;
  const type = greProtocol(bytes, l4);
  return type === ETHERTYPE_MPLS || type === ETHERTYPE_MPLS_MULTICAST ? TUNNELS_IP | TUNNELS_MPLS : TUNNELS_IP;
}

function mayCarry(cls: number): boolean {
  return (cls | 1) === CLASS_UDP6 || (cls | 1) === CLASS_OTHER6 || cls === CLASS_NONIP;
}

/** Dissects what the IP packet of the record carries; {@link CLOSED} when that is no packet. */
function enter(bytes: Uint8Array, out: Dissection): number {
  const l4 = out.l4;
  if ((out.cls | 1) !== CLASS_UDP6) return protocol(bytes, out.proto, l4, out.end, out);
  const at = (l4 + UDP_HEADER) | 0;
  const stop = udpEnd(bytes, l4, out.end);
  switch (u16(bytes, l4 + UDP_DPORT)) {
    case UDP_PORT_VXLAN:
      if (checkVxlan(bytes, at, stop) !== BAD_NONE) return CLOSED;
      return by(TUNNEL_VXLAN, vxlanVni(bytes, at), frame(bytes, at + VXLAN_HEADER, stop, out), out);
    case UDP_PORT_GENEVE:
      if (checkGeneve(bytes, at, stop) !== BAD_NONE || (geneveFlags(bytes, at) & GENEVE_FLAG_CONTROL) !== 0)
        return CLOSED;
      return by(
        TUNNEL_GENEVE,
        geneveVni(bytes, at),
        payload(bytes, geneveProtocol(bytes, at), (at + geneveLength(bytes, at)) | 0, stop, out),
        out,
      );
    case UDP_PORT_GUE:
      if (stop > at && bytes[at + GUE_VARIANT] >> 6 === 1) return packet(bytes, at, stop, out);
      if (checkGue(bytes, at, stop) !== BAD_NONE || gueIsControl(bytes, at)) return CLOSED;
      return protocol(bytes, gueProtocol(bytes, at), (at + gueLength(bytes, at)) | 0, stop, out);
    case UDP_PORT_GTPU:
      if (checkGtpu(bytes, at, stop) !== BAD_NONE || gtpuType(bytes, at) !== GTPU_GPDU) return CLOSED;
      return by(
        TUNNEL_GTPU,
        gtpuTeid(bytes, at),
        packet(bytes, (at + gtpuLength(bytes, at)) | 0, gtpuEnd(bytes, at, stop), out),
        out,
      );
    default:
      return CLOSED;
  }
}

/** Notes the tunnel that a packet came by, if there is one in it; returns its class. */
function by(tunnel: number, id: number, cls: number, out: Dissection): number {
  if (cls === CLOSED) return cls;
  out.tunnel = tunnel;
  out.tunnelId = id;
  out.dirty = 1;
  return cls;
}

/** By IP protocol. */
function protocol(bytes: Uint8Array, proto: number, at: number, end: number, out: Dissection): number {
  switch (proto) {
    case PROTO_IPIP:
      return ip(bytes, 4, at, end, out);
    case PROTO_IPV6:
      return ip(bytes, 6, at, end, out);
    case PROTO_GRE: {
      if (checkGre(bytes, at, end) !== BAD_NONE) return CLOSED;
      const cls = payload(bytes, greProtocol(bytes, at), (at + greLength(bytes, at)) | 0, end, out);
      return greHasKey(bytes, at) ? by(TUNNEL_GRE, greKey(bytes, at), cls, out) : cls;
    }
    case PROTO_MPLS:
      return labels(bytes, at, end, out);
    default:
      return CLOSED;
  }
}

/** By EtherType, as GRE and Geneve have it. */
function payload(bytes: Uint8Array, type: number, at: number, end: number, out: Dissection): number {
  switch (type) {
    case ETHERTYPE_TEB:
      return frame(bytes, at, end, out);
    case ETHERTYPE_IPV4:
      return ip(bytes, 4, at, end, out);
    case ETHERTYPE_IPV6:
      return ip(bytes, 6, at, end, out);
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
      return labels(bytes, at, end, out);
    default:
      return CLOSED;
  }
}

/** An Ethernet frame; labels and PPPoE in it are of the same layer. */
function frame(bytes: Uint8Array, at: number, end: number, out: Dissection): number {
  let cls = dissect(bytes, at, end, LINK_ETHERNET, out);
  if (cls === CLASS_NONIP) {
    const inner = labelled(bytes, out);
    if (inner !== CLOSED) cls = inner;
  }
  out.frame = at;
  out.dirty = 1;
  return cls;
}

/** What the frame of a `nonip` record carries behind labels, or in a PPPoE session. */
function labelled(bytes: Uint8Array, out: Dissection): number {
  const at = out.l3;
  const vlan = out.vlan;
  let cls = CLOSED;
  switch (out.etherType) {
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
      cls = labels(bytes, at, out.end, out);
      break;
    case ETHERTYPE_PPPOE: {
      if (checkPppoe(bytes, at, out.end) !== BAD_NONE) return CLOSED;
      const type = pppoeProtocol(bytes, at);
      const version = type === PPP_IPV4 ? 4 : type === PPP_IPV6 ? 6 : 0;
      if (version !== 0) cls = ip(bytes, version, at + PPPOE_HEADER, pppoeEnd(bytes, at, out.end), out);
      break;
    }
  }
  if (cls !== CLOSED && vlan !== 0) {
    out.vlan = vlan;
    out.dirty = 1;
  }
  return cls;
}

/** Nothing in a label stack says what follows it; everyone goes by the version nibble (RFC 4928 section 3). */
function labels(bytes: Uint8Array, at: number, end: number, out: Dissection): number {
  if (checkMpls(bytes, at, end) !== BAD_NONE) return CLOSED;
  return packet(bytes, (at + mplsLength(bytes, at)) | 0, end, out);
}

/** A packet of either version. */
function packet(bytes: Uint8Array, at: number, end: number, out: Dissection): number {
  return ip(bytes, end > at && bytes[at] >> 4 === 6 ? 6 : 4, at, end, out);
}

/** A packet whose version was announced: if it has another one, it is no tunnel. */
function ip(bytes: Uint8Array, version: number, at: number, end: number, out: Dissection): number {
  if (end <= at || bytes[at] >> 4 !== version) return CLOSED;
  const cls = dissectIp(bytes, at, end, out);
  out.frame = at;
  out.dirty = 1;
  return cls;
}
