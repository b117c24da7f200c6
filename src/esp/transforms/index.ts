/** The transforms that ESP knows, by the names of the SA file. */
import { AES_CBC } from './aes-cbc.ts';
import { AES_CCM } from './aes-ccm.ts';
import { AES_CTR } from './aes-ctr.ts';
import { AES_GCM } from './aes-gcm.ts';
import { AES_GMAC } from './aes-gmac.ts';
import { AES_MACS } from './aes-mac.ts';
import { CHACHA20_POLY1305 } from './chacha20-poly1305.ts';
import { HMACS } from './hmac.ts';
import { NO_AUTH, NULL_CIPHER } from './null.ts';
import type { AuthFamily, AuthName, CipherFamily } from './transform.ts';

export const AEADS: ReadonlyMap<string, CipherFamily> = byName([AES_GCM, AES_CCM, AES_GMAC, CHACHA20_POLY1305]);
export const CIPHERS: ReadonlyMap<string, CipherFamily> = byName([AES_CBC, AES_CTR, NULL_CIPHER]);
export const AUTHS: ReadonlyMap<string, AuthFamily> = byName([...HMACS, ...AES_MACS, NO_AUTH]);
/** The authenticators of AH, with the lengths of their keys: that of GMAC ends with a salt of 4 bytes (RFC 4543). */
export const AH_AUTHS: ReadonlyMap<string, { name: AuthName; keys: readonly number[]; icvBits: readonly number[] }> =
  byName([
    ...[...HMACS, ...AES_MACS].map(({ name, keyBytes, icvBits }) => ({ name, keys: [keyBytes], icvBits })),
    { name: 'aes-gmac', keys: [20, 28, 36], icvBits: [128] },
  ]);

function byName<T extends { readonly name: string }>(families: readonly T[]): ReadonlyMap<string, T> {
  return new Map(families.map((family) => [family.name, family]));
}
