/** Picks the kernels: WebAssembly where the engine and the memory allow it, plain TypeScript where not. */
import type { Kernels } from './kernels.ts';
import { createPlainKernels } from './plain-kernels.ts';
import { createWasmKernels, wasmKernelsSupported } from './wasm-kernels.ts';

/**
 * @param memory the frame memory; `undefined` where there is none (a page without shared memory).
 * @param bytes one view over the whole of it, which the plain kernels use: an offset means the same byte to both.
 */
export function createKernels(memory: WebAssembly.Memory | undefined, bytes: Uint8Array): Kernels {
  const shared =
    memory !== undefined && typeof SharedArrayBuffer === 'function' && memory.buffer instanceof SharedArrayBuffer;
  return shared && wasmKernelsSupported() ? createWasmKernels(memory) : createPlainKernels(bytes);
}
