/** Random work in random portions, with consumers that are slow, throw and reject at random: what must hold holds always. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealTunnel } from '../../src/esp/index.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { arp, ether, fragments, tcp, udp } from '../support/packets.ts';
import { batchOf, closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const SAS = [sa(1), sa(2, { queue: 0 }), sa(3, { group: 'g' }), sa(4, { group: 'g' })];

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('push' as const), n: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('batch' as const), n: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('turn' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('drain' as const), n: fc.constant(0) }) },
);

const plan = fc.record({
  queues: fc.integer({ min: 1, max: 5 }),
  ring: fc.constantFrom(128, 256),
  mode: fc.constantFrom('drop', 'wait', 'deterministic'),
  gro: fc.boolean(),
  /** What the consumer does with each batch, over and over. */
  moods: fc.array(fc.constantFrom('fine', 'fine', 'slow', 'slower', 'throw', 'reject'), { minLength: 1, maxLength: 9 }),
  flows: fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }),
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
});

/** Streams of frames, one for each kind; a flow's packets carry their number in their payload. */
class Source {
  sent = 0;
  private readonly next = new Int32Array(10);
  private readonly flows: readonly number[];

  constructor(flows: readonly number[]) {
    this.flows = flows;
  }

  frames(): Uint8Array[] {
    const flow = this.flows[this.sent++ % this.flows.length];
    const n = this.next[flow]++;
    const number = Uint8Array.of(n >> 8, n & 255, 0, 0, 0, 0, 0, 0);
    if (flow < 4) return [ether(tcp(number, { sport: flow + 1, seq: 1 + 8 * n }))];
    if (flow < 8) {
      // Two flows inside each SA.
      return [
        ether(sealTunnel(SAS[flow - 4], n + 1, tcp(number, { sport: 100 + flow + (n & 1), seq: 1 + 8 * (n >> 1) }))),
      ];
    }
    return flow === 8 ? [arp()] : fragments(udp(1000, { sport: 9 }), 600, n).map((part) => ether(part));
  }
}

describe('whatever comes, and however consumers behave', () => {
  it('packets are conserved, and the order of flows is kept', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ queues, ring, mode, gro, moods, flows, steps }) => {
        const last = new Map<string, number>();
        const tuple = new Tuple();
        let calls = 0;
        const { rx } = await inlineReceiver({
          queues,
          ring,
          full: mode === 'drop' ? 'drop' : 'wait',
          deterministic: mode === 'deterministic',
          gro: gro ? {} : false,
          esp: { sas: SAS },
          onPackets(batch) {
            for (let i = 0; i < batch.length; i++) {
              if (!batch.tuple(i, tuple) || tuple.protocol !== 6) continue;
              const flow = `${tuple} ${batch.sa(i)}`;
              expect(batch.number(i)).toBeGreaterThan(last.get(flow) ?? -1);
              expect(batch.lastNumber(i)).toBeGreaterThanOrEqual(batch.number(i));
              last.set(flow, batch.lastNumber(i));
            }
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
          } else {
            await rx.drain();
            expect(rx.stats()).toMatchObject({ conserved: true });
            expect(rx.stats().queues.map((queue) => queue.held)).toEqual(Array(queues).fill(0));
          }
        }
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
