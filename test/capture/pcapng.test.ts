import { describe, expect, it } from 'vitest';
import { CaptureParser, FrameBatch, readCapture } from '../../src/capture/index.ts';
import { frame, PcapngFile } from './build.ts';
import { readInWindows } from './read.ts';

const SECOND = 1_700_000_000n;

function plain(file: PcapngFile): number[][] {
  return [...readCapture(file.bytes())].map((r) => [r.linkType, r.seconds, r.nanos, r.bytes.length, r.wireLength]);
}

function complaint(file: Uint8Array): { code: string; offset: number; message: string; before: number } {
  let before = 0;
  try {
    for (const _ of readCapture(file)) before++;
  } catch (error) {
    const { code, offset, message } = error as { code: string; offset: number; message: string };
    return { code, offset, message, before };
  }
  throw new Error('it was read');
}

describe('pcapng', () => {
  it.each([true, false])('reads enhanced, obsolete and simple packets, little-endian %s', (little) => {
    const file = new PcapngFile().section({ little }).interface({ snap: 50 });
    file.enhanced(0, SECOND * 1_000_000n + 7n, frame(61), 1500, [{ code: 1, value: frame(5) }]);
    file
      .obsolete(0, SECOND * 1_000_000n + 8n, frame(3))
      .simple(frame(50), 90)
      .simple(frame(9))
      .enhanced(0, 0n, frame(0));
    expect(plain(file)).toEqual([
      [1, 1_700_000_000, 7000, 61, 1500],
      [1, 1_700_000_000, 8000, 3, 3],
      [1, 0, 0, 50, 90],
      [1, 0, 0, 9, 9],
      [1, 0, 0, 0, 0],
    ]);
    expect([...readCapture(file.bytes())][0]?.bytes).toEqual(frame(61));
  });

  it('reads each interface by its own clock', () => {
    const file = new PcapngFile().section();
    file
      .interface({ resolution: 9 })
      .interface({ resolution: 0x80 | 20 })
      .interface({ resolution: 3, offset: -5n });
    file.interface({ resolution: 12, offset: 10n });
    file.enhanced(0, SECOND * 1_000_000_000n + 123_456_789n, frame(1)).enhanced(1, (SECOND << 20n) | 1n, frame(1));
    file.enhanced(2, SECOND * 1000n + 999n, frame(1)).enhanced(3, SECOND * 10n ** 9n + 1999n, frame(1));
    expect(plain(file).map(([, seconds, nanos]) => [seconds, nanos])).toEqual([
      [1_700_000_000, 123_456_789],
      [1_700_000_000, 953],
      [1_699_999_995, 999_000_000],
      [1_700_010, 1],
    ]);
  });

  it('forgets the interfaces and the byte order of the section before', () => {
    const file = new PcapngFile().section({ little: true }).interface({ link: 1 }).enhanced(0, 1n, frame(1));
    file.section({ little: false }).interface({ link: 101 }).enhanced(0, 2n, frame(2));
    expect(plain(file).map(([link, , nanos]) => [link, nanos])).toEqual([
      [1, 1000],
      [101, 2000],
    ]);
    const at = file.section().size;
    expect(complaint(file.enhanced(0, 0n, frame(1)).bytes())).toMatchObject({ offset: at, before: 2 });
  });

  it('begins a new batch where the link type changes, and only there', () => {
    const file = new PcapngFile().section().interface({ link: 1 }).interface({ link: 1 }).interface({ link: 113 });
    for (const id of [0, 1, 0, 2, 2, 1]) file.enhanced(id, 0n, frame(20));
    const bytes = file.bytes();
    const parser = new CaptureParser();
    const batch = new FrameBatch();
    const seen: number[][] = [];
    for (let at = 0; ; ) {
      at += parser.parse(bytes, at, bytes.length, true, batch);
      if (batch.count === 0) break;
      seen.push([batch.linkType, batch.count]);
    }
    expect(seen).toEqual([
      [1, 3],
      [113, 2],
      [1, 1],
    ]);
  });

  it('passes over unknown blocks of any size without needing them whole', () => {
    const file = new PcapngFile().section().interface().unknown(0x0bad, 5000).enhanced(0, 0n, frame(8)).unknown(5, 0);
    expect(readInWindows(file.bytes(), { maxRecord: 100, chunk: () => 50 }).records).toHaveLength(1);
  });

  it('refuses a link type when a packet has it', () => {
    const file = new PcapngFile().section().interface({ link: 147 }).interface({ link: 1 }).enhanced(1, 0n, frame(1));
    expect(plain(file)).toHaveLength(1);
    const at = file.size;
    const found = complaint(file.enhanced(0, 0n, frame(1)).bytes());
    expect(found).toMatchObject({ code: 'ERR_RXSTEER_CAPTURE_FORMAT', offset: at, before: 1 });
    expect(found.message).toContain('link type 147 is not supported');
    expect(complaint(new PcapngFile().section().interface({ link: 147 }).simple(frame(1)).bytes()).code).toBe(
      found.code,
    );
  });

  it('refuses what only looks like a section, and other versions', () => {
    const bytes = new PcapngFile().section().bytes();
    bytes[8] = 0;
    expect(complaint(bytes)).toMatchObject({ code: 'ERR_RXSTEER_CAPTURE_FORMAT', offset: 0 });
    const next = complaint(new PcapngFile().section({ major: 2 }).bytes());
    expect(next).toMatchObject({ code: 'ERR_RXSTEER_CAPTURE_FORMAT', offset: 0 });
    expect(next.message).toContain('expected version 1 of pcapng, got 2.0');
  });

  /** A word of the block behind one good packet is overwritten. */
  it.each<[string, (file: PcapngFile) => PcapngFile, number, number, string]>([
    [
      'a length that is unaligned',
      (f) => f.enhanced(0, 0n, frame(4)),
      4,
      37,
      'its block length 37 is no multiple of 4',
    ],
    ['a length that is too small', (f) => f.enhanced(0, 0n, frame(4)), 4, 8, 'its block length 8 is under 12'],
    ['a length that is too large', (f) => f.enhanced(0, 0n, frame(4)), 4, 2 << 20, 'is over the bound of 1048576'],
    ['lengths that differ', (f) => f.enhanced(0, 0n, frame(4)), 32, 40, 'is 36 before its body and 40 behind it'],
    ['lengths of an unknown block that differ', (f) => f.unknown(99, 4), 12, 20, 'is 16 before its body and 20 behind'],
    ['a packet longer than its block', (f) => f.enhanced(0, 0n, frame(4)), 20, 5, 'it claims 5 bytes in a block of 36'],
    ['a simple packet longer than its block', (f) => f.simple(frame(4)), 8, 5, 'it claims 5 bytes in a block of 20'],
    ['an unknown interface', (f) => f.obsolete(0, 0n, frame(4)), 8, 1, 'it names interface 1, which is not described'],
    ['a section without byte order', (f) => f.section(), 8, 1, 'it begins a section without a byte-order magic'],
    ['an option over the end', (f) => f.interface(), 16, 0xff0002, 'its option 2 is longer than the block'],
  ])('says where and how: %s', (_, add, word, value, why) => {
    const file = new PcapngFile().section().interface().enhanced(0, 0n, frame(60));
    const at = file.size;
    const bytes = add(file).bytes();
    new DataView(bytes.buffer).setUint32(at + word, value, true);
    const found = complaint(bytes);
    expect(found).toMatchObject({ code: 'ERR_RXSTEER_CAPTURE_DAMAGED', offset: at, before: 1 });
    expect(found.message).toContain(why);
    expect(found.message).toContain(`the record at byte ${at} is damaged: `);
  });

  it.each([
    [9, [6, 6], 'if_tsresol has 2 bytes instead of 1'],
    [14, [1], 'if_tsoffset has 1 bytes instead of 8'],
  ])('refuses an option %i of another size', (code, value, why) => {
    const file = new PcapngFile().section();
    file.block(1, (b) => b.u(2, 1).u(2, 0).u(4, 0).u(2, code).u(2, value.length).raw(value));
    expect(complaint(file.bytes()).message).toContain(why);
  });

  it.each([
    ['section', 0x0a0d0d0a, 28],
    ['interface', 1, 20],
    ['enhanced packet', 6, 32],
    ['obsolete packet', 2, 32],
  ])('refuses a block that is too small for a %s', (_, type, least) => {
    const file = new PcapngFile().section().interface();
    const at = file.size;
    file.block(type, (b) => b.u(4, type === 0x0a0d0d0a ? 0x1a2b3c4d : 0).raw(new Uint8Array(Math.max(0, least - 20))));
    const found = complaint(file.bytes());
    expect(found.offset).toBe(at);
    expect(found.message).toContain(`its block length ${least - 4} is under`);
  });

  it('throws the same again when it is asked again', () => {
    const bytes = new PcapngFile().section().simple(frame(1)).bytes();
    const parser = new CaptureParser();
    const batch = new FrameBatch();
    const parse = (): unknown => parser.parse(bytes, 0, bytes.length, true, batch);
    expect(parse).toThrow('no interface was described before it');
    expect(parse).toThrow('no interface was described before it');
  });
});
