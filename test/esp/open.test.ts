import { describe, expect, it } from 'vitest';
import { DROP_PADDING, DROP_REPLAY, DROP_SHORT } from '../../src/counters.ts';
import { createSa, nodeBackend, OPEN_DUMMY, OPEN_OK, OPEN_ROOM, type Sa, seal } from '../../src/esp/index.ts';
import { Bench, bytesOf, everySa, hexKey, saConfig, sealed, TRANSFORMS, title } from './support.ts';

const GCM = createSa(saConfig({ aead: 'aes-gcm', key: hexKey(36) }));
const NULL = createSa(saConfig({ cipher: 'null', auth: 'hmac-sha256', authKey: hexKey(32) }));
const FIRST = (sa: Sa): bigint => sa.initialSeq + 1n;
const authentic = everySa().filter((sa) => sa.transform.auth !== 'none');

/** Seals a plaintext that the test wrote, trailer and all. */
function sealText(sa: Sa, sequence: number, text: Uint8Array): Uint8Array {
  const { ivBytes, icvBytes } = sa.transform;
  const packet = new Uint8Array(8 + ivBytes + text.length + icvBytes);
  packet.set(seal(sa, sequence, new Uint8Array(0), 4).subarray(0, 8 + ivBytes));
  packet.set(text, 8 + ivBytes);
  nodeBackend.cipher(sa).seal(packet, 0);
  return packet;
}

describe.each(everySa().map((sa) => ({ sa, name: title(sa) })))('$name', ({ sa }) => {
  it('opens what was sealed, at every length', () => {
    const bench = new Bench([sa]);
    let sequence = sa.initialSeq;
    for (const length of [...new Array(101).keys(), 1400, 65_000]) {
      sequence++;
      const packet = sealed(sa, sequence, length, 41);
      const overhead = 8 + sa.transform.ivBytes + 2 + sa.transform.icvBytes;
      expect((packet.length - sa.transform.icvBytes) % 4).toBe(0);
      expect(packet.length - overhead - length).toBeLessThan(Math.max(4, sa.transform.blockBytes));
      expect(bench.open(packet)).toBe(OPEN_OK);
      expect(bench.opener.nextHeader).toBe(41);
      expect(
        Buffer.compare(
          bench.payload(),
          Uint8Array.from({ length }, (_, i) => i * 7),
        ),
      ).toBe(0);
      expect(bench.state.top(0)).toBe(sequence);
    }
    expect(bench.state.counts(0)).toMatchObject({ packets: 103, opened: 103, dummy: 0, bytes: 5050 + 1400 + 65_000 });
  });
});

describe('forged packets', () => {
  it.each(authentic.map((sa) => ({ sa, name: title(sa) })))('$name: every single bit counts', ({ sa }) => {
    const packet = sealed(sa, FIRST(sa), 20);
    const cipher = nodeBackend.cipher(sa);
    const high = Number(FIRST(sa) >> 32n);
    for (let bit = 0; bit < packet.length * 8; bit++) {
      packet[bit >> 3] ^= 1 << (bit & 7);
      expect(cipher.open(packet, 0, packet.length, high, 0, 0)).toBe(false);
      packet[bit >> 3] ^= 1 << (bit & 7);
    }
    expect(cipher.open(packet, 0, packet.length, high, 0, 0)).toBe(true);
    // The high half of the sequence number is authenticated with ESN alone.
    expect(cipher.open(packet, 0, packet.length, high + 1, 0, 0)).toBe(!sa.esn);
  });
});

describe('trailer', () => {
  it.each([GCM, NULL].map((sa) => ({ sa, name: title(sa) })))(
    '$name: wrong padding is authentic, dropped, and marked',
    ({ sa }) => {
      const wrong = ['aabb 0104 0204', 'aabb 0002 0204', 'aabb 0103 0204', '0306', '0104', 'aa00 ff04'];
      const bench = new Bench([sa]);
      wrong.forEach((text, i) => {
        const packet = sealText(sa, i + 1, bytesOf(text));
        expect(bench.open(packet)).toBe(DROP_PADDING);
        expect(bench.open(packet)).toBe(DROP_REPLAY);
      });
      expect(bench.state.counts(0)).toMatchObject({
        opened: 0,
        failed: { padding: wrong.length, replay: wrong.length },
      });
      expect(bench.bytes.subarray(Bench.TARGET, Bench.TARGET + 16).every((byte) => byte === 0)).toBe(true);
    },
  );

  it('may hold 255 bytes of padding, and no payload at all', () => {
    const bench = new Bench([GCM]);
    const padding = Uint8Array.from({ length: 255 }, (_, i) => i + 1);
    expect(bench.open(sealText(GCM, 1, Uint8Array.of(7, ...padding, 255, 4)))).toBe(OPEN_OK);
    expect([...bench.payload()]).toEqual([7]);
    expect(bench.open(sealText(GCM, 2, Uint8Array.of(...padding, 255, 4)))).toBe(OPEN_OK);
    expect(bench.opener.length).toBe(0);
    expect(bench.open(sealText(GCM, 3, Uint8Array.of(0, 4)))).toBe(OPEN_OK);
  });

  it('of a dummy is counted, not delivered', () => {
    const bench = new Bench([GCM]);
    expect(bench.open(sealed(GCM, 1, 40, 59))).toBe(OPEN_DUMMY);
    expect(bench.open(sealed(GCM, 1, 40, 59))).toBe(DROP_REPLAY);
    expect(bench.state.counts(0)).toMatchObject({ packets: 2, opened: 0, dummy: 1, bytes: 0 });
    expect(bench.bytes.subarray(Bench.TARGET, Bench.TARGET + 64).every((byte) => byte === 0)).toBe(true);
    expect(bench.open(sealText(GCM, 2, bytesOf('aabb 0104 023b')))).toBe(DROP_PADDING);
  });

  it('leaves TFC padding in the payload', () => {
    const bench = new Bench([GCM]);
    expect(bench.open(seal(GCM, 1, bytesOf('45000014'), 4, { tfcPadding: 100 }))).toBe(OPEN_OK);
    expect(bench.payload()).toEqual(Uint8Array.of(0x45, 0, 0, 0x14, ...new Uint8Array(100)));
  });
});

describe('memory', () => {
  it('without room for what could come out, nothing happens', () => {
    const bench = new Bench([GCM]);
    const packet = sealed(GCM, 1, 41);
    bench.bytes.set(packet, 0);
    const open = (target: number, room: number): number => bench.opener.open(0, 0, packet.length, target, room);
    // 41 bytes and 1 of padding: neither is known before it is opened.
    expect(open(1000, 41)).toBe(OPEN_ROOM);
    expect(open(bench.bytes.length - 41, 42)).toBe(OPEN_ROOM);
    expect(open(-1, 42)).toBe(OPEN_ROOM);
    expect(bench.state.counts(0).packets).toBe(0);
    expect(open(bench.bytes.length - 42, 42)).toBe(OPEN_OK);
    expect(bench.bytes[bench.bytes.length - 42 + 40]).toBe((40 * 7) & 0xff);
  });

  it('writes no byte outside the room', () => {
    for (const sa of [GCM, NULL, createSa(saConfig(TRANSFORMS[20]))]) {
      for (let length = 0; length < 40; length++) {
        const bench = new Bench([sa]);
        const packet = sealed(sa, 1, length);
        bench.bytes.set(packet, 0);
        const room = packet.length - 8 - sa.transform.ivBytes - sa.transform.icvBytes - 2;
        bench.bytes.fill(0xee, 500, 900);
        expect(bench.opener.open(0, 0, packet.length, 600, room)).toBe(OPEN_OK);
        expect(bench.bytes.subarray(500, 600).every((byte) => byte === 0xee)).toBe(true);
        expect(bench.bytes.subarray(600 + room, 900).every((byte) => byte === 0xee)).toBe(true);
      }
    }
  });

  it.each([GCM, NULL].map((sa) => ({ sa, name: title(sa) })))('$name: the target may overlap the packet', ({ sa }) => {
    for (const target of [0, 4, 8, 16, 40]) {
      const bench = new Bench([sa]);
      const packet = sealed(sa, 1, 100);
      bench.bytes.set(packet, 8);
      expect(bench.opener.open(0, 8, 8 + packet.length, target, 200)).toBe(OPEN_OK);
      expect(bench.bytes.slice(target, target + 100)).toEqual(Uint8Array.from({ length: 100 }, (_, i) => i * 7));
    }
  });

  it('a packet that ends past the memory is short', () => {
    const bench = new Bench([GCM]);
    expect(bench.opener.open(0, bench.bytes.length - 40, bench.bytes.length + 40, 0, 1000)).toBe(DROP_SHORT);
  });
});

it('of two packets with one number that were begun together, one wins', () => {
  const bench = new Bench([GCM]);
  const packet = sealed(GCM, 9, 10);
  bench.bytes.set(packet, 0);
  const cipher = nodeBackend.cipher(GCM);
  for (const verdict of [OPEN_OK, OPEN_OK]) expect(bench.opener.begin(0, 0, packet.length, 500, 100)).toBe(verdict);
  expect(cipher.open(bench.bytes, 0, packet.length, 0, 500, 100)).toBe(true);
  expect(bench.opener.finish(0, 9, 0, cipher, 500, 100)).toBe(OPEN_OK);
  expect(bench.opener.finish(0, 9, 0, cipher, 500, 100)).toBe(DROP_REPLAY);
});
