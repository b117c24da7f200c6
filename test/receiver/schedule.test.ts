/**
 * Random work in random portions, with consumers that are slow, throw and reject at random, claims and swaps in between: what must
 * hold holds always.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Sa, sealTunnel } from '../../src/esp/index.ts';
import { seededKey } from '../../src/hash/keys.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { arp, ether, fragments, tcp, udp } from '../support/packets.ts';
import { batchOf, closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const INNER = sa(5, { src: '10.9.0.1', dst: '10.9.0.2', replayWindow: 1024 });
const wide = { replayWindow: 1024 };
const SAS = [
  sa(1, wide),
  sa(2, { ...wide, queue: 0 }),
  sa(3, { ...wide, group: 'g' }),
  sa(4, { ...wide, group: 'g' }),
  INNER,
];

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('push' as const), n: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('batch' as const), n: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('turn' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('drain' as const), n: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('claim' as const), n: fc.nat(99) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('table', 'key', 'rules'), n: fc.nat(99) }) },
);

/** Of the receiver; with `deterministic` there is none. */
const rfs = fc.oneof(
  fc.constant(false as const),
  fc.record({
    entries: fc.constantFrom(64, 4096),
    twoStage: fc.boolean(),
    saAffinity: fc.boolean(),
    flowLimit: fc.boolean(),
  }),
);

const plan = fc.record({
  queues: fc.integer({ min: 1, max: 5 }),
  ring: fc.constantFrom(128, 256),
  mode: fc.constantFrom('drop', 'wait', 'deterministic'),
  gro: fc.boolean(),
  /** What the consumer does with each batch, over and over. */
  moods: fc.array(fc.constantFrom('fine', 'fine', 'slow', 'slower', 'throw', 'reject'), { minLength: 1, maxLength: 9 }),
  rfs,
  /** What the consumer claims of each batch: which packet's flow, for which lane. */
  claims: fc.array(fc.option(fc.record({ i: fc.nat(63), lane: fc.nat(4) })), { minLength: 1, maxLength: 9 }),
  flows: fc.array(fc.nat(10), { minLength: 1, maxLength: 60 }),
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
});

/** Streams of frames, one for each kind; a flow's packets carry their number in their payload. */
class Source {
  sent = 0;
  private readonly next = new Int32Array(11);
  private readonly sequences = new Map<Sa, number>();
  private readonly flows: readonly number[];

  constructor(flows: readonly number[]) {
    this.flows = flows;
  }

  frames(): Uint8Array[] {
    const flow = this.flows[this.sent++ % this.flows.length];
    const n = this.next[flow]++;
    const number = Uint8Array.of(n >> 8, n & 255, 0, 0, 0, 0, 0, 0);
    if (flow < 4) return [ether(tcp(number, { sport: flow + 1, seq: 1 + 8 * n }))];
    // Two flows inside each SA.
    const inside = tcp(number, { sport: 100 + 2 * flow + (n & 1), seq: 1 + 8 * (n >> 1) });
    if (flow < 8) return [ether(this.seal(SAS[flow - 4], inside))];
    if (flow === 8) return [arp()];
    if (flow === 9) return fragments(udp(1000, { sport: 9 }), 600, n).map((part) => ether(part));
    return [ether(this.seal(SAS[n & 1], this.seal(INNER, inside)))];
  }

  private seal(one: Sa, packet: Uint8Array): Uint8Array {
    const sequence = (this.sequences.get(one) ?? 0) + 1;
    this.sequences.set(one, sequence);
    return sealTunnel(one, sequence, packet);
  }
}

/** The tuple of one of the TCP flows. */
function tupleOf(n: number): Tuple {
  const tuple = new Tuple();
  tuple.src.set(parseAddress('10.1.0.1'));
  tuple.dst.set(parseAddress('10.1.0.2'));
  tuple.protocol = 6;
  tuple.sport = n < 4 ? n + 1 : 104 + (n % 18);
  tuple.dport = 443;
  return tuple;
}

describe('whatever comes, and however consumers behave', () => {
  it('packets are conserved, and the order of flows is kept', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ queues, ring, mode, gro, moods, rfs, claims, flows, steps }) => {
        const last = new Map<string, number>();
        const tuple = new Tuple();
        let calls = 0;
        const { rx } = await inlineReceiver({
          queues,
          ring,
          full: mode === 'drop' ? 'drop' : 'wait',
          deterministic: mode === 'deterministic',
          gro: gro ? {} : false,
          rfs: rfs && mode !== 'deterministic' && { ...rfs, flowLimit: rfs.flowLimit && mode === 'drop' },
          esp: { sas: SAS },
          onPackets(batch) {
            for (let i = 0; i < batch.length; i++) {
              if (!batch.tuple(i, tuple) || tuple.protocol !== 6) continue;
              const flow = `${tuple} ${batch.sa(i)}`;
              expect(batch.number(i)).toBeGreaterThan(last.get(flow) ?? -1);
              expect(batch.lastNumber(i)).toBeGreaterThanOrEqual(batch.number(i));
              last.set(flow, batch.lastNumber(i));
            }
            const claim = claims[calls % claims.length];
            if (claim !== null) batch.claim(claim.i % batch.length, claim.lane % queues);
            const mood = moods[calls++ % moods.length];
            if (mood === 'throw') throw new Error('bad mood');
            if (mood === 'reject') return new Promise((_, reject) => setImmediate(reject, new Error('bad mood')));
            if (mood === 'slow') return new Promise((resolve) => setImmediate(resolve));
            return mood === 'slower' ? new Promise((resolve) => setTimeout(resolve, 1)) : undefined;
          },
        });
        const failures: unknown[] = [];
        rx.on('consumer-error', ({ error }) => failures.push((error as Error).message));
        const source = new Source(flows);
        let pushed = 0;
        const swaps: Promise<void>[] = [];
        for (const { op, n } of steps) {
          if (op === 'push') {
            for (const frame of Array.from({ length: n }, () => source.frames()).flat()) {
              pushed++;
              while (!rx.push(frame) && mode !== 'drop') await rx.writable();
            }
          } else if (op === 'batch') {
            const frames = Array.from({ length: n }, () => source.frames()).flat();
            pushed += frames.length;
            const batch = await batchOf(rx, frames);
            await rx.pushAll([batch]);
            rx.windows.done(batch.block);
          } else if (op === 'turn') {
            for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
          } else if (op === 'claim') rx.claim(tupleOf(n % 22), n % queues);
          else if (op === 'key') swaps.push(rx.swap({ key: seededKey(`schedule ${n}`) }));
          else if (op === 'table') {
            swaps.push(rx.swap({ indirection: Array.from({ length: 128 }, (_, i) => (i * (n + 1)) % queues) }));
          } else if (op === 'rules') {
            const rule = `flow-type tcp4 src-port ${1 + (n % 4)} action ${n % queues}`;
            swaps.push(rx.swap({ rules: n % 3 === 0 ? [] : [rule] }));
          } else {
            await rx.drain();
            expect(rx.stats()).toMatchObject({ conserved: true });
            expect(rx.stats().queues.map((queue) => queue.held)).toEqual(Array(queues).fill(0));
          }
        }
        await Promise.all(swaps);
        const stats = await rx.close();
        expect(closingFault(stats)).toBeUndefined();
        expect(stats.packets).toBe(pushed);
        // Expectations inside the consumer would be here too.
        expect(failures.filter((message) => message !== 'bad mood')).toEqual([]);
        if (mode !== 'drop') expect(Object.keys(stats.drops).filter((name) => name !== 'consumer-error')).toEqual([]);
        expect(stats.sas.every((one) => one.packets === one.opened)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
