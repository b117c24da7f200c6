/**
 * A descriptor: what the dispatcher tells a lane about a frame, 16 words in one cache line, so that the lane need not
 * dissect again what was known.
 *
 *     | offset | length | wire length | hash | class, flags | l3, l4 | end | esp, proto, link type |
 *     | seconds | nanoseconds | number | SA index + 1 | order stamp | VLAN | spare | spare |
 *
 * Offsets inside the frame are relative to its start and fit 16 bits: a frame whose headers reach further is malformed.
 */
export const DESCRIPTOR_SHIFT = 4;
export const DESCRIPTOR_WORDS = 16;

/** Absolute offset in the frame memory, and bytes present there. */
export const D_OFF = 0;
export const D_LEN = 1;
export const D_WIRE = 2;
export const D_HASH = 3;
/** Class number | flags << 8. */
export const D_CLASS = 4;
/** Offset of the IP header | offset of the L4 header << 16. */
export const D_HEADERS = 5;
/** Offset of the end of the IP payload. */
export const D_END = 6;
/** IP protocol | link type << 8. */
export const D_PROTO = 7;
export const D_SEC = 8;
export const D_NSEC = 9;
export const D_NUMBER = 10;
export const D_SA = 11;
export const D_VLAN = 12;

/** The hash is valid (a Toeplitz hash of 0 is one). */
export const DF_HASH_VALID = 1;
/** The IP length says more than is there. */
export const DF_TRUNCATED = 2;
/** Last descriptor of a poll: what GRO holds is flushed behind it. */
export const DF_POLL_END = 4;
/** No packet: only the end of a poll. */
export const DF_MARK = 8;
/** Between lanes: ESP that came out of ESP, to be opened. */
export const DF_NESTED = 16;
