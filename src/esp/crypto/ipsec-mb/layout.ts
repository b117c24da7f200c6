/**
 * Where things lie in structures of intel-ipsec-mb, of the versions whose header was read: no other one is used. In bytes, as
 * `offsetof` says for x86-64 (the structures have no bit fields and the compiler's natural alignment).
 *
 * Version 1.3.0: intel-ipsec-mb.h of Debian's libipsec-mb-dev 1.3-2.
 */
export interface ManagerLayout {
  /** Words: which implementation `init_mb_mgr_auto` has taken (IMB_ARCH). */
  readonly usedArch: number;
  /** Pointers to functions, of 128, 192 and 256 bits of key. */
  readonly gcmDecrypt: readonly [number, number, number];
  readonly gcmPrecompute: readonly [number, number, number];
  readonly gmacInit: readonly [number, number, number];
  readonly gmacUpdate: readonly [number, number, number];
  readonly gmacFinalize: readonly [number, number, number];
  readonly chachaInit: number;
  readonly chachaDecryptUpdate: number;
  readonly chachaFinalize: number;
}

/** By what `imb_get_version` returns. */
export const LAYOUTS: ReadonlyMap<number, ManagerLayout> = new Map([
  [
    0x10300,
    {
      usedArch: 56,
      gcmDecrypt: [280, 288, 296],
      gcmPrecompute: [448, 456, 464],
      gmacInit: [720, 728, 736],
      gmacUpdate: [744, 752, 760],
      gmacFinalize: [768, 776, 784],
      chachaInit: 920,
      chachaDecryptUpdate: 936,
      chachaFinalize: 944,
    },
  ],
]);

/** IMB_ARCH_SSE: the first one with AES instructions. */
export const ARCH_SSE = 2;

/** struct gcm_key_data, aligned to 64; struct gcm_context_data and struct chacha20_poly1305_context_data. */
export const GCM_KEY_BYTES = 1008;
export const CONTEXT_BYTES = 192;
