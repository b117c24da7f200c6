import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SaTable } from '../../src/esp/index.ts';

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
