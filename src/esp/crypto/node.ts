/**
 * The backend that works everywhere: node:crypto. About 2 to 3 us a packet on Node 20, nearly all of it the making of a
 * Decipher object; there is no way to use one twice. A KeyObject instead of key bytes makes no difference (measured).
 */
import type { SealingBackend } from './backend.ts';
import { NodeAead, NodeGmac } from './node-aead.ts';
import { NodeCombined } from './node-combined.ts';

export const nodeBackend: SealingBackend = {
  name: 'node',
  refuses: () => undefined,
  cipher(sa) {
    if (sa.transform.cipher === 'aes-gmac') return new NodeGmac(sa);
    return sa.transform.auth === undefined ? new NodeAead(sa) : new NodeCombined(sa);
  },
  close() {},
};
