/** The way from one steering to another, at a dispatcher whose lanes deliver when the test says so. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { microsoftKey, seededKey } from '../../src/hash/keys.ts';
import { D_NUMBER, D_OFF } from '../../src/memory/descriptor.ts';
import { RingConsumer } from '../../src/memory/ring.ts';
import { type Core, makeCore } from '../../src/receiver/core.ts';
import { type ReceiverOptions, resolveOptions } from '../../src/receiver/options.ts';
import { SLOTS_BUCKETS, SLOTS_FLOWS, SLOTS_IDLE } from '../../src/receiver/placement.ts';
import type { SteererOptions } from '../../src/steer/options.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { ether, udp } from '../support/packets.ts';

const LANES = 3;
const frameOf = (flow: number): Uint8Array => ether(udp(Uint8Array.of(flow), { sport: 1000 + flow }));
const FRAMES = Array.from({ length: 24 }, (_, flow) => frameOf(flow));

interface Placed {
  readonly lane: number;
  readonly flow: number;
  readonly number: number;
}

class Rig {
  readonly core: Core;
  /** A new end of a lane's ring: one that has been used looks for more only when it has taken what it knows of. */
  private readonly endOf: (lane: number) => RingConsumer;
  options: SteererOptions;

  constructor(options: Partial<ReceiverOptions> = {}) {
    const resolved = resolveOptions({
      queues: LANES,
      ring: 4096,
      inline: true,
      rss: { key: microsoftKey() },
      consumer: { onPackets() {} },
      ...options,
    });
    this.core = makeCore(resolved);
    this.options = resolved.steerer;
    const { control } = this.core;
    const words = new Int32Array(control.buffer);
    this.endOf = (lane) => new RingConsumer(words, control.places.rings[lane] >> 2, 4096);
  }

  push(flow: number): void {
    expect(this.core.dispatcher.push(FRAMES[flow], 1, 1, 0)).toBe(true);
  }

  /** A lane delivers its next packets. */
  deliver(lane: number, most = 4096): Placed[] {
    const end = this.endOf(lane);
    const n = Math.min(most, end.available());
    const out = Array.from({ length: n }, (_, k): Placed => {
      const s = end.slot(k);
      return { lane, flow: this.core.bytes[end.words[s + D_OFF] + 42], number: end.words[s + D_NUMBER] };
    });
    end.take(n);
    end.release();
    return out;
  }

  swap(change: Partial<SteererOptions>): void {
    const rehashed = change.key !== undefined;
    this.options = { ...this.options, ...change };
    this.core.placement.swap(new Steerer(this.options), rehashed);
  }

  get settled(): boolean {
    return this.core.placement.isSettled();
  }

  /** Where a flow belongs by the steering in force. */
  wanted(flow: number): number {
    const d = new Dissection();
    dissect(FRAMES[flow], 0, FRAMES[flow].length, 1, d);
    return new Steerer(this.options).steer(FRAMES[flow], d);
  }

  claim(flow: number, lane: number): void {
    const d = new Dissection();
    dissect(FRAMES[flow], 0, FRAMES[flow].length, 1, d);
    const steerer = new Steerer(this.options);
    steerer.steer(FRAMES[flow], d);
    this.core.flows!.claim(steerer.hash, lane);
  }
}

const all = (lane: number): number[] => Array(128).fill(lane);
const rule = (flow: number, lane: number): string => `flow-type udp4 src-port ${1000 + flow} action ${lane}`;

describe('a bucket of a table that was swapped', () => {
  it('stays until its lane has delivered all that was there at the swap, then all of its flows go', () => {
    const rig = new Rig({ rss: { key: microsoftKey(), indirection: all(0) } });
    for (const flow of [1, 2]) rig.push(flow);
    rig.swap({ indirection: all(2) });
    expect([rig.settled, rig.core.control.plan.slotMode]).toEqual([false, SLOTS_BUCKETS]);
    rig.push(1);
    expect(rig.deliver(2)).toEqual([]);
    expect(rig.deliver(0, 2).map(({ flow }) => flow)).toEqual([1, 2]);
    // Flow 1 has a packet there still, and its bucket with it; the others have none.
    rig.push(1);
    rig.push(2);
    expect([rig.settled, rig.deliver(2).map(({ flow }) => flow)]).toEqual([false, [2]]);
    expect(rig.deliver(0).map(({ flow }) => flow)).toEqual([1, 1]);
    expect([rig.settled, rig.core.control.plan.slotMode]).toEqual([true, SLOTS_IDLE]);
    rig.push(1);
    expect(rig.deliver(2).map(({ flow }) => flow)).toEqual([1]);
  });

  it('that goes back before it was moved is settled', () => {
    const rig = new Rig({ rss: { key: microsoftKey(), indirection: all(0) } });
    rig.push(1);
    rig.swap({ indirection: all(1) });
    expect(rig.settled).toBe(false);
    rig.deliver(0);
    expect(rig.settled).toBe(true);
    rig.swap({ indirection: all(0) });
    expect(rig.settled).toBe(true);
    rig.push(1);
    expect(rig.deliver(0).length).toBe(1);
  });

  it('that keeps its lane waits for nothing', () => {
    const rig = new Rig({ rss: { key: microsoftKey(), indirection: all(0) } });
    rig.push(1);
    rig.swap({ indirection: all(0) });
    expect(rig.settled).toBe(true);
  });
});

describe('from one key or rules to others', () => {
  it('what the old steering kept together goes over as one, when it is drained', () => {
    const rig = new Rig({ rss: { key: microsoftKey(), indirection: all(0) } });
    rig.push(1);
    rig.push(2);
    rig.swap({ key: seededKey('other'), indirection: all(1) });
    expect([rig.settled, rig.core.placement.transition]).toEqual([false, expect.anything()]);
    rig.push(1);
    rig.deliver(0, 2);
    for (const flow of [1, 2, 3]) rig.push(flow);
    expect(rig.deliver(1).map(({ flow }) => flow)).toEqual([2, 3]);
    expect(rig.deliver(0).map(({ flow }) => flow)).toEqual([1, 1]);
    expect([rig.settled, rig.core.placement.transition]).toEqual([true, undefined]);
  });

  it('rules are units of their own: to the hash and back, and away from a drop', () => {
    const rig = new Rig({ rss: { key: microsoftKey(), indirection: all(0) } });
    rig.push(5);
    rig.swap({ rules: [rule(5, 2), 'flow-type udp4 src-port 1006 action -1'] });
    rig.push(5);
    rig.push(6);
    expect(rig.deliver(2)).toEqual([]);
    rig.deliver(0);
    expect(rig.settled).toBe(true);
    rig.push(5);
    rig.swap({ rules: [] });
    // Lane 2 has one of it. What was dropped is nowhere.
    rig.push(5);
    rig.push(6);
    expect(rig.deliver(2).map(({ flow }) => flow)).toEqual([5, 5]);
    expect(rig.deliver(0).map(({ flow }) => flow)).toEqual([6]);
    rig.push(5);
    expect([rig.deliver(0).length, rig.settled, rig.core.dispatcher.packets]).toEqual([1, true, 7]);
  });

  it('with RFS flows are where they were claimed until then, and a new key gives claims up', () => {
    const rig = new Rig({ rfs: {}, rss: { key: microsoftKey(), indirection: all(0) } });
    rig.claim(1, 2);
    rig.push(1);
    rig.push(2);
    rig.swap({ key: seededKey('other') });
    rig.push(1);
    expect(rig.deliver(2).map(({ flow }) => flow)).toEqual([1, 1]);
    rig.push(1);
    expect(rig.deliver(2)).toEqual([]);
    expect(rig.deliver(0).map(({ flow }) => flow)).toEqual([2, 1]);
    expect([rig.settled, rig.core.control.plan.slotMode]).toEqual([true, SLOTS_FLOWS]);
    rig.claim(1, 1);
    rig.push(1);
    expect(rig.deliver(1).length).toBe(1);
  });

  it('with other rules claims stay', () => {
    const rig = new Rig({ rfs: {}, rss: { key: microsoftKey(), indirection: all(0) } });
    rig.claim(1, 2);
    rig.swap({ rules: [rule(3, 1)] });
    expect(rig.settled).toBe(true);
    for (const flow of [1, 2, 3]) rig.push(flow);
    expect([2, 0, 1].map((lane) => rig.deliver(lane).map(({ flow }) => flow))).toEqual([[1], [2], [3]]);
  });

  it('a claim does not move what a rule steers', () => {
    const rig = new Rig({ rfs: {}, rss: { key: microsoftKey(), rules: [rule(1, 1)] } });
    rig.claim(1, 2);
    rig.push(1);
    expect([rig.deliver(1).length, rig.deliver(2).length]).toEqual([1, 0]);
  });
});

describe('whatever is swapped, and whenever lanes deliver', () => {
  const step = fc.oneof(
    { weight: 10, arbitrary: fc.record({ op: fc.constant('push' as const), a: fc.nat(23), b: fc.nat(0) }) },
    { weight: 5, arbitrary: fc.record({ op: fc.constant('deliver' as const), a: fc.nat(LANES - 1), b: fc.nat(12) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('claim' as const), a: fc.nat(23), b: fc.nat(LANES - 1) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('table' as const), a: fc.nat(9), b: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('key' as const), a: fc.nat(3), b: fc.nat(0) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('rules' as const), a: fc.nat(23), b: fc.nat(LANES) }) },
  );

  it('flows stay in order, nothing is lost, and in the end everything goes by the last steering', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.boolean(), (steps, rfs) => {
        const rig = new Rig({ rss: { key: microsoftKey() }, ...(rfs ? { rfs: { entries: 64 } } : {}) });
        // The naive side: numbers of each flow's packets, in the order of their pushes.
        const sent: number[][] = FRAMES.map(() => []);
        let dropped = 0;
        let number = 0;
        const deliver = (lane: number, most?: number): void => {
          for (const placed of rig.deliver(lane, most)) expect(placed.number).toBe(sent[placed.flow].shift());
        };
        for (const { op, a, b } of steps) {
          if (op === 'push') {
            // A packet that the rules drop takes a number too.
            if (rig.wanted(a) < 0) dropped++;
            else sent[a].push(number);
            number++;
            rig.push(a);
          } else if (op === 'deliver') deliver(a, b);
          else if (op === 'claim') {
            if (rfs) rig.claim(a, b);
          } else {
            // Swaps are done one after the other.
            while (!rig.settled) for (let lane = 0; lane < LANES; lane++) deliver(lane, 3);
            if (op === 'table') {
              const lanes = Array.from({ length: b === 3 ? 64 : 128 }, (_, i) => (i * (b + 1) + a) % LANES);
              rig.swap({ indirection: lanes });
            } else if (op === 'key') rig.swap({ key: seededKey(`key ${a}`) });
            else rig.swap({ rules: b === LANES ? [] : [rule(a, b), rule((a + 1) % 24, -1)] });
          }
        }
        for (let lane = 0; lane < LANES; lane++) deliver(lane);
        expect(sent.flat()).toEqual([]);
        expect(rig.settled).toBe(true);
        expect(rig.core.dispatcher.packets).toBe(number);
        expect(rig.core.dispatcher.drops.reduce((sum, n) => sum + n, 0)).toBe(dropped);
        if (rfs) return;
        for (const flow of FRAMES.keys()) {
          const lane = rig.wanted(flow);
          if (lane < 0) continue;
          rig.push(flow);
          expect(rig.deliver(lane).length).toBe(1);
        }
      }),
      { numRuns: 120 },
    );
  });
});
