import { describe, expect, it } from 'vitest';
import { describePacket } from '../../src/wire/describe.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { innermost } from '../../src/wire/tunnel.ts';
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
    ['four deep', v4(4, v4(4, v4(4, v4(4, in4)))), FLOW4],
  ])('%s', (_, packet, flow) => expect(inside(packet)).toEqual(flow));

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
    ['ESP', v4(50, f.esp(5)), { class: 'esp4' }],
    ['a fragment', f.ipv4({ ...OUT, proto: 4, payload: in4, mf: true }), { class: 'fragment4' }],
  ])('stops in front of %s', (_, packet, flow) => expect(inside(packet, [5])).toMatchObject({ ...flow, vlan: 5 }));
});
