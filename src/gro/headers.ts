/** What Linux writes into the headers of a super-packet when it is complete: `inet_gro_complete`, `ipv6_gro_complete`, `udp_gro_complete`. */
import type { Kernels } from '../kernels/kernels.ts';
import { fold16, payloadSum, pseudoSum, superChecksum, superUdpChecksum } from './checksum.ts';

const UDP = 17;
const IP_MAX = 65_535;
const JUMBO = 8;

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
 * Finishes the copied headers of IP and TCP or UDP of a super-packet. `l3Length`: bytes from the IP header to the end of the payload;
 * `shared` and `others`: sums of checksum.ts. The checksum becomes the full one, where Linux leaves a partial one.
 */
export function finishHeaders(
  view: DataView,
  l3: number,
  l4: number,
  v6: boolean,
  udp: boolean,
  l3Length: number,
  shared: number,
  others: number,
): void {
  setLength(view, l3, v6, l3Length);
  const length = l3Length - (l4 - l3);
  const payload = payloadSum(others);
  if (udp) {
    view.setUint16(l4 + 4, length);
    view.setUint16(l4 + 6, superUdpChecksum(length, shared, payload));
  } else {
    view.setUint16(l4 + 16, superChecksum(view, l4, length, shared, payload));
  }
}

/**
 * Finishes what is around the inner packet of a tunnel: the outer IP header at `l3`, and UDP behind it at `l4`, whose checksum is
 * made anew if there is one. The inner headers, up to `headersEnd`, are finished. A GRE checksum stays that of the first segment.
 */
export function finishTunnel(
  view: DataView,
  kernels: Kernels,
  l3: number,
  l4: number,
  v6: boolean,
  proto: number,
  headersEnd: number,
  l3Length: number,
  others: number,
): void {
  setLength(view, l3, v6, l3Length);
  if (proto !== UDP) return;
  const length = l3Length - (l4 - l3);
  view.setUint16(l4 + 4, length);
  if (view.getUint16(l4 + 6) === 0) return;
  view.setUint16(l4 + 6, 0);
  // All headers have even lengths: the payload begins at an even place.
  const sum = pseudoSum(view, l3, v6, UDP) + length + kernels.checksum(l4, headersEnd - l4) + payloadSum(others);
  view.setUint16(l4 + 6, fold16(sum) ^ 0xffff || 0xffff);
}

/**
 * Puts a hop-by-hop header with a jumbo option (RFC 2675) behind the IPv6 header at `l3`, as Linux does up to 6.18 above 64 KiB. Everything from
 * `off` to the end of the IPv6 header moves 8 bytes to the front, which must be free. The length of the packet without it is `l3Length`.
 */
export function insertJumbo(view: DataView, kernels: Kernels, off: number, l3: number, l3Length: number): void {
  kernels.copy(off - JUMBO, off, l3 + 40 - off);
  const option = l3 + 40 - JUMBO;
  view.setUint8(option, view.getUint8(l3 - JUMBO + 6));
  view.setUint8(option + 1, 0);
  view.setUint16(option + 2, 0xc204);
  view.setUint32(option + 4, l3Length - 40 + JUMBO);
  view.setUint8(l3 - JUMBO + 6, 0);
  view.setUint16(l3 - JUMBO + 4, 0);
}

/** A length above 64 KiB becomes 0. */
function setLength(view: DataView, l3: number, v6: boolean, l3Length: number): void {
  if (v6) {
    const length = l3Length - 40;
    view.setUint16(l3 + 4, length > IP_MAX ? 0 : length);
    return;
  }
  const length = l3Length > IP_MAX ? 0 : l3Length;
  const checksum = updateChecksum(view.getUint16(l3 + 10), view.getUint16(l3 + 2), length);
  view.setUint16(l3 + 2, length);
  view.setUint16(l3 + 10, checksum);
}
