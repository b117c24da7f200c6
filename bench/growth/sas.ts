/** What does a packet cost with 1 to 100,000 SAs: to find its owner lane, and to open it, without cryptography and with it? */
import type { FrameBatch } from '../../src/capture/frame-batch.ts';
import {
  createSa,
  type Sa,
  type SaConfig,
  SaLifeState,
  SaRecords,
  SaSelectors,
  SaState,
  SaTable,
  sealTunnel,
} from '../../src/esp/index.ts';
import { put32 } from '../../src/wire/bytes.ts';
import { espFrames } from '../frames.ts';
import { PACKETS, polling } from '../lane.ts';
import { Random } from '../random.ts';
import { drain, makeRig, place, type Rig } from '../rig.ts';
import { segments, wrapped } from '../segments.ts';
import { NULL_NONE } from '../traffic.ts';
import { memoryUse } from './memory.ts';
import { firstFlow, setSource } from './other-flow.ts';
import type { Point, PointRound } from './point.ts';

const BURST = 256;
const ROUND = 8192;
/** Of the SPI in an Ethernet frame. */
const SPI = 34;
/** With headers, 64 bytes of inner packet: what an SA costs counts most there. */
const INNER_PAYLOAD = 12;
/** SAs from which on bytes of the resident set can be told from noise. */
const MANY = 1000;
/** Room that a receiver makes at least. */
const LEAST_SAS = 1024;

/** Of two gateways, with SPIs all over the place, each with a key of its own. */
function saOf(index: number, isProtected: boolean): Sa {
  const key = `${index.toString(16).padStart(8, '0')}${'5a'.repeat(32)}`;
  const transform: SaConfig['transform'] = isProtected ? { aead: 'aes-gcm', key } : NULL_NONE;
  const spi = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return createSa({ spi, src: '203.0.113.1', dst: '198.51.100.1', mode: 'tunnel', transform });
}

const sasOf = (count: number, isProtected: boolean): Sa[] =>
  Array.from({ length: count }, (_, i) => saOf(i, isProtected));

/** What grows with the number of SAs: their table, groups, owners, tails, state, lives, selectors and records. */
function tableBytes({ options }: Rig): number {
  const { maxSas, maxSelectors } = options.esp!;
  return (
    SaTable.bytes(maxSas) +
    3 * 4 * maxSas +
    SaState.bytes(maxSas) +
    SaLifeState.bytes(maxSas) +
    SaSelectors.bytes(maxSelectors) +
    recordBytes(maxSas)
  );
}

const recordBytes = (maxSas: number): number => SaRecords.create(maxSas).byteLength;

const reservedBytes = ({ bytes, options }: Rig): number => bytes.length + recordBytes(options.esp!.maxSas);

/** Bursts into the rings of four lanes, of SAs in random order. */
function placing(count: number): PointRound {
  const sas = sasOf(count, false);
  const rig = makeRig({ sas });
  const { bytes, dispatcher, consumers } = rig;
  const batch = place(espFrames(64, sas).slice(0, ROUND), bytes, rig.options.layout.windows);
  const random = new Random(0x2545f491, 0x4f6cdd1d);
  const run = (): number => {
    let sum = 0;
    for (let from = 0; from < ROUND; from = batch.count) {
      batch.count = Math.min(from + BURST, ROUND);
      if (dispatcher.pushBatch(batch, from) !== batch.count - from) throw new Error('a lane was full');
      for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane])) | 0;
    }
    return sum;
  };
  return {
    items: ROUND,
    reserved: reservedBytes(rig),
    tables: tableBytes(rig),
    prepare() {
      for (let i = 0; i < ROUND; i++) put32(bytes, batch.offsets[i] + SPI, sas[random.below(count)].spi);
    },
    run,
  };
}

/**
 * What the memory takes for the same: an entry, a group, an owner, each telling where the next one is, and a tail that is written.
 *
 * @param inTurn where the next entry is hangs on what was read before: see `flows.ts`
 */
function bareReads(count: number, inTurn: boolean): PointRound {
  const maxSas = Math.max(LEAST_SAS, count);
  const table = new Int32Array(new SharedArrayBuffer(SaTable.bytes(maxSas)));
  const [units, owners, tails] = [0, 1, 2].map(() => new Int32Array(new SharedArrayBuffer(4 * maxSas)));
  // The first 8 words of a table are its head.
  const mask = (table.length >> 3) - 2;
  const places = new Int32Array(count);
  for (let slot = 0; slot < count; slot++) {
    // As far from each other as a hash would put them: an odd number times their own.
    places[slot] = (Math.imul(slot, 0x9e3779b1) & mask) << 3;
    table[places[slot]] = slot;
    units[slot] = slot;
  }
  return reading(places, table.byteLength + 3 * units.byteLength, inTurn, (entry, i) => {
    const unit = units[table[entry]];
    tails[unit] = i;
    // Words of entries and owners that stay 0.
    return table[entry + 1] | owners[unit];
  });
}

/**
 * What the memory takes for the SA in a lane: facts that are read; counters, a window and a life that are written. Keys come on top. Each
 * address hangs on what was read before, of the same SA too.
 */
function bareState(count: number): PointRound {
  const maxSas = Math.max(LEAST_SAS, count);
  const facts = new Int32Array(new SharedArrayBuffer(32 * maxSas));
  const [counters, windows] = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(64 * maxSas)));
  const lives = new Int32Array(new SharedArrayBuffer(SaLifeState.bytes(maxSas)));
  const life = lives.length / maxSas;
  const slots = shuffled(count);
  const tables = facts.byteLength + 2 * counters.byteLength + lives.byteLength;
  return reading(slots, tables, true, (slot, i) => {
    const fact = facts[slot << 3];
    const counted = counters[((slot | fact) << 4) + 1];
    const top = windows[((slot | counted) << 4) + 1];
    counters[slot << 4] = i;
    windows[slot << 4] = i;
    return lives[(slot | top) * life];
  });
}

/** Reads at `places` in random order. `read` returns 0, which the processor cannot know. */
function reading(
  places: Int32Array,
  tables: number,
  inTurn: boolean,
  read: (place: number, i: number) => number,
): PointRound {
  const order = new Int32Array(ROUND);
  const random = new Random(0x9e3779b9, 0x12345678);
  const carried = inTurn ? -1 : 0;
  return {
    items: ROUND,
    reserved: tables,
    tables,
    prepare() {
      for (let i = 0; i < ROUND; i++) order[i] = places[random.below(places.length)];
    },
    run() {
      let sum = 0;
      for (let i = 0; i < ROUND; i++) sum |= read(order[i] + (sum & carried), i);
      return sum;
    },
  };
}

/** Packets of all SAs, sealed, one behind the other; the SA of each. */
interface Sealed {
  readonly bytes: Uint8Array;
  /** Bytes of a frame: all are as long. */
  readonly length: number;
  readonly count: number;
  readonly sas: Int32Array;
}

/** A multiple of a round, of SAs in random order; each packet of an SA has the next sequence number, and a flow of its own: none merges. */
function seal(sas: readonly Sa[]): Sealed {
  const [inner] = segments({ count: 1, flows: 1, payload: INNER_PAYLOAD });
  const count = Math.ceil(sas.length / PACKETS) * PACKETS;
  const order = shuffled(sas.length);
  const numbers = Int32Array.from({ length: count }, (_, i) => order[i % sas.length]);
  let bytes = new Uint8Array(0);
  let length = 0;
  for (let i = 0; i < count; i++) {
    setSource(inner, 0, firstFlow + i);
    const frame = wrapped(inner, (packet) => sealTunnel(sas[numbers[i]], 1 + Math.floor(i / sas.length), packet));
    if (i === 0) {
      length = frame.length;
      bytes = new Uint8Array(count * length);
    }
    bytes.set(frame, i * length);
  }
  return { bytes, length, count, sas: numbers };
}

function shuffled(count: number): Int32Array {
  const random = new Random(0x13579bdf, 0x2468ace1);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/**
 * A lane that opens packets of SAs in random order. The packets of a round are copied to where those of the one before were, so that
 * they lie in the cache whatever the number of SAs, and the windows of their SAs start again.
 */
function opening(count: number, isProtected: boolean, inputMade: () => void): PointRound {
  const sas = sasOf(count, isProtected);
  const { bytes, length, count: total, sas: numbers } = seal(sas);
  const first = Array.from({ length: PACKETS }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
  inputMade();
  const before = memoryUse().resident;
  let state: SaState | undefined;
  let at = 0;
  let made = 0;
  const next = (rig: Rig, batch: FrameBatch): void => {
    if (state === undefined) {
      made = memoryUse().resident;
      state = new SaState(rig.control.buffer, rig.control.places.saState, rig.options.esp!.maxSas);
    }
    for (let i = 0; i < PACKETS; i++) {
      const from = (at + i) * length;
      rig.bytes.set(bytes.subarray(from, from + length), batch.offsets[i]);
      // SAs have slots in their order.
      state.restartWindow(numbers[at + i], 0n);
    }
    at = (at + PACKETS) % total;
  };
  const { rig, ...round } = polling(first, { sas }, next);
  // A lane makes what it opens an SA's packets with when the first one comes; that is not what is timed.
  for (let done = PACKETS; done < total; done += PACKETS) {
    round.prepare!();
    round.run();
  }
  const used = memoryUse().resident;
  const [choice] = rig.sas.inUse();
  return {
    ...round,
    reserved: reservedBytes(rig),
    tables: tableBytes(rig),
    facts: () => ({
      crypto: choice.bursts ?? choice.backend,
      ...(count < MANY ? {} : { bytesPerSa: { made: (made - before) / count, used: (used - before) / count } }),
    }),
  };
}

const SAS = [1, 10, 100, 1000, 10_000, 100_000];

const SERIES: readonly [
  series: string,
  name: string,
  bytes: number,
  make: (count: number, inputMade: () => void) => PointRound,
][] = [
  ["dispatch by the SA's owner", 'dispatch', 64, placing],
  ['bare reads of equal tables', 'bare', 0, (count) => bareReads(count, false)],
  ['the same, one after the other', 'bare_chain', 0, (count) => bareReads(count, true)],
  ["bare reads of the SA's state, one after the other", 'bare_state', 0, bareState],
  ['lane, ESP without cryptography, 64 bytes', 'lane_null', 64, (count, inputMade) => opening(count, false, inputMade)],
  ['lane, AES-256-GCM, 64 bytes', 'lane_gcm', 64, (count, inputMade) => opening(count, true, inputMade)],
];

export const points: readonly Point[] = SERIES.flatMap(([series, name, bytes, make]) =>
  SAS.map((x) => ({
    name: `sas_${name}_${x}`,
    chart: 'sas',
    series,
    x,
    bytes,
    make: (_, inputMade) => make(x, inputMade),
  })),
);
