/**
 * libcrypto of OpenSSL 3, the one that runs in this process: what of it is called, and the parameters that it is called with.
 *
 * `EVP_Cipher` is not among it, on purpose: with ChaCha20-Poly1305 OpenSSL 3.0's returns 0 at the end without a look at the tag,
 * and with CCM 3.5's spoils the context.
 */
import { type Argument, type CFunction, type Ffi, type Library, loadFfi } from '../../../native/ffi.ts';
import { NativeMemory } from '../../../native/memory.ts';

const FUNCTIONS = {
  EVP_CIPHER_fetch: ['long', 'long', 'long', 'long'],
  EVP_CIPHER_free: ['void', 'long'],
  EVP_CIPHER_CTX_new: ['long'],
  EVP_CIPHER_CTX_free: ['void', 'long'],
  EVP_CIPHER_CTX_ctrl: ['int', 'long', 'int', 'int', 'long'],
  EVP_CIPHER_CTX_set_padding: ['int', 'long', 'int'],
  EVP_CIPHER_CTX_set_params: ['int', 'long', 'long'],
  EVP_DecryptInit_ex2: ['int', 'long', 'long', 'long', 'long', 'long'],
  EVP_DecryptUpdate: ['int', 'long', 'long', 'long', 'long', 'int'],
  EVP_DecryptFinal_ex: ['int', 'long', 'long', 'long'],
  EVP_EncryptInit_ex2: ['int', 'long', 'long', 'long', 'long', 'long'],
  EVP_EncryptUpdate: ['int', 'long', 'long', 'long', 'long', 'int'],
  EVP_MAC_fetch: ['long', 'long', 'long', 'long'],
  EVP_MAC_free: ['void', 'long'],
  EVP_MAC_CTX_new: ['long', 'long'],
  EVP_MAC_CTX_free: ['void', 'long'],
  EVP_MAC_init: ['int', 'long', 'long', 'long', 'long'],
  EVP_MAC_update: ['int', 'long', 'long', 'long'],
  EVP_MAC_final: ['int', 'long', 'long', 'long', 'long'],
  ERR_clear_error: ['void'],
  CRYPTO_memcmp: ['int', 'long', 'long', 'long'],
  OPENSSL_cleanse: ['void', 'long', 'long'],
  OPENSSL_version_major: ['int'],
} as const;

export type LibCrypto = Readonly<Record<keyof typeof FUNCTIONS, CFunction>>;

/** OpenSSL that stands beside a Node without it (or with something else). Loaded deep: it must not mix with what Node has. */
const BESIDE = 'libcrypto.so.3';
const NAMES = Object.keys(FUNCTIONS) as (keyof typeof FUNCTIONS)[];

let loaded: { ffi: Ffi; lib: LibCrypto } | string | undefined;

/** libcrypto, looked up by the first call in a thread; or why it cannot be used. */
export function loadLibCrypto(): { ffi: Ffi; lib: LibCrypto } | string {
  loaded ??= load();
  return loaded;
}

function load(): { ffi: Ffi; lib: LibCrypto } | string {
  const ffi = loadFfi();
  if (typeof ffi === 'string') return ffi;
  let library: Library = ffi.process();
  if (library.missing(['EVP_CIPHER_fetch']) !== undefined) {
    const beside = process.platform === 'linux' ? ffi.library(BESIDE, true) : 'no libcrypto beside it is tried here';
    if (typeof beside === 'string') return `this process has no OpenSSL 3; ${beside}`;
    library = beside;
  }
  const missing = library.missing(NAMES);
  if (missing !== undefined) return `libcrypto does not export ${missing}`;
  const lib = {} as Record<keyof typeof FUNCTIONS, CFunction>;
  for (const name of NAMES) {
    const [result, ...parameters] = FUNCTIONS[name];
    lib[name] = library.func(name, result, parameters);
  }
  const major = lib.OPENSSL_version_major();
  if (major < 3) return `libcrypto has version ${major}; 3 or later is needed`;
  return { ffi, lib };
}

const OSSL_PARAM_UNSIGNED_INTEGER = 2;
const OSSL_PARAM_UTF8_STRING = 4;
const OSSL_PARAM_OCTET_STRING = 5;
/** Bytes of an OSSL_PARAM: name, type, data, size of the data, size that came back. */
const PARAM = 40;
const PARAM_DATA = 16;
/** Parameters of one call, at most, their end included. */
const PARAMS = 3;

const LENGTHS = 0;
/** Where MACs and the last blocks of one go. */
export const MAC_AT = 64;
export const BLOCKS_AT = 128;
/** Where in the memory of `Work` the header of a packet is put. */
export const HEADER_AT = 192;
const NUMBER = 208;
const TEXT = 256;
const LISTS = 512;
const LIST = PARAM * PARAMS;
const ICV_LENGTHS = [8, 12, 16];

/**
 * Memory that all contexts of a backend use one after the other: results, and the parameters of calls. A packet's tag and IV are
 * read where they lie: only pointers to them are written.
 */
export class Work {
  readonly memory: NativeMemory;
  /** Where a call says how many bytes it has written; where MACs go, 64 bytes; two blocks; header of a packet with ESN; zeros. */
  readonly written: Argument;
  readonly mac: Argument;
  readonly blocks: Argument;
  readonly header: Argument;

  constructor(ffi: Ffi) {
    this.memory = new NativeMemory(ffi, LISTS + LIST * (2 * ICV_LENGTHS.length + 1));
    const { address } = this.memory;
    this.written = address + LENGTHS;
    this.mac = address + MAC_AT;
    this.blocks = address + BLOCKS_AT;
    this.header = address + HEADER_AT;
    const tag = this.memory.putText(TEXT, 'tag');
    const ivInvoked = this.memory.putText(TEXT + 8, 'tlsivinv');
    ICV_LENGTHS.forEach((icvBytes, i) => {
      this.param(LISTS + 2 * i * LIST, tag, OSSL_PARAM_OCTET_STRING, icvBytes);
      this.param(LISTS + 2 * i * LIST + PARAM, ivInvoked, OSSL_PARAM_OCTET_STRING, 8);
      this.param(LISTS + (2 * i + 1) * LIST, tag, OSSL_PARAM_OCTET_STRING, icvBytes);
    });
  }

  /** Bytes that the last call said it had written, as it said it in an int. */
  get writtenBytes(): number {
    return this.memory.words[LENGTHS >> 2];
  }

  /** Offset of { tag, tlsivinv }, for `pointTo` and `list`. */
  tagAndIv(icvBytes: number): number {
    return LISTS + 2 * ICV_LENGTHS.indexOf(icvBytes) * LIST;
  }

  /** Offset of { tag }. */
  tag(icvBytes: number): number {
    return this.tagAndIv(icvBytes) + LIST;
  }

  /** Sets the address of the data of a list's parameter. */
  pointTo(list: number, index: number, address: number): void {
    this.memory.putLong(list + index * PARAM + PARAM_DATA, address);
  }

  /** The list that is made anew for each call that is not of a packet: a length, and a tag's length without a tag. */
  nonceAndTagLength(nonceBytes: number, icvBytes: number): number {
    const list = this.scratchList();
    const { memory } = this;
    memory.putLong(NUMBER, nonceBytes);
    this.param(list, memory.putText(TEXT + 24, 'ivlen'), OSSL_PARAM_UNSIGNED_INTEGER, 8);
    this.pointTo(list, 0, memory.address + NUMBER);
    this.param(list + PARAM, memory.address + TEXT, OSSL_PARAM_OCTET_STRING, icvBytes);
    return memory.address + list;
  }

  /** The list { digest }. */
  digest(name: string): number {
    const list = this.scratchList();
    const { memory } = this;
    const text = memory.putText(TEXT + 48, name);
    this.param(list, memory.putText(TEXT + 32, 'digest'), OSSL_PARAM_UTF8_STRING, name.length);
    this.pointTo(list, 0, text);
    return memory.address + list;
  }

  /** A text for C, until the next one. */
  text(text: string): number {
    return this.memory.putText(TEXT + 80, text);
  }

  private scratchList(): number {
    const list = LISTS + 2 * ICV_LENGTHS.length * LIST;
    this.memory.wipe(list, list + LIST);
    return list;
  }

  private param(at: number, name: number, type: number, size: number): void {
    const { memory } = this;
    memory.putLong(at, name);
    memory.putLong(at + 8, type);
    memory.putLong(at + PARAM_DATA, 0);
    memory.putLong(at + 24, size);
  }
}
