/** What does it cost to open an ESP packet, and to find its SA? */
import { createSa, EspOpener, OPEN_OK, type Sa, type SaConfig, SaState, SaTable, seal } from '../src/esp/index.ts';
import { createKernels } from '../src/kernels/create.ts';
import { createFrameMemory } from '../src/memory/frame-memory.ts';
import { put32, u32 } from '../src/wire/bytes.ts';
import type { Case, Round } from './harness.ts';
import { Random } from './random.ts';

const PACKETS = 256;
const SLOT = 2048;
/** Behind an Ethernet header, as a lane has it. */
const TARGET = (PACKETS + 1) * SLOT + 14;
const LOOK_UPS = 65_536;

const hex = (bytes: number): string => Array.from({ length: bytes }, (_, i) => (i + 16).toString(16)).join('');

const GCM_256 = { aead: 'aes-gcm', key: hex(36) };
const TRANSFORMS: readonly [name: string, transform: SaConfig['transform']][] = [
  ['gcm128', { aead: 'aes-gcm', key: hex(20) }],
  ['ccm128', { aead: 'aes-ccm', key: hex(19) }],
  ['chacha20poly1305', { aead: 'chacha20-poly1305', key: hex(36) }],
  ['cbc128_sha256', { cipher: 'aes-cbc', key: hex(16), auth: 'hmac-sha256', authKey: hex(32) }],
  ['null_sha1', { cipher: 'null', auth: 'hmac-sha1', authKey: hex(20) }],
  ['null_none', { cipher: 'null', auth: 'none' }],
];

/** `payload` bytes in each ESP packet, padding and trailer not counted; a window of 1024, as the peers have it. */
function opening(transform: SaConfig['transform'], payload: number): Round {
  const sa = createSa({ spi: 0x1001, dst: '198.51.100.1', mode: 'transport', transform, replayWindow: 1024 });
  const memory = createFrameMemory(TARGET + 2 * SLOT);
  const bytes = new Uint8Array(memory.buffer);
  const state = SaState.create([sa]);
  const opener = new EspOpener(bytes, [sa], state, { kernels: createKernels(memory, bytes) });
  const ends = packets(sa, payload, bytes);
  const run = (): number => {
    let length = 0;
    for (let i = 0; i < PACKETS; i++) {
      const verdict = opener.open(0, (i + 1) * SLOT, ends[i], TARGET, SLOT);
      if (verdict !== OPEN_OK) throw new Error(`verdict ${verdict}`);
      length += opener.length;
    }
    return length;
  };
  if (run() !== PACKETS * payload) throw new Error('not all of the payload was opened');
  return { items: PACKETS, prepare: () => state.restartWindow(0), run };
}

/** Packet i lies in slot i + 1; returns where each ends. */
function packets(sa: Sa, payload: number, bytes: Uint8Array): Int32Array {
  const random = new Random(0x55555555, 0x55555555);
  const plain = new Uint8Array(payload);
  const ends = new Int32Array(PACKETS);
  for (let i = 0; i < PACKETS; i++) {
    random.fill(plain, 0, payload);
    const packet = seal(sa, i + 1, plain, 17);
    bytes.set(packet, (i + 1) * SLOT);
    ends[i] = (i + 1) * SLOT + packet.length;
  }
  return ends;
}

/** Random SAs of one gateway's addresses, looked up in random order. */
function lookUp(count: number): Round {
  const random = new Random(0x0badcafe, 0x0badcafe);
  const sas = Array.from({ length: count }, (_, i) => ({
    spi: (random.next() & 0x7fff0000) | (i & 0xffff),
    dstBytes: Uint8Array.of(198, 51, 100 + (i >> 16), random.below(4)),
  }));
  const table = SaTable.create(sas);
  // as in packets: the destination in the frame memory, and the SPI that dissection read
  const bytes = new Uint8Array(createFrameMemory(4 * LOOK_UPS).buffer);
  const spis = new Int32Array(LOOK_UPS);
  for (let i = 0; i < LOOK_UPS; i++) {
    const sa = sas[random.below(count)];
    put32(bytes, 4 * i, u32(sa.dstBytes, 0));
    spis[i] = sa.spi;
  }
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < LOOK_UPS; i++) {
      const sa = table.lookup(bytes, 4 * i, false, spis[i]);
      if (sa < 0) throw new Error('an SA was not found');
      sum += sa;
    }
    return sum;
  };
  return { items: LOOK_UPS, run };
}

export const cases: readonly Case[] = [
  ...[64, 512, 1400].map((bytes) => ({ name: `open_gcm256_${bytes}`, bytes, make: () => opening(GCM_256, bytes) })),
  ...TRANSFORMS.map(([name, transform]) => ({
    name: `open_${name}_1400`,
    bytes: 1400,
    make: () => opening(transform, 1400),
  })),
  ...[1, 1000, 100_000].map((count) => ({ name: `sa_lookup_${count}`, bytes: 0, make: () => lookUp(count) })),
];
