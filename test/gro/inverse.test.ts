/**
 * gso(gro(x)) = x over every case of the corpus that has no ESP and over damaged ones: TCP and UDP, in clear and in tunnels. What Linux
 * changes too: the urgent pointer is that of the first segment.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GroOptions, type GsoOuter, segmentTcp, segmentUdp } from '../../src/gro/index.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { enterTunnel } from '../../src/wire/tunnel.ts';
import { frame, payload } from './frames.ts';
import { CAPTURES, readCases, readPcap } from './oracle.ts';
import { type Output, runGro } from './rig.ts';
import { plans, STACKS, traffic } from './streams.ts';

const cases = Object.entries(readCases()).filter(([, c]) => c.sas === undefined);
const ALL: GroOptions = { udp: 'forwarding', tunnels: true };

const id = (b: Uint8Array, l3: number): number => (b[l3 + 4] << 8) | b[l3 + 5];

/** The segments of a super-packet, and where the TCP header is in them (0: UDP). */
interface Cut {
  out: Uint8Array[];
  tcp: number;
}

/** Undefined: the dissection, which reads Geneve's options, does not see what is inside. */
function cut(o: Output, inputs: readonly Uint8Array[], accEcn: boolean): Cut | undefined {
  const d = new Dissection();
  dissect(o.bytes, 0, o.bytes.length, 1, d);
  const { l3, l4, proto } = d;
  const isFixed = (at: number): boolean => id(inputs[0], at) === id(inputs[1], at);
  // A tunnel is kept: what was merged is one level inside.
  const isTunnel = !(
    proto === 6 ||
    (proto === 17 && o.gsoType === 'udp_l4' && !enterTunnel(o.bytes.slice(), { ...d }))
  );
  let outer: GsoOuter | undefined;
  if (isTunnel && enterTunnel(o.bytes, d)) {
    if (d.proto !== 6 && d.proto !== 17) enterTunnel(o.bytes, d);
    outer = { l3, l4, proto, fixedId: isFixed(l3) };
  }
  if (o.gsoType !== 'udp_l4' && d.proto !== 6) return undefined;
  const jumbo = d.l4 - d.l3 >= 48 && o.bytes[d.l3 + 42] === 0xc2 ? 8 : 0;
  const options = {
    gsoSize: o.gsoSize,
    fixedId: isFixed(d.l3),
    accEcn,
    ...(outer === undefined ? {} : { outer }),
  };
  const lengths = new Int32Array(o.segments + 1);
  const target = new Uint8Array(o.bytes.length + o.segments * 600);
  const segment = o.gsoType === 'udp_l4' ? segmentUdp : segmentTcp;
  const count = segment(o.bytes, 0, o.bytes.length, d.l3, d.l4, options, target, 0, lengths);
  let at = 0;
  const out = Array.from(lengths.subarray(0, count), (length) => {
    at += length;
    return target.slice(at - length, at);
  });
  return { out, tcp: o.gsoType === 'udp_l4' ? 0 : d.l4 - jumbo };
}

function check(outputs: readonly Output[], frames: readonly Uint8Array[], accEcn = false): number {
  let merged = 0;
  for (const o of outputs) {
    const inputs = o.from.map((i) => frames[i]);
    if (o.segments === 1) {
      expect(Buffer.compare(o.bytes, inputs[0])).toBe(0);
      continue;
    }
    merged++;
    const parts = cut(o, inputs, accEcn);
    if (parts === undefined) continue;
    const { out, tcp } = parts;
    expect(out.length).toBe(inputs.length);
    for (let i = 0; i < out.length; i++) {
      const urgent = (b: Uint8Array): number => (tcp === 0 ? 0 : (b[tcp + 18] << 8) | b[tcp + 19]);
      if (urgent(inputs[i]) !== urgent(inputs[0]) || udpLengthLies(inputs[i])) continue;
      expect(Buffer.from(out[i]).toString('hex')).toBe(Buffer.from(inputs[i]).toString('hex'));
    }
  }
  return merged;
}

describe('gso(gro(x)) = x', () => {
  it('over the corpus', () => {
    let merged = 0;
    for (const [name, c] of cases) {
      const frames = readPcap(new URL(`${name}.pcap`, CAPTURES));
      const { outputs } = runGro(
        frames.map((bytes, i) => ({ bytes, hash: c.hashes?.[i] ?? 0 })),
        c.polls,
        ALL,
      );
      merged += check(outputs, frames);
    }
    expect(merged).toBeGreaterThan(400);
  });

  it.each(['linux-6.18', 'linux-7.2'] as const)('over streams of every kind, in clear and in tunnels: %s', (as) => {
    // Older kernels merge whatever outer IDs there are. Two kinds have tags that the dissection does not walk.
    const kinds = Object.keys(STACKS).filter((kind) => kind !== 'vlans' && kind !== 'genevevlan');
    let merged = 0;
    fc.assert(
      fc.property(plans(kinds, 3, 60), (plan) => {
        const { inputs, polls } = traffic({ ...plan, oddness: Math.min(plan.oddness, 15) });
        const { outputs } = runGro(inputs, polls, { ...ALL, as }, 1 << 19);
        merged += check(
          outputs,
          inputs.map((f) => f.bytes),
          as === 'linux-7.2',
        );
      }),
      { numRuns: 300 },
    );
    expect(merged).toBeGreaterThan(300);
  });

  it('over large super-packets, with and without a jumbo option', () => {
    for (const v6 of [false, true]) {
      const frames = Array.from({ length: 60 }, (_, i) =>
        frame({ v6, seq: 1 + i * 1400, id: i, payload: payload(1, i * 1400, 1400) }),
      );
      const { outputs } = runGro(
        frames.map((bytes) => ({ bytes })),
        [60],
        { maxSize: 200_000, maxSize4: 200_000 },
      );
      expect(outputs.map((o) => o.segments)).toEqual([60]);
      check(outputs, frames);
    }
  });

  const pools = cases
    .filter(([name]) => /^(tun_|udp_|st_ip|tcp_|vlan)/.test(name))
    .map(([name]) => readPcap(new URL(`${name}.pcap`, CAPTURES)).slice(0, 16))
    .filter((frames) => frames.every((f) => f.length < 1600));
  const damage = fc.record({ frame: fc.nat(15), at: fc.nat(140), value: fc.nat(255), cut: fc.nat(9) });

  it.each(['linux', 'flow'] as const)('over damaged frames of tunnels and UDP: nothing is lost, order %s', (order) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pools),
        fc.array(damage, { maxLength: 6 }),
        fc.boolean(),
        (pool, damages, verify) => {
          const frames = pool.map((f) => new Uint8Array(f));
          for (const { frame: n, at, value, cut: c } of damages) {
            const i = n % frames.length;
            if (c === 0) frames[i] = frames[i].slice(0, at);
            else if (at < frames[i].length) frames[i][at] = value;
          }
          const { outputs } = runGro(
            frames.map((bytes) => ({ bytes, hash: 7 })),
            [frames.length],
            { ...ALL, order, verify, bucketBy: 'outer' },
          );
          const all = outputs.flatMap((o) => o.from).sort((a, b) => a - b);
          expect(all).toEqual(frames.map((_, i) => i));
          // Only what was verified is sure to be restored: wrong checksums are made right by segmentation.
          if (verify)
            check(
              outputs.filter((o) => !hasGreChecksum(o.bytes)),
              frames,
            );
        },
      ),
      { numRuns: 1500 },
    );
  });
});

/** Linux does not look at the length of UDP around a tunnel, and makes it right. */
function udpLengthLies(bytes: Uint8Array): boolean {
  const d = new Dissection();
  dissect(bytes, 0, bytes.length, 1, d);
  return d.proto === 17 && ((bytes[d.l4 + 4] << 8) | bytes[d.l4 + 5]) !== d.end - d.l4;
}

/** Bytes that GRO does not look at, in a header that segmentation writes anew. */
function hasGreChecksum(bytes: Uint8Array): boolean {
  const d = new Dissection();
  dissect(bytes, 0, bytes.length, 1, d);
  return d.proto === 47 && (bytes[d.l4] & 0x80) !== 0;
}
