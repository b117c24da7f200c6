/** Makes a frame one of another flow, without making it anew. */
import { put16, put32, u16, u32 } from '../../src/wire/bytes.ts';
import { fold } from '../../src/wire/checksum.ts';

/** Source addresses from here on: 10.0.0.0. */
export const firstFlow = 0x0a000000;

const L3 = 14;
const IP_CHECKSUM = L3 + 10;
const SOURCE = L3 + 12;
const TCP_CHECKSUM = L3 + 20 + 16;

/** Gives the Ethernet frame at `off`, IPv4/TCP without options of IP, a source address, and checksums that fit it (RFC 1624, equation 3). */
export function setSource(bytes: Uint8Array, off: number, address: number): void {
  const old = u32(bytes, off + SOURCE);
  const change = (~(old >>> 16) & 0xffff) + (~old & 0xffff) + ((address >>> 16) & 0xffff) + (address & 0xffff);
  put32(bytes, off + SOURCE, address);
  for (const at of [off + IP_CHECKSUM, off + TCP_CHECKSUM]) {
    put16(bytes, at, ~fold((~u16(bytes, at) & 0xffff) + change) & 0xffff);
  }
}
