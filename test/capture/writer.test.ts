import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_AT, LINK_ETHERNET, LINK_RAW, PcapngWriter, readCapture } from '../../src/capture/index.ts';
import { frame } from './build.ts';
import { hex, reference } from './reference.ts';

function join8(pieces: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

describe('the pcapng writer', () => {
  it('writes what the parser and the reference read', () => {
    const record = fc.record({
      linkType: fc.constantFrom(0, 1, 101, 113, 276),
      seconds: fc.nat(0xffffffff),
      nanos: fc.nat(999_999_999),
      length: fc.oneof(fc.nat(70), fc.constantFrom(65535, 65536, 262144)),
      more: fc.nat(100),
      comment: fc.string({ unit: 'grapheme', maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        const writer = new PcapngWriter({ application: 'a test' });
        const pieces: Uint8Array[] = [writer.start(LINK_ETHERNET)];
        for (const { linkType, seconds, nanos, length, more, comment } of records) {
          const wireLength = length + more;
          pieces.push(writer.start(linkType));
          pieces.push(writer.frame(linkType, seconds, nanos, frame(length), { wireLength, comment }));
        }
        const file = join8(pieces);
        const found = [...readCapture(file)].map(({ bytes, ...rest }) => ({ ...rest, bytes: hex(bytes) }));
        expect(found).toEqual(
          records.map(({ linkType, seconds, nanos, length, more }) => ({
            linkType,
            seconds,
            nanos,
            wireLength: length + more,
            bytes: hex(frame(length)),
          })),
        );
        expect(reference(file)).toEqual({ records: found });
      }),
      { numRuns: 60 },
    );
  });

  it('describes each link type once', () => {
    const writer = new PcapngWriter();
    expect(writer.start(LINK_ETHERNET).length).toBeGreaterThan(40);
    expect(writer.start(LINK_ETHERNET)).toHaveLength(0);
    expect(writer.start(LINK_RAW)).toHaveLength(32);
    expect(() => writer.frame(113, 0, 0, frame(1))).toThrow('start(113) was not called');
  });

  it('makes room for a frame that comes in pieces', () => {
    const writer = new PcapngWriter();
    const start = writer.start(LINK_ETHERNET);
    const block = writer.room(LINK_ETHERNET, 1, 2, 7);
    block.set(frame(3), FRAME_AT);
    block.set(frame(4), FRAME_AT + 3);
    const [record] = readCapture(join8([start, block]));
    expect(record?.bytes).toEqual(join8([frame(3), frame(4)]));
  });

  it('cuts a comment that an option cannot hold between two characters', () => {
    const writer = new PcapngWriter();
    const start = writer.start(LINK_ETHERNET);
    const block = writer.frame(LINK_ETHERNET, 0, 0, frame(3), { comment: '\u20ac'.repeat(30000) });
    expect([...readCapture(join8([start, block]))]).toHaveLength(1);
    expect(new DataView(block.buffer).getUint16(FRAME_AT + 4 + 2, true)).toBe(65535 - (65535 % 3));
  });
});

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
if (!hasTshark) console.log('skipped: there is no tshark on PATH to read what the writer writes');

describe.skipIf(!hasTshark)('tshark', () => {
  it('reads what the writer writes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rxsteer-writer-'));
    try {
      const writer = new PcapngWriter();
      const pieces = [writer.start(LINK_ETHERNET), writer.start(LINK_RAW)];
      pieces.push(
        writer.frame(LINK_ETHERNET, 1_700_000_000, 123_456_789, frame(60), { comment: 'flow 1, 2 segments' }),
      );
      pieces.push(writer.frame(LINK_RAW, 4_000_000_000, 1, frame(61), { wireLength: 1500 }));
      pieces.push(writer.frame(LINK_ETHERNET, 0, 0, frame(150_000)));
      const path = join(folder, 'a.pcapng');
      writeFileSync(path, join8(pieces));
      const names = ['frame.len', 'frame.cap_len', 'frame.time_epoch', 'frame.encap_type', 'frame.comment'];
      const fields = names.flatMap((name) => ['-e', name]);
      const ran = spawnSync('tshark', ['-r', path, '-T', 'fields', ...fields], { encoding: 'utf8' });
      expect(ran.status, ran.stderr).toBe(0);
      expect(ran.stdout.split('\n').slice(0, 3)).toEqual([
        '60\t60\t1700000000.123456789\t1\tflow 1, 2 segments',
        '1500\t61\t4000000000.000000001\t7\t',
        '150000\t150000\t0.000000000\t1\t',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
