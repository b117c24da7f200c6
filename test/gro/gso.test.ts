/** Segmenting what GRO made gives back what went in, up to what Linux changes too. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CLASS_UDP4 } from '../../src/counters.ts';
import { segmentTcp, segmentUdp } from '../../src/gro/index.ts';
import { ipv4HeaderOk, l4ChecksumOk } from '../../src/wire/checksum.ts';
import { Dissection, dissectIp } from '../../src/wire/dissect.ts';
import { fill, udp } from '../support/packets.ts';
import { bursts } from './bursts.ts';
import { frame, PLAIN, payload } from './frames.ts';
import { runGro } from './rig.ts';

function segments(bytes: Uint8Array, l3: number, l4: number, gsoSize: number, fixedId: boolean): Uint8Array[] {
  const lengths = new Int32Array(70000);
  const target = new Uint8Array(1 << 22);
  const count = segmentTcp(bytes, 0, bytes.length, l3, l4, { gsoSize, fixedId }, target, 0, lengths);
  let at = 0;
  return Array.from(lengths.subarray(0, count), (length) => {
    at += length;
    return target.slice(at - length, at);
  });
}

it('gso(gro(x)) = x', () => {
  fc.assert(
    fc.property(bursts(4, 80, 10), (burst) => {
      const { outputs } = runGro(burst.inputs, burst.polls);
      for (const o of outputs) {
        if (o.segments === 1) continue;
        const inputs = o.from.map((i) => burst.inputs[i].bytes);
        const id = (b: Uint8Array): number => b[o.l3 + 4] * 256 + b[o.l3 + 5];
        const fixed = inputs[0][o.l3] >> 4 === 4 && id(inputs[0]) === id(inputs[1]);
        const out = segments(o.bytes, o.l3, o.l4, o.gsoSize, fixed);
        expect(out.length).toBe(inputs.length);
        for (let i = 0; i < out.length; i++) {
          // GRO keeps the urgent pointer of the first segment alone.
          const input = inputs[i].slice();
          for (const at of [16, 17, 18, 19]) input[o.l4 + at] = out[i][o.l4 + at];
          expect(Buffer.compare(out[i], input)).toBe(0);
          if (inputs[i][o.l4 + 18] === inputs[0][o.l4 + 18] && inputs[i][o.l4 + 19] === inputs[0][o.l4 + 19]) {
            expect(Buffer.compare(out[i], inputs[i])).toBe(0);
          }
        }
      }
    }),
  );
});

it('CWR stays on the first segment, FIN and PSH on the last', () => {
  for (const v6 of [false, true]) {
    const bytes = frame({ ...PLAIN, v6, flags: 0x99, payload: payload(1, 0, 250) });
    const l3 = 14;
    const l4 = v6 ? 54 : 34;
    const out = segments(bytes, l3, l4, 100, false);
    expect(out.map((b) => b[l4 + 13])).toEqual([0x90, 0x10, 0x19]);
    expect(out.map((b) => b.length - l4 - 32)).toEqual([100, 100, 50]);
  }
});

it('refuses what does not fit', () => {
  const bytes = frame({ ...PLAIN, payload: payload(1, 0, 250) });
  const cut = (gsoSize: number, room: number, count: number): number =>
    segmentTcp(bytes, 0, bytes.length, 14, 34, { gsoSize }, new Uint8Array(room), 0, new Int32Array(count));
  expect(() => cut(0, 1000, 9)).toThrow(/gsoSize/);
  expect(() => cut(100, 400, 9)).toThrow(/target/);
  expect(() => cut(100, 1000, 2)).toThrow(/lengths/);
  expect(cut(1000, 400, 1)).toBe(1);
});

it('UDP: datagrams of the segment size; no checksum stays none', () => {
  const packet = udp(fill(250, 1));
  for (const sum of [true, false]) {
    if (!sum) packet.fill(0, 26, 28);
    const lengths = new Int32Array(3);
    const target = new Uint8Array(1000);
    expect(segmentUdp(packet, 0, packet.length, 0, 20, { gsoSize: 100 }, target, 0, lengths)).toBe(3);
    expect([...lengths]).toEqual([128, 128, 78]);
    const out = [target.subarray(0, 128), target.subarray(128, 256), target.subarray(256, 334)];
    expect(out.map((b) => (b[4] << 8) | b[5])).toEqual([1, 2, 3]);
    for (const [i, b] of out.entries()) {
      const d = new Dissection();
      expect(dissectIp(b, 0, b.length, d)).toBe(CLASS_UDP4);
      expect(ipv4HeaderOk(b, 0)).toBe(true);
      expect(b[26] | b[27]).toEqual(sum ? expect.any(Number) : 0);
      expect(l4ChecksumOk(b, d)).toBe(true);
      expect(Buffer.compare(b.subarray(28), packet.subarray(28 + 100 * i, 128 + 100 * i))).toBe(0);
    }
  }
});
