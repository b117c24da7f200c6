import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createSa, exportSas, SaRecords } from '../../src/esp/index.ts';
import { everySa, hexKey, title } from './support.ts';

const AH_SAS = [
  { auth: 'hmac-md5', authKey: hexKey(16) },
  { auth: 'hmac-sha256', authKey: hexKey(32), icvBits: 96 },
  { auth: 'aes-gmac', authKey: hexKey(36) },
].map((transform) =>
  createSa({ spi: 0xfffffffe, proto: 'ah', dst: '2001:db8::1', src: '2001:db8::2', mode: 'transport', transform }),
);

const SAS = [
  ...everySa(),
  ...AH_SAS,
  createSa({
    spi: 7,
    dst: '*',
    mode: 'any',
    encap: 'udp',
    esn: true,
    initialSeq: '0xfedcba9876543210',
    replayWindow: 8192,
    trustIcv: true,
    transform: { aead: 'aes-gcm', key: hexKey(36), icvBits: 64 },
  }),
];

describe('SaRecords', () => {
  const buffer = SaRecords.create(SAS.length);
  const records = new SaRecords(buffer);
  // Longer keys have been in each slot before.
  SAS.forEach((_, slot) => {
    records.write(slot, SAS[SAS.length - 1 - slot]);
  });
  SAS.forEach((sa, slot) => {
    records.write(slot, sa);
  });
  const there = new SaRecords(buffer);

  it.each(SAS.map((sa, slot) => [`${slot}: ${sa.proto} ${title(sa)}`, sa, slot] as const))('%s', (_, sa, slot) => {
    const read = there.read(slot);
    expect(exportSas([read])).toEqual(exportSas([sa]));
    expect({ ...read }).toEqual({ ...sa });
    expect(inspect(read, { showHidden: true, depth: 9 })).not.toContain(hexKey(16));
  });

  it('leaves nothing of a record that is wiped, and other records alone', () => {
    const copy = SaRecords.create(3);
    const some = new SaRecords(copy);
    for (const slot of [0, 1, 2]) some.write(slot, SAS[SAS.length - 1]);
    some.wipe(1);
    const bytes = new Uint8Array(copy);
    expect(bytes.subarray(192, 384).every((byte) => byte === 0)).toBe(true);
    expect(exportSas([some.read(0), some.read(2)])).toEqual(exportSas([SAS[SAS.length - 1], SAS[SAS.length - 1]]));
  });
});
