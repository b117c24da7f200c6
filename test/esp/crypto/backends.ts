/** The backends that this machine has; of the others, a line on the terminal says why they are not tested. */

import { createIpsecMb } from '../../../src/esp/crypto/ipsec-mb/index.ts';
import { createOpenssl } from '../../../src/esp/crypto/openssl/index.ts';
import { type CryptoBackend, type CryptoName, nodeBackend } from '../../../src/esp/index.ts';

export const MAKERS: Readonly<Record<CryptoName, (contexts: number) => CryptoBackend | string>> = {
  'ipsec-mb': createIpsecMb,
  openssl: createOpenssl,
  node: () => nodeBackend,
};

/** A backend with room for so many contexts, or undefined. */
export function makeBackend(name: CryptoName, contexts = 1024): CryptoBackend | undefined {
  const made = MAKERS[name](contexts);
  return typeof made === 'string' ? undefined : made;
}

export const available: readonly CryptoName[] = (Object.keys(MAKERS) as CryptoName[]).filter((name) => {
  const made = MAKERS[name](1);
  if (typeof made === 'string') {
    process.stderr.write(`not tested: crypto backend ${name}: ${made}\n`);
    return false;
  }
  made.close();
  return true;
});

/** Those that are called through C. */
export const native: readonly CryptoName[] = available.filter((name) => name !== 'node');
