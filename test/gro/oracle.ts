/** The corpus of what real kernels delivered: `test/captures/gro`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SaConfig } from '../../src/esp/index.ts';
import type { GroOptions, LinuxVersion } from '../../src/gro/index.ts';
import { zeroL4Checksums } from '../../src/report/l4-zero.ts';
import { type Input, type Output, runGro } from './rig.ts';

/** A frame that Linux delivered: `sha256` of an unmerged one as it is; of a merged one with the TCP checksum 0, and full. */
export interface ExpectedFrame {
  gso_size: number;
  gso_segs: number;
  from: number[];
  /** ESP that was passed up as it came. */
  wire?: boolean;
  gso_type?: string;
  sha256?: string;
  sha256_l4zero?: string;
  sha256_l4full?: string;
}

export interface OracleCase {
  rule: string;
  kernel: string;
  polls: number[];
  hashes?: number[];
  gro_max?: number;
  gro_max4?: number;
  udp?: 'forwarding' | number[];
  vxlan?: number;
  geneve?: number;
  vlan_stripped?: boolean;
  natt_gro?: boolean;
  sas?: SaConfig[];
  /** Versions that gave `expect`, and what others gave. */
  as: LinuxVersion[];
  expect: ExpectedFrame[];
  differs?: Partial<Record<LinuxVersion, ExpectedFrame[]>>;
}

export const CAPTURES: URL = new URL('../captures/gro/', import.meta.url);

export function readCases(): Record<string, OracleCase> {
  return JSON.parse(readFileSync(new URL('expected.json', CAPTURES), 'utf8'));
}

/** Frames of a little-endian pcap file. */
export function readPcap(file: URL): Uint8Array[] {
  const bytes = readFileSync(file);
  const frames: Uint8Array[] = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    frames.push(new Uint8Array(bytes.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return frames;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function describe(o: Output, like: ExpectedFrame | undefined): ExpectedFrame {
  const out: ExpectedFrame = { gso_size: o.gsoSize, gso_segs: o.segments === 1 ? 0 : o.segments, from: o.from };
  if (o.segments === 1) return { ...out, sha256: sha256(o.bytes) };
  const zero = o.bytes.slice();
  zeroL4Checksums(zero, []);
  out.gso_type = o.gsoType;
  out.sha256_l4zero = sha256(zero);
  if (like?.sha256_l4full !== undefined) out.sha256_l4full = sha256(o.bytes);
  return out;
}

/** What GRO itself makes of a case without ESP, in the form of what is expected. */
export function runCase(c: OracleCase, frames: Uint8Array[]): ExpectedFrame[] {
  const inputs: Input[] = frames.map((bytes, i) => ({ bytes, hash: c.hashes?.[i] ?? 0 }));
  const options: GroOptions = {
    order: 'linux',
    bucketBy: 'outer',
    maxSize: c.gro_max,
    maxSize4: c.gro_max4,
    udp: c.udp ?? 'off',
    tunnels: { vxlan: c.vxlan ?? false, geneve: c.geneve ?? false },
  };
  const { outputs } = runGro(inputs, c.polls, options);
  return outputs.map((o, i) => describe(o, c.expect[i]));
}
