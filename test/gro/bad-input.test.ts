/** Damaged frames: nothing throws, nothing is lost or doubled, and what comes out is still what the reference says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setIpv4Checksum } from '../../src/wire/ipv4.ts';
import { CAPTURES, readCases, readPcap } from './oracle.ts';
import { referenceGro } from './reference.ts';
import { runGro } from './rig.ts';

const pools = Object.entries(readCases())
  .map(([name]) => readPcap(new URL(`${name}.pcap`, CAPTURES)).slice(0, 24))
  .filter((frames) => frames.every((f) => f.length < 1600));

/** Damage to one frame: cut to a length, a byte of its first 90 changed, or another IP length or fragment word. */
const damage = fc.record({
  frame: fc.nat(23),
  kind: fc.nat(4),
  at: fc.nat(90),
  value: fc.nat(255),
  refit: fc.boolean(),
});

function harm(
  f: Uint8Array<ArrayBuffer>,
  kind: number,
  at: number,
  value: number,
  refit: boolean,
): Uint8Array<ArrayBuffer> {
  if (kind === 0) return f.slice(0, Math.min(at, f.length));
  if (kind === 3 && f.length > 20) f.set([0, value], f[12] === 8 ? 16 : 18);
  else if (kind === 4 && f.length > 22) f.set([value, at], 20);
  else if (at < f.length) f[at] = value;
  if (refit && f.length >= 34 && f[14] === 0x45) setIpv4Checksum(f, 14);
  return f;
}

describe('damaged frames', () => {
  for (const order of ['linux', 'flow'] as const) {
    it(`order: ${order}`, () => {
      fc.assert(
        fc.property(fc.constantFrom(...pools), fc.array(damage, { minLength: 1, maxLength: 5 }), (pool, damages) => {
          const frames = pool.map((f) => new Uint8Array(f));
          for (const { frame, kind, at, value, refit } of damages) {
            const i = frame % frames.length;
            frames[i] = harm(frames[i], kind, at, value, refit);
          }
          const inputs = frames.map((bytes) => ({ bytes, hash: 0 }));
          const { outputs } = runGro(inputs, [frames.length], { order });
          const all = outputs.flatMap((o) => o.from).sort((a, b) => a - b);
          expect(all).toEqual(frames.map((_, i) => i));
          const wanted = referenceGro(inputs, [frames.length], { order, ipTunnels: false });
          expect(outputs.map((o) => o.from.join())).toEqual(wanted.map((o) => o.from.join()));
          for (const [i, o] of outputs.entries()) expect(Buffer.compare(o.bytes, wanted[i].bytes)).toBe(0);
        }),
        { numRuns: 1500 },
      );
    });
  }

  it('rubbish', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 1, maxLength: 64 }), (frames) => {
        const { outputs } = runGro(
          frames.map((bytes) => ({ bytes })),
          [frames.length],
        );
        expect(outputs.length).toBe(frames.length);
      }),
    );
  });
});
