import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { CLASS_NONIP, CLASS_TCP4, CLASS_UDP4 } from '../../src/counters.ts';
import { FlowAccounts, type FlowAccountsOptions, type FlowReport } from '../../src/report/flows.ts';
import { Dissection, dissect, dissectIp } from '../../src/wire/dissect.ts';
import * as frames from '../support/frames.ts';
import { ACK, bytesOf, concat, FIN, gre, ipv4, ipv6, RST, SYN, tcp, udp, vxlan } from './flow-packets.ts';

const NOTHING = new Uint8Array(0);
const d = new Dissection();
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface By {
  sa?: number;
  spi?: number;
  unit?: number;
  queue?: number;
  segments?: number;
  number?: number;
  last?: number;
}

class Account {
  readonly flows: FlowAccounts;
  private number = 0;

  constructor(options: Partial<FlowAccountsOptions> = {}) {
    this.flows = new FlowAccounts({ digest: 'sha256', ...options });
  }

  /** Delivers an IP packet behind 14 bytes of link header; the memory is wiped behind it. */
  add(packet: Uint8Array, by: By = {}): void {
    const memory = new Uint8Array(packet.length + 50).fill(0xee);
    memory.set(packet, 30);
    const cls = dissectIp(memory, 30, 30 + packet.length, new Dissection());
    const number = by.number ?? this.number++;
    const { sa = 0, spi = 0, unit = sa, queue = 0, segments = 1, last = number } = by;
    this.flows.add(memory, 30 + packet.length, 30, cls, sa, spi, unit, queue, segments, number, last, 30, 101);
    memory.fill(0xdd);
  }

  only(): FlowReport {
    const report = this.flows.report();
    expect(report).toHaveLength(1);
    return report[0];
  }
}

describe('flows', () => {
  it('reports a TCP flow in full', () => {
    const a = new Account();
    const data = bytesOf(3000, 1);
    a.add(ipv4(6, tcp(1000, 80, 99, SYN, NOTHING, 20)));
    a.add(ipv4(6, tcp(1000, 80, 100, ACK, data.subarray(0, 1400))), { segments: 2, queue: 3 });
    a.add(ipv4(6, tcp(1000, 80, 1500, ACK | FIN, data.subarray(1400))), { queue: 1 });
    a.add(ipv4(6, tcp(1000, 80, 3101, ACK, NOTHING)));
    expect(a.flows.report()).toEqual([
      {
        proto: 'tcp',
        src: '10.0.0.1',
        sport: 1000,
        dst: '10.0.0.2',
        dport: 80,
        spis: [],
        queues: [0, 1, 3],
        protected: false,
        packets: 4,
        segments: 5,
        payloadBytes: 3000,
        digest: sha256(data),
      },
    ]);
    expect(a.flows.classes[CLASS_TCP4]).toBe(4);
  });

  it('keeps clear and protected apart, and joins SPIs and queues of one flow', () => {
    const a = new Account({ digest: 'none' });
    const p = ipv6(17, udp(5, 6, bytesOf(10, 0)));
    a.add(p);
    a.add(p, { sa: 1, spi: 0xff001002 | 0, queue: 2 });
    a.add(p, { sa: 2, spi: 0x1001, queue: 2 });
    const [clear, closed] = a.flows.report();
    expect(clear).toMatchObject({ src: '2001:db8::1', dst: '2001:db8::2', protected: false, spis: [], packets: 1 });
    expect(closed).toMatchObject({ protected: true, spis: ['0x00001001', '0xff001002'], queues: [2], packets: 2 });
    expect(closed.payloadBytes).toBe(20);
    expect('digest' in closed).toBe(false);
  });

  it('goes to the innermost flow: VXLAN, GRE, IP in IP; what is no IP inside belongs to the tunnel', () => {
    const a = new Account();
    const payload = bytesOf(100, 3);
    const inner4 = ipv4(6, tcp(7, 8, 1, ACK, payload), 21, 22);
    const inner6 = ipv6(17, udp(7, 8, payload), 21, 22);
    a.add(ipv4(17, udp(5555, 4789, vxlan(inner4))));
    a.add(ipv4(47, gre(ipv4(6, tcp(7, 8, 101, ACK, payload), 21, 22), 0x0800)));
    a.add(ipv4(41, inner6));
    a.add(ipv6(4, ipv4(6, tcp(7, 8, 201, ACK, payload), 21, 22)));
    const arp = vxlan(bytesOf(28, 0), 0x0806);
    a.add(ipv4(17, udp(5555, 4789, arp)));
    const report = a.flows.report();
    expect(report.map((f) => [f.proto, f.src, f.sport, f.dport, f.packets, f.payloadBytes, f.digest])).toEqual([
      ['tcp', '10.0.0.21', 7, 8, 2, 200, sha256(concat(payload, payload))],
      ['tcp', '10.0.0.21', 7, 8, 1, 100, sha256(payload)], // in its VNI it is another one
      ['udp', '10.0.0.1', 5555, 4789, 1, arp.length, sha256(arp)],
      ['udp', '2001:db8::15', 7, 8, 1, 100, sha256(payload)],
    ]);
  });

  it('goes into Geneve, GUE and GTP-U, and into frames that are no IP but carry it: MPLS and PPPoE', () => {
    const payload = bytesOf(100, 3);
    let seq = 1 - payload.length;
    const inner = (): Uint8Array => {
      seq += payload.length;
      return ipv4(6, tcp(7, 8, seq, ACK, payload), 21, 22);
    };
    const a = new Account();
    a.add(ipv4(17, udp(5555, 6081, frames.geneve({ payload: inner(), protocol: 0x0800 }))));
    a.add(ipv4(17, udp(2152, 2152, frames.gtpu({ payload: inner(), sequence: 1 }))));
    a.add(ipv6(17, udp(5555, 6080, frames.gue({ payload: inner() }))));
    a.add(ipv4(17, udp(5555, 6080, inner())));
    const arp = concat(new Uint8Array(12), new Uint8Array([8, 6]), bytesOf(28, 0));
    const around: [Uint8Array, number][] = [
      [frames.ethernet({ payload: frames.mpls([16, 17], inner()), type: 0x8847 }), 1],
      [frames.ethernet({ payload: frames.pppoe({ payload: inner() }), type: 0x8864, vlans: [5] }), 1],
      [frames.sll2(frames.pppoe({ payload: inner() }), 0x8864), 276],
      [arp, 1],
      [frames.ethernet({ payload: frames.mpls([16], bytesOf(50, 0)), type: 0x8847 }), 1],
    ];
    around.forEach(([frame, linkType], i) => {
      const memory = new Uint8Array(frame.length + 9).fill(0xee);
      memory.set(frame, 5);
      const end = 5 + frame.length;
      const cls = dissect(memory, 5, end, linkType, d);
      a.flows.add(memory, end, d.l3, cls, 0, 0, 0, 0, 1, 100 + i, 100 + i, 5, linkType);
    });
    expect(a.flows.classes[CLASS_NONIP]).toBe(5);
    const report = a.flows.report();
    expect(report.map(({ src, packets, digest, tunnel }) => [src, packets, digest, tunnel?.type])).toEqual([
      ['10.0.0.21', 5, sha256(concat(...Array<Uint8Array>(5).fill(payload))), undefined],
      ['10.0.0.21', 1, sha256(payload), 'geneve'],
      ['10.0.0.21', 1, sha256(payload), 'gtpu'],
    ]);
    expect(a.flows.reordered).toBe(0);
  });

  it('keeps tenants apart that have the same addresses and ports: by VNI, GRE key and TEID', () => {
    const a = new Account();
    let salt = 0;
    const inner = (): Uint8Array => ipv4(6, tcp(7, 8, 1, ACK, bytesOf(100, ++salt)), 21, 22);
    const eth = (packet: Uint8Array): Uint8Array => frames.ethernet({ payload: packet });
    const kinds: [string, (id: number) => Uint8Array][] = [
      ['vxlan', (id) => ipv4(17, udp(5555, 4789, frames.vxlan(id, eth(inner()))))],
      ['geneve', (id) => ipv6(17, udp(5555, 6081, frames.geneve({ payload: eth(inner()), vni: id })))],
      ['gre', (id) => ipv4(47, frames.gre({ protocol: 0x0800, payload: inner(), key: id, checksum: true }))],
      ['gtpu', (id) => ipv4(17, udp(2152, 2152, frames.gtpu({ payload: inner(), teid: id })))],
    ];
    const ids = [0, 7, 0xfffffe];
    const want: unknown[] = [];
    a.add(ipv4(47, gre(inner(), 0x0800)));
    want.push([undefined, 1, sha256(bytesOf(100, salt))]);
    for (const [type, wrap] of kinds) {
      for (const id of ids) {
        a.add(wrap(id));
        want.push([{ type, id }, 1, sha256(bytesOf(100, salt))]);
      }
    }
    const shown = (): unknown[] => a.flows.report().map((f) => [f.tunnel, f.packets, f.digest]);
    expect(shown()).toEqual(want);
    // another frame of each goes where the first one went, whatever the tunnel's ends
    a.add(ipv4(17, udp(6666, 4789, frames.vxlan(7, eth(ipv4(6, tcp(7, 8, 101, ACK, bytesOf(50, 9)), 21, 22)))), 9, 8));
    const grown = a.flows.report().find(({ tunnel }) => tunnel?.type === 'vxlan' && tunnel.id === 7);
    expect(grown).toMatchObject({ packets: 2, payloadBytes: 150 });
    expect(a.flows.report().length).toBe(want.length);
    expect(a.flows.reordered + a.flows.acrossSasReordered).toBe(0);
  });

  it('tells tunnels in tunnels apart by all of their identifiers, and names the innermost one', () => {
    const a = new Account();
    const gtpu = (teid: number): Uint8Array =>
      ipv4(17, udp(2152, 2152, frames.gtpu({ payload: ipv4(17, udp(1, 2, bytesOf(9, 1)), 21, 22), teid })));
    const within = (vni: number, packet: Uint8Array): Uint8Array =>
      ipv4(17, udp(5555, 4789, frames.vxlan(vni, frames.ethernet({ payload: packet }))));
    for (const vni of [1, 2]) for (const teid of [1, 2]) a.add(within(vni, gtpu(teid)));
    a.add(gtpu(1));
    a.add(within(1, ipv4(4, gtpu(2))));
    const report = a.flows.report();
    expect(report.map(({ tunnel, packets }) => [tunnel?.id, packets]).sort()).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
      [2, 1],
      [2, 2],
    ]);
    expect(new Set(report.map(({ tunnel }) => tunnel?.type))).toEqual(new Set(['gtpu']));
  });

  it('keeps tunnels apart when accounts are merged', () => {
    const [a, b] = [new Account(), new Account()];
    const tunnel = (vni: number): Uint8Array =>
      ipv4(
        17,
        udp(1, 4789, frames.vxlan(vni, frames.ethernet({ payload: ipv4(17, udp(1, 2, bytesOf(9, vni)), 21, 22) }))),
      );
    for (const account of [a, b]) for (const vni of [1, 2]) account.add(tunnel(vni));
    const sum = new Account({ digest: 'none' });
    sum.flows.merge(a.flows.export());
    sum.flows.merge(b.flows.export());
    expect(sum.flows.report().map(({ tunnel, packets }) => [tunnel?.id, packets])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  it('digests UDP payloads in delivery order, without what lies behind the UDP length', async () => {
    const parts = [bytesOf(10, 1), bytesOf(0, 1), bytesOf(900, 2)];
    const api = await xxhash();
    for (const digest of ['sha256', 'xxh64'] as const) {
      const a = new Account({ digest, xxhash: api });
      for (const p of parts) a.add(ipv4(17, concat(udp(1, 2, p), bytesOf(3, 9))));
      const whole = concat(...parts);
      const want = digest === 'sha256' ? sha256(whole) : `xxh64:${api.h64Raw(whole).toString(16).padStart(16, '0')}`;
      expect(a.only()).toMatchObject({ payloadBytes: 910, digest: want, packets: 3 });
    }
  });

  it('leaves out of the report what has no TCP or UDP ports, and counts what is no IP by class alone', () => {
    const a = new Account();
    a.add(ipv4(1, bytesOf(8, 0)));
    a.add(ipv4(50, bytesOf(40, 1)));
    a.add(ipv4(132, bytesOf(40, 1)));
    a.flows.add(new Uint8Array(60), 60, 14, CLASS_NONIP, 0, 0, 0, 0, 1, 9, 9, 0, 1);
    expect(a.flows.report()).toEqual([]);
    expect(a.flows.classes[CLASS_NONIP]).toBe(1);
    expect(a.flows.classes.reduce((x, y) => x + y)).toBe(4);
  });

  it('shows IKE as UDP', () => {
    const a = new Account();
    a.add(ipv4(17, udp(4500, 4500, concat(new Uint8Array(4), bytesOf(30, 1)))));
    expect(a.only()).toMatchObject({ proto: 'udp', sport: 4500, payloadBytes: 34 });
  });

  it('sorts by protocol, family, source, port, destination, port, clear first', () => {
    const a = new Account({ digest: 'none' });
    const order = [
      ipv4(6, tcp(1, 1, 0, ACK, NOTHING), 1, 1),
      ipv4(6, tcp(1, 2, 0, ACK, NOTHING), 1, 1),
      ipv4(6, tcp(1, 1, 0, ACK, NOTHING), 1, 2),
      ipv4(6, tcp(2, 1, 0, ACK, NOTHING), 1, 1),
      ipv4(6, tcp(1, 1, 0, ACK, NOTHING), 2, 1),
      ipv6(6, tcp(1, 1, 0, ACK, NOTHING), 1, 1),
      ipv4(17, udp(1, 1, NOTHING), 1, 1),
    ];
    for (const i of [3, 5, 1, 6, 0, 4, 2]) a.add(order[i], { sa: 1 });
    a.add(order[0]);
    const text = a.flows.report().map((f) => `${f.proto} ${f.src} ${f.sport} ${f.dst} ${f.dport} ${f.protected}`);
    expect(text).toEqual([
      'tcp 10.0.0.1 1 10.0.0.1 1 false',
      'tcp 10.0.0.1 1 10.0.0.1 1 true',
      'tcp 10.0.0.1 1 10.0.0.1 2 true',
      'tcp 10.0.0.1 1 10.0.0.2 1 true',
      'tcp 10.0.0.1 2 10.0.0.1 1 true',
      'tcp 10.0.0.2 1 10.0.0.1 1 true',
      'tcp 2001:db8::1 1 2001:db8::1 1 true',
      'udp 10.0.0.1 1 10.0.0.1 1 true',
    ]);
  });

  it('keeps many flows apart', () => {
    const a = new Account({ digest: 'none' });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5000; i++) {
        a.add(ipv4(17, udp(i & 63, i >> 6, bytesOf(i & 7, 0))));
        a.add(ipv6(17, udp(i & 63, i >> 6, bytesOf(i & 3, 0)), i));
      }
    }
    const report = a.flows.report();
    expect(report).toHaveLength(10_000);
    for (const f of report) {
      const i = f.sport | (f.dport << 6);
      expect([f.packets, f.payloadBytes]).toEqual([2, 2 * (f.src.includes(':') ? i & 3 : i & 7)]);
    }
  });

  it('refuses options that cannot be', () => {
    expect(() => new FlowAccounts({ digest: 'md5' as 'none' })).toThrow(/digest/);
    expect(() => new FlowAccounts({ digest: 'xxh64' })).toThrow(/xxhash/);
    expect(() => new FlowAccounts({ digest: 'none', streamLimit: -1 })).toThrow(/streamLimit/);
    expect(() => new Account().flows.merge(new Account({ digest: 'none' }).flows.export())).toThrow(/digest/);
  });
});

describe('order', () => {
  const p = ipv4(17, udp(1, 2, NOTHING));
  const other = ipv4(17, udp(1, 3, NOTHING));
  const counts = (a: Account): [number, number] => [a.flows.reordered, a.flows.acrossSasReordered];

  it('is per flow', () => {
    const a = new Account();
    a.add(p, { number: 5 });
    a.add(other, { number: 1 });
    a.add(p, { number: 6 });
    expect(counts(a)).toEqual([0, 0]);
  });

  it('counts each packet behind a younger one of its flow and unit', () => {
    const a = new Account();
    for (const number of [1, 5, 2, 3, 6]) a.add(p, { number });
    expect(counts(a)).toEqual([2, 0]);
  });

  it('in clear tunnels is per lane: a flow in two tunnels may come by two lanes, or in clear as well', () => {
    const a = new Account();
    const tunnel = (source: number): Uint8Array => ipv4(4, p, source);
    a.add(tunnel(1), { number: 1, queue: 1 });
    a.add(tunnel(1), { number: 9, queue: 1 });
    a.add(tunnel(2), { number: 2, queue: 2 });
    a.add(p, { number: 3, queue: 3 });
    expect(counts(a)).toEqual([0, 2]);
    a.add(tunnel(2), { number: 1, queue: 2 });
    a.add(tunnel(1), { number: 8, queue: 1 });
    a.add(p, { number: 2, queue: 0 });
    expect(counts(a)).toEqual([3, 2]);
    // An SA is one unit, whatever tunnels are in it.
    a.add(tunnel(1), { sa: 1, number: 12, queue: 1 });
    a.add(p, { sa: 1, number: 11, queue: 2 });
    expect(counts(a)).toEqual([4, 2]);
  });

  it('takes the last packet of a super-packet, and the same number twice is wrong', () => {
    const a = new Account();
    a.add(p, { number: 1, last: 7, segments: 4 });
    a.add(p, { number: 5 });
    a.add(p, { number: 7 });
    a.add(p, { number: 8 });
    expect(counts(a)).toEqual([2, 0]);
  });

  it('across the SAs of a flow is counted apart', () => {
    const a = new Account();
    a.add(p, { sa: 1, unit: 1, number: 1 });
    a.add(p, { sa: 2, unit: 2, number: 9 });
    a.add(p, { sa: 1, unit: 1, number: 4 });
    a.add(p, { sa: 3, unit: 3, number: 8 });
    a.add(p, { sa: 2, unit: 2, number: 10 });
    a.add(p, { sa: 1, unit: 1, number: 3 });
    expect(counts(a)).toEqual([1, 2]);
  });

  it('does not compare clear with protected, nor different SPIs that were not opened', () => {
    const a = new Account();
    a.add(p, { number: 9 });
    a.add(p, { sa: 1, unit: 1, number: 4 });
    a.add(ipv4(50, concat(new Uint8Array([0, 0, 16, 1]), bytesOf(30, 0))), { number: 9 });
    a.add(ipv4(50, concat(new Uint8Array([0, 0, 16, 2]), bytesOf(30, 0))), { number: 4 });
    expect(counts(a)).toEqual([0, 0]);
    a.add(ipv4(50, concat(new Uint8Array([0, 0, 16, 1]), bytesOf(30, 0))), { number: 8 });
    expect(counts(a)).toEqual([1, 0]);
  });

  it('holds for packets without ports too', () => {
    const a = new Account();
    a.add(ipv4(1, bytesOf(8, 0)), { number: 2 });
    a.add(ipv4(1, bytesOf(8, 0)), { number: 1 });
    expect(counts(a)).toEqual([1, 0]);
  });
});

describe('accounts with digests, merged', () => {
  it('keep the digest of a flow that one of them has, and say when two have it', () => {
    const lanes = [new Account(), new Account()];
    const data = bytesOf(500, 1);
    lanes[0].add(ipv4(6, tcp(1, 2, 10, SYN, NOTHING)));
    lanes[1].add(ipv4(6, tcp(1, 2, 11, ACK, data)));
    lanes[0].add(ipv4(17, udp(1, 2, data)));
    lanes[0].add(ipv4(17, udp(1, 3, data)));
    lanes[1].add(ipv4(17, udp(1, 3, data)));
    lanes[1].add(ipv4(6, tcp(9, 9, 1, RST, data)));
    const sum = new FlowAccounts({ digest: 'none' });
    for (const lane of lanes) sum.merge(structuredClone(lane.flows.export()));
    const report = sum.report();
    expect(report.map((f) => [f.sport, f.dport, f.payloadBytes, f.digest, f.incomplete])).toEqual([
      [1, 2, 500, sha256(data), undefined],
      [9, 9, 0, sha256(NOTHING), undefined],
      [1, 2, 500, sha256(data), undefined],
      [1, 3, 1000, null, true],
    ]);
    expect(sum.classes[CLASS_UDP4]).toBe(3);
  });
});
