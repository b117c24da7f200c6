/** Ten thousand inner flows of one SA, plain and in a tunnel inside ESP: merged each by itself, in order, and all accounted for. */
import { expect, it } from 'vitest';
import { sealTransport, sealTunnel } from '../../src/esp/index.ts';
import type { GroOptions } from '../../src/receiver/gro-options.ts';
import { payload } from '../gro/frames.ts';
import { build, type Ip4, type Layer, type Tcp } from '../gro/stack.ts';
import { STACKS } from '../gro/streams.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const FLOWS = 10_000;
const SIZE = 8;

/** The IP packet of segment `n` of a flow. */
function packet(kind: string, flow: number, n: number): Uint8Array {
  const layers: Layer[] = STACKS[kind](0).slice(1);
  for (const l of layers) if (l.kind === 'ip4') (l as Ip4).id = n;
  const inner = layers.at(-1) as Tcp;
  inner.sport = flow;
  inner.seq = n * SIZE;
  return build(layers, payload(flow, n * SIZE, SIZE));
}

it.each([
  ['tcp4', 'tunnel', 'off'],
  ['vxlan46', 'transport', 'keep'],
  ['vxlan46', 'transport', 'decap'],
  ['gre44', 'tunnel', 'keep'],
] as const)(
  '%s in ESP, %s mode, tunnels: %s',
  async (kind, mode, tunnels) => {
    const ends = mode === 'transport' ? { src: '10.0.0.1', dst: '10.0.1.1' } : {};
    const one = sa(7, { ...ends, mode, replayWindow: 64 });
    const gro: GroOptions = { tunnels };
    const next = new Int32Array(FLOWS);
    let packets = 0;
    const { rx } = await inlineReceiver({
      queues: 1,
      full: 'wait',
      deterministic: true,
      gro,
      esp: { sas: [one] },
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) {
          const bytes = batch.copy(i);
          const segments = batch.segments(i);
          // Behind the ports come 28 bytes of TCP header and the payload.
          const data = bytes.length - SIZE * segments;
          const flow = (bytes[data - 32] << 8) | bytes[data - 31];
          const wanted = payload(flow, next[flow] * SIZE, SIZE * segments);
          if (Buffer.compare(bytes.subarray(data), wanted) !== 0)
            throw new Error(`flow ${flow}, segment ${next[flow]}`);
          next[flow] += segments;
          packets++;
        }
      },
    });
    let sequence = 0;
    const push = (flow: number, n: number): void => {
      const inner = packet(kind, flow, n);
      const esp = mode === 'transport' ? sealTransport(one, ++sequence, inner) : sealTunnel(one, ++sequence, inner);
      rx.push(new Uint8Array([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, ...esp]));
    };
    // Sixteen flows in turn, all in one SA.
    for (let group = 0; group < FLOWS; group += 16) {
      for (const n of [0, 1]) for (let flow = group; flow < group + 16; flow++) push(flow, n);
    }
    await rx.drain();
    await rx.close();
    const stats = rx.stats();
    expect(closingFault(stats)).toBeUndefined();
    expect(next.every((n) => n === 2)).toBe(true);
    expect(stats.queues[0].segments).toBe(2 * FLOWS);
    // Buckets by inner flow: most of sixteen flows find room.
    expect(packets).toBeLessThan(1.4 * FLOWS);
  },
  30_000,
);
