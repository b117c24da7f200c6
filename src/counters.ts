/**
 * The catalogue of packet classes, drop reasons and absorptions. Every packet that goes in has exactly one class, and comes
 * out as exactly one of: delivered, dropped for one reason, absorbed for one reason, or still held.
 * `docs/counters.md` lists the same names; a test compares both ways.
 */

/** Class numbers. From `TCP4` on they come in pairs: the low bit tells IPv6 from IPv4. */
export const CLASS_MALFORMED = 0;
export const CLASS_NONIP = 1;
export const CLASS_TCP4 = 2;
export const CLASS_TCP6 = 3;
export const CLASS_UDP4 = 4;
export const CLASS_UDP6 = 5;
export const CLASS_SCTP4 = 6;
export const CLASS_SCTP6 = 7;
export const CLASS_ESP4 = 8;
export const CLASS_ESP6 = 9;
export const CLASS_AH4 = 10;
export const CLASS_AH6 = 11;
export const CLASS_NATT4 = 12;
export const CLASS_NATT6 = 13;
export const CLASS_IKE4 = 14;
export const CLASS_IKE6 = 15;
export const CLASS_KEEPALIVE4 = 16;
export const CLASS_KEEPALIVE6 = 17;
export const CLASS_FRAGMENT4 = 18;
export const CLASS_FRAGMENT6 = 19;
export const CLASS_OTHER4 = 20;
export const CLASS_OTHER6 = 21;

/** Names of the classes, at their numbers. */
export const CLASSES = [
  'malformed',
  'nonip',
  'tcp4',
  'tcp6',
  'udp4',
  'udp6',
  'sctp4',
  'sctp6',
  'esp4',
  'esp6',
  'ah4',
  'ah6',
  'natt4',
  'natt6',
  'ike4',
  'ike6',
  'keepalive4',
  'keepalive6',
  'fragment4',
  'fragment6',
  'other4',
  'other6',
] as const;
export type ClassName = (typeof CLASSES)[number];

/** Why a packet is `malformed`: names at their numbers; 0 is none. */
export const MALFORMED_REASONS = [
  'none',
  'empty',
  'link-short',
  'ip-version',
  'ip-header-short',
  'ip-header-length',
  'ip-total-length',
  'ip-extension',
  'l4-short',
  'l4-length',
  'esp-short',
  'fragment-bounds',
  'oversize',
] as const;
export const BAD_NONE = 0;
export const BAD_EMPTY = 1;
export const BAD_LINK_SHORT = 2;
export const BAD_IP_VERSION = 3;
export const BAD_IP_SHORT = 4;
export const BAD_IP_HEADER_LENGTH = 5;
export const BAD_IP_TOTAL_LENGTH = 6;
export const BAD_IP_EXTENSION = 7;
export const BAD_L4_SHORT = 8;
export const BAD_L4_LENGTH = 9;
export const BAD_ESP_SHORT = 10;
export const BAD_FRAGMENT_BOUNDS = 11;
export const BAD_OVERSIZE = 12;

/** Why a packet was dropped: names at their numbers, with what each one means. */
export const DROPS = {
  malformed: 'a header contradicts itself or the frame ends inside it',
  full: 'the ring or the arena of its lane was full and the policy is `drop`',
  'flow-limit': 'its lane was half full or more, and more than half of the last 128 packets for it were of its flow',
  rule: 'a steering rule with action -1 matched it, or the letter r stands at its flow type',
  'unknown-spi': 'no security association for its destination and SPI',
  'sa-expired': 'a hard limit of its security association is reached',
  replay: 'sequence number seen before, left of the window, or 0 without ESN',
  short: 'shorter than ESP header, IV, trailer and ICV, ciphertext not in whole blocks, or AH of another length',
  icv: 'the integrity check value did not match',
  padding: 'authentic, but padding or pad length are wrong',
  mode: 'authentic, but the tunnel header is no IP header',
  ipcomp: 'authentic, but the compressed payload could not be expanded within the bound',
  selector: 'authentic, but not what its SA may carry: outside of all its `selectors`',
  policy: 'came in clear, and the option `esp.policy` protects or discards it',
  nesting: 'more layers of ESP and AH inside each other than the bound',
  'inner-malformed': 'authentic, but the packet inside is malformed',
  'fragment-overlap': 'a fragment overlaps another of its datagram (RFC 5722): the datagram is dropped whole',
  'fragment-invalid': 'a fragment with a size or offset that cannot be, or a datagram over 65,535 bytes',
  'fragment-limit': 'evicted, oldest first, because the fragment pool or the share of its address pair was full',
  'fragment-timeout': 'its datagram was not complete in time, or when the input ended',
  'consumer-error': 'the consumer threw, or its promise was rejected, while it had the packet',
  'lane-lost': 'the thread of its lane ended while it had the packet',
  excluded: 'the option `deliver` leaves its class out',
  closed: 'the receiver was closed before it was delivered',
} as const;
export type DropReason = keyof typeof DROPS;
export const DROP_REASONS: readonly DropReason[] = Object.keys(DROPS) as DropReason[];

const dropNumber = (reason: DropReason): number => DROP_REASONS.indexOf(reason);
export const DROP_MALFORMED: number = dropNumber('malformed');
export const DROP_FULL: number = dropNumber('full');
export const DROP_FLOW_LIMIT: number = dropNumber('flow-limit');
export const DROP_RULE: number = dropNumber('rule');
export const DROP_UNKNOWN_SPI: number = dropNumber('unknown-spi');
export const DROP_SA_EXPIRED: number = dropNumber('sa-expired');
export const DROP_REPLAY: number = dropNumber('replay');
export const DROP_SHORT: number = dropNumber('short');
export const DROP_ICV: number = dropNumber('icv');
export const DROP_PADDING: number = dropNumber('padding');
export const DROP_MODE: number = dropNumber('mode');
export const DROP_IPCOMP: number = dropNumber('ipcomp');
export const DROP_SELECTOR: number = dropNumber('selector');
export const DROP_POLICY: number = dropNumber('policy');
export const DROP_NESTING: number = dropNumber('nesting');
export const DROP_INNER_MALFORMED: number = dropNumber('inner-malformed');
export const DROP_FRAGMENT_OVERLAP: number = dropNumber('fragment-overlap');
export const DROP_FRAGMENT_INVALID: number = dropNumber('fragment-invalid');
export const DROP_FRAGMENT_LIMIT: number = dropNumber('fragment-limit');
export const DROP_FRAGMENT_TIMEOUT: number = dropNumber('fragment-timeout');
export const DROP_CONSUMER_ERROR: number = dropNumber('consumer-error');
export const DROP_LANE_LOST: number = dropNumber('lane-lost');
export const DROP_EXCLUDED: number = dropNumber('excluded');
export const DROP_CLOSED: number = dropNumber('closed');

/** What takes a packet in without delivering it, on purpose. */
export const ABSORBED = {
  joined: 'fragments that became part of a datagram, less the datagrams made',
  dummy: 'authentic ESP with next header 59 (RFC 4303 section 2.6)',
  keepalive: 'NAT keepalive: one byte 0xff on the NAT-T port',
} as const;
export type Absorbed = keyof typeof ABSORBED;
