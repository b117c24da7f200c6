/** Copy and checksum on the frame memory. */
export { createKernels } from './create.ts';
export type { Kernels } from './kernels.ts';
export { createPlainKernels } from './plain-kernels.ts';
export { createWasmKernels } from './wasm-kernels.ts';
