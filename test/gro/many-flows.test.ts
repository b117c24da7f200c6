/** Ten thousand flows at once: nothing merges that is not of one flow, nothing is lost, each flow keeps its order, and no more is held than is said. */
import { describe, expect, it } from 'vitest';
import { payload } from './frames.ts';
import { type Input, runGro } from './rig.ts';
import { build, type Layer } from './stack.ts';
import { PORTS, STACKS } from './streams.ts';

const FLOWS = 10_000;
const SIZE = 12;

/** A segment of a flow: its ports tell it, and its payload whose and which it is. */
function segment(kind: string, flow: number, n: number): Uint8Array {
  const layers: Layer[] = STACKS[kind](0);
  const inner = layers.at(-1) as { sport: number; seq?: number };
  inner.sport = flow;
  if (inner.seq !== undefined) inner.seq = n * SIZE;
  for (const l of layers) if (l.kind === 'ip4') l.id = n;
  return build(layers, payload(flow, n * SIZE, SIZE));
}

describe.each(['tcp4', 'udp6', 'vxlan44', 'gre46key', 'guesit'])('%s', (kind) => {
  const check = (order: readonly (readonly [flow: number, n: number])[], hashed: boolean): number => {
    const inputs: Input[] = order.map(([flow, n]) => ({
      bytes: segment(kind, flow, n),
      hash: hashed ? Math.imul(flow, 0x9e3779b1) >>> 3 : 0,
    }));
    const polls = Array.from({ length: Math.ceil(order.length / 64) }, (_, i) => Math.min(64, order.length - 64 * i));
    const options = { udp: 'forwarding', tunnels: { ...PORTS } } as const;
    const { outputs, gro, mostHeld, mostScratch } = runGro(inputs, polls, options, 1 << 15);
    const next = new Int32Array(FLOWS);
    let packets = 0;
    for (const o of outputs) {
      const flow = order[o.from[0]][0];
      for (const i of o.from) {
        if (order[i][0] !== flow || order[i][1] !== next[flow]++) throw new Error(`${i} in the packet of flow ${flow}`);
        packets++;
      }
      const first = order[o.from[0]][1];
      const wanted = payload(flow, first * SIZE, SIZE * o.segments);
      if (Buffer.compare(o.bytes.subarray(o.bytes.length - wanted.length), wanted) !== 0)
        throw new Error(`payload of ${flow}`);
    }
    expect(packets).toBe(order.length);
    // Eight buckets of eight; headers of a super-packet are copied once.
    expect(mostHeld).toBeLessThanOrEqual(64);
    expect(mostScratch).toBeLessThanOrEqual(32 * 256);
    expect(gro.merged).toBe(order.length - outputs.length);
    return gro.merged;
  };
  const flows = Array.from({ length: FLOWS }, (_, flow) => flow);

  it('one packet of each in turn: nothing is merged', () => {
    expect(
      check(
        [0, 1].flatMap((n) => flows.map((flow) => [flow, n] as const)),
        true,
      ),
    ).toBe(0);
  });

  it('two packets of each in a row', () => {
    // A poll ends between the two of no flow.
    expect(
      check(
        flows.flatMap((flow) => [0, 1].map((n) => [flow, n] as const)),
        true,
      ),
    ).toBe(FLOWS);
  });

  it('sixteen flows in turn, all in one bucket but where the inner flow chooses it', () => {
    const some = flows.slice(0, 2048);
    const groups = Array.from({ length: some.length / 16 }, (_, g) => some.slice(16 * g, 16 * g + 16));
    const order = groups.flatMap((group) => [0, 1, 2, 3].flatMap((n) => group.map((flow) => [flow, n] as const)));
    const merged = check(order, false);
    const isTunnel = STACKS[kind](0).length > 3;
    if (isTunnel) expect(merged).toBeGreaterThan(some.length);
    else expect(merged).toBe(0);
  });
});
