/** intel-ipsec-mb (Debian's libipsec-mb1), if it is installed in a version whose layout is known, and the processor has AES. */
import { type CFunction, type CType, type Ffi, type Library, loadFfi } from '../../../native/ffi.ts';
import { NativeMemory } from '../../../native/memory.ts';
import type { Frames } from '../native-cipher.ts';
import { GCM_CONTEXT_BYTES, J_FILLED, J_STATUS, LAYOUTS, type ManagerLayout, STATUS_COMPLETED } from './layout.ts';

/** By the version of its interface, the newest first. */
const NAMES = ['libIPSec_MB.so.2', 'libIPSec_MB.so.1'] as const;

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
  let reason = '';
  for (const name of NAMES) {
    const library = ffi.library(name);
    const usable = typeof library === 'string' ? library : withLayout(ffi, library, name);
    if (typeof usable !== 'string') return usable;
    // What is there and does not do says more than what is not there.
    if (reason === '' || typeof library !== 'string') reason = usable;
  }
  return reason;
}

/** The library with what is known of its version, or why it is not used. */
export function withLayout(ffi: Ffi, library: Library, name: string): IpsecMb | string {
  const missing = library.missing([
    'imb_get_version',
    'imb_get_mb_mgr_size',
    'imb_set_pointers_mb_mgr',
    'init_mb_mgr_auto',
    'imb_clear_mem',
  ]);
  if (missing !== undefined) return `${name} does not export ${missing}`;
  const version = library.func('imb_get_version', 'int', [])();
  const layout = LAYOUTS.get(version);
  if (layout === undefined) {
    const known = [...LAYOUTS.keys()].map(versionText).join(', ');
    return `${name} has version ${versionText(version)}; known are ${known}`;
  }
  return { ffi, library, layout };
}

function versionText(version: number): string {
  return `${version >> 16}.${(version >> 8) & 255}.${version & 255}`;
}

/** Where in a manager's scratch the computed tag goes. */
export const TAG: number = (GCM_CONTEXT_BYTES + 15) & ~15;
/** And the header of a packet with ESN. */
export const HEADER_AT: number = TAG + 64;
const LONG: readonly CType[] = new Array<CType>(10).fill('long');

/** What is the same in all jobs of an SA. */
export class JobTemplate {
  readonly words: Int32Array;

  constructor({ jobBytes }: ManagerLayout) {
    this.words = new Int32Array(jobBytes >> 2);
  }

  putLong(at: number, value: number): void {
    this.words[at >> 2] = value | 0;
    this.words[(at >> 2) + 1] = (value / 0x100000000) | 0;
  }

  putWord(at: number, value: number): void {
    this.words[at >> 2] = value;
  }
}

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
  readonly clear: CFunction;
  readonly layout: ManagerLayout;
  private readonly submitJob: CFunction;
  private setSession: CFunction | undefined;
  /** Whose job was the last one: most of it is there already. */
  private last: JobTemplate | undefined;
  /** Its address, as an argument that is made once: a number beyond 2^31 in a field is made anew whenever it is passed on. */
  private readonly self: { address: number | undefined } = { address: undefined };
  private readonly library: Library;

  /** @throws Error saying why the processor does not do */
  constructor({ ffi, library, layout }: IpsecMb) {
    this.library = library;
    this.layout = layout;
    const size = library.func('imb_get_mb_mgr_size', 'long', [])();
    this.memory = new NativeMemory(ffi, (size + 63) & ~63);
    const { address } = this.memory;
    if (library.func('imb_set_pointers_mb_mgr', 'long', ['long', 'long', 'int'])(address, 0, 1) !== address) {
      throw new Error('imb_set_pointers_mb_mgr failed');
    }
    this.work = new NativeMemory(ffi, HEADER_AT + 64);
    library.func('init_mb_mgr_auto', 'void', ['long', 'long'])(address, 0);
    if (this.memory.words[layout.usedArch >> 2] < layout.archSse)
      throw new Error('this processor has no AES instructions');
    this.context = this.work.address;
    this.tag = this.work.address + TAG;
    this.header = this.work.address + HEADER_AT;
    this.self.address = address;
    this.submitJob = this.at(layout.submitJob, 1);
    this.clear = library.func('imb_clear_mem', 'void', ['long', 'long']);
  }

  /**
   * A job in this manager's memory, with what is the same in all jobs of the template's SA; returns where it lies. `get_next_job` says
   * no more than what its word does, and none waits here: so it is made the first one again, in which most is right already. As the
   * library goes, from one to the next of 256, 60 ns a packet are for filling them in.
   */
  job(template: JobTemplate): number {
    const { words } = this.memory;
    const { jobs: job, nextJob } = this.layout;
    words[nextJob >> 2] = 0;
    if (template !== this.last) {
      words.set(template.words, job >> 2);
      this.last = template;
    }
    words[(job + J_STATUS) >> 2] = 0;
    return job;
  }

  /** Adds to a template what bursts want to know. No job may be under way. */
  prepareForBursts(template: JobTemplate): void {
    const { jobs, jobBytes } = this.layout;
    if (jobBytes === J_FILLED) return;
    const { words, address } = this.memory;
    words.set(template.words, jobs >> 2);
    this.forget();
    this.setSession ??= this.library.func('imb_set_session', 'int', ['long', 'long']);
    if (this.setSession(address, address + jobs) === 0) throw new Error('imb_set_session failed');
    template.words.set(words.subarray(jobs >> 2, (jobs + jobBytes) >> 2));
  }

  /** Addresses of the last template may be another SA's now. */
  forget(): void {
    this.last = undefined;
  }

  /** Has a job done; false when it was not, which only a library that has changed could bring about. */
  submit(job: number): boolean {
    this.submitJob(this.self.address as number);
    return this.memory.words[(job + J_STATUS) >> 2] === STATUS_COMPLETED;
  }

  /** A function of the table: all of its parameters are pointers or 64-bit lengths, and it returns nothing. */
  at(offset: number, parameters: number): CFunction {
    return this.function(offset, 'void', LONG.slice(0, parameters));
  }

  function(offset: number, result: CType, parameters: readonly CType[]): CFunction {
    return this.library.at(this.memory.long(offset), result, parameters);
  }
}

/** Functions of a manager, by key size: 128, 192, 256 bits. */
export interface IpsecMbCalls {
  readonly manager: Manager;
  readonly frames: Frames;
  readonly ffi: Ffi;
  readonly keyExpand: readonly CFunction[];
  readonly cmacSubkeys: CFunction;
  readonly xcbcExpand: CFunction;
  readonly oneBlock: Readonly<Record<string, CFunction>>;
  readonly gcmPrecompute: readonly CFunction[];
  readonly gmacInit: readonly CFunction[];
  readonly gmacUpdate: readonly CFunction[];
  readonly gmacFinalize: readonly CFunction[];
}
