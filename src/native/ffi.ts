/**
 * Calls into C: the only file that knows koffi, which is an optional dependency.
 *
 * Every pointer is an int64 and every argument a number: that is koffi's fast path (15 ns and 4 per argument; a typed array costs
 * 16 more, a subarray before it another 16), it allocates nothing, and addresses of user space are below 2^47, so numbers hold
 * them exactly. The price: koffi takes NaN and 1.9 for integers without a word. So no address is ever worked out from something
 * unchecked: `addressOf` checks the base once, and what is added to it has been compared with the length of the memory.
 */
import { createRequire } from 'node:module';
import type koffiModule from 'koffi';

type Koffi = typeof koffiModule;
type KoffiLibrary = ReturnType<Koffi['load']>;

/** What a C function takes and returns: `int` (32 bits), `long` (64 bits, pointers too), or nothing. */
export type CType = 'int' | 'long' | 'void';
/**
 * A number that calls are given. A field of this type, undefined at first, keeps it as the object that a call needs; a field that
 * has only ever held numbers keeps 8 bytes, of which V8 makes a new object for each call (16 bytes an argument, measured).
 * Undefined itself is given to no function: koffi throws.
 */
export type Argument = number | undefined;
export type CFunction = (...args: Argument[]) => number;

const TYPES: Readonly<Record<CType, string>> = { int: 'int', long: 'int64_t', void: 'void' };

/** A shared library, or the symbols that this process has anyway. Never unloaded: functions of it may live anywhere. */
export class Library {
  private readonly koffi: Koffi;
  private readonly handle: KoffiLibrary;

  /** @hidden Use `Ffi`. */
  constructor(koffi: Koffi, handle: KoffiLibrary) {
    this.koffi = koffi;
    this.handle = handle;
  }

  /** The first of these symbols that is not there. */
  missing(names: readonly string[]): string | undefined {
    return names.find((name) => {
      try {
        this.handle.symbol(name);
        return false;
      } catch {
        return true;
      }
    });
  }

  /** @throws what koffi throws when there is no such symbol */
  func(name: string, result: CType, parameters: readonly CType[]): CFunction {
    return this.handle.func(
      name,
      TYPES[result],
      parameters.map((type) => TYPES[type]),
    );
  }

  /** The function that lies at an address: a member of a table of function pointers. */
  at(address: number, result: CType, parameters: readonly CType[]): CFunction {
    const proto = this.koffi.proto(
      TYPES[result],
      parameters.map((type) => TYPES[type]),
    );
    return this.koffi.decode(BigInt(checkedAddress(address)), proto) as CFunction;
  }
}

export class Ffi {
  private readonly koffi: Koffi;

  /** @hidden Use `loadFfi`. */
  constructor(koffi: Koffi) {
    this.koffi = koffi;
  }

  /** What this process has loaded already. No file is named, so it is right on musl as on glibc. */
  process(): Library {
    return new Library(this.koffi, this.koffi.load(null));
  }

  /**
   * Loads a shared library by the name that the dynamic linker knows it by.
   * @param deep its own symbols come first for it (RTLD_DEEPBIND): a second libcrypto crashes without
   * @returns the library, or why there is none
   */
  library(name: string, deep = false): Library | string {
    try {
      return new Library(this.koffi, this.koffi.load(name, { deep }));
    } catch (error) {
      return `${name}: ${firstLine(error)}`;
    }
  }

  /**
   * Where a view begins. It stays there for as long as its buffer lives and is not detached; nothing here keeps it alive. Take it
   * of memory that is kept (`NativeMemory`, the frame memory), and of no view that is made for the call.
   */
  addressOf(view: Uint8Array): number {
    return checkedAddress(Number(this.koffi.address(view)));
  }
}

let loaded: Ffi | string | undefined;

/** koffi, loaded by the first call in a thread; or, in a sentence, why it cannot be had. */
export function loadFfi(): Ffi | string {
  loaded ??= load();
  return loaded;
}

function load(): Ffi | string {
  // A view of a Big Endian machine would put halves of addresses the wrong way around.
  if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) return 'native calls: only little-endian processors';
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    // An address beyond 2^53, such as a tagged pointer, is found here and not in the middle of a packet.
    checkedAddress(Number(koffi.address(new Uint8Array(128))));
    return new Ffi(koffi);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') return 'koffi is not installed (it is an optional dependency)';
    if (code === 'ERR_DLOPEN_DISABLED') {
      return 'koffi may not be loaded: native addons are disabled (--no-addons, or --permission without --allow-addons)';
    }
    return `koffi cannot be loaded: ${firstLine(error)}`;
  }
}

function checkedAddress(address: number): number {
  if (!Number.isSafeInteger(address) || address <= 0) throw new Error('an address of memory that numbers cannot hold');
  return address;
}

function firstLine(error: unknown): string {
  return String((error as Error).message ?? error).split('\n', 1)[0];
}
