/** intel-ipsec-mb (Debian's libipsec-mb1), if it is installed in a version whose layout is known, and the processor has AES. */
import { type CFunction, type CType, type Ffi, type Library, loadFfi } from '../../../native/ffi.ts';
import { NativeMemory } from '../../../native/memory.ts';
import { ARCH_SSE, CONTEXT_BYTES, LAYOUTS, type ManagerLayout } from './layout.ts';

const NAME = 'libIPSec_MB.so.1';

export interface IpsecMb {
  readonly ffi: Ffi;
  readonly library: Library;
  readonly layout: ManagerLayout;
}

let loaded: IpsecMb | string | undefined;

/** The library, loaded by the first call in a thread; or why it cannot be used. */
export function loadIpsecMb(): IpsecMb | string {
  loaded ??= load();
  return loaded;
}

function load(): IpsecMb | string {
  if (process.arch !== 'x64') return `for x86-64 only, this is ${process.arch}`;
  const ffi = loadFfi();
  if (typeof ffi === 'string') return ffi;
  const library = ffi.library(NAME);
  if (typeof library === 'string') return library;
  const missing = library.missing([
    'imb_get_version',
    'imb_get_mb_mgr_size',
    'imb_set_pointers_mb_mgr',
    'init_mb_mgr_auto',
    'imb_clear_mem',
  ]);
  if (missing !== undefined) return `${NAME} does not export ${missing}`;
  const version = library.func('imb_get_version', 'int', [])();
  const layout = LAYOUTS.get(version);
  if (layout === undefined) {
    const known = [...LAYOUTS.keys()].map(versionText).join(', ');
    return `${NAME} has version ${versionText(version)}; known is ${known}`;
  }
  return { ffi, library, layout };
}

function versionText(version: number): string {
  return `${version >> 16}.${(version >> 8) & 255}.${version & 255}`;
}

/** Where in a manager's scratch the computed tag goes. */
export const TAG: number = CONTEXT_BYTES;
const HEADER = TAG + 64;
const LONG: readonly CType[] = new Array<CType>(10).fill('long');

/**
 * A manager: the table of functions that fit the processor, and scratch. One for each lane, as it is not to be shared by threads; in
 * memory of ours, so that it goes with its thread.
 */
export class Manager {
  readonly memory: NativeMemory;
  /** Scratch for one packet: context; where the computed tag goes; header with ESN. */
  readonly work: NativeMemory;
  readonly context: number;
  readonly tag: number;
  readonly header: number;
  readonly headerAt: number = HEADER;
  readonly clear: CFunction;
  private readonly library: Library;

  /** @throws Error saying why the processor does not do */
  constructor({ ffi, library, layout }: IpsecMb) {
    this.library = library;
    const size = library.func('imb_get_mb_mgr_size', 'long', [])();
    this.memory = new NativeMemory(ffi, (size + 63) & ~63);
    const { address } = this.memory;
    if (library.func('imb_set_pointers_mb_mgr', 'long', ['long', 'long', 'int'])(address, 0, 1) !== address) {
      throw new Error('imb_set_pointers_mb_mgr failed');
    }
    this.work = new NativeMemory(ffi, HEADER + 64);
    library.func('init_mb_mgr_auto', 'void', ['long', 'long'])(address, 0);
    if (this.memory.words[layout.usedArch >> 2] < ARCH_SSE) throw new Error('this processor has no AES instructions');
    this.context = this.work.address;
    this.tag = this.work.address + TAG;
    this.header = this.work.address + HEADER;
    this.clear = library.func('imb_clear_mem', 'void', ['long', 'long']);
  }

  /** A function of the table: all of its parameters are pointers or 64-bit lengths, and it returns nothing. */
  at(offset: number, parameters: number): CFunction {
    return this.library.at(this.memory.long(offset), 'void', LONG.slice(0, parameters));
  }
}
