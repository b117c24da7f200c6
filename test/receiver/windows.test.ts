import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { D_CLASS } from '../../src/memory/descriptor.ts';
import { BLOCK_SIZE } from '../../src/memory/frame-memory.ts';
import { RingConsumer, RingProducer, ringWords } from '../../src/memory/ring.ts';
import { Windows } from '../../src/receiver/windows.ts';

const SLOTS = 16;

interface Rig {
  readonly windows: Windows;
  readonly producers: RingProducer[];
  readonly consumers: RingConsumer[];
  readonly done: { count: number };
}

/** Windows over lanes whose cursors stand shortly before they wrap. */
function rig(lanes: number, blocks: number, progress: () => Promise<void>): Rig {
  const each = ringWords(SLOTS);
  const words = new Int32Array(new SharedArrayBuffer(4 * each * lanes));
  for (let lane = 0; lane < lanes; lane++) {
    for (const at of [0, 16, 17]) words[lane * each + at] = 2 ** 31 - 5 + lane;
  }
  const producers = Array.from({ length: lanes }, (_, lane) => new RingProducer(words, lane * each, SLOTS));
  const consumers = Array.from({ length: lanes }, (_, lane) => new RingConsumer(words, lane * each, SLOTS));
  const done = { count: 0 };
  const region = { offset: 4096, length: blocks * BLOCK_SIZE };
  const windows = new Windows(new Uint8Array(8), region, producers, progress, () => done.count++);
  return { windows, producers, consumers, done };
}

describe('windows', () => {
  it('give every block out once, and lie behind each other', async () => {
    const { windows } = rig(2, 5, () => Promise.reject(new Error('nothing moves')));
    const blocks = new Set<number>();
    for (let i = 0; i < 5; i++) blocks.add(await windows.take());
    expect([...blocks].map((block) => windows.offset(block)).sort((a, b) => a - b)).toEqual(
      [0, 1, 2, 3, 4].map((i) => 4096 + i * BLOCK_SIZE),
    );
    await expect(windows.take()).rejects.toThrow('nothing moves');
  });

  it('wait for a block until lanes have passed it', async () => {
    let moved = 0;
    const r = rig(1, 1, async () => {
      if (++moved === 3) {
        r.consumers[0].take(1);
        r.consumers[0].release();
      }
      r.consumers[0].available();
    });
    const block = await r.windows.take();
    r.producers[0].claim();
    r.producers[0].publish();
    r.windows.done(block);
    expect(r.done.count).toBe(1);
    expect(await r.windows.take()).toBe(block);
    expect(moved).toBe(3);
  });

  it('never give a block out while a lane has a frame of it, and always when all that came before is done with', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ op: fc.constant('push' as const), lane: fc.nat(2), n: fc.nat(4) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('next' as const), lane: fc.nat(2), n: fc.nat(4) }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constant('lane' as const), lane: fc.nat(2), n: fc.nat(9) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 150 }), (blocks, steps) => {
        const { windows, producers, consumers } = rig(3, blocks, () => Promise.reject(new Error('none')));
        // Frames in the rings, as blocks: what each lane still has. And what it had when the reader was done with a block.
        const rings: number[][] = [[], [], []];
        const before = new Map<number, number[]>();
        const passed = [0, 0, 0];
        let current = windows.take() as number;
        const isFree = (block: number): boolean =>
          block !== current && (before.get(block) ?? [0, 0, 0]).every((n, lane) => passed[lane] >= n);
        for (const { op, lane, n } of steps) {
          if (op === 'push' && current >= 0) {
            for (let i = 0; i < n; i++) {
              const at = producers[lane].claim();
              if (at < 0) break;
              producers[lane].words[at + D_CLASS] = 0;
              rings[lane].push(current);
            }
            producers[lane].publish();
          } else if (op === 'lane') {
            const taken = Math.min(n, consumers[lane].available());
            consumers[lane].take(taken);
            consumers[lane].release();
            rings[lane].splice(0, taken);
            passed[lane] += taken;
          } else if (op === 'next') {
            if (current >= 0) {
              windows.done(current);
              before.set(
                current,
                passed.map((n, i) => n + rings[i].length),
              );
            }
            current = -1;
            const free = Array.from({ length: blocks }, (_, block) => block).filter(isFree);
            const got = windows.take();
            if (typeof got === 'number') {
              expect(free).toContain(got);
              expect(rings.some((ring) => ring.includes(got))).toBe(false);
            } else {
              got.catch(() => {});
              expect(free).toEqual([]);
            }
            if (typeof got === 'number') current = got;
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
