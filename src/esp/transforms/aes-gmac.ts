/**
 * AES-GMAC in ESP, RFC 4543: authenticates, encrypts nothing. Nonce: 4 bytes of salt, 8 of IV. Everything is additional data:
 * SPI, sequence number (64 bits with ESN), IV, payload, padding, pad length, next header (section 3.3; the IV belongs to it).
 */
import type { CipherFamily } from './transform.ts';

export const AES_GMAC: CipherFamily = {
  name: 'aes-gmac',
  keyBytes: [16, 24, 32],
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  icvBits: [128],
};
