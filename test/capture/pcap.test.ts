import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/capture/index.ts';
import { frame, pcapFile } from './build.ts';

const times = (file: Uint8Array): number[][] => [...readCapture(file)].map((r) => [r.seconds, r.nanos]);

describe('pcap', () => {
  it.each([true, false])('reads microseconds, little-endian %s', (little) => {
    const file = pcapFile([{ bytes: frame(60), seconds: 1700000000, fraction: 123456, wire: 1500 }], { little });
    expect([...readCapture(file)]).toEqual([
      { linkType: 1, seconds: 1700000000, nanos: 123456000, wireLength: 1500, bytes: frame(60) },
    ]);
  });

  it.each([true, false])('reads nanoseconds, little-endian %s', (little) => {
    const file = pcapFile([{ bytes: frame(1), seconds: 4294967295, fraction: 999999999 }], {
      little,
      magic: 0xa1b23c4d,
    });
    expect(times(file)).toEqual([[4294967295, 999999999]]);
  });

  it('reads the records of Kuznetzov', () => {
    const frames = [frame(3), frame(4)];
    const file = pcapFile(
      frames.map((bytes) => ({ bytes })),
      { magic: 0xa1b2cd34 },
    );
    expect([...readCapture(file)].map((r) => r.bytes)).toEqual(frames);
  });

  it('carries fractions of a second and more', () => {
    expect(times(pcapFile([{ bytes: frame(1), seconds: 5, fraction: 2_500_000 }]))).toEqual([[7, 500_000_000]]);
    expect(times(pcapFile([{ bytes: frame(1), seconds: 5, fraction: 0xffffffff }]))).toEqual([[4299, 967_295_000]]);
  });

  it('delivers empty records, and frames of which the header says less than is there', () => {
    const file = pcapFile([
      { bytes: frame(0), wire: 0 },
      { bytes: frame(9), wire: 4 },
    ]);
    expect([...readCapture(file)].map((r) => [r.bytes.length, r.wireLength])).toEqual([
      [0, 0],
      [9, 9],
    ]);
  });

  it('has no packets when there is only a header', () => {
    expect([...readCapture(pcapFile([]))]).toEqual([]);
  });

  it.each([0, 1, 12, 14, 101, 108, 113, 228, 229, 276])('reads link type %i', (link) => {
    expect([...readCapture(pcapFile([{ bytes: frame(2) }], { link }))][0]?.linkType).toBe(link);
  });

  it('leaves the length of the FCS out of the link type', () => {
    const file = pcapFile([{ bytes: frame(64) }], { link: 0x24000001 });
    expect([...readCapture(file)].map((r) => [r.linkType, r.bytes.length])).toEqual([[1, 64]]);
  });

  it.each([147, 0x00010001])('refuses link type %i', (link) => {
    const read = (): unknown => [...readCapture(pcapFile([], { link }))];
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CAPTURE_FORMAT', offset: 0 }));
    expect(read).toThrow(`link type ${link} is not supported; those that are: 0, 1, 12`);
  });

  it('refuses versions that nobody has defined', () => {
    const read = (): unknown => [...readCapture(pcapFile([], { major: 3 }))];
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CAPTURE_FORMAT' }));
    expect(read).toThrow('expected version 2 of pcap, got 3.4');
  });

  it.each([
    ['nothing', [], 'the file is empty'],
    ['three bytes', [0xa1, 0xb2, 0xc3], 'only 3 bytes'],
    ['text', [0x23, 0x20, 0x68, 0x69], 'begins with 23206869'],
    ['gzip', [0x1f, 0x8b, 8, 0], 'compressed with gzip'],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'compressed with zstd'],
  ])('refuses %s', (_, bytes, why) => {
    const read = (): unknown => [...readCapture(Uint8Array.from(bytes))];
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CAPTURE_FORMAT' }));
    expect(read).toThrow(why);
  });

  it('bounds the length of a record, with its header', () => {
    const file = pcapFile([{ bytes: frame(10) }, { bytes: frame(85) }]);
    expect([...readCapture(file, { maxRecord: 101 })]).toHaveLength(2);
    const read = (): unknown => [...readCapture(file, { maxRecord: 100 })];
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CAPTURE_DAMAGED', offset: 50 }));
    expect(read).toThrow('the record at byte 50 is damaged: it claims 85 bytes, over the bound of 84');
    expect(() => [...readCapture(file, { maxRecord: 63 })]).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_OPTION' }),
    );
  });
});
