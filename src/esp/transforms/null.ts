/** NULL encryption, RFC 2410: the payload is in the clear, without an IV. */
import type { AuthFamily, CipherFamily } from './transform.ts';

export const NULL_CIPHER: CipherFamily = {
  name: 'null',
  keyBytes: [],
  saltBytes: 0,
  ivBytes: 0,
  blockBytes: 1,
  icvBits: [],
};

/** No authentication at all: only together with NULL encryption, for measurements. */
export const NO_AUTH: AuthFamily = { name: 'none', keyBytes: 0, icvBits: [0] };
