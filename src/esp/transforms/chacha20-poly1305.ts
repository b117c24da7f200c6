/** ChaCha20-Poly1305 in ESP, RFC 7634. Nonce: 4 bytes of salt, 8 of IV. Additional data as in RFC 4106. */
import type { CipherFamily } from './transform.ts';

export const CHACHA20_POLY1305: CipherFamily = {
  name: 'chacha20-poly1305',
  keyBytes: [32],
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  icvBits: [128],
};
