/** Generic receive offload: TCP segments become super-packets, by Linux's rules; and the table of packets that it works on. */
export { createKernels, createPlainKernels, type Kernels } from '../kernels/index.ts';
export * from '../memory/packet-table.ts';
export type { TakeWords } from '../memory/words.ts';
export { Gro, type GroSink } from './gro.ts';
export { type GsoOptions, type GsoOuter, segmentTcp, segmentUdp } from './gso.ts';
export { type GsoType, gsoType } from './gso-type.ts';
export { LINUX_DEFAULT, LINUX_VERSIONS, type LinuxVersion } from './linux.ts';
export {
  GRO_LEGACY_MAX_SIZE,
  GRO_MAX_SIZE,
  type GroOptions,
  type GroTunnelOptions,
} from './options.ts';
export {
  FLUSH_REASONS,
  FLUSHES,
  type FlushReason,
  PASS_REASONS,
  PASSES,
  type PassReason,
} from './reasons.ts';
export type { Scratch as GroScratch } from './run.ts';
