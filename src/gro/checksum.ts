/**
 * The TCP checksum of a super-packet without summing a byte of payload.
 *
 * A segment with a right checksum has pseudo-header + header + payload = 0 in one's complement, so its payload's sum is known
 * from its headers: the complement of all the rest. All segments of a run share addresses, ports, acknowledgement number and
 * options; sequence number, flags, checksum, urgent pointer and length are their own. A payload that begins at an odd place
 * of the stream counts with its bytes swapped (RFC 1071 section 2 B).
 *
 * When checksums are not verified and one is wrong, the result is wrong by as much: damage is never covered up.
 */
import { tcpLength } from './tcp.ts';

const TCP = 6;
const UDP = 17;

const halves = (word: number): number => (word >>> 16) + (word & 0xffff);

/** Folds a sum below 2^32 - 2^16 to 16 bits. */
export function fold16(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** Sum of addresses and protocol number, not folded: at most 17 words. */
export function pseudoSum(view: DataView, l3: number, v6: boolean, proto: number): number {
  let sum = proto;
  if (!v6) return sum + halves(view.getInt32(l3 + 12)) + halves(view.getInt32(l3 + 16));
  for (let i = 8; i < 40; i += 4) sum += halves(view.getInt32(l3 + i));
  return sum;
}

/** What all segments of a run have in common: pseudo-header without the length, ports, acknowledgement number, options. */
export function sharedSum(view: DataView, l3: number, l4: number, v6: boolean): number {
  const length = tcpLength(view.getInt32(l4 + 12));
  let sum = pseudoSum(view, l3, v6, TCP) + halves(view.getInt32(l4)) + halves(view.getInt32(l4 + 8));
  for (let i = 20; i < length; i += 4) sum += halves(view.getInt32(l4 + i));
  return fold16(sum);
}

/** The same for UDP: pseudo-header without the length, ports. */
export function sharedUdpSum(view: DataView, l3: number, l4: number, v6: boolean): number {
  return fold16(pseudoSum(view, l3, v6, UDP) + halves(view.getInt32(l4)));
}

/** As {@link otherSum}, for a datagram. The length counts twice: in the header and in the pseudo-header. */
export function otherUdpSum(view: DataView, l4: number, shared: number): number {
  return shared + 2 * view.getUint16(l4 + 4) + view.getUint16(l4 + 6);
}

/**
 * Sum of all that is not payload in a segment of `l4Length` bytes, not folded: at most 8 words. Its complement is the sum of the
 * payload. `shared` as of {@link sharedSum}.
 */
export function otherSum(view: DataView, l4: number, word: number, l4Length: number, shared: number): number {
  const seq = view.getInt32(l4 + 4);
  const checksum = view.getInt32(l4 + 16);
  return (
    shared +
    l4Length +
    (seq >>> 16) +
    (seq & 0xffff) +
    ((word >>> 16) + (word & 0xffff) + (checksum >>> 16) + (checksum & 0xffff))
  );
}

/** Adds a segment's {@link otherSum} to those of the segments before it, whose payload ends at an odd place or not. */
export function addOther(sum: number, other: number, odd: boolean): number {
  let own = other;
  if (odd) {
    const folded = fold16(other);
    own = ((folded & 0xff) << 8) | (folded >>> 8);
  }
  const total = sum + own;
  return (total & 0xffff) + (total >>> 16);
}

/** Sum of the payload of a run, from what {@link addOther} made of its segments. */
export function payloadSum(others: number): number {
  return fold16(others) ^ 0xffff;
}

/** As {@link superChecksum}, for UDP with its length as it will stand. */
export function superUdpChecksum(l4Length: number, shared: number, payload: number): number {
  return fold16(shared + 2 * l4Length + payload) ^ 0xffff || 0xffff;
}

/**
 * The checksum field of a super-packet: TCP header at `l4` as it will stand but for the checksum, `l4Length` bytes with payload;
 * `payload`: the sum of that, see {@link payloadSum}.
 */
export function superChecksum(view: DataView, l4: number, l4Length: number, shared: number, payload: number): number {
  const word = view.getInt32(l4 + 12);
  const sum = shared + halves(view.getInt32(l4 + 4)) + halves(word) + view.getUint16(l4 + 18) + l4Length + payload;
  // A sum above zero folds to 1..0xffff: what a sum over the bytes themselves would give, also where it is 0 modulo 0xffff.
  return fold16(sum) ^ 0xffff;
}
