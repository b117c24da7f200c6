import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold, ipv4HeaderOk, l4ChecksumOk, onesSum, setL4Checksum } from '../../src/wire/checksum.ts';
import { Dissection, dissectIp } from '../../src/wire/dissect.ts';
import { setIpv4Checksum } from '../../src/wire/ipv4.ts';
import { samplePackets } from '../support/corpus.ts';
import * as f from '../support/frames.ts';

const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: 'fd00::1', dst: 'fd00::2' };

function ok(packet: Uint8Array): boolean {
  const d = new Dissection();
  dissectIp(packet, 0, packet.length, d);
  return l4ChecksumOk(packet, d);
}

describe('checksum', () => {
  it('equals the naive sum, in parts too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(7), fc.nat(100), (data, off, half) => {
        const bytes = f.bytesOf(new Uint8Array(off).fill(0xaa), data, 0xbb, 0xcc);
        const naive = 0xffff - f.internetChecksum(data);
        expect(fold(onesSum(bytes, off, data.length, 0))).toBe(naive);
        const first = Math.min(half * 2, data.length & ~1);
        const acc = onesSum(bytes, off, first, 0);
        expect(fold(onesSum(bytes, off + first, data.length - first, acc))).toBe(naive);
      }),
    );
  });

  it('holds for 64 KiB of 0xff, and keeps 0 apart from 0xffff', () => {
    expect(fold(onesSum(new Uint8Array(65536).fill(0xff), 0, 65535, 0))).toBe(0xff00);
    expect(fold(onesSum(new Uint8Array(65536), 0, 65536, 0))).toBe(0);
    expect(fold(onesSum(Uint8Array.of(0xff, 0xff), 0, 2, 0))).toBe(0xffff);
    // RFC 1071 section 3
    expect(fold(onesSum(Uint8Array.of(0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7), 0, 8, 0))).toBe(0xddf2);
  });

  it('verifies what the frame builder made, and no changed bit', () => {
    const whole = [
      'tcp4',
      'tcp4 with options',
      'tcp6',
      'udp4',
      'udp6',
      'v4 options',
      'v6 extensions',
      'v6 atomic fragment',
    ];
    const packets = samplePackets();
    for (const name of whole) {
      const packet = packets[name];
      expect(ok(packet), name).toBe(true);
      packet[packet.length - 1] ^= 1;
      expect(ok(packet), name).toBe(false);
    }
    const v4 = packets['v4 options'];
    expect(ipv4HeaderOk(v4, 0)).toBe(true);
    v4[22] ^= 4;
    expect(ipv4HeaderOk(v4, 0)).toBe(false);
    setIpv4Checksum(v4, 0);
    expect(ipv4HeaderOk(v4, 0)).toBe(true);
  });

  it('UDP: 0 is none, its own length counts', () => {
    for (const ip of [
      (payload: Uint8Array) => f.ipv4({ ...V4, proto: 17, payload }),
      (payload: Uint8Array) => f.ipv6({ ...V6, proto: 17, payload }),
    ]) {
      expect(ok(ip(f.udp({ sport: 1, dport: 2, payload: f.filler(9), checksum: 'none' })))).toBe(true);
      expect(ok(ip(f.udp({ sport: 1, dport: 2, payload: f.filler(9), checksum: 1 })))).toBe(false);
      const packet = ip(f.udp({ sport: 1, dport: 2, payload: f.filler(9) }));
      const l4 = packet.length - 17;
      packet[l4 + 5] = 15;
      setL4Checksum(packet, 0, l4, l4 + 15, 17);
      packet[packet.length - 1] ^= 0x55;
      expect(ok(packet)).toBe(true);
    }
  });

  it('cannot vouch for cut packets, fragments and other protocols', () => {
    const packets = samplePackets();
    expect(ok(packets.tcp4.slice(0, -1))).toBe(false);
    for (const name of ['v4 first fragment', 'v6 first fragment', 'icmp4', 'esp6', 'sctp4', 'udp4 longer than IP']) {
      expect(ok(packets[name]), name).toBe(false);
    }
  });
});
