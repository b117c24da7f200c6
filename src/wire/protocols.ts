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
