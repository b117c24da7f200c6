/** Segment, then encrypt; open, then coalesce: a super-packet comes back as it was. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSa, type SaConfig } from '../../src/esp/index.ts';
import { sealSegments } from '../../src/lane/seal-segments.ts';
import { u16 } from '../../src/wire/bytes.ts';
import { l4ChecksumOk } from '../../src/wire/checksum.ts';
import { Dissection, dissectIp } from '../../src/wire/dissect.ts';
import { LaneBench } from '../support/lane-bench.ts';
import { ether, fill, tcp, udp } from '../support/packets.ts';

const TRANSFORMS: SaConfig['transform'][] = [
  { aead: 'aes-gcm', key: '000102030405060708090a0b0c0d0e0f10111213' },
  { aead: 'chacha20-poly1305', key: '00'.repeat(36) },
  { cipher: 'aes-cbc', key: '11'.repeat(16), auth: 'hmac-sha256', authKey: '22'.repeat(32) },
  { cipher: 'null', auth: 'hmac-sha1', authKey: '33'.repeat(20) },
];
const ENDS = { src: '192.0.2.1', dst: '192.0.2.2' };
const ENDS6 = { src: '2001:db8::1', dst: '2001:db8::2' };

function saOf(transform: SaConfig['transform'], more: Partial<SaConfig>, six: boolean): ReturnType<typeof createSa> {
  return createSa({ spi: 0x1001, ...(six ? ENDS6 : ENDS), mode: 'tunnel', transform, ...more });
}

describe('a super-packet that goes out as ESP packets', () => {
  it('comes back as it was: TCP, all modes', () => {
    const settings = fc.record({
      transform: fc.constantFrom(...TRANSFORMS),
      mode: fc.constantFrom('tunnel' as const, 'transport' as const),
      encap: fc.constantFrom('none' as const, 'udp' as const),
      six: fc.boolean(),
      gsoSize: fc.integer({ min: 100, max: 1400 }),
      segments: fc.integer({ min: 1, max: 40 }),
      last: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(settings, ({ transform, mode, encap, six, gsoSize, segments, last }) => {
        const sa = saOf(transform, { mode, encap }, six);
        const length = (segments - 1) * gsoSize + last;
        const packet = tcp(length, { ...(six ? ENDS6 : ENDS), flags: 0x18 });
        const out = sealSegments(sa, 7n, packet, { gsoSize });
        expect(out.length).toBe(segments);
        const bench = new LaneBench({ sas: [sa] });
        for (const esp of out) bench.push(ether(esp));
        const delivered = bench.run();
        expect(delivered.map((d) => d.segments)).toEqual([segments]);
        expect(delivered[0].gsoSize).toBe(segments === 1 ? 0 : gsoSize);
        // The checksum is of the merged length, and GRO's affair.
        const bytes = delivered[0].bytes.slice(14);
        const l4 = six ? 40 : 20;
        for (const p of [bytes, packet]) p.fill(0, l4 + 16, l4 + 18);
        expect(Buffer.compare(bytes, packet)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('of UDP comes back as its datagrams, with right checksums', () => {
    for (const six of [false, true]) {
      const sa = saOf(TRANSFORMS[0], {}, six);
      const payload = fill(2500, 5);
      const packet = udp(payload, six ? ENDS6 : ENDS);
      const bench = new LaneBench({ sas: [sa] });
      for (const esp of sealSegments(sa, 1, packet, { gsoSize: 1000 })) bench.push(ether(esp));
      const delivered = bench.run();
      const l4 = 14 + (six ? 40 : 20);
      expect(delivered.map((d) => u16(d.bytes, l4 + 4))).toEqual([1008, 1008, 508]);
      expect(Buffer.concat(delivered.map((d) => d.bytes.slice(l4 + 8)))).toEqual(Buffer.from(payload));
      for (const { bytes } of delivered) {
        const d = new Dissection();
        dissectIp(bytes, 14, bytes.length, d);
        expect(l4ChecksumOk(bytes, d)).toBe(true);
      }
    }
  });

  it('that is neither, or small enough, is one ESP packet', () => {
    const sa = saOf(TRANSFORMS[0], {}, false);
    expect(sealSegments(sa, 1, udp(100, ENDS), { gsoSize: 1000 }).length).toBe(1);
    const icmp = tcp(3000, ENDS);
    icmp[9] = 1;
    expect(sealSegments(sa, 1, icmp, { gsoSize: 1000 }).length).toBe(1);
  });

  it('needs a segment size', () => {
    const sa = saOf(TRANSFORMS[0], {}, false);
    expect(() => sealSegments(sa, 1, udp(100, ENDS), { gsoSize: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_OPTION', message: expect.stringMatching(/^gsoSize: .*got 0$/) }),
    );
  });
});
