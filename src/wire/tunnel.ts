/** Through clear tunnels to the innermost packet: IPIP, 6in4, GRE and VXLAN. */
import {
  BAD_NONE,
  CLASS_MALFORMED,
  CLASS_NONIP,
  CLASS_OTHER4,
  CLASS_OTHER6,
  CLASS_UDP4,
  CLASS_UDP6,
} from '../counters.ts';
import { u16 } from './bytes.ts';
import { dissect, LINK_ETHERNET } from './dissect.ts';
import { dissectIp } from './dissect-ip.ts';
import type { Dissection } from './dissection.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TEB } from './ethernet.ts';
import { checkGre, greLength, greProtocol } from './gre.ts';
import { PROTO_GRE, PROTO_IPIP, PROTO_IPV6 } from './protocols.ts';
import { UDP_DPORT, UDP_HEADER, udpEnd } from './udp.ts';
import { checkVxlan, UDP_PORT_VXLAN, VXLAN_HEADER } from './vxlan.ts';

/** Tunnels inside tunnels beyond this are left closed. */
export const TUNNEL_MAX_DEPTH = 4;

/**
 * Takes the record of a dissected packet and leaves that of its innermost packet in it: IP in IP (protocols 4 and 41), GRE
 * version 0 (IPv4, IPv6, Ethernet), VXLAN (UDP port 4789). Returns the class. A layer is entered only when a well-formed
 * IP packet is inside: ARP in VXLAN leaves the record at the UDP packet around it. ESP, AH and fragments end the
 * walk. `vlan` becomes that of the inner frame, 0 where a tunnel carries bare IP.
 */
export function innermost(bytes: Uint8Array, out: Dissection): number {
  for (let depth = 0; depth < TUNNEL_MAX_DEPTH; depth++) {
    const cls = out.cls;
    if (cls !== CLASS_UDP4 && cls !== CLASS_OTHER4 && cls !== CLASS_UDP6 && cls !== CLASS_OTHER6) break;
    const l3 = out.l3;
    const end = out.end;
    const vlan = out.vlan;
    const truncated = out.truncated;
    const inner = enter(bytes, out);
    if (inner < 0) break;
    if (inner === CLASS_MALFORMED || inner === CLASS_NONIP) {
      // back to the layer around it
      dissectIp(bytes, l3, end, out);
      out.vlan = vlan;
      out.truncated = truncated;
      out.dirty = 1;
      break;
    }
  }
  return out.cls;
}

/** Dissects what the packet of the record carries; -1 when it carries no packet and the record is as it was. */
function enter(bytes: Uint8Array, out: Dissection): number {
  const l4 = out.l4;
  const end = out.end;
  switch (out.proto) {
    case PROTO_IPIP:
    case PROTO_IPV6:
      // the protocol number and the version must agree, else it is no tunnel
      if (end <= l4 || bytes[l4] >> 4 !== (out.proto === PROTO_IPIP ? 4 : 6)) return -1;
      return dissectIp(bytes, l4, end, out);
    case PROTO_GRE: {
      if (checkGre(bytes, l4, end) !== BAD_NONE) return -1;
      const at = (l4 + greLength(bytes, l4)) | 0;
      const type = greProtocol(bytes, l4);
      if (type === ETHERTYPE_TEB) return dissect(bytes, at, end, LINK_ETHERNET, out);
      if (end <= at || bytes[at] >> 4 !== (type === ETHERTYPE_IPV4 ? 4 : type === ETHERTYPE_IPV6 ? 6 : -1)) return -1;
      return dissectIp(bytes, at, end, out);
    }
    default: {
      if ((out.cls | 1) !== CLASS_UDP6 || u16(bytes, l4 + UDP_DPORT) !== UDP_PORT_VXLAN) return -1;
      const at = (l4 + UDP_HEADER) | 0;
      const stop = udpEnd(bytes, l4, end);
      if (checkVxlan(bytes, at, stop) !== BAD_NONE) return -1;
      return dissect(bytes, at + VXLAN_HEADER, stop, LINK_ETHERNET, out);
    }
  }
}
