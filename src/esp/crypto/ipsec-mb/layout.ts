/**
 * Where things lie in structures of intel-ipsec-mb, of the versions whose header was read: no other one is used. In bytes, as
 * `offsetof` says for x86-64 (the structures have no bit fields and the compiler's natural alignment).
 *
 * Version 1.3.0: intel-ipsec-mb.h of Debian's libipsec-mb-dev 1.3-2.
 */
export interface ManagerLayout {
  /** Words: which implementation `init_mb_mgr_auto` has taken (IMB_ARCH). */
  readonly usedArch: number;
  /** Pointers to functions. */
  readonly submitJob: number;
  /** The same, of 128, 192 and 256 bits of key. */
  readonly gcmPrecompute: readonly [number, number, number];
  readonly gmacInit: readonly [number, number, number];
  readonly gmacUpdate: readonly [number, number, number];
  readonly gmacFinalize: readonly [number, number, number];
  /** Word: which job comes next, in bytes from the first one on. The first job. */
  readonly nextJob: number;
  readonly jobs: number;
}

/** By what `imb_get_version` returns. */
export const LAYOUTS: ReadonlyMap<number, ManagerLayout> = new Map([
  [
    0x10300,
    {
      usedArch: 56,
      submitJob: 80,
      gcmPrecompute: [448, 456, 464],
      gmacInit: [720, 728, 736],
      gmacUpdate: [744, 752, 760],
      gmacFinalize: [768, 776, 784],
      nextJob: 1020,
      jobs: 1024,
    },
  ],
]);

/** IMB_ARCH_SSE: the first one with AES instructions. */
export const ARCH_SSE = 2;

/** struct gcm_key_data, aligned to 64; struct gcm_context_data. */
export const GCM_KEY_BYTES = 1008;
export const GCM_CONTEXT_BYTES = 88;

/** IMB_JOB, of all versions above: 64-bit pointers and numbers, then words. */
export const J_ENCRYPT_KEYS = 0;
export const J_DECRYPT_KEYS = 8;
export const J_KEY_BYTES = 16;
export const J_SOURCE = 24;
export const J_TARGET = 32;
export const J_CIPHER_LENGTH = 48;
export const J_HASH_LENGTH = 64;
export const J_IV = 72;
export const J_IV_BYTES = 80;
export const J_TAG = 88;
export const J_TAG_BYTES = 96;
/** Of AEADs: additional data, and how many bytes. */
export const J_AAD = 104;
export const J_AAD_BYTES = 112;
export const J_STATUS = 128;
export const J_CIPHER_MODE = 132;
export const J_DIRECTION = 136;
export const J_HASH_ALGORITHM = 140;
export const J_ORDER = 144;
/** Up to where a job is filled in. */
export const J_FILLED = 148;

/** IMB_STATUS_COMPLETED, IMB_DIR_DECRYPT, IMB_ORDER_HASH_CIPHER. */
export const STATUS_COMPLETED = 3;
export const DIRECTION_DECRYPT = 2;
export const ORDER_HASH_CIPHER = 2;
/** IMB_CIPHER_MODE and IMB_HASH_ALG. */
export const CIPHER_GCM = 5;
export const CIPHER_CHACHA20_POLY1305 = 19;
export const HASH_AES_GMAC = 9;
export const HASH_CHACHA20_POLY1305 = 29;
