/**
 * The backend that works everywhere: node:crypto. About 2 to 3 us a packet on Node 20, nearly all of it the making of a
 * Decipher object; there is no way to use one twice. A KeyObject instead of key bytes makes no difference (measured).
 */
import type { Sa } from '../sa.ts';
import type { CryptoBackend, PacketCipher } from './backend.ts';
import { NodeAead, NodeGmac } from './node-aead.ts';
import { NodeCombined } from './node-combined.ts';

export const nodeBackend: CryptoBackend = {
  name: 'node',
  cipher(sa: Sa): PacketCipher {
    if (sa.transform.cipher === 'aes-gmac') return new NodeGmac(sa);
    return sa.transform.auth === undefined ? new NodeAead(sa) : new NodeCombined(sa);
  },
};
