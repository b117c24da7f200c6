/** The corpus of what real kernels delivered: `test/captures/gro`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SaConfig } from '../../src/esp/index.ts';
import type { GroOptions, LinuxVersion } from '../../src/gro/index.ts';
import { zeroL4Checksums } from '../../src/report/l4-zero.ts';
import { referenceGro } from './reference.ts';
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

function describe(o: Omit<Output, 'cls' | 'l3' | 'l4'>, like: ExpectedFrame | undefined): ExpectedFrame {
  const out: ExpectedFrame = { gso_size: o.gsoSize, gso_segs: o.segments === 1 ? 0 : o.segments, from: o.from };
  if (o.segments === 1) return { ...out, sha256: sha256(o.bytes) };
  const zero = o.bytes.slice();
  zeroL4Checksums(zero, []);
  out.gso_type = o.gsoType;
  out.sha256_l4zero = sha256(zero);
  if (like?.sha256_l4full !== undefined) out.sha256_l4full = sha256(o.bytes);
  return out;
}

/** What a kernel gave, or undefined where it was not run. */
export function expectedOf(c: OracleCase, as: LinuxVersion): ExpectedFrame[] | undefined {
  return c.differs?.[as] ?? (c.as.includes(as) ? c.expect : undefined);
}

/** The frames of a case as the device hands them to GRO. */
function inputsOf(c: OracleCase, frames: Uint8Array[]): Input[] {
  return frames.map((bytes, i) => {
    const hash = c.hashes?.[i] ?? 0;
    const isTagged = c.vlan_stripped === true && ((bytes[12] << 8) | bytes[13]) === 0x8100;
    if (!isTagged) return { bytes, hash };
    return { bytes: stripTag(bytes), hash, tci: (bytes[14] << 8) | bytes[15] };
  });
}

function stripTag(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, 12), ...bytes.subarray(16)]);
}

/** The frame with the tag that was stripped put back, as it was captured. */
function putBack(bytes: Uint8Array, tci: number | undefined): Uint8Array {
  if (tci === undefined) return bytes;
  return Uint8Array.from([...bytes.subarray(0, 12), 0x81, 0, tci >> 8, tci & 255, ...bytes.subarray(12)]);
}

/** What the reference makes of a case without ESP. */
export function runReference(c: OracleCase, frames: Uint8Array[], as: LinuxVersion): ExpectedFrame[] {
  const inputs = inputsOf(c, frames);
  const expected = expectedOf(c, as);
  const { gro_max: maxSize, gro_max4: maxSize4, udp, vxlan, geneve } = c;
  const outputs = referenceGro(inputs, c.polls, { as, maxSize, maxSize4, udp, vxlan, geneve });
  return outputs.map((o, i) => describe({ ...o, bytes: putBack(o.bytes, inputs[o.from[0]].tci) }, expected?.[i]));
}

/** What GRO itself makes of a case without ESP, in the form of what is expected. */
export function runCase(c: OracleCase, frames: Uint8Array[], as: LinuxVersion = 'linux-6.18'): ExpectedFrame[] {
  const inputs = inputsOf(c, frames);
  const expected = expectedOf(c, as);
  const options: GroOptions = {
    as,
    order: 'linux',
    bucketBy: 'outer',
    maxSize: c.gro_max,
    maxSize4: c.gro_max4,
    udp: c.udp ?? 'off',
    tunnels: { vxlan: c.vxlan ?? false, geneve: c.geneve ?? false },
  };
  const { outputs } = runGro(inputs, c.polls, options);
  return outputs.map((o, i) => describe({ ...o, bytes: putBack(o.bytes, inputs[o.from[0]].tci) }, expected?.[i]));
}
