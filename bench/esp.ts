/** What does it cost to open an ESP packet, and to find its SA? */
import {
  AHEAD_BYTES,
  AHEAD_PACKETS,
  Ahead,
  Crypto,
  type CryptoName,
  createSa,
  EspOpener,
  OPEN_OK,
  type Sa,
  type SaConfig,
  SaState,
  SaTable,
  seal,
} from '../src/esp/index.ts';
import { createKernels } from '../src/kernels/create.ts';
import { createFrameMemory } from '../src/memory/frame-memory.ts';
import { put32, u32 } from '../src/wire/bytes.ts';
import type { Case, Round } from './harness.ts';
import { Random } from './random.ts';
import { GCM_256 } from './traffic.ts';

/** Of all packets of a round together, so that they stay in the processor's cache as the peers' do. */
const BYTES = 512 << 10;
const LOOK_UPS = 65_536;

const hex = (bytes: number): string => Array.from({ length: bytes }, (_, i) => (i + 16).toString(16)).join('');

/** Besides AES-256-GCM, by the peers' names. */
export const TRANSFORMS: readonly [name: string, transform: SaConfig['transform']][] = [
  ['gcm128', { aead: 'aes-gcm', key: hex(20) }],
  ['ccm128', { aead: 'aes-ccm', key: hex(19) }],
  ['chacha20poly1305', { aead: 'chacha20-poly1305', key: hex(36) }],
  ['cbc128_sha256', { cipher: 'aes-cbc', key: hex(16), auth: 'hmac-sha256', authKey: hex(32) }],
  ['null_sha1', { cipher: 'null', auth: 'hmac-sha1', authKey: hex(20) }],
  ['null_none', { cipher: 'null', auth: 'none' }],
];

/** `payload` bytes in each ESP packet, padding and trailer not counted; a window of 1024, as the peers have it. */
function opening(transform: SaConfig['transform'], payload: number, name: CryptoName, together = false): Round {
  const sa = createSa({ spi: 0x1001, dst: '198.51.100.1', mode: 'transport', transform, replayWindow: 1024 });
  const slot = payload > 1500 ? 9216 : 2048;
  const count = Math.floor(BYTES / slot);
  // behind an Ethernet header, as a lane has it
  const target = (count + 1) * slot + 14;
  const aheadAt = (target + 2 * slot + 63) & ~63;
  const memory = createFrameMemory(aheadAt + AHEAD_BYTES);
  const bytes = new Uint8Array(memory.buffer);
  const state = SaState.create([sa]);
  const backend = new Crypto(name);
  const burst = together ? backend.burst : undefined;
  if (!together && backend.choose(sa).backend !== name) throw new Error(`${name} does not take ${sa.transform.name}`);
  const opener = new EspOpener(bytes, [sa], state, {
    backend,
    kernels: createKernels(memory, bytes),
    ...(burst === undefined ? {} : { ahead: new Ahead(bytes, aheadAt, burst) }),
  });
  const ends = packets(sa, payload, bytes, count, slot);
  const run = (): number => {
    let length = 0;
    for (let i = 0; i < count; i++) {
      if (together && i % AHEAD_PACKETS === 0) {
        opener.forgetAhead();
        for (let k = i; k < count && k < i + AHEAD_PACKETS; k++) opener.lookAhead(0, (k + 1) * slot, ends[k]);
        opener.runAhead();
      }
      const verdict = opener.open(0, (i + 1) * slot, ends[i], target, slot);
      if (verdict !== OPEN_OK) throw new Error(`verdict ${verdict}`);
      length += opener.length;
    }
    return length;
  };
  if (run() !== count * payload) throw new Error('not all of the payload was opened');
  return { items: count, prepare: () => state.restartWindow(0, sa.initialSeq), run, close: () => backend.close() };
}

/** Packet i lies in slot i + 1; returns where each ends. */
function packets(sa: Sa, payload: number, bytes: Uint8Array, count: number, slot: number): Int32Array {
  const random = new Random(0x55555555, 0x55555555);
  const plain = new Uint8Array(payload);
  const ends = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    random.fill(plain, 0, payload);
    const packet = seal(sa, i + 1, plain, 17);
    bytes.set(packet, (i + 1) * slot);
    ends[i] = (i + 1) * slot + packet.length;
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

/** Sealing, as generators and tunnels do it: by node:crypto, a packet an object. */
function sealing(transform: SaConfig['transform'], payload: number): Round {
  const sa = createSa({ spi: 0x1001, dst: '198.51.100.1', mode: 'transport', transform });
  const plain = new Uint8Array(payload);
  new Random(0x55555555, 0x55555555).fill(plain, 0, payload);
  let sequence = 0;
  const run = (): number => {
    let bytes = 0;
    for (let i = 0; i < 64; i++) bytes += seal(sa, ++sequence, plain, 17).length;
    return bytes;
  };
  return { items: 64, run };
}

/** The backends that this machine has, the slowest first; and whether one takes a transform itself. */
const crypto = new Crypto();
export const BACKENDS: readonly CryptoName[] = (['node', 'openssl', 'ipsec-mb'] as const).filter(
  (name) => crypto.why(name) === undefined,
);
const takes = (name: CryptoName, transform: SaConfig['transform']): boolean => {
  const one = new Crypto(name);
  const sa = createSa({ spi: 1, dst: '192.0.2.1', mode: 'tunnel', transform });
  const taken = one.choose(sa).backend === name;
  one.close();
  return taken;
};

const inBursts = (transform: SaConfig['transform']): boolean =>
  crypto.burst?.takes(createSa({ spi: 1, dst: '192.0.2.1', mode: 'tunnel', transform })) ?? false;

/** By each backend, one by one and in bursts, held against node:crypto. */
function byBackend(name: string, bytes: number, transform: SaConfig['transform']): Case[] {
  const ways = BACKENDS.filter((backend) => takes(backend, transform)).map((backend) => ({ backend, together: false }));
  if (inBursts(transform)) ways.push({ backend: 'ipsec-mb', together: true });
  return ways.map(({ backend, together }) => ({
    name: `${name}_${bytes}_${backend}${together ? '_burst' : ''}`,
    bytes,
    ...(backend === 'node' ? {} : { against: `${name}_${bytes}_node` }),
    make: () => opening(transform, bytes, backend, together),
  }));
}

export const cases: readonly Case[] = [
  ...[64, 512, 1400, 9000].flatMap((bytes) => byBackend('open_gcm256', bytes, GCM_256)),
  ...TRANSFORMS.flatMap(([name, transform]) => byBackend(`open_${name}`, 1400, transform)),
  ...[64, 512, 1400, 9000].map((bytes) => ({
    name: `seal_gcm256_${bytes}`,
    bytes,
    make: () => sealing(GCM_256, bytes),
  })),
  ...TRANSFORMS.map(([name, transform]) => ({
    name: `seal_${name}_1400`,
    bytes: 1400,
    make: () => sealing(transform, 1400),
  })),
  ...[1, 100, 1000, 10_000, 100_000].map((count) => ({
    name: `sa_lookup_${count}`,
    bytes: 0,
    make: () => lookUp(count),
  })),
];
crypto.close();
