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
import type { AuthFamily, CipherFamily } from './transform.ts';

export const AEADS: ReadonlyMap<string, CipherFamily> = byName([AES_GCM, AES_CCM, AES_GMAC, CHACHA20_POLY1305]);
export const CIPHERS: ReadonlyMap<string, CipherFamily> = byName([AES_CBC, AES_CTR, NULL_CIPHER]);
export const AUTHS: ReadonlyMap<string, AuthFamily> = byName([...HMACS, ...AES_MACS, NO_AUTH]);

function byName<T extends { readonly name: string }>(families: readonly T[]): ReadonlyMap<string, T> {
  return new Map(families.map((family) => [family.name, family]));
}
