/**
 * HMACs of ESP: HMAC-MD5-96 (RFC 2403), HMAC-SHA-1-96 (RFC 2404), HMAC-SHA2-256-128, -384-192, -512-256 (RFC 4868; the key is as
 * long as the hash), and HMAC-SHA2-256-96, which Linux used before 2.6.33 and some peers still do.
 * Input: the packet from the SPI up to the ICV, followed by the high half of the sequence number with ESN (RFC 4303 section 2.2.1).
 */
import type { AuthFamily } from './transform.ts';

export const HMACS: readonly AuthFamily[] = [
  { name: 'hmac-md5', keyBytes: 16, icvBits: [96] },
  { name: 'hmac-sha1', keyBytes: 20, icvBits: [96] },
  { name: 'hmac-sha256', keyBytes: 32, icvBits: [128, 96] },
  { name: 'hmac-sha384', keyBytes: 48, icvBits: [192] },
  { name: 'hmac-sha512', keyBytes: 64, icvBits: [256] },
];
