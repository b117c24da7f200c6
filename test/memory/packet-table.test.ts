import { expect, it } from 'vitest';
import {
  P_FIRST,
  P_FLAGS,
  P_GRO,
  P_LASTP,
  P_PIECES,
  P_SA,
  P_SEGS,
  P_TOTAL,
  P_UNIT,
  PacketTable,
  ROW_SHIFT,
} from '../../src/memory/packet-table.ts';

it('a row begins as a single packet, whatever was there before', () => {
  const table = new PacketTable(4);
  table.w.fill(77);
  expect(table.row()).toBe(0);
  const row = table.row();
  expect(row).toBe(1);
  const b = row << ROW_SHIFT;
  expect([P_FLAGS, P_SA, P_PIECES, P_UNIT, P_SEGS].map((word) => table.w[b + word])).toEqual([0, 0, 0, 0, 1]);
  expect(table.count).toBe(2);
  table.clear();
  expect(table.count).toBe(0);
  expect(table.row()).toBe(0);
});

it('has room for eight words of GRO in each row', () => {
  expect(P_GRO + 8).toBeLessThanOrEqual(1 << ROW_SHIFT);
});

it('chains pieces, as many as a poll of merged packets has', () => {
  const capacity = 8;
  const table = new PacketTable(capacity);
  const row = table.row();
  const b = row << ROW_SHIFT;
  const first = table.piece(1000, 54);
  table.w[b + P_FIRST] = first;
  table.w[b + P_LASTP] = first;
  table.w[b + P_PIECES] = 1;
  table.w[b + P_TOTAL] = 54;
  for (let i = 0; i < capacity; i++) table.append(row, 2000 + 100 * i, 100);
  const seen: [number, number][] = [];
  for (let p = table.w[b + P_FIRST]; p >= 0; p = table.pieceNext[p]) seen.push([table.pieceOff[p], table.pieceLen[p]]);
  expect(seen).toEqual([[1000, 54], ...Array.from({ length: capacity }, (_, i) => [2000 + 100 * i, 100])]);
  expect(table.w[b + P_PIECES]).toBe(capacity + 1);
  expect(table.w[b + P_TOTAL]).toBe(54 + 100 * capacity);
  expect(table.pieceOff.length).toBeGreaterThanOrEqual(2 * capacity);
  table.clear();
  expect(table.piece(1, 1)).toBe(0);
});
