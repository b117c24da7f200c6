/** Lanes that hand over to each other, polled in any order, with threads that end in the middle of what they do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSa, type Sa, sealTunnel } from '../../src/esp/index.ts';
import { Claims } from '../../src/lane/claims.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { put32, u32 } from '../../src/wire/bytes.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { LaneGroup } from '../support/lane-group.ts';
import { ether, fill, udp } from '../support/packets.ts';

const LANES = 3;
const FLOWS = 8;
const tunnel = (spi: number, more: object = {}): Sa =>
  createSa({
    spi,
    src: '192.0.2.1',
    dst: '192.0.2.2',
    mode: 'tunnel',
    replayWindow: 8192,
    transform: { cipher: 'null', auth: 'none' },
    ...more,
  });
const SAS = [
  tunnel(1),
  tunnel(2, { queue: 1 }),
  tunnel(3),
  tunnel(4, { src: '10.9.0.1', dst: '10.9.0.2', queue: 2 }),
];

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('push' as const), a: fc.nat(FLOWS - 1), b: fc.nat(70) }) },
  { weight: 12, arbitrary: fc.record({ op: fc.constant('poll' as const), a: fc.nat(LANES - 1), b: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('claim' as const), a: fc.nat(FLOWS - 1), b: fc.nat(LANES - 1) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('key' as const), a: fc.nat(9), b: fc.nat(0) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('die' as const), a: fc.nat(LANES - 1), b: fc.nat(1) }) },
);

describe('whichever lane comes first, and whichever dies', () => {
  it('flows stay in order, and every packet is in one count', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.boolean(), (steps, dies) => {
        const sent = new Int32Array(FLOWS);
        const last = new Int32Array(FLOWS).fill(-1);
        const sequences = new Int32Array(SAS.length);
        let delivered = 0;
        let total = 0;
        const g = new LaneGroup({
          queues: LANES,
          ring: 256,
          rfs: { entries: 64 },
          sas: SAS,
          onPackets(batch) {
            for (let i = 0; i < batch.length; i++) {
              const at = batch.contiguous(i) + batch.headerLength(i) + 8;
              const flow = u32(batch.bytes, at);
              const number = u32(batch.bytes, at + 4);
              expect(number).toBeGreaterThan(last[flow]);
              if (!dies) expect(number).toBe(last[flow] + 1);
              // Its bytes are what was sent.
              expect(batch.bytes[at + 8]).toBe(number & 0xff);
              last[flow] = number;
              delivered++;
            }
          },
        });
        const seal = (one: number, packet: Uint8Array): Uint8Array => sealTunnel(SAS[one], ++sequences[one], packet);
        const { control, rings } = g.core;
        for (const { op, a, b } of steps) {
          if (op === 'push') {
            for (let n = 0; n < b; n++) {
              const payload = fill(9 + (n % 5), 0);
              put32(payload, 0, a);
              put32(payload, 4, sent[a]);
              payload[8] = sent[a];
              const packet = udp(payload, { sport: 20 + a });
              // Two in clear, two in each SA, the last two of them in the tunnel inside.
              const frame = a < 2 ? packet : a < 6 ? seal((a - 2) % 3, packet) : seal(a - 6, seal(3, packet));
              if (!g.core.dispatcher.push(ether(frame), 1, 1000, 0)) break;
              total++;
              sent[a]++;
              // What was dropped is a gap.
              if (g.core.dispatcher.full > 0) break;
            }
            if (g.core.dispatcher.full > 0) break;
          } else if (op === 'poll') g.poll(a, b);
          else if (op === 'claim') {
            const tuple = new Tuple();
            tuple.src.set(parseAddress('10.1.0.1'));
            tuple.dst.set(parseAddress('10.1.0.2'));
            tuple.protocol = 17;
            tuple.sport = 20 + a;
            tuple.dport = 6000;
            new Claims(g.core.laneConfig(0)).claim(tuple, b);
          } else if (op === 'key') {
            // All lanes must have come to the last one.
            const seen = control.places.keySeen.map((at) => new Int32Array(control.buffer, at, 1)[0]);
            if (seen.some((generation) => generation !== control.key.generation)) continue;
            control.key.write(Uint8Array.from({ length: 40 }, (_, i) => (i * 37 + a * 11) & 255));
            g.core.flows!.clear();
          } else if (dies) {
            // In the call of its consumer, or between two polls.
            if (b === 1) {
              g.hold(a);
              g.poll(a, 1);
            }
            g.replace(a);
          }
          expect(g.fault()).toBeUndefined();
        }
        g.run();
        expect(g.errors).toEqual([]);
        const stats = g.stats();
        expect(g.fault()).toBeUndefined();
        expect(stats.held).toBe(0);
        expect(rings.every((ring) => ring.idle())).toBe(true);
        expect(delivered + (stats.drops['lane-lost'] ?? 0) + (stats.drops.full ?? 0)).toBe(total);
      }),
      { numRuns: 60 },
    );
  });
});
