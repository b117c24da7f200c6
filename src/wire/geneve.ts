/** Geneve. RFC 8926 section 3. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

/** Version (2 bits) and words of options (6). */
export const GENEVE_VERSION = 0;
export const GENEVE_FLAGS = 1;
export const GENEVE_PROTOCOL = 2;
export const GENEVE_VNI = 4;
/** Bytes without options. */
export const GENEVE_HEADER = 8;
/** A control packet: what is inside is no tenant's. */
export const GENEVE_FLAG_CONTROL = 0x80;
/** Options that the tunnel's end must understand are there; who only looks on goes past them. */
export const GENEVE_FLAG_CRITICAL = 0x40;
export const UDP_PORT_GENEVE = 6081;

/** Of an option: class 0, type 2, words of data behind its 4 bytes in the low 5 bits of 3. */
export const GENEVE_OPTION_HEADER = 4;

/**
 * `BAD_NONE`, or why this is no Geneve header: not all there, another version, or options that do not add up to the length
 * that the header says (section 3.5: such packets are invalid).
 */
export function checkGeneve(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < GENEVE_HEADER) return BAD_L4_SHORT;
  if (bytes[off + GENEVE_VERSION] >> 6 !== 0) return BAD_L4_LENGTH;
  const stop = (off + geneveLength(bytes, off)) | 0;
  if (stop > end) return BAD_L4_SHORT;
  let at = (off + GENEVE_HEADER) | 0;
  while (at < stop) at = (at + geneveOptionLength(bytes, at)) | 0;
  return at === stop ? BAD_NONE : BAD_L4_LENGTH;
}

/** Bytes of the header with its options: 8 to 260. */
export function geneveLength(bytes: Uint8Array, off: number): number {
  return GENEVE_HEADER + ((bytes[off + GENEVE_VERSION] & 0x3f) << 2);
}

export function geneveFlags(bytes: Uint8Array, off: number): number {
  return bytes[off + GENEVE_FLAGS];
}

/** EtherType of what is inside. */
export function geneveProtocol(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + GENEVE_PROTOCOL);
}

export function geneveVni(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + GENEVE_VNI) >>> 8;
}

/** Bytes of the option at `off`: 4 to 128. */
export function geneveOptionLength(bytes: Uint8Array, off: number): number {
  return GENEVE_OPTION_HEADER + ((bytes[off + 3] & 0x1f) << 2);
}

/** Writes 8 bytes, without options. */
export function emitGeneve(bytes: Uint8Array, off: number, vni: number, protocol: number): void {
  put16(bytes, off + GENEVE_VERSION, 0);
  put16(bytes, off + GENEVE_PROTOCOL, protocol);
  put32(bytes, off + GENEVE_VNI, vni << 8);
}

export interface GeneveDescription {
  vni: number;
  protocol: number;
  control: boolean;
  critical: boolean;
  /** `length` in bytes, its 4 of header included. */
  options: { class: number; type: number; length: number }[];
}

export function describeGeneve(bytes: Uint8Array, off: number): GeneveDescription {
  const options: GeneveDescription['options'] = [];
  const stop = off + geneveLength(bytes, off);
  for (let at = off + GENEVE_HEADER; at < stop; at += geneveOptionLength(bytes, at)) {
    options.push({ class: u16(bytes, at), type: bytes[at + 2], length: geneveOptionLength(bytes, at) });
  }
  const flags = geneveFlags(bytes, off);
  return {
    vni: geneveVni(bytes, off),
    protocol: geneveProtocol(bytes, off),
    control: (flags & GENEVE_FLAG_CONTROL) !== 0,
    critical: (flags & GENEVE_FLAG_CRITICAL) !== 0,
    options,
  };
}
