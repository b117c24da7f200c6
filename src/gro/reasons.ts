/**
 * Why GRO ended a run, and why it never began one. Two catalogues of names at their numbers, with what each one means;
 * `Gro.flushes` and `Gro.passes` count by these numbers, and `rxsteer gro --json` shows the first as `flushes`.
 */

/** Why a held packet was completed. */
export const FLUSHES = {
  poll: 'the poll ended',
  evicted: 'its bucket was full and it was the oldest there',
  order: 'a packet of its flow or address pair follows that cannot be compared (only with `order: flow`)',
  short: 'its last segment was shorter than the first',
  push: 'its last segment had PSH',
  fin: 'its last segment had FIN',
  'ip-length': 'a segment follows whose IP length is not the bytes that are there',
  'ip-reserved': 'a segment follows with the reserved flag of IPv4',
  'ip-ttl': 'a segment follows with another TTL or hop limit',
  'ip-tos': 'a segment follows with another TOS or traffic class',
  'ip-df': 'a segment follows with another DF flag',
  'ip-id': 'a segment follows whose IPv4 ID is neither fixed nor the next',
  'tcp-flags': 'a segment follows with other flags than these but FIN and PSH',
  'tcp-cwr': 'CWR on either side',
  'tcp-offset': 'a segment follows with another data offset or other reserved bits',
  'tcp-window': 'a segment follows with another window',
  'tcp-ack': 'a segment follows with another acknowledgement number',
  'tcp-options': 'a segment follows with other option bytes',
  'tcp-sequence': 'a segment follows that is not the next one',
  empty: 'a segment without payload follows',
  larger: 'a segment larger than the first follows',
  size: 'the next segment would have made it too large',
  pieces: 'a packet of its flow follows that lies in pieces',
  scratch: 'no room to copy its headers to',
  count: 'it has as many datagrams as UDP allows (64)',
  timeout: 'it was held for as long as `flushTimeout` allows',
} as const;
export type FlushReason = keyof typeof FLUSHES;
export const FLUSH_REASONS: readonly FlushReason[] = Object.keys(FLUSHES) as FlushReason[];

export const FLUSH_POLL = 0;
export const FLUSH_EVICTED = 1;
export const FLUSH_ORDER = 2;
export const FLUSH_SHORT = 3;
export const FLUSH_PUSH = 4;
export const FLUSH_FIN = 5;
export const FLUSH_IP_LENGTH = 6;
export const FLUSH_IP_RESERVED = 7;
export const FLUSH_IP_TTL = 8;
export const FLUSH_IP_TOS = 9;
export const FLUSH_IP_DF = 10;
export const FLUSH_IP_ID = 11;
export const FLUSH_TCP_FLAGS = 12;
export const FLUSH_TCP_CWR = 13;
export const FLUSH_TCP_OFFSET = 14;
export const FLUSH_TCP_WINDOW = 15;
export const FLUSH_TCP_ACK = 16;
export const FLUSH_TCP_OPTIONS = 17;
export const FLUSH_TCP_SEQUENCE = 18;
export const FLUSH_EMPTY = 19;
export const FLUSH_LARGER = 20;
export const FLUSH_SIZE = 21;
export const FLUSH_PIECES = 22;
export const FLUSH_SCRATCH = 23;
export const FLUSH_COUNT = 24;
export const FLUSH_TIMEOUT = 25;

/** Why a packet was passed on at once, neither held nor merged. */
export const PASSES = {
  none: 'never counted: number 0 says that nothing is wrong',
  protocol: 'not TCP over IPv4 or IPv6, nor UDP or a tunnel that is asked for',
  fragment: 'a fragment of a datagram, the first one and the atomic one too',
  malformed: 'a header contradicts itself or the frame ends inside it',
  'ip-options': 'IPv4 options',
  'ip-checksum': 'wrong IPv4 header checksum',
  'ip-extension': 'an IPv6 extension header other than hop-by-hop, routing and destination options',
  'tcp-checksum': 'wrong TCP checksum',
  'ip-length': 'the IP length is not the bytes that are there, or the reserved flag of IPv4 is set',
  pieces: 'it lies in pieces already',
  empty: 'no payload',
  flags: 'FIN, SYN, RST, PSH or URG, and nothing to merge it onto',
  'udp-checksum': 'wrong UDP checksum, or none where one is needed',
  'udp-length': 'the UDP length is not the bytes that are there, or there is no payload',
  'gre-checksum': 'wrong GRE checksum',
  nested: 'a tunnel inside a tunnel',
} as const;
export type PassReason = keyof typeof PASSES;
export const PASS_REASONS: readonly PassReason[] = Object.keys(PASSES) as PassReason[];

export const PASS_NONE = 0;
export const PASS_PROTOCOL = 1;
export const PASS_FRAGMENT = 2;
export const PASS_MALFORMED = 3;
export const PASS_IP_OPTIONS = 4;
export const PASS_IP_CHECKSUM = 5;
export const PASS_IP_EXTENSION = 6;
export const PASS_TCP_CHECKSUM = 7;
export const PASS_IP_LENGTH = 8;
export const PASS_PIECES = 9;
export const PASS_EMPTY = 10;
export const PASS_FLAGS = 11;
export const PASS_UDP_CHECKSUM = 12;
export const PASS_UDP_LENGTH = 13;
export const PASS_GRE_CHECKSUM = 14;
export const PASS_NESTED = 15;
