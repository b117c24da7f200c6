/** AES-CBC in ESP, RFC 3602: a 16-byte IV that nobody can predict, ciphertext in whole blocks. */
import type { CipherFamily } from './transform.ts';

export const AES_CBC: CipherFamily = {
  name: 'aes-cbc',
  keyBytes: [16, 24, 32],
  saltBytes: 0,
  ivBytes: 16,
  blockBytes: 16,
  icvBits: [],
};
