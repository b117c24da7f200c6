/**
 * IP addresses between text and bytes, for the edges where people read and write them; packets never come here.
 * ipaddr.js parses, and prints by RFC 5952.
 */
import ipaddr from 'ipaddr.js';
import { RxSteerError, shown } from '../errors.ts';

/**
 * The bytes of an address: 4 or 16, in network order. IPv4 is four decimal numbers without leading zeros (no `10.1`, no
 * `0x7f.0.0.1`), IPv6 has no zone and no brackets.
 *
 * @throws RxSteerError `ERR_RXSTEER_ADDRESS`
 */
export function parseAddress(text: string): Uint8Array {
  if (typeof text === 'string') {
    if (ipaddr.IPv4.isValidFourPartDecimal(text)) return Uint8Array.from(ipaddr.IPv4.parse(text).toByteArray());
    if (ipaddr.IPv6.isValid(text) && !text.includes('%')) return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
  }
  throw new RxSteerError('ERR_RXSTEER_ADDRESS', `expected an IPv4 or IPv6 address, got ${shown(text)}`);
}

/**
 * The text of the address of `length` (4 or 16) bytes at `off`, in the form of RFC 5952; IPv4-mapped addresses end in
 * dotted decimals (its section 5).
 */
export function addressText(bytes: Uint8Array, off: number, length: number): string {
  if (length === 4) return `${bytes[off]}.${bytes[off + 1]}.${bytes[off + 2]}.${bytes[off + 3]}`;
  const parts: number[] = [];
  for (let i = off; i < off + 16; i += 2) parts.push((bytes[i] << 8) | bytes[i + 1]);
  const address = new ipaddr.IPv6(parts);
  return address.isIPv4MappedAddress() ? `::ffff:${address.toIPv4Address().toString()}` : address.toRFC5952String();
}

/** An address and a port as one text: `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function endpointText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
