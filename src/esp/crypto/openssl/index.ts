/**
 * The backend of the OpenSSL inside this process, called through `native/ffi.ts`: a context an SA, made once, where node:crypto
 * makes an object a packet. Allocates nothing per packet.
 */
import type { Sa } from '../../sa.ts';
import type { CryptoBackend } from '../backend.ts';
import { Contexts } from '../contexts.ts';
import { Frames, NativeCipher, type NativeUnit } from '../native-cipher.ts';
import { OpensslCcm, OpensslChaCha, OpensslGcm, OpensslGmac } from './aead.ts';
import { OpensslCombined } from './combined.ts';
import { needed, type OpensslParts, SLOT_BYTES } from './context.ts';
import { loadLibCrypto, Work } from './libcrypto.ts';

/** @param capacity contexts at a time; about 1 KiB each. @returns the backend, or why there is none */
export function createOpenssl(capacity: number): CryptoBackend | string {
  const loaded = loadLibCrypto();
  if (typeof loaded === 'string') return loaded;
  const { ffi, lib } = loaded;
  const work = new Work(ffi);
  const frames = new Frames(ffi);
  const contexts = new Contexts(ffi, capacity, SLOT_BYTES);
  const ciphers = new Map<string, number>();
  const macs = new Map<string, number>();
  const parts: OpensslParts = {
    lib,
    work,
    frames,
    cipherOf: (name) => {
      let evp = ciphers.get(name);
      if (evp === undefined) {
        evp = needed(lib, `EVP_CIPHER_fetch(${name})`, lib.EVP_CIPHER_fetch(0, work.text(name), 0));
        ciphers.set(name, evp);
      }
      return evp;
    },
    macOf: (name) => {
      let evp = macs.get(name);
      if (evp === undefined) {
        evp = needed(lib, `EVP_MAC_fetch(${name})`, lib.EVP_MAC_fetch(0, work.text(name), 0));
        macs.set(name, evp);
      }
      return evp;
    },
  };
  return {
    name: 'openssl',
    refuses: ({ auth }) => (auth === 'none' ? 'there is nothing to compute' : undefined),
    cipher: (sa) => new NativeCipher(sa, unitOf(sa, parts), frames, contexts),
    close() {
      contexts.close();
      frames.close();
      work.memory.wipe();
      // Contexts hold their own reference; these are the ones of the fetches.
      for (const evp of ciphers.values()) lib.EVP_CIPHER_free(evp);
      for (const evp of macs.values()) lib.EVP_MAC_free(evp);
      ciphers.clear();
      macs.clear();
    },
  };
}

function unitOf(sa: Sa, parts: OpensslParts): NativeUnit {
  const { cipher } = sa.transform;
  if (cipher === 'aes-gcm') return new OpensslGcm(sa, parts);
  if (cipher === 'aes-gmac') return new OpensslGmac(sa, parts);
  if (cipher === 'aes-ccm') return new OpensslCcm(sa, parts);
  if (cipher === 'chacha20-poly1305') return new OpensslChaCha(sa, parts);
  return new OpensslCombined(sa, parts);
}
