/**
 * The defaults of lanes (`order: flow`, `bucketBy: inner`) over random bursts of everything: nothing is lost, every flow keeps its order,
 * and what is merged is what Linux would make of the very same packets if no others had come.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLASS_MALFORMED, CLASS_NONIP } from '../../src/counters.ts';
import type { GroOptions } from '../../src/gro/index.ts';
import { u16 } from '../../src/wire/bytes.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../src/wire/dissect.ts';
import { innermostOf } from '../../src/wire/tunnel.ts';
import { payload } from './frames.ts';
import { referenceGro } from './reference.ts';
import { type Input, type Output, runGro } from './rig.ts';
import { build, type Layer } from './stack.ts';
import { type Plan, PORTS, plans, STACKS, type Traffic, traffic } from './streams.ts';

const KINDS = Object.keys(STACKS);
const LANE: GroOptions = { udp: 'forwarding', tunnels: { ...PORTS } };

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Addresses and ports; where there are none to be seen, nothing. */
function tuple(bytes: Uint8Array, d: Dissection): string {
  const v6 = (d.cls & 1) !== 0;
  const addresses = text(bytes.subarray(d.l3 + (v6 ? 8 : 12), d.l3 + (v6 ? 40 : 20)));
  return `${addresses} ${d.proto} ${d.proto === 6 || d.proto === 17 ? text(bytes.subarray(d.l4, d.l4 + 4)) : ''}`;
}

/** What a packet is of, by its outer headers and its innermost ones. Undefined where these cannot be seen. */
function flowOf(bytes: Uint8Array): string | undefined {
  const d = new Dissection();
  d.nattPort = -1;
  const cls = dissect(bytes, 0, bytes.length, LINK_ETHERNET, d);
  if (cls === CLASS_MALFORMED || cls === CLASS_NONIP) return undefined;
  const outer = tuple(bytes, d);
  const inner = innermostOf(bytes, d, new Dissection());
  const isSeen = inner.proto === 6 || (inner.proto === 17 && u16(bytes, inner.l4 + 2) === 8000);
  return isSeen ? `${outer} ${tuple(bytes, inner)}` : undefined;
}

function conserved(outputs: readonly Output[], inputs: readonly Input[]): void {
  const all = outputs.flatMap((o) => o.from).sort((a, b) => a - b);
  expect(all).toEqual(inputs.map((_, i) => i));
}

/** Packets of one flow by all their headers come out in the order in which they came in. */
function inOrder(outputs: readonly Output[], inputs: readonly Input[]): void {
  const flows = inputs.map((f) => flowOf(f.bytes));
  const last = new Map<string, number>();
  for (const i of outputs.flatMap((o) => o.from)) {
    const key = flows[i];
    if (key === undefined) continue;
    expect([key, i > (last.get(key) ?? -1)]).toEqual([key, true]);
    last.set(key, i);
  }
}

/** Every super-packet is what the reference makes of its packets alone, and each of these one that a host would have taken. */
function asLinux(outputs: readonly Output[], inputs: readonly Input[]): void {
  for (const o of outputs) {
    const packets = o.from.map((i) => inputs[i]);
    if (o.segments === 1) {
      expect(text(o.bytes)).toBe(text(packets[0].bytes));
      continue;
    }
    const alone = packets.map(({ bytes, tci }) => ({ bytes, tci }));
    const [one, ...more] = referenceGro(alone, [alone.length], { ...PORTS, udp: 'forwarding' });
    expect(more.length).toBe(0);
    expect([text(one.bytes), one.gsoSize, one.segments]).toEqual([text(o.bytes), o.gsoSize, o.segments]);
    for (const { bytes } of packets) {
      const d = new Dissection();
      d.nattPort = -1;
      dissect(bytes, 0, bytes.length, LINK_ETHERNET, d);
      expect([d.truncated, d.end]).toEqual([0, bytes.length]);
      if (d.proto === 17) expect(u16(bytes, d.l4 + 4)).toBe(d.end - d.l4);
    }
  }
}

/** What becomes of each stream by itself. */
const byStream = (outputs: readonly { from: number[] }[], t: Traffic): string[] =>
  t.inputs
    .map((_, i) => i)
    .filter((i) => outputs.some((o) => o.from[0] === i))
    .map((i) => `${t.streams[i]}: ${outputs.find((o) => o.from[0] === i)?.from.join('+')}`);

describe('the defaults of lanes', () => {
  it.each([
    ['any kinds', KINDS, 4],
    ['tunnels of one pair of hosts', KINDS.filter((k) => /^(vxlan44|vxlanudp|vxlanvlan|vxlanvxlan)$/.test(k)), 4],
    ['GRE and IP in IP of one pair of hosts', ['gre44', 'greteb', 'greudp', 'ipip', 'ipipmix', 'greipip'], 4],
    ['one flow', ['tcp4', 'vxlan46', 'gre44', 'udp4', 'gueipip', 'geneveteb'], 1],
  ] as const)('keep packets, order and the rules: %s', (_, kinds, streams) => {
    fc.assert(
      fc.property(plans([...kinds], streams, 60), (plan) => {
        const { inputs, polls } = traffic(plan);
        const { outputs, gro } = runGro(inputs, polls, LANE, 1 << 19);
        conserved(outputs, inputs);
        inOrder(outputs, inputs);
        asLinux(outputs, inputs);
        expect(gro.merged).toBe(inputs.length - outputs.length);
      }),
      { numRuns: 400 },
    );
  });

  it('merge all that Linux merges of each flow by itself, with no bucket that is full', () => {
    const clean = plans(
      KINDS.filter((k) => !/^(vxlanvxlan|ipipvxlan|guegresum|vlans)$/.test(k)),
      1,
      30,
    );
    fc.assert(
      fc.property(clean, fc.integer({ min: 1, max: 40 }), (one, streams) => {
        const plan: Plan = { ...one, kinds: new Array(streams).fill(one.kinds[0]), oddness: 0, hashed: false };
        const t = traffic({ ...plan, steps: one.steps.map((s, i) => ({ ...s, stream: (s.n + i) % streams })) });
        const { outputs } = runGro(t.inputs, t.polls, { ...LANE, buckets: 256, heldPerBucket: 256 }, 1 << 19);
        const hashed = t.inputs.map((f, i) => ({ ...f, hash: t.streams[i] }));
        const apart = referenceGro(hashed, t.polls, { ...PORTS, udp: 'forwarding', perBucket: 256 });
        expect(byStream(outputs, t)).toEqual(byStream(apart, t));
      }),
      { numRuns: 200 },
    );
  });
});

/** Five segments of a stream, the middle one changed. */
function train(kind: string, change: (layers: Layer[]) => void, cut = 0): Uint8Array[] {
  return Array.from({ length: 5 }, (_, i) => {
    const layers = STACKS[kind](0);
    for (const l of layers) {
      if (l.kind === 'ip4') l.id = i;
      if (l.kind === 'tcp') l.seq = i * 20;
    }
    if (i === 2) change(layers);
    const bytes = build(layers, payload(1, i * 20, 20));
    return i === 2 ? bytes.slice(0, bytes.length - cut) : bytes;
  });
}

describe('a packet in a tunnel that cannot be compared', () => {
  const first = <K extends Layer['kind']>(layers: Layer[], kind: K): Extract<Layer, { kind: K }> =>
    layers.find((l) => l.kind === kind) as Extract<Layer, { kind: K }>;
  const groups = (frames: Uint8Array[], order: 'linux' | 'flow'): string =>
    runGro(
      frames.map((bytes) => ({ bytes })),
      [5],
      { ...LANE, order, bucketBy: 'outer' },
    )
      .outputs.map((o) => o.from.join('+'))
      .join(' ');

  const tunnels = [
    'vxlan44',
    'vxlan46',
    'vxlan64',
    'geneveteb',
    'geneveip',
    'gre44',
    'gre64sum',
    'greteb',
    'ipip',
    'ip6ip6',
  ];
  it.each([...tunnels, 'sit', 'ip4ip6', 'gueipip', 'gue1', 'guegre'])(
    'waits for its flow, in Linux overtakes it: %s',
    (kind) => {
      const damages: [string, Uint8Array[]][] = [
        ['inner checksum', train(kind, (l) => (first(l, 'tcp').badSum = 1))],
        ['inner data offset', train(kind, (l) => (first(l, 'tcp').lie = -4))],
        [
          'another protocol',
          train(
            kind,
            (l) => ((l.findLast((x) => x.kind === 'ip4' || x.kind === 'ip6') as { proto: number }).proto = 1),
          ),
        ],
      ];
      const outer = STACKS[kind](0)[1].kind;
      if (outer === 'ip4') {
        damages.push(
          ['outer fragment', train(kind, (l) => (first(l, 'ip4').frag = 0x2000))],
          ['outer checksum', train(kind, (l) => (first(l, 'ip4').badSum = 1))],
          ['outer options', train(kind, (l) => (first(l, 'ip4').options = 4))],
        );
      }
      for (const [what, frames] of damages) {
        expect([what, groups(frames, 'linux')]).toEqual([what, '2 0+1 3+4']);
        expect([what, groups(frames, 'flow')]).toEqual([what, '0+1 2 3+4']);
      }
    },
  );

  it.each(['vxlan44', 'vxlan64none', 'geneveip', 'gueipip'])(
    'UDP that lies about its length: Linux does not look, %s',
    (kind) => {
      for (const lie of [-1, 1, -25, -60, 1000]) {
        const frames = train(kind, (l) => (first(l, 'udp').lie = lie));
        expect([lie, groups(frames, 'linux')]).toEqual([lie, '0+1+2+3+4']);
        expect([lie, groups(frames, 'flow')]).toEqual([lie, '0+1 2 3+4']);
      }
    },
  );
});
