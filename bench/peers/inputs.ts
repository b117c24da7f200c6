/**
 * What both sides work on, made by our own generators and given to the peers as a file: the same tuples, frames and packets, byte
 * for byte. Beside each stands a number that a peer must make of it too, or it does not do the same work.
 */
import { createSa, type SaConfig, seal } from '../../src/esp/index.ts';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { Toeplitz } from '../../src/hash/toeplitz.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { emitEthernet } from '../../src/wire/ethernet.ts';
import { emitIpv4, setIpv4Checksum } from '../../src/wire/ipv4.ts';
import { peerFrames } from '../frames.ts';
import { Random } from '../random.ts';
import { MSS, segments } from '../segments.ts';

export interface Input {
  readonly records: readonly Uint8Array[];
  /** An unsigned number of 32 bits. */
  readonly check: number;
}

const TUPLES = 65_536;
/** Of a round, as many as ours has in its own. */
const SEGMENTS = 512;
const BURST = 64;
const PACKETS = 256;
const PAYLOAD = 1400;

/** Check: the exclusive or of all hashes. */
function tuples(length: 12 | 36, seed: number): Input {
  // room for the last read: the hash loads whole words
  const bytes = new Uint8Array(TUPLES * length + 64);
  new Random(seed, seed).fill(bytes, 0, TUPLES * length);
  const toeplitz = new Toeplitz(microsoftKey());
  let check = 0;
  for (let off = 0; off < TUPLES * length; off += length) {
    check ^= length === 12 ? toeplitz.hash12(bytes, off) : toeplitz.hash36(bytes, off);
  }
  return { records: [bytes.subarray(0, TUPLES * length)], check: check >>> 0 };
}

/** Check: the sum of all hashes. */
function frames(uniform: boolean): Input {
  const records = peerFrames(64, uniform);
  const hasher = new FlowHasher({ key: microsoftKey() });
  const d = new Dissection();
  let check = 0;
  for (const frame of records) {
    dissect(frame, 0, frame.length, 1, d);
    check = (check + hasher.hash(frame, d)) | 0;
  }
  return { records, check: check >>> 0 };
}

/** Check: how many packets are left when all is merged that a super-packet of 64 KiB holds. */
function streams(flows: number): Input {
  const perBurst = flows * Math.ceil((BURST * MSS) / flows / 65_000);
  return { records: segments({ count: SEGMENTS, flows }), check: (SEGMENTS / BURST) * perBurst };
}

/** Of the SA's key and salt: a byte each. */
const hex = (bytes: number): string => Array.from({ length: bytes }, (_, i) => (i + 16).toString(16)).join('');

/** Key and salt, then each frame and the payload that is in it. Check: bytes of all payloads. */
function esp(transform: SaConfig['transform']): Input {
  const dst = Uint8Array.of(198, 51, 100, 1);
  const sa = createSa({ spi: 0x1001, dst: '198.51.100.1', mode: 'transport', transform, replayWindow: 1024 });
  const secret = 'aead' in transform ? Uint8Array.from(Buffer.from(transform.key, 'hex')) : new Uint8Array(0);
  const random = new Random(0x55555555, 0x55555555);
  const records = [secret];
  for (let i = 0; i < PACKETS; i++) {
    const payload = new Uint8Array(PAYLOAD);
    random.fill(payload, 0, PAYLOAD);
    const packet = seal(sa, i + 1, payload, 17);
    const frame = new Uint8Array(34 + packet.length);
    emitEthernet(frame, 0, Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2), 0x0800);
    emitIpv4(frame, 14, Uint8Array.of(203, 0, 113, 1), dst, 50, 20 + packet.length);
    setIpv4Checksum(frame, 14);
    frame.set(packet, 34);
    records.push(frame, payload);
  }
  return { records, check: PACKETS * PAYLOAD };
}

export const inputs: Readonly<Record<string, () => Input>> = {
  tuples12: () => tuples(12, 0x11111111),
  tuples36: () => tuples(36, 0x22222222),
  uniform: () => frames(true),
  mix: () => frames(false),
  '1flow': () => streams(1),
  '16flows': () => streams(16),
  gcm256: () => esp({ aead: 'aes-gcm', key: hex(36) }),
  ccm128: () => esp({ aead: 'aes-ccm', key: hex(19) }),
  chacha20poly1305: () => esp({ aead: 'chacha20-poly1305', key: hex(36) }),
  null: () => esp({ cipher: 'null', auth: 'none' }),
};

/** The file of an input: of each record its length in 32 bits, little endian, and its bytes. */
export function inputFile({ records }: Input): Uint8Array {
  const file = new Uint8Array(records.reduce((sum, record) => sum + 4 + record.length, 0));
  const view = new DataView(file.buffer);
  let at = 0;
  for (const record of records) {
    view.setUint32(at, record.length, true);
    file.set(record, at + 4);
    at += 4 + record.length;
  }
  return file;
}
