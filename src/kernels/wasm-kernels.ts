/** The kernels in WebAssembly, on the frame memory itself. */
import type { Kernels } from './kernels.ts';
import { KERNELS_WASM } from './wasm.ts';

type KernelExports = Required<Pick<Kernels, 'copy' | 'checksum' | 'dispatch' | 'classify' | 'coalesce' | 'take'>>;

let module: WebAssembly.Module | undefined;
let supported: boolean | undefined;

/** `atob` is what Node and browsers both have; the text is some 5,200 characters, decoded once a thread. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const text = atob(KERNELS_WASM);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether this engine has what the module needs: SIMD, bulk memory and shared memories. */
export function wasmKernelsSupported(): boolean {
  supported ??= typeof WebAssembly === 'object' && WebAssembly.validate(moduleBytes());
  return supported;
}

/**
 * Kernels that work on `memory` in place.
 *
 * @param memory a shared memory; any maximum up to 4 GiB.
 * @throws WebAssembly.CompileError when the engine lacks SIMD, WebAssembly.LinkError when the memory is not shared:
 * {@link createKernels} asks first.
 */
export function createWasmKernels(memory: WebAssembly.Memory): Kernels {
  // Compiled at once and not asynchronously: a lane has its kernels before its first packet, and engines limit synchronous
  // compilation by size only, far above this one.
  module ??= new WebAssembly.Module(moduleBytes());
  const { copy, checksum, dispatch, classify, coalesce, take } = new WebAssembly.Instance(module, { env: { memory } })
    .exports as unknown as KernelExports;
  return { kind: 'wasm', copy, checksum, dispatch, classify, coalesce, take };
}
