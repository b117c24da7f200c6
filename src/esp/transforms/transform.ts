/**
 * What an ESP transform is made of, apart from any implementation: names, key and salt lengths, IV, ICV and block sizes.
 * Each family's file holds its row and says how the RFC builds nonce and additional data; backends (`../crypto/`) do it.
 */

export type AeadName = 'aes-gcm' | 'aes-ccm' | 'aes-gmac' | 'chacha20-poly1305';
export type CipherName = 'aes-cbc' | 'aes-ctr' | 'null';
export type AuthName =
  | 'hmac-md5'
  | 'hmac-sha1'
  | 'hmac-sha256'
  | 'hmac-sha384'
  | 'hmac-sha512'
  | 'aes-xcbc'
  | 'aes-cmac'
  /** Of AH only: in ESP it is a cipher. */
  | 'aes-gmac'
  | 'none';

/** A cipher or AEAD: lengths in bytes; `keyBytes` without the salt that follows the key in its key material. */
export interface CipherFamily {
  readonly name: AeadName | CipherName;
  readonly keyBytes: readonly number[];
  readonly saltBytes: number;
  readonly ivBytes: number;
  /** The ciphertext is a whole number of these; 1 where any length decrypts. */
  readonly blockBytes: 1 | 16;
  /** ICV lengths of an AEAD in bits, the default first; empty for a cipher that needs a separate authenticator. */
  readonly icvBits: readonly number[];
}

/** An authenticator: one key length (RFC 2403, 2404, 3566, 4494, 4868 fix it), ICV lengths in bits with the default first. */
export interface AuthFamily {
  readonly name: AuthName;
  readonly keyBytes: number;
  readonly icvBits: readonly number[];
}

/** A transform as an SA uses it. Holds no keys. */
export interface Transform {
  /** For reports: `aes-gcm-256-16` (bits of the key, bytes of the ICV), `aes-cbc-256+hmac-sha256-128`, `null+none`. */
  readonly name: string;
  readonly cipher: AeadName | CipherName;
  /** Undefined for an AEAD. */
  readonly auth: AuthName | undefined;
  readonly keyBits: number;
  readonly saltBytes: number;
  readonly ivBytes: number;
  readonly icvBytes: number;
  readonly blockBytes: 1 | 16;
}

/** The transform of AH: an authenticator alone. GMAC has its IV in the ICV field, and its salt at the end of the key. */
export function makeAhTransform(auth: AuthName, keyBytes: number, icvBits: number): Transform {
  const gmac = auth === 'aes-gmac';
  return {
    name: gmac ? `${auth}-${(keyBytes - 4) * 8}` : `${auth}-${icvBits}`,
    cipher: 'null',
    auth,
    keyBits: keyBytes * 8,
    saltBytes: 0,
    ivBytes: gmac ? 8 : 0,
    icvBytes: icvBits / 8,
    blockBytes: 1,
  };
}

/** The transform of a cipher with a key of `keyBytes` bytes, an authenticator (none for AEADs) and an ICV of `icvBits` bits. */
export function makeTransform(
  cipher: CipherFamily,
  keyBytes: number,
  auth: AuthFamily | undefined,
  icvBits: number,
): Transform {
  const bits = keyBytes * 8;
  const keyed = cipher.keyBytes.length > 1 ? `${cipher.name}-${bits}` : cipher.name;
  const name =
    auth === undefined
      ? `${keyed}-${icvBits / 8}`
      : `${keyed}+${auth.name}${auth.name === 'none' ? '' : `-${icvBits}`}`;
  return {
    name,
    cipher: cipher.name,
    auth: auth?.name,
    keyBits: bits,
    saltBytes: cipher.saltBytes,
    ivBytes: cipher.ivBytes,
    icvBytes: icvBits / 8,
    blockBytes: cipher.blockBytes,
  };
}
