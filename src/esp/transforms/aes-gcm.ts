/**
 * AES-GCM in ESP, RFC 4106. Nonce: 4 bytes of salt, 8 of IV. Additional data: SPI and sequence number (8 bytes), with ESN
 * SPI and the 64-bit sequence number (12 bytes).
 */
import type { CipherFamily } from './transform.ts';

export const AES_GCM: CipherFamily = {
  name: 'aes-gcm',
  keyBytes: [16, 24, 32],
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  icvBits: [128, 96, 64],
};
