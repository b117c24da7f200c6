/** What lanes make of UDP, tunnels and large super-packets, by option: in clear and out of ESP. */
import { describe, expect, it } from 'vitest';
import { type SaConfig, sealTransport } from '../../src/esp/index.ts';
import type { GroOptions } from '../../src/receiver/gro-options.ts';
import { resolveOptions } from '../../src/receiver/options.ts';
import { l4ChecksumOk } from '../../src/wire/checksum.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { dissectIp } from '../../src/wire/dissect-ip.ts';
import { enterTunnel } from '../../src/wire/tunnel.ts';
import { frame, payload } from '../gro/frames.ts';
import { CAPTURES, readCases, readPcap } from '../gro/oracle.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const cases = readCases();
const pcap = (name: string): Uint8Array[] => readPcap(new URL(`${name}.pcap`, CAPTURES));

interface Out {
  bytes: Uint8Array;
  class: string;
  segments: number;
  gsoSize: number;
  gsoType: string;
  tunnel: string;
  tunnelId: number;
  linkType: number;
}

async function run(frames: Uint8Array[], gro: GroOptions, more: object = {}): Promise<Out[]> {
  const outs: Out[] = [];
  const { rx } = await inlineReceiver({
    queues: 1,
    full: 'wait',
    deterministic: true,
    gro,
    ...more,
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) {
        outs.push({
          bytes: batch.copy(i),
          class: batch.className(i),
          segments: batch.segments(i),
          gsoSize: batch.gsoSize(i),
          gsoType: batch.gsoType(i),
          tunnel: batch.tunnel(i),
          tunnelId: batch.tunnelId(i),
          linkType: batch.linkType(i),
        });
      }
    },
  });
  for (const f of frames) expect(rx.push(f)).toBe(true);
  await rx.drain();
  await rx.close();
  expect(closingFault(rx.stats())).toBeUndefined();
  return outs;
}

const segments = (outs: Out[]): number[] => outs.map((o) => o.segments);

/** The frame inside the outermost tunnel. */
function inside(bytes: Uint8Array): Uint8Array {
  const d = new Dissection();
  dissect(bytes, 0, bytes.length, 1, d);
  expect(enterTunnel(bytes, d)).toBe(true);
  return bytes.slice(d.frame, d.end);
}

describe('UDP', () => {
  it('is merged when it is asked for, by port or all of it', async () => {
    const frames = pcap('udp_fwd_tail_v4');
    const ports = new DataView(frames[0].buffer, frames[0].byteOffset + 34);
    expect(segments(await run(frames, {}))).toEqual(frames.map(() => 1));
    expect(segments(await run(frames, { udp: [1] }))).toEqual(frames.map(() => 1));
    for (const udp of ['forwarding' as const, [ports.getUint16(2)]]) {
      const outs = await run(frames, { udp });
      expect(outs.map((o) => [o.class, o.segments, o.gsoSize, o.gsoType])).toEqual([
        ['udp4', 6, 1200, 'udp_l4'],
        ['udp4', 2, 1200, 'udp_l4'],
      ]);
      const d = new Dissection();
      for (const { bytes } of outs) {
        dissect(bytes, 0, bytes.length, 1, d);
        expect(l4ChecksumOk(bytes, d)).toBe(true);
      }
    }
  });
});

describe('tunnels', () => {
  const names = Object.keys(cases).filter(
    (name) => /^(tun_(vxlan|geneve|gre|ip)|st_ip)/.test(name) && !/nodev|_in_vxlan|ipip_ipip/.test(name),
  );
  it('are kept, as Linux does, or taken off first', async () => {
    let merged = 0;
    for (const name of names) {
      const c = cases[name];
      const frames = pcap(name);
      const keep = await run(frames, { tunnels: 'keep', order: 'linux', bucketBy: 'outer', buckets: 1 });
      if (c.polls.length > 1 || c.hashes !== undefined) continue;
      expect([name, ...segments(keep)]).toEqual([name, ...c.expect.map((f) => Math.max(1, f.gso_segs))]);
      const off = await run(frames, { tunnels: 'off' });
      expect(off.map((o) => o.bytes)).toEqual(frames);
      // What Linux would make of the inner frames alone is at least as much.
      const decap = await run(frames, { tunnels: 'decap', order: 'linux', buckets: 1 });
      expect(decap.length, name).toBeLessThanOrEqual(keep.length);
      if (keep.length === decap.length && keep.every((o) => o.tunnel === 'none' && o.segments > 1)) {
        merged++;
        expect(decap.map((o) => Buffer.from(o.bytes).toString('hex'))).toEqual(
          keep.map((o) => Buffer.from(inside(o.bytes)).toString('hex')),
        );
      }
    }
    expect(merged).toBeGreaterThan(15);
  }, 60_000);

  it('say by what a packet came; tenants with the same addresses stay apart', async () => {
    const frames = pcap('tun_vxlan_vni_interleave');
    const outs = await run(frames, { tunnels: 'decap' });
    expect(outs.map((o) => [o.tunnel, o.segments, o.linkType, o.class, o.gsoType])).toEqual([
      ['vxlan', 4, 1, 'tcp4', 'tcpv4'],
      ['vxlan', 4, 1, 'tcp4', 'tcpv4'],
    ]);
    expect(outs[0].tunnelId).not.toBe(outs[1].tunnelId);
    const [plain] = await run(pcap('tun_ip6ip6'), { tunnels: 'decap' });
    expect([plain.tunnel, plain.tunnelId, plain.linkType, plain.class]).toEqual(['plain', 0, 101, 'tcp6']);
  });

  it('more than eight inner flows merge, in one tunnel and one bucket by option as in Linux', async () => {
    const one = pcap('tun_ipip_df0')[0];
    const frames: Uint8Array[] = [];
    for (let round = 0; round < 4; round++) {
      for (let flow = 0; flow < 12; flow++) {
        const inner = frame({ sport: 1000 + flow, seq: 1 + round * 50, id: round, payload: payload(flow, round, 50) });
        const packet = new Uint8Array(34 + inner.length - 14);
        packet.set(one.subarray(0, 34));
        packet.set(inner.subarray(14), 34);
        const view = new DataView(packet.buffer);
        view.setUint16(16, packet.length - 14);
        view.setUint16(18, round);
        view.setUint16(24, 0);
        let sum = 0;
        for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
        view.setUint16(24, ~((sum & 0xffff) + (sum >>> 16)));
        frames.push(packet);
      }
    }
    expect(segments(await run(frames, { tunnels: 'keep' }))).toEqual(Array(12).fill(4));
    expect(segments(await run(frames, { tunnels: 'decap' }))).toEqual(Array(12).fill(4));
    const linux = await run(frames, { tunnels: 'keep', bucketBy: 'outer' });
    expect(segments(linux)).toEqual(Array(48).fill(1));
  });

  it('with a wrong outer checksum are not taken off; congestion met outside is told inside', async () => {
    const frames = pcap('tun_vxlan_csum');
    const bad = frames.map((f) => f.slice());
    bad[0][41] ^= 1;
    const outs = await run(bad, { tunnels: 'decap' });
    expect(outs.map((o) => [o.class, o.segments])).toEqual([
      ['udp4', 1],
      ['tcp4', 5],
    ]);
    expect(outs[0].bytes).toEqual(bad[0]);
    const marked = pcap('tun_ipip_df0').map((f) => f.slice());
    for (const f of marked) {
      const view = new DataView(f.buffer, f.byteOffset);
      for (const [l3, tos] of [
        [14, 3],
        [34, 2],
      ]) {
        f[l3 + 1] = tos;
        view.setUint16(l3 + 10, 0);
        let sum = 0;
        for (let at = l3; at < l3 + 20; at += 2) sum += view.getUint16(at);
        view.setUint16(l3 + 10, ~((sum & 0xffff) + (sum >>> 16)));
      }
    }
    const before = marked.map((f) => f.slice());
    const [ce] = await run(marked, { tunnels: 'decap' });
    expect([ce.bytes[1] & 3, ce.segments]).toEqual([3, 5]);
    expect(marked).toEqual(before);
  });

  it('VXLAN over ESP in transport mode: both ways', async () => {
    const frames = pcap('tun_vxlan_o4i6');
    const d = new Dissection();
    dissectIp(frames[0], 14, frames[0].length, d);
    const ip = (at: number): string => [...frames[0].subarray(at, at + 4)].join('.');
    const config: Partial<SaConfig> = { src: ip(26), dst: ip(30), mode: 'transport' };
    const one = sa(0x1234, config);
    const sealed = frames.map((f, i) => {
      const esp = sealTransport(one, i + 1, f.slice(14));
      return new Uint8Array([...f.subarray(0, 14), ...esp]);
    });
    const esp = { sas: [one] };
    const kept = await run(sealed, { tunnels: 'keep' }, { esp });
    expect(kept.map((o) => [o.class, o.segments, o.gsoType])).toEqual([['udp4', 6, 'tcpv6']]);
    const taken = await run(sealed, { tunnels: 'decap' }, { esp });
    expect(taken.map((o) => [o.class, o.segments, o.tunnel])).toEqual([['tcp6', 6, 'vxlan']]);
    expect(taken[0].bytes).toEqual(inside(kept[0].bytes));
    // What must come protected may not come in a clear tunnel.
    const policy = [{ proto: 'tcp', action: 'protect' }] as const;
    const refused = await inlineReceiver({ queues: 1, gro: { tunnels: 'decap' }, esp: { sas: [one], policy } });
    for (const f of frames) refused.rx.push(f);
    await refused.rx.drain();
    await refused.rx.close();
    expect([refused.delivered.length, refused.rx.stats().drops.policy]).toEqual([0, frames.length]);
  });
});

describe('large super-packets', () => {
  const train = (v6: boolean): Uint8Array[] =>
    Array.from({ length: 60 }, (_, i) => frame({ v6, seq: 1 + i * 1400, id: i, payload: payload(1, i * 1400, 1400) }));

  it.each([true, false])('above 64 KiB, IPv6: %s', async (v6) => {
    const [big, ...none] = await run(train(v6), { maxSize: 200_000, maxSize4: 200_000 });
    expect([big.segments, none]).toEqual([60, []]);
    const d = new Dissection();
    dissect(big.bytes, 0, big.bytes.length, 1, d);
    expect([d.end, d.truncated, d.cls & 1]).toEqual([big.bytes.length, 0, v6 ? 1 : 0]);
    expect(l4ChecksumOk(big.bytes, d)).toBe(true);
    expect(big.bytes.length).toBe(14 + (v6 ? 48 : 20) + 32 + 84_000);
    expect(segments(await run(train(v6), { maxSize: 200_000 }))).toEqual(v6 ? [60] : [46, 14]);
    const [newer] = await run(train(v6), { maxSize: 200_000, maxSize4: 200_000, as: 'linux-7.2' });
    expect(newer.bytes.length).toBe(14 + (v6 ? 40 : 20) + 32 + 84_000);
    expect(segments(await run(train(v6), { maxSize: 200_000, maxSize4: 200_000, as: 'linux-6.1' }))).toEqual(
      v6 ? [60] : [46, 14],
    );
  });
});

describe('options', () => {
  it.each([
    [{ tunnels: 'open' }, 'gro.tunnels'],
    [{ maxSize: 1000 }, 'gro.maxSize'],
    [{ maxSize4: 600_000 }, 'gro.maxSize4'],
    [{ udp: 'on' }, 'gro.udp'],
    [{ udp: [0] }, 'gro.udp'],
    [{ as: 'linux-5' }, 'gro.as'],
    [{ bucketBy: 'hash' }, 'gro.bucketBy'],
    [{ sizes: 3 }, 'sizes'],
    [true, 'gro'],
  ])('%j is refused', (gro, text) => {
    expect(() => resolveOptions({ inline: true, consumer: { onPackets() {} }, gro: gro as GroOptions })).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_OPTION', message: expect.stringContaining(text) }),
    );
  });
});
