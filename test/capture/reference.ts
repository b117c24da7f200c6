/** A naive reader of whole captures, written from the specifications alone: what the parsers are compared with. */
import type { ErrorCode } from '../../src/errors.ts';

export interface PlainRecord {
  linkType: number;
  seconds: number;
  nanos: number;
  wireLength: number;
  bytes: string;
}

export interface Outcome {
  records: PlainRecord[];
  /** How it ended: undefined for well. */
  fault?: { code: ErrorCode; offset: number };
}

/** Thrown inside this file only. */
class Fault extends Error {
  readonly code: ErrorCode;
  readonly at: number;
  constructor(kind: 'FORMAT' | 'DAMAGED', at: number) {
    super(kind);
    this.code = `ERR_RXSTEER_CAPTURE_${kind}`;
    this.at = at;
  }
}

const SUPPORTED = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276];

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** `maxRecord`: as the option of CaptureParser. */
export function reference(file: Uint8Array, maxRecord: number = 1 << 20): Outcome {
  const records: PlainRecord[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    if (file.length < 4) throw new Fault('FORMAT', 0);
    if (view.getUint32(0) === 0x0a0d0d0a) pcapng(file, view, maxRecord, records);
    else pcap(file, view, maxRecord, records);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { records, fault: { code: error.code, offset: error.at } };
  }
  return { records };
}

function push(
  out: PlainRecord[],
  file: Uint8Array,
  linkType: number,
  ns: bigint,
  at: number,
  length: number,
  wire: number,
) {
  out.push({
    linkType,
    seconds: Number(BigInt.asUintN(32, ns / 1_000_000_000n)),
    nanos: Number(ns % 1_000_000_000n),
    wireLength: Math.min(0x7fffffff, Math.max(wire, length)),
    bytes: hex(file.subarray(at, at + length)),
  });
}

function pcap(file: Uint8Array, view: DataView, maxRecord: number, out: PlainRecord[]): void {
  const magics = [0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34];
  const little = magics.includes(view.getUint32(0, true));
  const magic = view.getUint32(0, little);
  if (!magics.includes(magic)) throw new Fault('FORMAT', 0);
  if (file.length < 24) throw new Fault('DAMAGED', 0);
  const field = view.getUint32(20, little);
  const linkType = field & 0xffff;
  if (view.getUint16(4, little) !== 2 || (field & 0x03ff0000) !== 0) throw new Fault('FORMAT', 0);
  if (!SUPPORTED.includes(linkType)) throw new Fault('FORMAT', 0);
  const header = magic === 0xa1b2cd34 ? 24 : 16;
  for (let at = 24; at < file.length; ) {
    if (file.length - at < header) throw new Fault('DAMAGED', at);
    const length = view.getUint32(at + 8, little);
    if (length + header > maxRecord || at + header + length > file.length) throw new Fault('DAMAGED', at);
    const fraction = BigInt(view.getUint32(at + 4, little)) * (magic === 0xa1b23c4d ? 1n : 1000n);
    const ns = BigInt(view.getUint32(at, little)) * 1_000_000_000n + fraction;
    push(out, file, linkType, ns, at + header, length, view.getUint32(at + 12, little));
    at += header + length;
  }
}

interface Interface {
  linkType: number;
  snap: number;
  resolution: number;
  offset: bigint;
}

function pcapng(file: Uint8Array, view: DataView, maxRecord: number, out: PlainRecord[]): void {
  let little = true;
  let interfaces: Interface[] = [];
  for (let at = 0; at < file.length; ) {
    const bad = new Fault('DAMAGED', at);
    const left = file.length - at;
    if (left < 12) throw bad;
    const section = view.getUint32(at) === 0x0a0d0d0a;
    if (section) {
      if (view.getUint32(at + 8, true) !== 0x1a2b3c4d && view.getUint32(at + 8) !== 0x1a2b3c4d) {
        throw at === 0 ? new Fault('FORMAT', 0) : bad;
      }
      little = view.getUint32(at + 8, true) === 0x1a2b3c4d;
    }
    const u16 = (offset: number): number => view.getUint16(at + offset, little);
    const u32 = (offset: number): number => view.getUint32(at + offset, little);
    const type = u32(0);
    const size = u32(4);
    if (size < 12 || size % 4 !== 0) throw bad;
    if ((section || [1, 2, 3, 6].includes(type)) && size > maxRecord) throw bad;
    if (size > left || u32(size - 4) !== size) throw bad;
    if (section) {
      if (size < 28) throw bad;
      if (u16(12) !== 1) throw new Fault('FORMAT', at);
      interfaces = [];
    } else if (type === 1) {
      if (size < 20) throw bad;
      interfaces.push(readInterface(view, at, size, little, bad));
    } else if (type === 2 || type === 6) {
      if (size < 32) throw bad;
      const length = u32(20);
      if (length > size - 32) throw bad;
      const source = interfaces[type === 6 ? u32(8) : u16(8)];
      if (source === undefined) throw bad;
      if (!SUPPORTED.includes(source.linkType)) throw new Fault('FORMAT', at);
      const ticks = BigInt(u32(12)) * 0x100000000n + BigInt(u32(16));
      const power = BigInt(source.resolution & 127);
      const perSecond = source.resolution > 127 ? 2n ** power : 10n ** power;
      const whole = BigInt.asUintN(32, ticks / perSecond + source.offset);
      const ns = whole * 1_000_000_000n + ((ticks % perSecond) * 1_000_000_000n) / perSecond;
      push(out, file, source.linkType, ns, at + 28, length, u32(24));
    } else if (type === 3) {
      const source = interfaces[0];
      if (size < 16 || source === undefined) throw bad;
      const wire = u32(8);
      const length = source.snap === 0 ? wire : Math.min(wire, source.snap);
      if (length > size - 16) throw bad;
      if (!SUPPORTED.includes(source.linkType)) throw new Fault('FORMAT', at);
      push(out, file, source.linkType, 0n, at + 12, length, wire);
    }
    at += size;
  }
}

function readInterface(view: DataView, at: number, size: number, little: boolean, bad: Fault): Interface {
  const found = {
    linkType: view.getUint16(at + 8, little),
    snap: view.getUint32(at + 12, little),
    resolution: 6,
    offset: 0n,
  };
  for (let option = at + 16; option + 4 <= at + size - 4; ) {
    const code = view.getUint16(option, little);
    const length = view.getUint16(option + 2, little);
    if (code === 0) break;
    if (option + 4 + length > at + size - 4) throw bad;
    if (code === 9) {
      if (length !== 1) throw bad;
      found.resolution = view.getUint8(option + 4);
    }
    if (code === 14) {
      if (length !== 8) throw bad;
      found.offset = view.getBigInt64(option + 4, little);
    }
    option += 4 + Math.ceil(length / 4) * 4;
  }
  return found;
}
