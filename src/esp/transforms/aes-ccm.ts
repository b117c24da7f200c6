/** AES-CCM in ESP, RFC 4309. Nonce: 3 bytes of salt, 8 of IV (so the length field has 4 bytes). Additional data as in RFC 4106. */
import type { CipherFamily } from './transform.ts';

export const AES_CCM: CipherFamily = {
  name: 'aes-ccm',
  keyBytes: [16, 24, 32],
  saltBytes: 3,
  ivBytes: 8,
  blockBytes: 1,
  icvBits: [128, 96, 64],
};
