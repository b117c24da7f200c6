import { describe, expect, it } from 'vitest';
import { describePacket } from '../../src/wire/describe.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { TUNNEL_GENEVE, TUNNEL_GRE, TUNNEL_GTPU, TUNNEL_NONE, TUNNEL_VXLAN } from '../../src/wire/dissection.ts';
import { innermost, innermostOf, TUNNELS_IP, TUNNELS_MPLS, TUNNELS_PPPOE, TUNNELS_UDP } from '../../src/wire/tunnel.ts';
import * as f from '../support/frames.ts';

const OUT = { src: '192.0.2.1', dst: '192.0.2.2' };
const OUT6 = { src: '2001:db8:f::1', dst: '2001:db8:f::2' };
const tcp = f.tcp({ sport: 1000, dport: 80, payload: f.filler(9) });
const in4 = f.ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6, payload: tcp });
const in6 = f.ipv6({ src: 'fd00::1', dst: 'fd00::2', proto: 6, payload: tcp });
const FLOW4 = { class: 'tcp4', src: '10.0.0.1', dst: '10.0.0.2', proto: 6, sport: 1000, dport: 80 };
const FLOW6 = { ...FLOW4, class: 'tcp6', src: 'fd00::1', dst: 'fd00::2' };

function inside(packet: Uint8Array, vlans: number[] = []): object {
  const frame = f.ethernet({ payload: packet, vlans });
  const d = new Dissection();
  dissect(frame, 0, frame.length, 1, d);
  const outer = { l3: d.l3, end: d.end };
  const cls = innermost(frame, d);
  expect(cls).toBe(d.cls);
  expect(d.l3).toBeGreaterThanOrEqual(outer.l3);
  expect(d.end).toBeLessThanOrEqual(outer.end);
  return describePacket(frame, d);
}

const v4 = (proto: number, payload: Uint8Array): Uint8Array => f.ipv4({ ...OUT, proto, payload });
const v6 = (proto: number, payload: Uint8Array): Uint8Array => f.ipv6({ ...OUT6, proto, payload, exts: [f.ext(60)] });
const vxlan = (frame: Uint8Array, flags?: number): Uint8Array =>
  f.udp({ sport: 7777, dport: 4789, payload: f.vxlan(42, frame, flags) });

const geneve = (o: f.GeneveOptions): Uint8Array => f.udp({ sport: 7777, dport: 6081, payload: f.geneve(o) });
const gue = (o: f.GueOptions): Uint8Array => f.udp({ sport: 7777, dport: 6080, payload: f.gue(o) });
const gtpu = (o: f.GtpuOptions): Uint8Array => f.udp({ sport: 2152, dport: 2152, payload: f.gtpu(o) });
const frame = (payload: Uint8Array, type: number, vlans: number[] = []): Uint8Array =>
  f.ethernet({ payload, type, vlans });
const EXTENSION: [number, Uint8Array] = [0x85, f.bytesOf(0x10, 9)];

describe('innermost', () => {
  it('leaves a plain packet as it is', () => expect(inside(in4)).toEqual(FLOW4));

  it.each([
    ['IPv4 in IPv4', v4(4, in4), FLOW4],
    ['IPv6 in IPv4', v4(41, in6), FLOW6],
    ['IPv4 in IPv6', v6(4, in4), FLOW4],
    ['IPv6 in IPv6', v6(41, in6), FLOW6],
    ['GRE', v4(47, f.gre({ protocol: 0x0800, payload: in4 })), FLOW4],
    ['GRE with everything', v6(47, f.gre({ protocol: 0x86dd, payload: in6, checksum: true, key: 1, seq: 2 })), FLOW6],
    ['Ethernet in GRE', v4(47, f.gre({ protocol: 0x6558, payload: f.ethernet({ payload: in4 }), key: 1 })), FLOW4],
    ['VXLAN', v4(17, vxlan(f.ethernet({ payload: in6 }))), FLOW6],
    ['VXLAN in IPv6', v6(17, vxlan(f.ethernet({ payload: in4 }))), FLOW4],
    ['Geneve', v4(17, geneve({ payload: f.ethernet({ payload: in6 }) })), FLOW6],
    [
      'Geneve with options',
      v6(17, geneve({ payload: in4, protocol: 0x0800, options: f.bytesOf(f.geneveOption(31), f.geneveOption(0)) })),
      FLOW4,
    ],
    ['Geneve with critical options', v4(17, geneve({ payload: in6, protocol: 0x86dd, flags: 0x40 })), FLOW6],
    ['GUE', v4(17, gue({ payload: in6 })), FLOW6],
    ['GUE with private flags', v4(17, gue({ payload: in4, fields: f.filler(8), flags: 1 })), FLOW4],
    ['GRE in GUE', v6(17, gue({ payload: f.gre({ protocol: 0x0800, payload: in4, key: 3 }), proto: 47 })), FLOW4],
    ['GUE of variant 1', v4(17, f.udp({ sport: 7777, dport: 6080, payload: in4 })), FLOW4],
    ['IPv6 in GUE of variant 1', v4(17, f.udp({ sport: 7777, dport: 6080, payload: in6 })), FLOW6],
    ['GTP-U', v4(17, gtpu({ payload: in4 })), FLOW4],
    ['GTP-U with a sequence number', v4(17, gtpu({ payload: in6, sequence: 9 })), FLOW6],
    [
      'GTP-U with extension headers',
      v6(17, gtpu({ payload: in4, npdu: 1, extensions: [EXTENSION, EXTENSION] })),
      FLOW4,
    ],
    ['GTP-U with a length beyond', v4(17, gtpu({ payload: in4, length: 9000 })), FLOW4],
    ['MPLS in GRE', v4(47, f.gre({ protocol: 0x8847, payload: f.mpls([16, 0], in4) })), FLOW4],
    ['MPLS in IP', v6(137, f.mpls([16], in6)), FLOW6],
    ['MPLS in VXLAN', v4(17, vxlan(frame(f.mpls([16], in4), 0x8847))), FLOW4],
    ['four deep', v4(4, v4(4, v4(4, v4(4, in4)))), FLOW4],
  ])('%s', (_, packet, flow) => expect(inside(packet)).toEqual(flow));

  const open = (bytes: Uint8Array): object => {
    const d = new Dissection();
    dissect(bytes, 0, bytes.length, 1, d);
    const before = { ...d };
    const inner = innermostOf(bytes, d, new Dissection());
    expect({ ...d }).toEqual(before);
    return describePacket(bytes, inner);
  };

  it.each<[string, Uint8Array, object]>([
    ['MPLS', frame(f.mpls([16], in4), 0x8847), FLOW4],
    [
      'MPLS multicast, tagged, seven labels',
      frame(f.mpls([1, 2, 3, 4, 5, 6, 7], in6), 0x8848, [5]),
      { ...FLOW6, vlan: 5 },
    ],
    ['PPPoE', frame(f.pppoe({ payload: in4 }), 0x8864), FLOW4],
    ['PPPoE, tagged twice', frame(f.pppoe({ payload: in6 }), 0x8864, [6, 7]), { ...FLOW6, vlan: 6 }],
    ['a tunnel behind labels', frame(f.mpls([16], v4(17, gtpu({ payload: in4 }))), 0x8847), FLOW4],
    ['PPPoE that is cut', frame(f.pppoe({ payload: in4, length: 900 }), 0x8864), FLOW4],
  ])('of a frame that is nonip: %s', (_, bytes, flow) => expect(open(bytes)).toEqual(flow));

  it.each<[string, Uint8Array]>([
    ['eight labels', frame(f.mpls([1, 2, 3, 4, 5, 6, 7, 8], in4), 0x8847, [5])],
    ['labels without a bottom', frame(f.mpls([1, 2], new Uint8Array(0), false), 0x8847, [5])],
    ['a control word', frame(f.mpls([1], f.bytesOf([0, 0, 0, 0], f.ethernet({ payload: in4 }))), 0x8847, [5])],
    ['a damaged packet behind labels', frame(f.mpls([1], in6.slice(0, 30)), 0x8847, [5])],
    ['LCP', frame(f.pppoe({ payload: f.filler(10), proto: 0xc021 }), 0x8864, [5])],
    ['the wrong PPP protocol', frame(f.pppoe({ payload: in4, proto: 0x57 }), 0x8864, [5])],
    ['PPPoE discovery', frame(f.pppoe({ payload: in4 }), 0x8863, [5])],
    ['a PPPoE code', frame(f.pppoe({ payload: in4, code: 0xa7 }), 0x8864, [5])],
    ['a PPPoE length of 1', frame(f.pppoe({ payload: in4, length: 1 }), 0x8864, [5])],
    ['a PPPoE length that cuts the IP header', frame(f.pppoe({ payload: in4, length: 21 }), 0x8864, [5])],
  ])('leaves a frame nonip: %s', (_, bytes) => {
    const d = new Dissection();
    dissect(bytes, 0, bytes.length, 1, d);
    const before = { ...d };
    expect(open(bytes)).toEqual({ class: 'nonip', vlan: 5 });
    innermost(bytes, d);
    expect({ ...d, dirty: before.dirty }).toEqual(before);
  });

  it('goes by the GTP-U length: what lies behind it is no part of the message', () => {
    const { length } = in4;
    expect(inside(v4(17, gtpu({ payload: in4, length: length - 4 })))).toEqual({ ...FLOW4, truncated: true });
  });

  it('takes the tag of the inner frame', () => {
    expect(inside(v4(17, vxlan(f.ethernet({ payload: in4, vlans: [9] }))), [5])).toEqual({ ...FLOW4, vlan: 9 });
  });

  it('goes by the UDP length: bytes behind it are no part of the inner frame', () => {
    const payload = f.vxlan(42, f.ethernet({ payload: in4, pad: false }));
    const packet = v4(17, f.udp({ sport: 7777, dport: 4789, payload, length: 8 + payload.length - 4 }));
    expect(inside(packet)).toEqual({ ...FLOW4, truncated: true });
  });

  it('opens four layers, not five', () => {
    expect(inside(v4(4, v4(4, v4(4, v4(4, v4(4, in4))))))).toMatchObject({ class: 'other4', proto: 4 });
  });

  it.each([
    ['the wrong version', v4(4, in6), { class: 'other4', proto: 4 }],
    ['a damaged packet', v4(4, in4.slice(0, 30)), { class: 'other4', proto: 4, ...OUT }],
    ['GRE of version 1', v4(47, f.gre({ protocol: 0x0800, payload: in4, version: 1 })), { class: 'other4', proto: 47 }],
    ['GRE of another protocol', v4(47, f.gre({ protocol: 0x88be, payload: in4 })), { class: 'other4', proto: 47 }],
    ['VXLAN without a VNI', v4(17, vxlan(f.ethernet({ payload: in4 }), 0)), { class: 'udp4', dport: 4789 }],
    [
      'ARP in VXLAN',
      v4(17, vxlan(f.ethernet({ payload: f.filler(28), type: 0x0806 }))),
      { class: 'udp4', dport: 4789, ...OUT },
    ],
    ['a Geneve control packet', v4(17, geneve({ payload: in4, protocol: 0x0800, flags: 0x80 })), { class: 'udp4' }],
    ['Geneve of version 1', v4(17, geneve({ payload: in4, protocol: 0x0800, version: 1 })), { class: 'udp4' }],
    [
      'Geneve options that say less than there is',
      v4(17, geneve({ payload: in4, protocol: 0x0800, options: f.geneveOption(3), optionWords: 3 })),
      { class: 'udp4' },
    ],
    [
      'Geneve options longer than the packet',
      v4(17, geneve({ payload: in4, protocol: 0x0800, optionWords: 63 })),
      { class: 'udp4' },
    ],
    ['a GUE control message', v4(17, gue({ payload: in4, control: true })), { class: 'udp4' }],
    ['GUE with unknown flags', v4(17, gue({ payload: in4, fields: f.filler(8), flags: 0x8000 })), { class: 'udp4' }],
    ['GUE of private flags that are not there', v4(17, gue({ payload: in4, flags: 1 })), { class: 'udp4' }],
    ['GUE longer than the packet', v4(17, gue({ payload: in4, words: 31 })), { class: 'udp4' }],
    ['GUE of variant 2', v4(17, f.udp({ sport: 7777, dport: 6080, payload: f.bytesOf(0x84, in4) })), { class: 'udp4' }],
    ['a GTP-U echo', v4(17, gtpu({ payload: in4, type: 1 })), { class: 'udp4', dport: 2152 }],
    ["GTP'", v4(17, gtpu({ payload: in4, flags: 0x20 })), { class: 'udp4' }],
    ['GTP version 2', v4(17, gtpu({ payload: in4, flags: 0x50 })), { class: 'udp4' }],
    [
      'a GTP-U length that does not cover the extension headers',
      v4(17, gtpu({ payload: in4, extensions: [EXTENSION], length: 7 })),
      { class: 'udp4' },
    ],
    [
      'a GTP-U extension header of length 0',
      v4(17, gtpu({ payload: f.bytesOf([0, 0, 0, 1, 0x85], f.filler(40)), flags: 0x34 })),
      { class: 'udp4' },
    ],
    [
      'nine GTP-U extension headers',
      v4(17, gtpu({ payload: in4, extensions: Array.from({ length: 9 }, () => EXTENSION) })),
      { class: 'udp4' },
    ],
    ['GTP-U of something else', v4(17, gtpu({ payload: f.filler(40) })), { class: 'udp4' }],
    [
      'an ICMP error that quotes a flow',
      v4(1, f.bytesOf([3, 4, 0, 0, 0, 0, 0, 0], in4)),
      { class: 'other4', proto: 1 },
    ],
    [
      'an ICMPv6 error that quotes a flow',
      v6(58, f.bytesOf([2, 0, 0, 0, 0, 0, 5, 0], in6)),
      { class: 'other6', proto: 58 },
    ],
    ['ESP', v4(50, f.esp(5)), { class: 'esp4' }],
    ['a fragment', f.ipv4({ ...OUT, proto: 4, payload: in4, mf: true }), { class: 'fragment4' }],
  ])('stops in front of %s', (_, packet, flow) => expect(inside(packet, [5])).toMatchObject({ ...flow, vlan: 5 }));

  it('says by which tunnel, and forgets it with the next packet', () => {
    const d = new Dissection();
    const tunnel = (packet: Uint8Array): number[] => {
      const bytes = f.ethernet({ payload: packet });
      dissect(bytes, 0, bytes.length, 1, d);
      innermost(bytes, d);
      return [d.tunnel, d.tunnelId];
    };
    const key = (payload: Uint8Array, id: number): Uint8Array => f.gre({ protocol: 0x0800, payload, key: id });
    expect(tunnel(v4(17, vxlan(f.ethernet({ payload: in4 }))))).toEqual([TUNNEL_VXLAN, 42]);
    const vni = d.tunnelOuter;
    expect(vni).toBe(0);
    expect(tunnel(v4(17, geneve({ payload: in4, protocol: 0x0800, vni: 0xffffff })))).toEqual([
      TUNNEL_GENEVE,
      0xffffff,
    ]);
    expect(tunnel(v6(47, key(in4, 0xffffffff)))).toEqual([TUNNEL_GRE, -1]);
    expect(tunnel(v4(17, gtpu({ payload: in6, teid: 9 })))).toEqual([TUNNEL_GTPU, 9]);
    expect(tunnel(v4(17, gue({ payload: key(in4, 3), proto: 47 })))).toEqual([TUNNEL_GRE, 3]);
    // of the way there, only what it came through
    expect(tunnel(v4(47, key(v4(4, in4), 3)))).toEqual([TUNNEL_GRE, 3]);
    expect(d.tunnelOuter).toBe(0);
    expect(tunnel(v4(47, key(v4(17, vxlan(f.ethernet({ payload: in4 }))), 3)))).toEqual([TUNNEL_VXLAN, 42]);
    expect(d.tunnelOuter).not.toBe(0);
    // what carries no IP stays closed, and its identifier is none
    expect(tunnel(v4(47, key(v4(17, vxlan(f.ethernet({ payload: f.filler(28), type: 0x0806 }))), 3)))).toEqual([
      TUNNEL_GRE,
      3,
    ]);
    expect(d.tunnelOuter).toBe(0);
    expect(tunnel(v4(17, vxlan(f.ethernet({ payload: f.filler(28), type: 0x0806 }))))).toEqual([TUNNEL_NONE, 0]);
    expect(tunnel(v4(47, f.gre({ protocol: 0x0800, payload: in4 })))).toEqual([TUNNEL_NONE, 0]);
    tunnel(v4(17, vxlan(f.ethernet({ payload: in4 }))));
    expect(tunnel(in4)).toEqual([TUNNEL_NONE, 0]);
    expect([d.tunnelOuter, d.dirty]).toEqual([0, 0]);
  });
});

describe('kinds of tunnels', () => {
  const packets: [string, Uint8Array, number][] = [
    ['IP in IP', f.ethernet({ payload: v4(4, in4) }), TUNNELS_IP],
    ['GRE', f.ethernet({ payload: v4(47, f.gre({ protocol: 0x0800, payload: in4 })) }), TUNNELS_IP],
    ['VXLAN', f.ethernet({ payload: v4(17, vxlan(f.ethernet({ payload: in4 }))) }), TUNNELS_UDP],
    ['MPLS', frame(f.mpls([16], in4), 0x8847), TUNNELS_MPLS],
    ['PPPoE', frame(f.pppoe({ payload: in4 }), 0x8864), TUNNELS_PPPOE],
    [
      'MPLS in GRE',
      f.ethernet({ payload: v4(47, f.gre({ protocol: 0x8847, payload: f.mpls([16], in4) })) }),
      TUNNELS_IP | TUNNELS_MPLS,
    ],
    ['MPLS in IP', f.ethernet({ payload: v4(137, f.mpls([16], in4)) }), TUNNELS_IP | TUNNELS_MPLS],
    [
      'IP in IP in VXLAN',
      f.ethernet({ payload: v4(17, vxlan(f.ethernet({ payload: v4(4, in4) }))) }),
      TUNNELS_UDP | TUNNELS_IP,
    ],
  ];

  it.each(packets)('%s is entered when its kinds are asked for', (_, bytes, needs) => {
    const d = new Dissection();
    for (let kinds = 0; kinds < 16; kinds++) {
      dissect(bytes, 0, bytes.length, 1, d);
      const inner = innermostOf(bytes, d, new Dissection(), kinds);
      const there = (describePacket(bytes, inner) as { src?: string }).src === FLOW4.src;
      expect(there, `kinds ${kinds}`).toBe((kinds & needs) === needs);
    }
  });
});

describe('frames that are no IP', () => {
  it('keep what lies in front of them, in tunnels or not', () => {
    const bytes = frame(f.filler(28), 0x0806, [5, 6]);
    const d = new Dissection();
    dissect(bytes, 0, bytes.length, 1, d);
    expect(d.link).toBe(22);
    expect(innermostOf(bytes, d, new Dissection()).link).toBe(22);
    expect(innermost(bytes, d)).toBe(d.cls);
    expect(d.link).toBe(22);
    // Labels in front of no IP: back to the frame.
    const labelled = frame(f.mpls([16], f.filler(20, 0x10)), 0x8847);
    dissect(labelled, 0, labelled.length, 1, d);
    expect([innermost(labelled, d), d.link]).toEqual([d.cls, 14]);
    dissect(bytes, 22, bytes.length, 113, d);
    expect(d.link).toBe(0);
    dissect(labelled, 0, labelled.length, 1, d);
    dissect(f.ethernet({ payload: in4 }), 0, 60, 1, d);
    expect(d.link).toBe(0);
  });
});
