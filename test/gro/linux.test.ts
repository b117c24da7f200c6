/** Random bursts of everything, by the rules of every kernel: `Gro` gives what the reference gives, frame by frame and in its order. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GroOptions, LINUX_VERSIONS, type LinuxVersion } from '../../src/gro/index.ts';
import { frame, payload } from './frames.ts';
import { type Delivered, referenceGro } from './reference.ts';
import { type Input, runGro } from './rig.ts';
import { PORTS, plans, STACKS, traffic } from './streams.ts';

const KINDS = Object.keys(STACKS);

interface Settings {
  as: LinuxVersion;
  udp?: 'off' | 'forwarding' | number[];
  maxSize?: number;
  maxSize4?: number;
  verify?: boolean;
}

/** Where nobody verifies, wrong checksums stay wrong in ways of their own: bytes are left out. */
const lean = (o: Delivered, verify: boolean): string =>
  `${o.from.join('+')} ${o.gsoType} ${o.gsoSize}x${o.segments} ${verify ? Buffer.from(o.bytes).toString('hex') : o.bytes.length}`;

/** Returns how many packets were merged. */
function check(inputs: Input[], polls: number[], settings: Settings): number {
  const { verify = true } = settings;
  const options: GroOptions = { ...settings, order: 'linux', bucketBy: 'outer', tunnels: { ...PORTS } };
  const { outputs, gro } = runGro(inputs, polls, options, 1 << 19);
  const wanted = referenceGro(inputs, polls, { ...settings, ...PORTS });
  expect(outputs.map((o) => lean(o, verify))).toEqual(wanted.map((o) => lean(o, verify)));
  return gro.merged;
}

const settings = (as: LinuxVersion): fc.Arbitrary<Settings> =>
  fc.record(
    {
      as: fc.constant(as),
      udp: fc.constantFrom<NonNullable<Settings['udp']>>('off', 'forwarding', 'forwarding', [8000]),
      verify: fc.constantFrom(true, true, true, false),
      maxSize: fc.integer({ min: 80, max: 600 }),
      // Linux 6.1 has one limit.
      ...(as === 'linux-6.1' ? {} : { maxSize4: fc.integer({ min: 80, max: 600 }) }),
    },
    { requiredKeys: ['as'] },
  );

describe.each(LINUX_VERSIONS)('%s', (as) => {
  it('streams of any kinds', () => {
    let merged = 0;
    fc.assert(
      fc.property(plans(KINDS, 4, 60), settings(as), (plan, s) => {
        const { inputs, polls } = traffic(plan);
        merged += check(inputs, polls, s);
      }),
      { numRuns: 200 },
    );
    expect(merged).toBeGreaterThan(300);
  });

  it.each(KINDS)('streams of one kind: %s', (kind) => {
    fc.assert(
      fc.property(plans([kind], 3, 40), settings(as), (plan, s) => {
        const { inputs, polls } = traffic(plan);
        check(inputs, polls, s);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    ['IPv4', { v6: false }],
    ['IPv6', { v6: true }],
    ['IPv6 with options', { v6: true, ext: [60] }],
    ['IPv4, tagged', { v6: false, vlan: [5] }],
    ['IPv6, tagged', { v6: true, vlan: [5] }],
  ] as const)('above 64 KiB: %s', (_, spec) => {
    const inputs = Array.from({ length: 60 }, (_, i) => {
      const more = { ...spec, ext: [...('ext' in spec ? spec.ext : [])], vlan: [...('vlan' in spec ? spec.vlan : [])] };
      return { bytes: frame({ ...more, seq: i * 2000, id: i, payload: payload(1, i * 2000, 2000) }) };
    });
    for (const maxSize of [65_536, 100_000, 200_000]) {
      for (const maxSize4 of as === 'linux-6.1' ? [undefined] : [undefined, 30_000, 100_000]) {
        expect(check(inputs, [60], { as, maxSize, maxSize4 })).toBeGreaterThan(50);
      }
    }
  });
});

it('every kind that Linux merges is merged', () => {
  const plan = { hashed: true, oddness: 0, sharedIds: false, fixedIds: 0, polls: [], mss: 20 };
  const steps = Array.from({ length: 8 }, (_, n) => ({ stream: 0, odd: 99, layer: 0, change: 0, n }));
  const never = ['vxlanvxlan', 'greseq', 'ipipip', 'greipip', 'ipipvxlan', 'guegresum'];
  for (const kind of KINDS) {
    const { inputs, polls } = traffic({ ...plan, kinds: [kind], steps });
    const merged = check(inputs, polls, { as: 'linux-6.18', udp: 'forwarding' });
    expect([kind, merged]).toEqual([kind, never.includes(kind) ? 0 : 7]);
  }
});
