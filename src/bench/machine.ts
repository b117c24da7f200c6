import { availableParallelism, cpus, totalmem } from 'node:os';

/** Where the figures come from. */
export interface Machine {
  readonly node: string;
  readonly v8: string;
  readonly openssl: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
}

export function machine(): Machine {
  const { versions } = process;
  return {
    node: versions.node,
    v8: versions.v8,
    openssl: versions.openssl,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
  };
}
