/** Algorithms by the names of Linux's crypto API. */
import type { TransformConfig } from '../sa-config.ts';
import { shownSafely } from '../sa-entry.ts';
import { lineError } from './format.ts';

export interface XfrmAlgorithm {
  readonly name: string;
  /** `0x` and digits. */
  readonly key: string;
  /** As printed; undefined: the kernel's own length. */
  readonly icvBits: number | undefined;
}

/** What the lines of one state name. */
export interface XfrmAlgorithms {
  enc?: XfrmAlgorithm;
  auth?: XfrmAlgorithm;
  aead?: XfrmAlgorithm;
}

const AEADS: ReadonlyMap<string, string> = new Map([
  ['rfc4106(gcm(aes))', 'aes-gcm'],
  ['rfc4309(ccm(aes))', 'aes-ccm'],
  ['rfc4543(gcm(aes))', 'aes-gmac'],
  ['rfc7539esp(chacha20,poly1305)', 'chacha20-poly1305'],
]);

const CIPHERS: ReadonlyMap<string, string> = new Map([
  ['cbc(aes)', 'aes-cbc'],
  ['aes', 'aes-cbc'],
  ['rfc3686(ctr(aes))', 'aes-ctr'],
  ['ecb(cipher_null)', 'null'],
  ['cipher_null', 'null'],
]);

/** Bits of the ICV where `auth` and not `auth-trunc` was given: for SHA-256 these are 96, which no RFC knows. */
const AUTHS: ReadonlyMap<string, { readonly name: string; readonly icvBits: number }> = new Map([
  ['hmac(md5)', { name: 'hmac-md5', icvBits: 96 }],
  ['md5', { name: 'hmac-md5', icvBits: 96 }],
  ['hmac(sha1)', { name: 'hmac-sha1', icvBits: 96 }],
  ['sha1', { name: 'hmac-sha1', icvBits: 96 }],
  ['hmac(sha256)', { name: 'hmac-sha256', icvBits: 96 }],
  ['sha256', { name: 'hmac-sha256', icvBits: 96 }],
  ['hmac(sha384)', { name: 'hmac-sha384', icvBits: 192 }],
  ['hmac(sha512)', { name: 'hmac-sha512', icvBits: 256 }],
  ['xcbc(aes)', { name: 'aes-xcbc', icvBits: 96 }],
  ['cmac(aes)', { name: 'aes-cmac', icvBits: 96 }],
  ['hmac(digest_null)', { name: 'none', icvBits: 0 }],
  ['digest_null', { name: 'none', icvBits: 0 }],
]);

/** Names of the kernel's that may be repeated in an error. */
const REFUSED = /^[a-z0-9_]+(\([a-z0-9_,]+(\([a-z0-9_]+\))?\))?$/;

/** The transform that the lines of a state stand for. */
export function xfrmTransform({ enc, auth, aead }: XfrmAlgorithms, where: string): TransformConfig {
  if (aead !== undefined) {
    const name = AEADS.get(aead.name) ?? AEADS.get(/^seqiv\((.*)\)$/.exec(aead.name)?.[1] ?? '');
    if (name === undefined) throw refused(where, 'aead', aead.name);
    return { aead: name, key: aead.key, ...(aead.icvBits === undefined ? {} : { icvBits: aead.icvBits }) };
  }
  const cipher = enc === undefined ? 'null' : CIPHERS.get(enc.name);
  if (cipher === undefined) throw refused(where, 'enc', enc?.name ?? '');
  return { cipher, ...(enc === undefined || enc.key === '0x' ? {} : { key: enc.key }), ...xfrmAuth(auth, where) };
}

/** The authenticator that a line `auth` or `auth-trunc` names. */
export function xfrmAuth(
  auth: XfrmAlgorithm | undefined,
  where: string,
): { auth: string; icvBits: number; authKey?: string } {
  if (auth === undefined) return { auth: 'none', icvBits: 0 };
  const family = AUTHS.get(auth.name);
  if (family === undefined) throw refused(where, 'auth', auth.name);
  const icvBits = family.name === 'none' ? 0 : (auth.icvBits ?? family.icvBits);
  return { auth: family.name, icvBits, ...(auth.key === '0x' ? {} : { authKey: auth.key }) };
}

function refused(where: string, line: string, name: string) {
  // The names of the kernel have a length that no key has in hexadecimal, or parentheses.
  const safe = REFUSED.test(name) && (name.includes('(') || name.length <= 15) ? name : shownSafely(name);
  return lineError(where, `${line}: algorithm ${safe} is not supported`);
}
