/** Random bursts of every kind of packet that GRO looks into: streams of TCP and UDP in clear and in tunnels, mostly in order. */
import fc from 'fast-check';
import { payload } from './frames.ts';
import type { Input } from './rig.ts';
import { build, type Ip4, type Ip6, type Layer, type Tcp, type Udp } from './stack.ts';

export const PORTS = { vxlan: 4789, geneve: 6081, gue: 6080 } as const;

const eth = (mac = 1): Layer => ({ kind: 'eth', mac });
const vlan = (tci: number, tpid = 0x8100): Layer => ({ kind: 'vlan', tci, tpid });
const ip4 = (src = 1, frag = 0x4000): Ip4 => ({
  ...{ kind: 'ip4', src, dst: 1, ttl: 64, tos: 0, id: 0xfffe, frag },
  ...{ options: 0, lie: 0, badSum: 0 },
});
const ip6 = (src = 1, ext: number[] = []): Ip6 => ({
  ...{ kind: 'ip6', src, dst: 1, version: 6, hops: 64, tclass: 0, label: 7 },
  ...{ ext, extByte: 0, lie: 0 },
});
const udp = (sport: number, dport: number, sum: Udp['sum'] = 'right'): Layer => ({
  kind: 'udp',
  sport,
  dport,
  sum,
  lie: 0,
});
const tcp = (sport: number): Tcp => ({
  ...{ kind: 'tcp', sport, dport: 443, seq: 0xffffff80, ack: 7, flags: 0x10, window: 512 },
  ...{ urgent: 0, reserved: 0, options: [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0], badSum: 0, lie: 0 },
});
const vxlan = (vni = 5): Layer => ({ kind: 'vxlan', flags: 8, vni });
const geneve = (options: number[] = []): Layer => ({ kind: 'geneve', vni: 5, options, bits: 0, lie: 0 });
const gue = (variant: number, options: number[] = [], flags = 0): Layer => ({
  ...{ kind: 'gue', variant, options, flags, control: false, lie: 0 },
});
const gre = (more: { sum?: 'right'; key?: number; sequence?: number } = {}): Layer => ({
  ...{ kind: 'gre', sum: 'none', bits: 0 },
  ...more,
});

/** Kinds of packets. `i`: number of the stream; streams of one kind often share addresses and tunnels. */
export const STACKS: Readonly<Record<string, (i: number) => Layer[]>> = {
  tcp4: (i) => [eth(), ip4(i & 1), tcp(i)],
  tcp4df0: (i) => [eth(), ip4(i & 1, 0), tcp(i)],
  tcp6: (i) => [eth(), ip6(i & 1), tcp(i)],
  tcp6ext: (i) => [eth(), ip6(1, [0, 60]), tcp(i)],
  vlan4: (i) => [eth(), vlan(5), ip4(), tcp(i)],
  qinq6: (i) => [eth(), vlan(6, 0x88a8), vlan(5 + (i & 1)), ip6(), tcp(i)],
  udp4: (i) => [eth(), ip4(), udp(i, 8000)],
  udp6: (i) => [eth(), ip6(), udp(i, 8000)],
  natt4: (i) => [eth(), ip4(), udp(i, 4500)],
  vxlan44: (i) => [eth(), ip4(), udp(9 + (i & 1), 4789, 'none'), vxlan(), eth(2), ip4(), tcp(i)],
  vxlan44df0: (i) => [eth(), ip4(1, 0), udp(9, 4789, 'none'), vxlan(), eth(2), ip4(1, 0), tcp(i)],
  vxlan46: (i) => [eth(), ip4(), udp(9, 4789), vxlan(), eth(2), ip6(), tcp(i)],
  vxlan46df0: (i) => [eth(), ip4(1, 0), udp(9, 4789), vxlan(), eth(2), ip6(), tcp(i)],
  vxlan64: (i) => [eth(), ip6(), udp(9, 4789), vxlan(), eth(2), ip4(), tcp(i)],
  vxlan64none: (i) => [eth(), ip6(1, [60]), udp(9, 4789, 'none'), vxlan(), eth(2), ip4(1, 0), tcp(i)],
  vxlanvlan: (i) => [eth(), vlan(1), ip4(), udp(9, 4789, 'none'), vxlan(i & 1), eth(2), vlan(3), ip4(), tcp(i)],
  vxlanudp: (i) => [eth(), ip4(), udp(9, 4789, 'none'), vxlan(), eth(2), ip4(), udp(i, 8000)],
  vxlanvxlan: (i) => [
    ...[
      eth(),
      ip4(),
      udp(9, 4789, 'none'),
      vxlan(),
      eth(2),
      ip4(),
      udp(9, 4789, 'none'),
      vxlan(),
      eth(3),
      ip4(),
      tcp(i),
    ],
  ],
  geneveteb: (i) => [eth(), ip4(), udp(9, 6081), geneve([0, 1, 2, 1, i & 1, 0, 0, 0]), eth(2), ip4(), tcp(i)],
  geneveip: (i) => [eth(), ip6(), udp(9, 6081, 'none'), geneve(), ip6(), tcp(i)],
  genevevlan: (i) => [eth(), ip4(), udp(9, 6081, 'none'), geneve(), vlan(3), ip4(), tcp(i)],
  gre44: (i) => [eth(), ip4(), gre(), ip4(), tcp(i)],
  gre46key: (i) => [eth(), ip4(1, 0), gre({ key: i & 1 }), ip6(), tcp(i)],
  gre64sum: (i) => [eth(), ip6(), gre({ sum: 'right' }), ip4(), tcp(i)],
  grekeysum: (i) => [eth(), ip4(), gre({ sum: 'right', key: i & 1 }), ip4(), tcp(i)],
  greteb: (i) => [eth(), ip4(), gre({ key: 1 }), eth(2), ip4(1, 0), tcp(i)],
  gretebvlan: (i) => [eth(), ip4(), gre(), eth(2), vlan(3), ip6(), tcp(i)],
  greudp: (i) => [eth(), ip4(), gre(), ip4(), udp(i, 8000)],
  greseq: (i) => [eth(), ip4(), gre({ sequence: i }), ip4(), tcp(i)],
  ipip: (i) => [eth(), ip4(), ip4(2 + (i & 1)), tcp(i)],
  ipipdf0: (i) => [eth(), ip4(1, 0), ip4(2, 0), tcp(i)],
  ipipmix: (i) => [eth(), ip4(1, 0), ip4(2), tcp(i)],
  sit: (i) => [eth(), ip4(1, 0), ip6(), tcp(i)],
  ip4ip6: (i) => [eth(), ip6(1, [60]), ip4(), tcp(i)],
  ip6ip6: (i) => [eth(), ip6(), ip6(2, [0]), tcp(i)],
  ipipudp: (i) => [eth(), ip4(), ip4(), udp(i, 8000)],
  ipipip: (i) => [eth(), ip4(), ip4(), ip4(), tcp(i)],
  greipip: (i) => [eth(), ip4(), gre(), ip4(), ip4(), tcp(i)],
  ipipvxlan: (i) => [eth(), ip4(), ip4(), udp(9, 4789, 'none'), vxlan(), eth(2), ip4(), tcp(i)],
  gueipip: (i) => [eth(), ip4(), udp(9, 6080, 'none'), gue(0), ip4(), tcp(i)],
  guesit: (i) => [eth(), ip4(), udp(9, 6080), gue(0, [0, 0, 0, 0], 1), ip6(), tcp(i)],
  gue1: (i) => [eth(), ip4(), udp(9, 6080), gue(1), ip4(), tcp(i)],
  gue16: (i) => [eth(), ip6(), udp(9, 6080), gue(1), ip6(), tcp(i)],
  guegre: (i) => [eth(), ip4(), udp(9, 6080, 'none'), gue(0, [0, 0, 0, i & 1]), gre({ key: 3 }), ip4(), tcp(i)],
  guegresum: (i) => [eth(), ip4(), udp(9, 6080), gue(0), gre({ sum: 'right' }), ip4(), tcp(i)],
  vlans: (i) => [
    ...[eth(), ip4(), udp(9, 4789, 'none'), vxlan(), eth(2), ...Array.from({ length: 8 + (i & 3) }, () => vlan(3))],
    ...[ip4(), tcp(i)],
  ],
};

/** Changes of one layer by a number; true: the change stays for the rest of the stream, where `n` is even. */
type Change = (layer: never, n: number) => void;
const CHANGES: Readonly<Record<Layer['kind'], readonly Change[]>> = {
  eth: [(l: { mac: number }, n) => (l.mac ^= 1 + (n & 3))],
  vlan: [
    (l: { tci: number }, n) => (l.tci ^= 1 << (n % 16)),
    (l: { tpid: number }) => (l.tpid = l.tpid === 0x8100 ? 0x88a8 : 0x8100),
  ],
  ip4: [
    (l: Ip4, n) => (l.ttl ^= 1 << (n % 8)),
    (l: Ip4, n) => (l.tos ^= 1 << (n % 8)),
    (l: Ip4, n) => (l.id = (l.id + n) & 0xffff),
    (l: Ip4) => (l.frag ^= 0x4000),
    (l: Ip4, n) => (l.frag |= [0x8000, 0x2000, 1, 0x2001][n & 3]),
    (l: Ip4) => (l.options = 4),
    (l: Ip4, n) => (l.lie = (n & 31) - 16),
    (l: Ip4, n) => (l.badSum = 1 + n),
    (l: Ip4, n) => (l.src ^= 1 + (n & 1)),
    (l: Ip4, n) => (l.proto = [1, 6, 17, 47, 50, 132, 4, 41][n & 7]),
  ],
  ip6: [
    (l: Ip6, n) => (l.hops ^= 1 << (n % 8)),
    (l: Ip6, n) => (l.tclass ^= 1 << (n % 8)),
    (l: Ip6, n) => (l.label ^= 1 + n),
    (l: Ip6, n) => (l.lie = (n & 31) - 16),
    (l: Ip6, n) => (l.ext = [[], [0], [60], [43, 60], [44], [0, 44], [51]][n % 7]),
    (l: Ip6, n) => (l.extByte = n),
    (l: Ip6, n) => (l.src ^= 1 + (n & 1)),
    (l: Ip6, n) => (l.version = n & 15),
    (l: Ip6, n) => (l.proto = [58, 6, 17, 47, 59, 4, 41, 0][n & 7]),
  ],
  udp: [
    (l: Udp, n) => (l.sport ^= 1 + (n & 1)),
    (l: Udp, n) => (l.sum = (['right', 'none', 'bad'] as const)[n % 3]),
    (l: Udp, n) => (l.lie = (n & 63) - 48),
    (l: Udp, n) => (l.dport = [8000, 4789, 6081, 6080, 4500, 53][n % 6]),
  ],
  tcp: [
    (l: Tcp, n) => (l.flags ^= 1 << (n % 8)),
    (l: Tcp, n) => (l.flags ^= 1 << (n % 8)),
    (l: Tcp) => (l.flags ^= 0x80),
    (l: Tcp) => (l.flags |= 0x08),
    (l: Tcp, n) => (l.ack += n),
    (l: Tcp, n) => (l.window ^= 1 + n),
    (l: Tcp, n) => (l.urgent = n),
    (l: Tcp, n) => (l.reserved ^= 1 << (n & 3)),
    (l: Tcp, n) => (l.options = [1, 1, 8, 10, 0, 0, 1, n, 0, 0, 2, 0]),
    (l: Tcp, n) => (l.options = n & 1 ? [] : [1, 1, 1, 1]),
    (l: Tcp, n) => (l.badSum = 1 + n),
    (l: Tcp, n) => (l.lie = (n & 15) - 8),
    (l: Tcp, n) => (l.seq = (l.seq + n - 128) | 0),
    (l: Tcp, n) => (l.sport ^= 1 + (n & 1)),
  ],
  vxlan: [(l: { vni: number }, n) => (l.vni ^= 1 + n), (l: { flags: number }, n) => (l.flags ^= 1 << (n % 8))],
  geneve: [
    (l: { vni: number }, n) => (l.vni ^= 1 + n),
    (l: { options: number[] }, n) => (l.options = Array.from({ length: 4 * (n & 3) }, () => n)),
    (l: { bits: number }, n) => (l.bits = [0x80, 0x40, 0x4000, 0x20][n & 3]),
    (l: { lie: number }, n) => (l.lie = n % 32),
  ],
  gue: [
    (l: { options: number[] }, n) => (l.options = Array.from({ length: 4 * (n & 3) }, () => n & 4)),
    (l: { flags: number }, n) => (l.flags = [0, 1, 2, 0x8000][n & 3]),
    (l: { control: boolean }) => (l.control = true),
    (l: { variant: number }, n) => (l.variant = n & 3),
    (l: { lie: number }, n) => (l.lie = n % 32),
  ],
  gre: [
    (l: { key?: number }, n) => (l.key = n & 1 ? undefined : n),
    (l: { sum: string }, n) => (l.sum = ['right', 'none', 'bad'][n % 3]),
    (l: { sequence?: number }, n) => (l.sequence = n),
    (l: { bits: number }, n) => (l.bits = 1 << (n % 12)),
  ],
};

export interface Step {
  stream: number;
  /** What is odd about it: 0 to 99, most of these nothing. */
  odd: number;
  layer: number;
  change: number;
  n: number;
}

export interface Plan {
  kinds: string[];
  hashed: boolean;
  /** How many of 100 packets are odd. */
  oddness: number;
  /** IDs of outer headers count per tunnel, not per stream. */
  sharedIds: boolean;
  fixedIds: number;
  steps: Step[];
  polls: number[];
  mss: number;
}

export function plans(kinds: string[], maxStreams: number, maxFrames: number): fc.Arbitrary<Plan> {
  const step = fc.record({
    ...{ stream: fc.nat(maxStreams - 1), odd: fc.nat(99), layer: fc.nat(11), change: fc.nat(13), n: fc.nat(255) },
  });
  return fc.record({
    kinds: fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: maxStreams }),
    hashed: fc.boolean(),
    oddness: fc.constantFrom(0, 5, 15, 50),
    sharedIds: fc.boolean(),
    fixedIds: fc.nat(0xffff),
    steps: fc.array(step, { minLength: 2, maxLength: maxFrames, size: 'max' }),
    polls: fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 4 }),
    mss: fc.integer({ min: 2, max: 40 }),
  });
}

interface Stream {
  layers: Layer[];
  hash: number;
  tci?: number;
  fixed: number;
}

export interface Traffic {
  inputs: Input[];
  polls: number[];
  /** The stream of each frame. */
  streams: number[];
}

export function traffic(plan: Plan): Traffic {
  const streams = plan.kinds.map(
    (kind, i): Stream => ({
      layers: STACKS[kind](i),
      hash: plan.hashed ? Math.imul(i + 1, 0x9e3779b1) ^ (i << 1) : 0,
      fixed: plan.fixedIds >> (i & 7),
    }),
  );
  const shared = { id: 0xfff8 };
  const out: Traffic = { inputs: [], polls: [], streams: [] };
  for (const s of plan.steps) {
    const n = s.stream % streams.length;
    out.inputs.push(emit(streams[n], s, plan, shared));
    out.streams.push(n);
  }
  let left = plan.steps.length;
  for (const poll of [...plan.polls, 64, 64, 64]) {
    const count = Math.min(poll, left);
    if (count > 0) out.polls.push(count);
    left -= count;
  }
  return out;
}

function emit(stream: Stream, s: Step, plan: Plan, shared: { id: number }): Input {
  let { layers, hash, tci } = stream;
  let length = plan.mss;
  let frame = (bytes: Uint8Array): Uint8Array => bytes;
  let again = false;
  if (s.odd < plan.oddness) {
    switch (s.odd % 8) {
      case 0:
        length = s.n % (2 * plan.mss);
        break;
      case 1:
        frame = s.n & 1 ? (b) => b.slice(0, s.n) : (b) => Uint8Array.from([...b, ...new Uint8Array(1 + (s.n & 15))]);
        break;
      case 2:
        if (s.n & 1) hash ^= s.n;
        else tci = s.n & 2 ? 0xabc : undefined;
        again = (s.n & 4) !== 0;
        if (s.n & 8) Object.assign(stream, { hash, tci });
        break;
      default: {
        const changed = structuredClone(layers);
        const layer = changed[s.layer % changed.length];
        const changes = CHANGES[layer.kind];
        changes[s.change % changes.length](layer as never, s.n);
        layers = changed;
        if (s.odd % 2 === 0) stream.layers = changed;
      }
    }
  }
  const bytes = frame(build(layers, payload(1, 0, length)));
  advance(stream, length, plan, shared, again);
  return { bytes, hash, ...(tci === undefined ? {} : { tci }) };
}

/** What the next packet of the stream has: sequence number, IDs. */
function advance(stream: Stream, length: number, plan: Plan, shared: { id: number }, again: boolean): void {
  let level = 0;
  const levels = stream.layers.filter((l) => l.kind === 'ip4' || l.kind === 'ip6').length;
  for (const l of stream.layers) {
    if (l.kind === 'tcp' && !again) l.seq = (l.seq + length) | 0;
    if (l.kind !== 'ip4' && l.kind !== 'ip6') continue;
    const isFixed = ((stream.fixed >> level) & 1) !== 0;
    if (l.kind === 'ip4' && !isFixed) {
      if (plan.sharedIds && level === 0 && levels > 1) l.id = shared.id = (shared.id + 1) & 0xffff;
      else l.id = (l.id + 1) & 0xffff;
    }
    level++;
  }
}
