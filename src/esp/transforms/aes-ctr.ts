/** AES-CTR in ESP, RFC 3686. Counter block: 4 bytes of nonce (the salt of the key material), 8 of IV, a counter that starts at 1. */
import type { CipherFamily } from './transform.ts';

export const AES_CTR: CipherFamily = {
  name: 'aes-ctr',
  keyBytes: [16, 24, 32],
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  icvBits: [],
};
