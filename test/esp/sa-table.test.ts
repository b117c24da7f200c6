import fc from 'fast-check';
import { Piscina } from 'piscina';
import { describe, expect, it, vi } from 'vitest';
import { type Keyed, SaTable } from '../../src/esp/index.ts';
import { randomNumbers } from '../support/corpus.ts';
import { FOUND, MISSED, READER_WORDS, READS, STOP, type TableReaderTask, WRONG } from './table-reader.ts';

const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const entry = fc.record({ spi: fc.integer({ min: 0, max: 0xffffffff }), dstBytes: address });
const nameOf = (e: { spi: number; dstBytes: Uint8Array }): string => `${e.dstBytes.join('.')} ${e.spi}`;

describe('SaTable', () => {
  it('finds what is there, and nothing else', () => {
    const lists = fc.uniqueArray(entry, { selector: nameOf, maxLength: 200 });
    fc.assert(
      fc.property(lists, fc.array(entry), (sas, others) => {
        const table = SaTable.create(sas);
        const names = new Map(sas.map((sa, i) => [nameOf(sa), i]));
        for (const sa of [...sas, ...others]) {
          const bytes = new Uint8Array(40).fill(0xee);
          bytes.set(sa.dstBytes, 7);
          const expected = names.get(nameOf(sa)) ?? -1;
          expect(table.lookup(bytes, 7, sa.dstBytes.length === 16, sa.spi)).toBe(expected);
          expect(table.lookup(bytes, 7, sa.dstBytes.length === 16, sa.spi | 0)).toBe(expected);
        }
      }),
    );
  });

  it('tells an IPv4 address from an IPv6 address that begins with it', () => {
    const v6 = new Uint8Array(16);
    v6.set([10, 0, 0, 1]);
    const table = SaTable.create([{ spi: 1, dstBytes: v6.slice(0, 4) }]);
    expect(table.lookup(v6, 0, false, 1)).toBe(0);
    expect(table.lookup(v6, 0, true, 1)).toBe(-1);
  });

  it('tells SAs of one SPI apart by destination', () => {
    const sas = [1, 2, 3].map((last) => ({ spi: 0x43000001, dstBytes: Uint8Array.of(10, 0, 0, last) }));
    const table = SaTable.create(sas);
    expect(sas.map((sa) => table.lookup(sa.dstBytes, 0, false, sa.spi))).toEqual([0, 1, 2]);
    expect(table.lookup(Uint8Array.of(10, 0, 0, 4), 0, false, 0x43000001)).toBe(-1);
  });

  it('holds 100,000 SAs, and a second thread attaches to them', () => {
    const sas = Array.from({ length: 100_000 }, (_, i) => ({
      spi: 0x1000 + i,
      dstBytes:
        i % 2 === 0
          ? Uint8Array.of(10, i >> 16, i >> 8, 1)
          : Uint8Array.from({ length: 16 }, (_, k) => (k < 4 ? k : i >> (8 * (k & 1)))),
    }));
    const buffer = new SharedArrayBuffer(64 + SaTable.bytes(sas.length));
    const first = SaTable.make(buffer, 64, sas.length);
    sas.forEach((sa, slot) => {
      first.insert(sa, slot);
    });
    const table = new SaTable(buffer, 64, sas.length);
    expect(table.size).toBe(100_000);
    const wrong = sas.filter((sa, i) => table.lookup(sa.dstBytes, 0, i % 2 === 1, sa.spi) !== i);
    expect(wrong).toEqual([]);
    expect(table.lookup(sas[0].dstBytes, 0, false, 1)).toBe(-1);
  });

  it('answers when it is empty', () => {
    expect(SaTable.create([]).lookup(new Uint8Array(16), 0, true, 0)).toBe(-1);
  });
});

/** Keys of a small table: so few places that probes run into each other and over its end. */
const PLACES = 16;
const KEYS: readonly Keyed[] = Array.from({ length: 24 }, (_, i): Keyed => {
  // IPv4, IPv6, any destination; a quarter of AH.
  const dstBytes = [Uint8Array.of(10, 0, 0, 1), Uint8Array.from({ length: 16 }, (_, k) => k), new Uint8Array(0)][i % 3];
  return { spi: i >> 2, dstBytes, proto: i % 4 === 3 ? 'ah' : 'esp' };
}).filter((key, i, all) => all.findIndex((other) => textOf(other) === textOf(key)) === i);

function textOf({ spi, dstBytes, proto }: Keyed): string {
  return `${proto} ${dstBytes.join('.')} ${spi}`;
}

/** What the table should say about a packet to an address. */
function expected(model: ReadonlyMap<string, number>, key: Keyed, dstBytes: Uint8Array): number {
  return model.get(textOf({ ...key, dstBytes })) ?? model.get(textOf({ ...key, dstBytes: new Uint8Array(0) })) ?? -1;
}

describe('SaTable, as SAs come and go', () => {
  const change = fc.record({ key: fc.nat(KEYS.length - 1), slot: fc.nat(99), move: fc.boolean() });

  it('says what a map says, after each change, and is as new when all have gone', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const table = SaTable.create([], PLACES / 2);
        const model = new Map<string, number>();
        const check = (): void => {
          for (const key of KEYS) {
            const dst = key.dstBytes.length === 0 ? Uint8Array.of(10, 0, 0, 2) : key.dstBytes;
            const v6 = dst.length === 16;
            const want = expected(model, key, dst);
            expect(table.lookup(dst, 0, v6, key.spi, key.proto === 'ah')).toBe(want);
            expect(table.lookupShared(dst, 0, v6, key.spi, key.proto === 'ah')).toBe(want);
          }
          expect(table.size).toBe(model.size);
        };
        for (const { key: at, slot, move } of changes) {
          const key = KEYS[at];
          const there = model.has(textOf(key));
          if (move) {
            expect(table.move(key, slot)).toBe(there);
            if (there) model.set(textOf(key), slot);
          } else if (there) {
            expect(table.remove(key)).toBe(true);
            model.delete(textOf(key));
          } else if (model.size < PLACES / 2) {
            table.insert(key, slot);
            model.set(textOf(key), slot);
          }
          check();
        }
        for (const key of KEYS) expect(table.remove(key)).toBe(model.delete(textOf(key)));
        // Header aside, every word is what it was at first: nothing has to be cleaned.
        expect(new Int32Array(table.buffer).subarray(8).every((word) => word === 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('finds entries that were displaced over the end of the table', () => {
    const table = SaTable.create([], PLACES / 2);
    const words = new Int32Array(table.buffer).subarray(8);
    const dst = Uint8Array.of(10, 0, 0, 1);
    // Their first place is the last one.
    const last: Keyed[] = [];
    for (let spi = 0; last.length < 4; spi++) {
      table.insert({ spi, dstBytes: dst }, 7);
      const isLast = words[8 * (PLACES - 1)] === 8;
      table.remove({ spi, dstBytes: dst });
      if (isLast) last.push({ spi, dstBytes: dst });
    }
    last.forEach((key, slot) => {
      table.insert(key, slot);
    });
    const found = (): number[] => last.map(({ spi }) => table.lookup(dst, 0, false, spi));
    expect(found()).toEqual([0, 1, 2, 3]);
    expect([0, 1, 2].map((place) => words[8 * place])).toEqual([2, 3, 4]);
    table.remove(last[0]);
    expect(found()).toEqual([-1, 1, 2, 3]);
    table.remove(last[2]);
    expect(found()).toEqual([-1, 1, -1, 3]);
    expect([PLACES - 1, 0, 1].map((place) => words[8 * place])).toEqual([2, 4, 0]);
  });

  it('is looked at again by a reader when it has changed meanwhile', () => {
    const writer = SaTable.create([], 4);
    const reader = new SaTable(writer.buffer, 0, 4);
    const [one, two] = sameHome(4, 2);
    writer.insert(one, 1);
    const whole = reader.lookup.bind(reader);
    // The reader has passed the place that the other one moves to, and comes to where it is no more.
    const look = vi.spyOn(reader, 'lookup').mockImplementationOnce(() => {
      writer.remove(one);
      writer.insert(two, 2);
      return -1;
    });
    look.mockImplementation(whole);
    expect(reader.lookupShared(two.dstBytes, 0, false, two.spi)).toBe(2);
    expect(look.mock.calls.length).toBe(2);
  });

  it('is read by another thread, which finds what is there all the while and nothing else', async () => {
    const capacity = 8;
    const random = randomNumbers(9611);
    // All of them have their first place in common, so each that goes has others move up.
    const keys = sameHome(capacity, 6);
    const table = SaTable.create([], capacity);
    const words = new Int32Array(new SharedArrayBuffer(4 * (READER_WORDS + keys.length)));
    const pool = new Piscina({
      filename: new URL('./table-reader.ts', import.meta.url).href,
      maxThreads: 1,
      atomics: 'disabled',
    });
    const reading = pool.run({ buffer: table.buffer, capacity, keys, words } satisfies TableReaderTask);
    let changes = 0;
    // How often the reader looks meanwhile is up to the machine.
    while (Atomics.load(words, READS) < 1_000_000 || changes < 200_000) {
      const i = random(keys.length);
      const at = READER_WORDS + i;
      if ((words[at] & 1) === 1) {
        // Even again: whether it is found is not known from before it goes until after it is there.
        Atomics.add(words, at, 1);
        table.remove(keys[i]);
      } else {
        table.insert(keys[i], 10 * i);
        Atomics.add(words, at, 1);
        if (random(2) === 0) table.move(keys[i], 10 * i + 1);
      }
      if (++changes % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(words, STOP, 1);
    await reading;
    await pool.destroy();
    expect([words[WRONG], words[MISSED]]).toEqual([0, 0]);
    expect(words[FOUND]).toBeGreaterThan(1000);
  });
});

/** Keys with one first place in a table of this capacity. */
function sameHome(capacity: number, count: number): Keyed[] {
  const table = SaTable.create([], capacity);
  const words = new Int32Array(table.buffer).subarray(8);
  const keys: Keyed[] = [];
  for (let spi = 1; keys.length < count; spi++) {
    const key = { spi, dstBytes: Uint8Array.of(10, 0, 0, 1) };
    table.insert(key, 7);
    if (words[8 * 3] === 8) keys.push(key);
    table.remove(key);
  }
  return keys;
}
