/** The bundled captures of ESP, their SAs, and what must come of them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createSas, parseSaFile, type Sa } from '../../src/esp/index.ts';

const FOLDER = new URL('../captures/esp/', import.meta.url);

export interface ExpectedFlow {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Trimmed from the manifest of those who made the captures. */
export interface Expected {
  readonly totals: Readonly<Record<string, number>>;
  readonly sas: readonly {
    readonly spi: string;
    readonly dst: string;
    readonly ok: number;
    readonly dummy: number;
    readonly failed: Readonly<Record<string, number>>;
  }[];
  readonly tcp: readonly ExpectedFlow[];
  readonly udp: readonly ExpectedFlow[];
}

export interface Capture {
  readonly name: string;
  readonly path: string;
  readonly sas: Sa[];
  readonly expected: Expected;
}

export const CAPTURE_NAMES = [
  'linux_many',
  'linux_mx_tunnel_4_raw',
  'scapy_fragments',
  'scapy_neg_bitflip',
  'scapy_neg_replay',
  'scapy_natt_transport_rewritten',
] as const;

export function capture(name: string): Capture {
  const text = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');
  return {
    name,
    path: fileURLToPath(new URL(`${name}.pcap`, FOLDER)),
    sas: createSas(parseSaFile(text(`${name}.sas.json`), name)),
    expected: (JSON.parse(text('flows.json')) as { captures: Record<string, Expected> }).captures[name],
  };
}

/** All frames of a classic little-endian pcap file. */
export function framesOf(path: string): Uint8Array[] {
  const file = readFileSync(path);
  const frames: Uint8Array[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    frames.push(Uint8Array.from(file.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return frames;
}
