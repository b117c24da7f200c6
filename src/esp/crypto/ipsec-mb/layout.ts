/**
 * Where things lie in structures of intel-ipsec-mb, of the versions whose header was read and with which the tests of the backends have run:
 * no other one is used. In bytes, as `offsetof` says for x86-64 (the structures have no bit fields and the compiler's natural alignment).
 *
 * Version 1.3.0 is Debian 12's libipsec-mb1, 1.5.0 that of Ubuntu 24.04; libipsec-mb2 is 2.0.0 in Debian 13 and 2.0.2 after it. Before 1.3.0
 * (Ubuntu 22.04) there are no calls for bursts.
 */
export interface ManagerLayout {
  /** Words: which implementation `init_mb_mgr_auto` has taken (IMB_ARCH); and the first one with AES instructions, IMB_ARCH_SSE. */
  readonly usedArch: number;
  readonly archSse: number;
  /** Pointers to functions. */
  readonly submitJob: number;
  /** The same, of 128, 192 and 256 bits of key. */
  readonly gcmPrecompute: readonly [number, number, number];
  readonly gmacInit: readonly [number, number, number];
  readonly gmacUpdate: readonly [number, number, number];
  readonly gmacFinalize: readonly [number, number, number];
  readonly keyExpand: readonly [number, number, number];
  /** Pointers to functions, again. */
  readonly cmacSubkeys: number;
  readonly xcbcExpand: number;
  /** One block of a hash, by the name of the HMAC. */
  readonly oneBlock: Readonly<Record<string, number>>;
  readonly nextBurst: number;
  readonly submitBurst: number;
  readonly flushBurst: number;
  /** Word: which job comes next, in bytes from the first one on. The first job. */
  readonly nextJob: number;
  readonly jobs: number;
  /** Bytes of a job that have to be filled in. From 1.4.0 on that is what `imb_set_session` works out for bursts, too. */
  readonly jobBytes: number;
}

/** Up to where we fill a job in. */
export const J_FILLED = 148;

const SAME = {
  usedArch: 56,
  submitJob: 80,
  gcmPrecompute: [448, 456, 464],
  gmacInit: [720, 728, 736],
  gmacUpdate: [744, 752, 760],
  gmacFinalize: [768, 776, 784],
  keyExpand: [112, 120, 128],
  cmacSubkeys: 136,
  xcbcExpand: 144,
  oneBlock: { 'hmac-md5': 200, 'hmac-sha1': 160, 'hmac-sha256': 176, 'hmac-sha384': 184, 'hmac-sha512': 192 },
  nextBurst: 952,
  submitBurst: 968,
  flushBurst: 976,
} as const;
const VERSION_2 = { ...SAME, archSse: 1, nextJob: 1108, jobs: 1112, jobBytes: 208 };

/** By what `imb_get_version` returns. */
export const LAYOUTS: ReadonlyMap<number, ManagerLayout> = new Map([
  [0x10300, { ...SAME, archSse: 2, nextJob: 1020, jobs: 1024, jobBytes: J_FILLED }],
  [0x10500, { ...SAME, archSse: 2, nextJob: 1092, jobs: 1096, jobBytes: 232 }],
  [0x20000, VERSION_2],
  [0x20002, VERSION_2],
]);

/** struct gcm_key_data, aligned to 64, of the version where it is largest; struct gcm_context_data. */
export const GCM_KEY_BYTES = 1264;
export const GCM_CONTEXT_BYTES = 88;

/** IMB_JOB, of all versions above: 64-bit pointers and numbers, then words. */
export const J_ENCRYPT_KEYS = 0;
export const J_DECRYPT_KEYS = 8;
export const J_KEY_BYTES = 16;
export const J_SOURCE = 24;
export const J_TARGET = 32;
export const J_CIPHER_OFFSET = 40;
export const J_CIPHER_LENGTH = 48;
export const J_HASH_LENGTH = 64;
export const J_IV = 72;
export const J_IV_BYTES = 80;
export const J_TAG = 88;
export const J_TAG_BYTES = 96;
/** Of AEADs: additional data, and how many bytes. */
export const J_AAD = 104;
export const J_AAD_BYTES = 112;
/** Of HMACs: the states behind the inner and the outer pad. Of AES MACs: expanded key and the two subkeys. */
export const J_AUTH_KEYS: readonly number[] = [104, 112, 120];
export const J_STATUS = 128;
export const J_CIPHER_MODE = 132;
export const J_DIRECTION = 136;
export const J_HASH_ALGORITHM = 140;
export const J_ORDER = 144;

/** IMB_STATUS_COMPLETED, IMB_DIR_DECRYPT, IMB_CHAIN_ORDER. */
export const STATUS_COMPLETED = 3;
export const DIRECTION_DECRYPT = 2;
export const ORDER_CIPHER_HASH = 1;
export const ORDER_HASH_CIPHER = 2;
/** IMB_CIPHER_MODE and IMB_HASH_ALG. */
export const CIPHER_CBC = 1;
export const CIPHER_CTR = 2;
export const CIPHER_NULL = 3;
export const CIPHER_GCM = 5;
export const CIPHER_CCM = 9;
export const CIPHER_CHACHA20_POLY1305 = 19;
export const HASH_AES_GMAC = 9;
export const HASH_CCM = 11;
export const HASH_CHACHA20_POLY1305 = 29;
export const HASHES: Readonly<Record<string, number>> = {
  'hmac-sha1': 1,
  'hmac-sha256': 3,
  'hmac-sha384': 4,
  'hmac-sha512': 5,
  'aes-xcbc': 6,
  'hmac-md5': 7,
  'aes-cmac': 12,
};
