/** What GRO merges of packets that came out of ESP: in every mode, across SAs and not, never with what came in clear. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Sa, type SaConfig, sealTransport, sealTunnel } from '../../src/esp/index.ts';
import { type Delivered, LaneBench, type LaneBenchOptions } from '../support/lane-bench.ts';
import { ether, fill, tcp } from '../support/packets.ts';
import { sa } from '../support/sas.ts';

let bench: LaneBench;
const lane = (sas: readonly Sa[], options?: LaneBenchOptions): LaneBench => {
  bench = new LaneBench({ sas, ...options });
  return bench;
};
afterEach(() => {
  expect(bench.unaccounted()).toBe(0);
});

const V4 = { src: '192.0.2.1', dst: '192.0.2.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };

const MODES: readonly (readonly [string, Partial<SaConfig>])[] = [
  ['tunnel, IPv4', V4],
  ['tunnel, IPv6', V6],
  ['tunnel, NAT-T', { ...V4, encap: 'udp' }],
  ['transport, IPv4', { ...V4, mode: 'transport' }],
  ['transport, IPv6', { ...V6, mode: 'transport' }],
  ['transport, NAT-T', { ...V4, mode: 'transport', encap: 'udp' }],
];

/** Sends the segments of one inner flow, numbered, by SAs in turn. */
class Sender {
  private readonly sequences = new Map<Sa, number>();
  private readonly more: object;
  private readonly bench: LaneBench;

  constructor(b: LaneBench, more: object = {}) {
    this.bench = b;
    this.more = more;
  }

  send(one: Sa | undefined, n: number, length = 100): void {
    const ends = one?.mode === 'transport' ? { src: String(one.src), dst: String(one.dst) } : {};
    const packet = tcp(length, { ...ends, ...this.more, seq: 1 + 100 * n });
    if (one === undefined) {
      this.bench.push(ether(packet));
      return;
    }
    const sequence = (this.sequences.get(one) ?? 0) + 1;
    this.sequences.set(one, sequence);
    this.bench.push(
      ether(one.mode === 'transport' ? sealTransport(one, sequence, packet) : sealTunnel(one, sequence, packet)),
    );
  }
}

const segments = (packets: readonly Delivered[]): number[] => packets.map((p) => p.segments);

describe.each(MODES)('%s', (_, config) => {
  const old = sa(0x100, config);
  const next = sa(0x200, config);

  it('a rekey in mid-flow merges across the SAs, unless that is forbidden', () => {
    const b = lane([old, next]);
    const sender = new Sender(b);
    for (let n = 0; n < 10; n++) sender.send(n < 4 ? old : next, n);
    const [one, ...none] = b.run();
    expect([one.segments, one.gsoSize, one.sa, none]).toEqual([10, 100, 1, []]);
    expect(one.bytes.subarray(one.bytes.length - 1000)).toEqual(fill(1000, 1));
    expect(b.unaccounted()).toBe(0);

    const apart = lane([old, next], { gro: { acrossSas: false } });
    const again = new Sender(apart);
    for (let n = 0; n < 10; n++) again.send(n < 4 ? old : next, n);
    const packets = apart.run();
    expect(packets.map((p) => [p.segments, p.sa])).toEqual([
      [4, 1],
      [6, 2],
    ]);
  });

  it('old and new SA in turn: one packet, or singles in their order', () => {
    for (const acrossSas of [true, false]) {
      const b = lane([old, next], { gro: { acrossSas } });
      const sender = new Sender(b);
      for (let n = 0; n < 6; n++) sender.send(n & 1 ? next : old, n);
      const packets = b.run();
      expect(segments(packets)).toEqual(acrossSas ? [6] : [1, 1, 1, 1, 1, 1]);
      expect(packets.map((p) => p.number)).toEqual(acrossSas ? [0] : [0, 1, 2, 3, 4, 5]);
      expect(b.unaccounted()).toBe(0);
    }
  });

  it('many SAs, each with its flow, all mixed', () => {
    const sas = Array.from({ length: 6 }, (_, i) => sa(0x100 + i, config));
    const b = lane(sas);
    const senders = sas.map((_, i) => new Sender(b, { sport: 1000 + i }));
    for (let n = 0; n < 5; n++) for (const [i, one] of sas.entries()) senders[i].send(one, n);
    const packets = b.run();
    expect(segments(packets)).toEqual([5, 5, 5, 5, 5, 5]);
    expect(packets.map((p) => p.sa).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('the same flow in clear never merges with it', () => {
    for (const acrossSas of [true, false]) {
      const b = lane([old], { gro: { acrossSas } });
      // In clear between the addresses that the inner packets have.
      const ends = old.mode === 'transport' ? { src: String(old.src), dst: String(old.dst) } : {};
      const sender = new Sender(b, ends);
      for (let n = 0; n < 12; n++) sender.send(n % 6 < 3 ? old : undefined, n);
      const packets = b.run();
      for (const p of packets) {
        const isClear = p.number % 6 >= 3;
        expect([p.sa, p.segments <= 3, p.lastNumber - p.number]).toEqual([isClear ? 0 : 1, true, p.segments - 1]);
      }
      expect(packets.reduce((sum, p) => sum + p.segments, 0)).toBe(12);
      expect(b.unaccounted()).toBe(0);
    }
  });

  it('duplicates, overlaps and segments without payload are delivered as they came', () => {
    const b = lane([old]);
    const sender = new Sender(b);
    // Twice the same bytes in new packets; half of it again; an acknowledgement; then on.
    for (const [n, length] of [[0], [1], [1], [1.5], [2.5], [3.5, 0], [3.5], [4.5]]) sender.send(old, n, length);
    const packets = b.run();
    expect(packets.map((p) => [p.number, p.segments])).toEqual([
      [0, 2],
      [2, 1],
      [3, 2],
      [5, 1],
      [6, 2],
    ]);
  });
});
