/** IP protocol numbers that the walk knows. https://www.iana.org/assignments/protocol-numbers */
export const PROTO_HOP_BY_HOP = 0;
export const PROTO_ICMP = 1;
export const PROTO_IPIP = 4;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const PROTO_IPV6 = 41;
export const PROTO_ROUTING = 43;
export const PROTO_FRAGMENT = 44;
export const PROTO_GRE = 47;
export const PROTO_ESP = 50;
export const PROTO_AH = 51;
export const PROTO_ICMPV6 = 58;
export const PROTO_NONE = 59;
export const PROTO_DESTINATION = 60;
export const PROTO_SCTP = 132;
/** MPLS in IP (RFC 4023). */
export const PROTO_MPLS = 137;
/** For experiments (RFC 3692): a packet of addresses alone. */
export const PROTO_EXPERIMENT = 253;

/** Whether it is an extension header of IPv6 that the walk goes through. */
export function isExtensionProto(proto: number): boolean {
  return (
    proto === PROTO_HOP_BY_HOP || proto === PROTO_ROUTING || proto === PROTO_DESTINATION || proto === PROTO_FRAGMENT
  );
}

/** Names as in /etc/protocols. */
const NAMES: Readonly<Record<string, number>> = {
  icmp: PROTO_ICMP,
  igmp: 2,
  ipip: PROTO_IPIP,
  ipencap: PROTO_IPIP,
  tcp: PROTO_TCP,
  udp: PROTO_UDP,
  dccp: 33,
  ipv6: PROTO_IPV6,
  gre: PROTO_GRE,
  esp: PROTO_ESP,
  ah: PROTO_AH,
  icmpv6: PROTO_ICMPV6,
  'ipv6-icmp': PROTO_ICMPV6,
  ospf: 89,
  pim: 103,
  l2tp: 115,
  sctp: PROTO_SCTP,
  udplite: 136,
};

/** The number of a protocol by its name or in decimals; undefined when it is neither. */
export function protoNumber(name: string): number | undefined {
  return /^\d{1,3}$/.test(name) ? Number(name) : Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}
