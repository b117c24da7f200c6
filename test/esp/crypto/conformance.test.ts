/** What every backend must do alike, with each transform that it takes. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP_ICV } from '../../../src/counters.ts';
import { createSa, OPEN_OK, type PacketCipher, type Sa, type SaConfig, SaTable } from '../../../src/esp/index.ts';
import ciphers from '../../vectors/esp-ciphers.json' with { type: 'json' };
import packets from '../../vectors/esp-packets.json' with { type: 'json' };
import {
  Bench,
  bytesOf,
  espPackets,
  everySa,
  hexKey,
  manifest,
  manifestSas,
  saConfig,
  sealed,
  title,
} from '../support.ts';
import { available, makeBackend } from './backends.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const highOf = (sa: Sa): number => Number((sa.initialSeq + 1n) >> 32n);
const plainOf = (cipher: PacketCipher): Uint8Array => cipher.plain.slice(cipher.at, cipher.at + cipher.length);

describe.each(available)('%s', (name) => {
  const backend = makeBackend(name)!;
  const every = everySa().filter((sa) => backend.refuses(sa.transform) === undefined);
  const named = every.map((sa) => ({ sa, name: title(sa) }));

  it.each(packets.packets)('$source', (vector) => {
    const before = BigInt(vector.sequence) - 1n;
    const sa = createSa(
      saConfig(vector.transform as SaConfig['transform'], {
        spi: `0x${vector.packet.slice(0, 8)}`,
        esn: vector.esn,
        initialSeq: `0x${before.toString(16)}`,
      }),
    );
    if (backend.refuses(sa.transform) !== undefined) return;
    const bench = new Bench([sa], { backend });
    const text = bytesOf(vector.text);
    expect(bench.open(bytesOf(vector.packet))).toBe(OPEN_OK);
    expect(hex(bench.payload())).toBe(hex(text.subarray(0, text.length - 2 - text[text.length - 2])));
  });

  // The RFCs' packets carry no ICV, which no SA may do: it is put behind them here.
  const auth = { auth: 'hmac-sha1', authKey: hexKey(20) };
  const withIcv = (esp: Uint8Array): Uint8Array =>
    Buffer.concat([esp, createHmac('sha1', bytesOf(auth.authKey)).update(esp).digest().subarray(0, 12)]);

  it.each(ciphers.ctr)('$source', ({ key, iv, text, ciphertext }) => {
    const sa = createSa(saConfig({ cipher: 'aes-ctr', key, ...auth }));
    if (backend.refuses(sa.transform) !== undefined) return;
    const bytes = new Uint8Array(1024);
    const packet = withIcv(bytesOf(`0000100100000001${iv}${ciphertext}`));
    bytes.set(packet);
    const cipher = backend.cipher(sa);
    expect(cipher.open(bytes, 0, packet.length, 0, 512, 256)).toBe(true);
    expect(hex(plainOf(cipher))).toBe(text);
  });

  it.each(ciphers.cbc)('$source', ({ key, packet, payload }) => {
    const sa = createSa(saConfig({ cipher: 'aes-cbc', key, ...auth }, { spi: `0x${packet.slice(0, 8)}` }));
    if (backend.refuses(sa.transform) !== undefined) return;
    const bench = new Bench([sa], { backend });
    expect(bench.open(withIcv(bytesOf(packet)))).toBe(OPEN_OK);
    expect(hex(bench.payload())).toBe(payload);
  });

  it.each(manifest().filter((capture) => capture.frames?.ip_fragments === undefined))('$file', (capture) => {
    const sas = manifestSas(capture);
    if (sas.some((sa) => backend.refuses(sa.transform) !== undefined)) return;
    const bench = new Bench(sas, { backend });
    const table = SaTable.create(sas);
    for (const { dst, spi, packet } of espPackets(capture.file)) {
      const sa = table.lookup(dst, 0, dst.length === 16, spi);
      if (sa >= 0) bench.open(packet, sa);
    }
    capture.sas.forEach((sa, i) => {
      expect(bench.state.counts(i)).toMatchObject({
        opened: sa.ok,
        dummy: sa.dummy,
        failed: {
          icv: sa.fail.auth ?? 0,
          replay: sa.fail.replay ?? 0,
          short: sa.fail.malformed ?? 0,
          padding: sa.fail.bad_padding ?? 0,
        },
      });
    });
  });

  it.each(named)('$name: opens what was sealed, at every length', ({ sa }) => {
    const bench = new Bench([sa], { backend });
    let sequence = sa.initialSeq;
    for (const length of [...new Array(101).keys(), 1400, 65_000]) {
      sequence++;
      expect(bench.open(sealed(sa, sequence, length, 41))).toBe(OPEN_OK);
      const expected = Uint8Array.from({ length }, (_, i) => i * 7);
      expect(Buffer.compare(bench.payload(), expected)).toBe(0);
    }
  });

  it.each(named.filter(({ sa }) => sa.transform.auth !== 'none'))(
    '$name: refuses every forged bit, leaves nothing, and opens the next packet',
    ({ sa }) => {
      const bench = new Bench([sa], { backend }, new Uint8Array(140_000));
      const packet = sealed(sa, sa.initialSeq + 1n, 37);
      const { bytes } = bench;
      const cipher = backend.cipher(sa);
      const end = Bench.AT + packet.length;
      const open = (high = highOf(sa)): boolean => cipher.open(bytes, Bench.AT, end, high, Bench.TARGET, Bench.ROOM);
      bytes.set(packet, Bench.AT);
      for (let bit = 0; bit < packet.length * 8; bit++) {
        bytes[Bench.AT + (bit >> 3)] ^= 1 << (bit & 7);
        expect(open()).toBe(false);
        expect(bytes.subarray(Bench.TARGET, Bench.TARGET + 64).every((byte) => byte === 0)).toBe(true);
        bytes[Bench.AT + (bit >> 3)] ^= 1 << (bit & 7);
        if (bit % 16 === 0) {
          expect(open()).toBe(true);
          bytes.fill(0, Bench.TARGET, Bench.TARGET + 64);
        }
      }
      expect(open(highOf(sa) + 1)).toBe(!sa.esn);
      // As what the whole of ESP makes of it: counted, nothing moved.
      packet[packet.length - 1] ^= 1;
      expect(bench.open(packet)).toBe(DROP_ICV);
      packet[packet.length - 1] ^= 1;
      expect(bench.open(packet)).toBe(OPEN_OK);
    },
  );

  it('writes nothing outside of the target, and elsewhere when that is too small or lies over the packet', () => {
    for (const sa of every) {
      const packet = sealed(sa, sa.initialSeq + 1n, 61);
      const cipher = backend.cipher(sa);
      const { ivBytes, icvBytes } = sa.transform;
      const length = packet.length - 8 - ivBytes - icvBytes;
      for (const [target, room] of [
        [600, length],
        [600, length - 1],
        [600, 0],
        [1000 - length, length],
        [1001 - length, length],
        [100 + 8 + ivBytes, length],
        [90, 400],
        [101 - length, length],
        [100 + packet.length - 1, length],
        [-1, 400],
      ]) {
        const bytes = new Uint8Array(new SharedArrayBuffer(1000)).fill(0xee);
        bytes.set(packet, 100);
        const before = bytes.slice();
        expect(cipher.open(bytes, 100, 100 + packet.length, highOf(sa), target, room)).toBe(true);
        expect(hex(plainOf(cipher).subarray(0, 61))).toBe(hex(Uint8Array.from({ length: 61 }, (_, i) => i * 7)));
        if (cipher.plain === bytes && cipher.at === target) bytes.set(before.subarray(target, target + length), target);
        expect(Buffer.compare(bytes, before)).toBe(0);
      }
    }
  });

  it('refuses offsets outside of the memory, and what is no number, whatever the caller has checked', () => {
    for (const sa of every) {
      const packet = sealed(sa, sa.initialSeq + 1n, 61);
      const bytes = new Uint8Array(new SharedArrayBuffer(512));
      bytes.set(packet, 100);
      const cipher = backend.cipher(sa);
      if (name === 'node') continue;
      for (const [esp, end] of [
        [100, 100 + 513],
        [500, 500 + packet.length],
        [-4, packet.length],
        [Number.NaN, 100 + packet.length],
        [100, Number.NaN],
        [100, 100],
        [100, 90],
      ]) {
        expect(cipher.open(bytes, esp, end, highOf(sa), 300, 200)).toBe(false);
      }
    }
  });
});

describe('all backends', () => {
  const backends = available.map((name) => makeBackend(name)!);
  const authentic = everySa().filter((sa) => sa.transform.auth !== 'none');

  it('say the same of any packet, sealed or forged or garbage', () => {
    const packet = fc.record({
      sa: fc.constantFrom(...authentic),
      payload: fc.uint8Array({ maxLength: 300 }),
      flips: fc.array(fc.nat(), { maxLength: 2 }),
      high: fc.boolean(),
      cut: fc.constantFrom(0, 0, 0, 1, 4, 16),
      target: fc.constantFrom(2000, 2001, 90, 4090),
    });
    fc.assert(
      fc.property(packet, ({ sa, payload, flips, high, cut, target }) => {
        const esp = sealed(sa, sa.initialSeq + 1n, payload.length).slice();
        for (const flip of flips) esp[(flip >> 3) % esp.length] ^= 1 << (flip & 7);
        const { ivBytes, icvBytes, blockBytes } = sa.transform;
        const end = esp.length - cut;
        const text = end - 8 - ivBytes - icvBytes;
        // What `EspOpener` lets through.
        if (text < 2 || text % blockBytes !== 0) return;
        const results = backends
          .filter((backend) => backend.refuses(sa.transform) === undefined)
          .map((backend) => {
            const bytes = new Uint8Array(new SharedArrayBuffer(4096));
            bytes.set(esp, 100);
            const cipher = backend.cipher(sa);
            const opened = cipher.open(bytes, 100, 100 + end, highOf(sa) + (high ? 0 : 1), target, 1000);
            return opened ? hex(plainOf(cipher)) : 'refused';
          });
        expect(new Set(results).size).toBe(1);
      }),
      { numRuns: 1500 },
    );
  });

  it('take keys of their own SA only', () => {
    const one = createSa(saConfig({ aead: 'aes-gcm', key: hexKey(36) }));
    const other = createSa(saConfig({ aead: 'aes-gcm', key: hexKey(36, 2) }));
    for (const backend of backends) {
      const benches = [one, other].map((sa) => new Bench([sa], { backend }));
      for (let sequence = 1; sequence < 20; sequence++) {
        expect(benches[0].open(sealed(one, sequence, 20))).toBe(OPEN_OK);
        expect(benches[1].open(sealed(one, sequence, 20))).toBe(DROP_ICV);
        expect(benches[1].open(sealed(other, sequence, 20))).toBe(OPEN_OK);
      }
    }
  });
});
