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
const FLOWS = 6;
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
const SAS = [tunnel(1), tunnel(2, { queue: 1 }), tunnel(3), tunnel(4, { src: '10.9.0.1', dst: '10.9.0.2', queue: 2 })];

/** Of each flow: the SAs that it is sealed by, from the inside out. */
const WAYS: readonly (readonly number[])[] = [[], [0], [0], [1], [2], [3, 1]];

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('push' as const), a: fc.nat(FLOWS - 1), b: fc.nat(30) }) },
  { weight: 12, arbitrary: fc.record({ op: fc.constant('poll' as const), a: fc.nat(LANES - 1), b: fc.nat(2) }) },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('claim' as const), a: fc.nat(FLOWS - 1), b: fc.nat(LANES - 1) }),
  },
  // So many of a flow that its SA may follow it, lanes polled in their order or against it.
  { weight: 1, arbitrary: fc.record({ op: fc.constant('stream' as const), a: fc.nat(FLOWS - 1), b: fc.nat(LANES) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('key' as const), a: fc.nat(9), b: fc.nat(0) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('die' as const), a: fc.nat(LANES - 1), b: fc.nat(1) }) },
);

describe('whichever lane comes first, and whichever dies', () => {
  it('flows stay in order, and every packet is in one count', () => {
    let moved = 0;
    let handed = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 150, size: 'max' }), fc.boolean(), (steps, dies) => {
        const sent = new Int32Array(FLOWS);
        const last = new Int32Array(FLOWS).fill(-1);
        const sequences = new Int32Array(SAS.length);
        let delivered = 0;
        let total = 0;
        const g = new LaneGroup({
          queues: LANES,
          ring: 4096,
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
        const push = (flow: number): void => {
          const payload = fill(9 + (sent[flow] % 5), 0);
          put32(payload, 0, flow);
          put32(payload, 4, sent[flow]);
          payload[8] = sent[flow]++;
          total++;
          const packet = udp(payload, { sport: 20 + flow });
          g.push(ether(WAYS[flow].reduce((inside, one) => sealTunnel(SAS[one], ++sequences[one], inside), packet)));
        };
        const { control, rings } = g.core;
        const claim = (flow: number, lane: number): void => {
          const tuple = new Tuple();
          tuple.src.set(parseAddress('10.1.0.1'));
          tuple.dst.set(parseAddress('10.1.0.2'));
          tuple.protocol = 17;
          tuple.sport = 20 + flow;
          tuple.dport = 6000;
          new Claims(g.core.laneConfig(0)).claim(tuple, lane);
        };
        for (const { op, a, b } of steps) {
          if (op === 'push') for (let n = 0; n < b; n++) push(a);
          else if (op === 'stream') {
            for (const [flow, way] of WAYS.entries()) if (way.at(-1) === WAYS[a].at(-1)) claim(flow, b % LANES);
            for (let n = 0; n < 40; n++) {
              push(a);
              push(a);
              g.poll((n * (1 + (b & 1))) % LANES, 1);
            }
          } else if (op === 'poll') g.poll(a, b);
          else if (op === 'claim') claim(a, b);
          else if (op === 'key') {
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
        expect(delivered + (stats.drops['lane-lost'] ?? 0)).toBe(total);
        moved += stats.rfs!.saMoves;
        handed += stats.rfs!.handoverMoves;
      }),
      { numRuns: 120 },
    );
    // Otherwise there was nothing that could go wrong.
    expect(moved).toBeGreaterThan(10);
    expect(handed).toBeGreaterThan(50);
  });
});
