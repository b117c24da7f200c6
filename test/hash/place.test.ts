import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XFRMS } from '../../src/hash/fields.ts';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { microsoftKey, seededKey, symmetricKey } from '../../src/hash/keys.ts';
import { PLACEABLE, type PlaceOptions, place } from '../../src/hash/place.ts';
import { type TupleOptions, tupleFrame } from '../../src/wire/emit.ts';

const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };
const equal = (n: number, size = 128): number[] => Array.from({ length: size }, (_, i) => i % n);

/** Options with the standard key, an IPv4 pair, 8 queues. */
const options = (more: Partial<PlaceOptions> = {}): PlaceOptions => ({
  hasher: new FlowHasher({ key: microsoftKey() }),
  entries: equal(8),
  flow: V4,
  choose: 'spi',
  queues: equal(8, 16),
  ...more,
});

/** The queue of a flow, the way of every packet. */
function queueOf(hasher: FlowHasher, entries: ArrayLike<number>, flow: TupleOptions): number {
  const { bytes, dissection } = tupleFrame(flow);
  return entries[(hasher.hash(bytes, dissection) >>> 0) % entries.length];
}

describe('place', () => {
  it('16 SAs on 8 queues: two each, each in a bucket of its own', () => {
    const { placements, reach } = place(options());
    expect(placements.map((placed) => placed?.queue)).toEqual([...equal(8), ...equal(8)].slice(0, 16));
    expect(new Set(placements.map((placed) => placed?.value)).size).toBe(16);
    expect(new Set(placements.map((placed) => placed?.index)).size).toBe(16);
    expect(reach).toMatchObject({ bits: 32, rank: 7, queues: equal(8, 8) });
    expect(reach.indices).toHaveLength(128);
  });

  it('lands where it says, whatever the key, table, family, field and transform', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 40, maxLength: 52 }),
        fc.constantFrom(...XFRMS.filter((xfrm) => xfrm !== 'sort')),
        fc.constantFrom(V4, V6),
        fc.constantFrom('esp', 'ah', 'natt', 'tcp', 'udp', 'sctp'),
        fc.constantFrom(...PLACEABLE),
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 70 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 8 }),
        (key, xfrm, ends, proto, field, table, doubled, queues) => {
          const entries = doubled ? Array.from({ length: 64 }, (_, i) => table[i % table.length]) : table;
          const hasher = new FlowHasher({ key, xfrm, fields: { ah: 'sdfn', sctp: 'sdfn' } });
          const spis = /esp|ah|natt/.test(proto);
          const choose = spis ? 'spi' : field === 'spi' ? 'sport' : field;
          const flow: TupleOptions = {
            ...ends,
            ...(proto === 'natt' ? { natt: true } : { proto: proto as 'tcp' }),
            ...(spis ? {} : { sport: 40000, dport: 443 }),
          };
          const { placements, reach } = place({ hasher, entries, flow, choose, queues });
          expect(placements).toHaveLength(queues.length);
          const values = placements.flatMap((placed) => placed?.value ?? []);
          expect(new Set(values).size).toBe(values.length);
          placements.forEach((placed, i) => {
            if (placed === undefined) {
              // nothing else was asked for so often that it ran out
              expect(reach.queues).not.toContain(queues[i]);
              return;
            }
            expect(placed.queue).toBe(queues[i]);
            expect(queueOf(hasher, entries, { ...flow, [choose]: placed.value })).toBe(queues[i]);
            expect(placed.index).toBe(placed.hash % entries.length);
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('says no only when no value would do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(symmetricKey(), microsoftKey(), new Uint8Array(40), seededKey('4')),
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(16, 24, 128),
        (key, base, bits, size) => {
          const hasher = new FlowHasher({ key });
          const entries = equal(size, size);
          const flow: TupleOptions = { ...V4, sport: 1, dport: 9, proto: 'udp' };
          const wanted = entries.map((queue) => queue);
          const { placements } = place({ hasher, entries, flow, choose: 'sport', queues: wanted, base, bits });
          const first = (base >> bits) << bits;
          const smallest = new Map<number, number>();
          for (let port = first + 2 ** bits - 1; port >= Math.max(1, first); port--) {
            smallest.set(queueOf(hasher, entries, { ...flow, sport: port }), port);
          }
          expect(placements.map((placed) => placed?.value)).toEqual(wanted.map((queue) => smallest.get(queue)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps the base, changes its low bits, avoids what is taken and what is reserved', () => {
    const more = { base: 0xc0de1234, bits: 8, queues: [3, 3, 3] };
    const values = place(options(more)).placements.map((placed) => placed?.value ?? 0);
    for (const value of values) expect((value & ~255) >>> 0).toBe(0xc0de1200);
    const others = place(options({ ...more, taken: values })).placements.map((placed) => placed?.value ?? 0);
    expect(others.filter((value) => values.includes(value))).toEqual([]);
    for (const placed of place(options({ bits: 9 })).placements) expect(placed?.value).toBeGreaterThan(255);
    expect(place(options({ bits: 8 })).placements.every((placed) => placed === undefined)).toBe(true);
    expect(place(options({ base: 0xffffffff, bits: 1, queues: equal(8) })).reach.indices).toHaveLength(2);
  });

  it('makes no NAT-T of plain UDP', () => {
    const only4500 = { choose: 'sport' as const, base: 4500, bits: 1, queues: equal(8, 8) };
    const values = (proto: 'tcp' | 'udp'): (number | undefined)[] =>
      place(options({ ...only4500, flow: { ...V4, proto, dport: 9 } })).placements.flatMap(
        (placed) => placed?.value ?? [],
      );
    expect(values('tcp').sort()).toEqual([4500, 4501]);
    expect(values('udp')).toEqual([4501]);
  });

  it('runs out in the end, and gives all there are before', () => {
    const { placements } = place(options({ base: 0x1000, bits: 7, queues: Array<number>(20).fill(5) }));
    // full rank: 128 values, 16 for each queue
    expect(placements.filter((placed) => placed !== undefined)).toHaveLength(16);
    expect(placements.slice(16).every((placed) => placed === undefined)).toBe(true);
  });

  it('where the SPI is not hashed there is one bucket', () => {
    const hasher = new FlowHasher({ key: microsoftKey(), fields: { esp: 'sd' } });
    const { placements, reach } = place(options({ hasher }));
    expect(reach).toMatchObject({ rank: 0, queues: [expect.any(Number)] });
    expect(placements.filter((placed) => placed !== undefined)).toHaveLength(2);
  });

  it('a port of ESP in UDP is placed as plain UDP', () => {
    const { placements } = place(options({ flow: { ...V6, natt: true }, choose: 'sport' }));
    placements.forEach((placed, i) => {
      const flow: TupleOptions = { ...V6, proto: 'udp', sport: placed?.value, dport: 4500 };
      expect(placed?.value).toBeGreaterThanOrEqual(49152);
      expect(queueOf(options().hasher, equal(8), flow)).toBe(i % 8);
    });
  });

  it.each([
    [{ choose: 'port' as never }, 'ERR_RXSTEER_OPTION', /^choose/],
    [{ bits: 33 }, 'ERR_RXSTEER_OPTION', /^bits/],
    [{ base: -1 }, 'ERR_RXSTEER_OPTION', /^base/],
    [{ entries: [] }, 'ERR_RXSTEER_OPTION', /^entries/],
    [{ choose: 'sport' as const }, 'ERR_RXSTEER_OPTION', /dport/],
    [{ flow: { ...V4, proto: 'tcp' as const } }, 'ERR_RXSTEER_OPTION', /spi/],
    [{ flow: { src: 'x', dst: 'y' } }, 'ERR_RXSTEER_ADDRESS', /x/],
    [
      { hasher: new FlowHasher({ key: microsoftKey(), xfrm: 'symmetric-or-xor' }), bits: 17 },
      'ERR_RXSTEER_OPTION',
      /^bits: expected 1 to 16/,
    ],
  ])('refuses %j', (more, code, message) => {
    expect(() => place(options(more))).toThrow(expect.objectContaining({ code }));
    expect(() => place(options(more))).toThrow(message);
  });
});
