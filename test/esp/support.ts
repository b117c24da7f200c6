/** What the tests of ESP share: SAs of every transform, an opener with memory around it, and ESP packets out of captures. */
import { readFileSync } from 'node:fs';
import {
  createSa,
  createSas,
  EspOpener,
  type OpenOptions,
  type Sa,
  type SaConfig,
  SaState,
  seal,
} from '../../src/esp/index.ts';

type TransformConfig = SaConfig['transform'];

/** Hex of `bytes` bytes that count up from `first`. */
export function hexKey(bytes: number, first = 1): string {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => first + i)).toString('hex');
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

function aeads(): TransformConfig[] {
  const all: TransformConfig[] = [];
  for (const bytes of [16, 24, 32]) {
    for (const icvBits of [64, 96, 128]) {
      all.push(
        { aead: 'aes-gcm', key: hexKey(bytes + 4), icvBits },
        { aead: 'aes-ccm', key: hexKey(bytes + 3), icvBits },
      );
    }
    all.push({ aead: 'aes-gmac', key: hexKey(bytes + 4) });
  }
  all.push({ aead: 'chacha20-poly1305', key: hexKey(36) });
  return all;
}

const AUTHS: readonly [auth: string, keyBytes: number, icvBits: number][] = [
  ['hmac-md5', 16, 96],
  ['hmac-sha1', 20, 96],
  ['hmac-sha256', 32, 128],
  ['hmac-sha256', 32, 96],
  ['hmac-sha384', 48, 192],
  ['hmac-sha512', 64, 256],
  ['aes-xcbc', 16, 96],
  ['aes-cmac', 16, 96],
];

function combined(): TransformConfig[] {
  const all: TransformConfig[] = [];
  for (const [auth, keyBytes, icvBits] of AUTHS) {
    const authKey = hexKey(keyBytes, 0x80);
    all.push({ cipher: 'null', auth, authKey, icvBits });
    for (const bytes of [16, 24, 32]) {
      all.push({ cipher: 'aes-cbc', key: hexKey(bytes), auth, authKey, icvBits });
      all.push({ cipher: 'aes-ctr', key: hexKey(bytes + 4), auth, authKey, icvBits });
    }
  }
  return all;
}

export const NULL_NONE: TransformConfig = { cipher: 'null', auth: 'none' };
/** Every transform that authenticates. */
export const TRANSFORMS: readonly TransformConfig[] = [...aeads(), ...combined()];

export function saConfig(transform: TransformConfig, more: Partial<SaConfig> = {}): SaConfig {
  return { spi: '0x00001001', src: '10.0.0.1', dst: '10.0.0.2', mode: 'tunnel', transform, ...more };
}

/** SAs of all transforms, with and without ESN. */
export function everySa(): Sa[] {
  return [...TRANSFORMS, NULL_NONE].flatMap((transform) => [
    createSa(saConfig(transform)),
    createSa(saConfig(transform, { esn: true, initialSeq: '0x2ffffffe0' })),
  ]);
}

export const title = (sa: Sa): string => `${sa.transform.name}${sa.esn ? ' esn' : ''}`;

/** An opener of SAs on shared memory: the packet lies at `AT`, what is opened goes to `TARGET`. */
export class Bench {
  static readonly AT = 64;
  static readonly TARGET = 70_000;
  static readonly ROOM = 66_000;
  readonly bytes: Uint8Array;
  readonly state: SaState;
  readonly opener: EspOpener;

  constructor(
    sas: readonly Sa[],
    options: OpenOptions = {},
    bytes: Uint8Array = new Uint8Array(new SharedArrayBuffer(140_000)),
    state: SaState = SaState.create(sas),
  ) {
    this.bytes = bytes;
    this.state = state;
    this.opener = new EspOpener(this.bytes, sas, this.state, options);
  }

  open(packet: Uint8Array, sa = 0): number {
    this.bytes.set(packet, Bench.AT);
    return this.opener.open(sa, Bench.AT, Bench.AT + packet.length, Bench.TARGET, Bench.ROOM);
  }

  payload(): Uint8Array {
    return this.bytes.slice(Bench.TARGET, Bench.TARGET + this.opener.length);
  }
}

/** A sealed packet with a payload of `length` bytes that count up in sevens. */
export function sealed(sa: Sa, sequence: bigint | number, length: number, nextHeader = 4): Uint8Array {
  return seal(
    sa,
    sequence,
    Uint8Array.from({ length }, (_, i) => i * 7),
    nextHeader,
  );
}

export interface ManifestSa {
  readonly src: string;
  readonly dst: string;
  readonly spi: string;
  readonly cipher: string;
  readonly enc_key: string;
  readonly auth_key: string;
  readonly icv_bits: number;
  readonly mode: 'tunnel' | 'transport';
  readonly esn: boolean;
  readonly encap: string | null;
  readonly initial_seq: string;
  readonly replay_window: number;
  readonly ok: number;
  readonly dummy: number;
  readonly fail: Readonly<Record<string, number>>;
}

export interface ManifestCapture {
  readonly file: string;
  readonly totals: Readonly<Record<string, number>>;
  readonly frames?: Readonly<Record<string, number>>;
  readonly sas: readonly ManifestSa[];
}

/** Folder of the captures; another one with a manifest of the same form can stand in. */
export const CASES: URL = new URL(process.env.RXSTEER_ESP_CASES ?? '../captures/esp/', import.meta.url);

export function manifest(): readonly ManifestCapture[] {
  return JSON.parse(readFileSync(new URL('manifest.json', CASES), 'utf8')).captures;
}

/** SAs of a capture, in the order of its manifest. */
export function manifestSas(capture: ManifestCapture): Sa[] {
  return createSas(
    capture.sas.map((sa) => ({
      spi: sa.spi,
      src: sa.src,
      dst: sa.dst,
      mode: sa.mode,
      encap: sa.encap === null ? 'none' : 'udp',
      transform: manifestTransform(sa),
      esn: sa.esn,
      initialSeq: sa.initial_seq,
      replayWindow: sa.replay_window,
    })),
  );
}

function manifestTransform(sa: ManifestSa): TransformConfig {
  const icvBits = sa.icv_bits;
  const [enc, auth] = sa.cipher.split('+');
  if (auth === undefined) {
    const aead = enc.startsWith('chacha') ? 'chacha20-poly1305' : `aes-${/gcm|ccm|gmac/.exec(enc)?.[0]}`;
    return { aead, key: sa.enc_key, icvBits };
  }
  const name = auth.startsWith('aes') ? auth.slice(0, 8) : `hmac-${auth.split('-')[1]}`;
  const cipher = enc === 'null' ? 'null' : `aes-${enc.split('-')[1]}`;
  return { cipher, auth: name, authKey: sa.auth_key, icvBits, ...(cipher === 'null' ? {} : { key: sa.enc_key }) };
}

export interface CapturedEsp {
  readonly dst: Uint8Array;
  readonly spi: number;
  readonly packet: Uint8Array;
}

/** The ESP packets of a capture without fragments: classic pcap, Ethernet or raw IP, ESP raw or behind UDP port 4500. */
export function espPackets(file: string): CapturedEsp[] {
  const data = readFileSync(new URL(file, CASES));
  const linkType = data.readUInt32LE(20);
  const packets: CapturedEsp[] = [];
  for (let at = 24; at < data.length; ) {
    const length = data.readUInt32LE(at + 8);
    const ip = at + 16 + (linkType === 1 ? 14 : 0);
    at += 16 + length;
    const isV4 = data[ip] >> 4 === 4;
    const l4 = ip + (isV4 ? (data[ip] & 15) * 4 : 40);
    const end = isV4 ? ip + data.readUInt16BE(ip + 2) : l4 + data.readUInt16BE(ip + 4);
    const dst = Uint8Array.from(isV4 ? data.subarray(ip + 16, ip + 20) : data.subarray(ip + 24, ip + 40));
    const protocol = data[isV4 ? ip + 9 : ip + 6];
    if (protocol !== 50 && protocol !== 17) continue;
    const esp = protocol === 50 ? l4 : l4 + 8;
    if (protocol === 17) {
      const natt = data.readUInt16BE(l4) === 4500 || data.readUInt16BE(l4 + 2) === 4500;
      if (!natt || end - esp < 8 || data.readUInt32BE(esp) === 0) continue;
    }
    packets.push({ dst, spi: data.readUInt32BE(esp), packet: Uint8Array.from(data.subarray(esp, end)) });
  }
  return packets;
}
