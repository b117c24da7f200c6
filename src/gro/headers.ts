/** What Linux writes into the headers of a super-packet when it is complete: `inet_gro_complete`, `ipv6_gro_complete`. */
import { superChecksum } from './checksum.ts';

/**
 * Updates an IPv4 header checksum for one word that changes from `before` to `after`, as `csum_replace2` does (RFC 1624):
 * byte for byte the same as Linux, also where 0x0000 and 0xffff mean the same.
 */
export function updateChecksum(checksum: number, before: number, after: number): number {
  return ~add16(add16(~checksum & 0xffff, ~before & 0xffff), after) & 0xffff;
}

function add16(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >>> 16);
}

/**
 * Finishes the copied headers of a super-packet. `l3Length`: bytes from the IP header to the end of the payload (at most
 * 65,535); `shared` and `others`: sums of checksum.ts. The TCP checksum becomes the full one, where Linux leaves a partial one.
 */
export function finishHeaders(
  view: DataView,
  l3: number,
  l4: number,
  v6: boolean,
  l3Length: number,
  shared: number,
  others: number,
): void {
  if (v6) {
    view.setUint16(l3 + 4, l3Length - 40);
  } else {
    const checksum = updateChecksum(view.getUint16(l3 + 10), view.getUint16(l3 + 2), l3Length);
    view.setUint16(l3 + 2, l3Length);
    view.setUint16(l3 + 10, checksum);
  }
  view.setUint16(l4 + 16, superChecksum(view, l4, l3Length - (l4 - l3), shared, others));
}
