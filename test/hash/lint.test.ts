import { describe, expect, it } from 'vitest';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { microsoftKey, seededKey, symmetricKey } from '../../src/hash/keys.ts';
import { type KeyFinding, type LintOptions, lintKey } from '../../src/hash/lint.ts';
import { hex } from '../../src/wire/bytes.ts';
import { tupleFrame } from '../../src/wire/emit.ts';

const brief = (key: Uint8Array, options?: LintOptions): string[] =>
  lintKey(key, options).map(({ id, severity, types }) => [severity, id, ...types].join(' '));
const finding = (key: Uint8Array, id: string, options?: LintOptions): KeyFinding | undefined =>
  lintKey(key, options).find((found) => found.id === id);

/** Queues of SPIs under a key, 128 entries, equal over 8. */
function queuesOf(key: Uint8Array, spis: readonly number[]): Set<number> {
  const hasher = new FlowHasher({ key });
  return new Set(
    spis.map((spi) => {
      const { bytes, dissection } = tupleFrame({ src: '10.0.0.1', dst: '10.0.0.2', spi });
      return (hasher.hash(bytes, dissection) & 127) % 8;
    }),
  );
}

describe('lintKey', () => {
  it('has nothing against the standard key but that everyone knows it', () => {
    expect(brief(microsoftKey(), { queues: 8 })).toEqual(['note public']);
  });

  it('sees what 6d5a does to ESP', () => {
    expect(brief(symmetricKey(), { queues: 8 })).toEqual([
      'error blind-spi esp4 esp6 natt4 natt6',
      'warning periodic',
      'note public',
      'note symmetric tcp4 udp4 tcp6 udp6',
      'note consecutive tcp4 tcp6 udp4 udp6',
      'note consecutive tcp4 tcp6 udp4 udp6',
      'note consecutive esp4 esp6 natt4 natt6',
    ]);
    expect(finding(symmetricKey(), 'periodic')).toMatchObject({ numbers: { period: 16, hashes: 65536 } });
    expect(finding(symmetricKey(), 'blind-spi')).toMatchObject({ numbers: { rank: 16, spiBits: 32 } });
    const spis = finding(symmetricKey(), 'consecutive', { queues: 8, fields: { tcp: 'sd', udp: 'sd' } });
    expect(spis?.numbers).toMatchObject({ run: 16, queues: 4, ofQueues: 8 });
  });

  it('and hashing agrees: SPIs k * 0x00010001 on one queue, 16 consecutive on 4 of 8', () => {
    const halves = Array.from({ length: 16 }, (_, k) => (k + 1) * 0x00010001);
    const run = Array.from({ length: 16 }, (_, k) => 0x100 + k);
    expect(queuesOf(symmetricKey(), halves).size).toBe(1);
    expect(queuesOf(symmetricKey(), run).size).toBe(4);
    expect(queuesOf(microsoftKey(), run).size).toBe(8);
  });

  it('sees the same blindness where xfrm makes it', () => {
    expect(brief(seededKey('0'), { xfrm: 'symmetric-xor' })).toContain('error blind-spi esp4 esp6 natt4 natt6');
    expect(brief(seededKey('0'), { xfrm: 'symmetric-or-xor' }).join()).not.toContain('blind-spi');
  });

  it('a key that is too short for the input', () => {
    expect(finding(seededKey('a', 16), 'short')).toMatchObject({
      severity: 'warning',
      types: ['tcp6', 'udp6', 'esp6', 'natt6'],
      numbers: { keyBytes: 16, inputBytes: 36, needs: 40 },
    });
    const idle = lintKey(seededKey('a', 16)).find(({ field }) => field === 'spi');
    expect(idle).toMatchObject({ id: 'idle-field', severity: 'error', types: ['esp6', 'natt6'] });
    expect(finding(seededKey('a', 40), 'short')).toBeUndefined();
  });

  it('buckets and queues that are never hit', () => {
    const zeros = new Uint8Array(40);
    expect(finding(zeros, 'low-rank', { queues: 8 })).toMatchObject({
      severity: 'error',
      numbers: { rank: 0, indexBits: 7, indices: 1, queues: 1, ofQueues: 8 },
    });
    expect(finding(zeros, 'periodic')).toMatchObject({ numbers: { period: 1 } });
    // 010101..: two hashes, 0x55555555 and its complement, and their sum
    const stripes = new Uint8Array(40).fill(0x55);
    expect(finding(stripes, 'low-rank', { queues: 2 })).toMatchObject({
      severity: 'warning',
      numbers: { rank: 2, indices: 4, queues: 2 },
    });
    expect(finding(stripes, 'low-rank', { entries: [0, 1, 2] })).toBeUndefined();
    expect(lintKey(seededKey('0'), { entries: [0] })).toEqual([]);
  });

  it('does not blame the key for a table that takes remainders', () => {
    const entries = Array.from({ length: 2047 }, (_, i) => i % 256);
    expect(lintKey(seededKey('3'), { entries })).toEqual([]);
    expect(finding(new Uint8Array(40).fill(0x55), 'consecutive', { entries })?.numbers.rank).toBe(2);
  });

  it('SPIs that are not hashed: those of AH only if someone chose so', () => {
    const fields = { esp: 'sd', natt4: 'sd' };
    expect(brief(seededKey('0'), { fields })).toEqual(['warning spi-unhashed esp4 esp6 natt4']);
    expect(brief(seededKey('0'), { fields: { ah6: 'sd' } })).toEqual(['warning spi-unhashed ah6']);
  });

  it('every finding is a sentence without the key in it', () => {
    for (const key of [symmetricKey(), new Uint8Array(40), seededKey('3'), seededKey('a', 16)]) {
      for (const { says } of lintKey(key, { queues: 8 })) {
        expect(says).toMatch(/^[A-Z\d].*\.$/);
        expect(says).not.toContain(hex(key, 0, 4));
      }
    }
  });
});
