/** Vectors of the specifications. Where they came from stands with each in test/vectors/. */
import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeMac } from '../../src/esp/crypto/node-mac.ts';
import { createSa, nodeBackend, type SaConfig, seal } from '../../src/esp/index.ts';
import type { AuthName } from '../../src/esp/transforms/transform.ts';
import ciphers from '../vectors/esp-ciphers.json' with { type: 'json' };
import macs from '../vectors/esp-macs.json' with { type: 'json' };
import packets from '../vectors/esp-packets.json' with { type: 'json' };
import { Bench, bytesOf, hexKey, saConfig } from './support.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe.each(packets.packets)('$source', (vector) => {
  const before = BigInt(vector.sequence) - 1n;
  const packet = bytesOf(vector.packet);
  const text = bytesOf(vector.text);
  const sa = createSa(
    saConfig(vector.transform as SaConfig['transform'], {
      spi: `0x${vector.packet.slice(0, 8)}`,
      esn: vector.esn,
      initialSeq: `0x${before.toString(16)}`,
    }),
  );
  const pad = text[text.length - 2];
  const next = text[text.length - 1];

  it('opens', () => {
    const bench = new Bench([sa]);
    const cipher = nodeBackend.cipher(sa);
    const high = Number(BigInt(vector.sequence) >> 32n);
    expect(cipher.open(packet, 0, packet.length, high, 0, 0)).toBe(true);
    expect(hex(cipher.plain.subarray(cipher.at, cipher.at + cipher.length))).toBe(vector.text);
    expect(bench.open(packet)).toBe(0);
    expect(hex(bench.payload())).toBe(hex(text.subarray(0, text.length - 2 - pad)));
    expect(bench.opener.nextHeader).toBe(next);
  });

  it('seals', () => {
    const payload = text.subarray(0, text.length - 2 - pad);
    // Where the specification pads to 4 bytes and no further, sealing gives its very packet.
    expect(hex(seal(sa, BigInt(vector.sequence), payload, next, { iv: bytesOf(vector.iv) }))).toBe(vector.packet);
  });
});

describe.each(ciphers.cbc)('$source', ({ key, packet, payload, next }) => {
  // The RFC's packets carry no ICV, which no SA may do: the ICV is put behind them here.
  const sa = createSa(
    saConfig({ cipher: 'aes-cbc', key, auth: 'hmac-sha1', authKey: hexKey(20) }, { spi: `0x${packet.slice(0, 8)}` }),
  );
  const mac = nodeMac('hmac-sha1', bytesOf(hexKey(20)));
  const esp = bytesOf(packet);
  const whole = Buffer.concat([esp, mac?.compute(esp, 0, esp.length, undefined).subarray(0, 12) ?? new Uint8Array(0)]);

  it('opens', () => {
    const bench = new Bench([sa]);
    expect(bench.open(whole)).toBe(0);
    expect(hex(bench.payload())).toBe(payload);
    expect(bench.opener.nextHeader).toBe(next);
  });

  it('seals', () => {
    const sequence = Number.parseInt(packet.slice(8, 16), 16);
    expect(hex(seal(sa, sequence, bytesOf(payload), next, { iv: esp.subarray(8, 24) }))).toBe(hex(whole));
  });
});

it.each(ciphers.ctr)('$source', ({ key, iv, text, ciphertext }) => {
  const sa = createSa(saConfig({ cipher: 'aes-ctr', key, auth: 'hmac-sha1', authKey: hexKey(20) }));
  const packet = new Uint8Array(16 + text.length / 2 + 12);
  packet.set(bytesOf(iv), 8);
  packet.set(bytesOf(text), 16);
  const cipher = nodeBackend.cipher(sa);
  cipher.seal(packet, 0);
  expect(hex(packet.subarray(16, packet.length - 12))).toBe(ciphertext);
  expect(cipher.open(packet, 0, packet.length, 0, 0, 0)).toBe(true);
  expect(hex(cipher.plain)).toBe(text);
});

it.each(macs.macs)('$source $auth', ({ auth, key, message, mac }) => {
  const bytes = bytesOf(message);
  const computed = nodeMac(auth as AuthName, bytesOf(key));
  expect(hex(computed?.compute(bytes, 0, bytes.length, undefined) ?? bytes)).toBe(mac);
  // The tail is the same as if it stood in the message.
  for (let tail = 0; tail <= Math.min(4, bytes.length); tail++) {
    const split = bytes.length - tail;
    expect(hex(computed?.compute(bytes, 0, split, bytes.subarray(split)) ?? bytes)).toBe(mac);
  }
});

it('CCM: nonce of 3 bytes of salt and 8 of IV, as an independent construction has it', () => {
  const key = hexKey(19);
  const sa = createSa(saConfig({ aead: 'aes-ccm', key, icvBits: 96 }, { esn: true }));
  const iv = bytesOf('a0a1a2a3a4a5a6a7');
  const packet = seal(sa, 0x100000002n, bytesOf('45000000'), 4, { iv });
  const nonce = Buffer.concat([bytesOf(key).subarray(16), iv]);
  const aad = bytesOf('000010010000000100000002');
  const text = bytesOf('4500000001020204');
  const cipher = createCipheriv('aes-128-ccm', bytesOf(key).subarray(0, 16), nonce, { authTagLength: 12 });
  cipher.setAAD(aad, { plaintextLength: text.length });
  const expected = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  expect(hex(packet)).toBe(`0000100100000002${hex(iv)}${expected.toString('hex')}`);
});
