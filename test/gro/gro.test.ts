import { describe, expect, it } from 'vitest';
import { FLUSH_REASONS, FLUSHES, Gro, PASS_REASONS, PASSES } from '../../src/gro/index.ts';
import * as reasons from '../../src/gro/reasons.ts';
import { createPlainKernels } from '../../src/kernels/index.ts';
import { PacketTable } from '../../src/memory/packet-table.ts';
import { l4ChecksumOk } from '../../src/wire/checksum.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../src/wire/dissect.ts';
import { type FrameSpec, frame, payload } from './frames.ts';
import { type Input, runGro } from './rig.ts';

/** Segments of one flow in order; `change` may alter any. */
function train(count: number, size: number, change: (i: number) => Partial<FrameSpec> = () => ({})): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    frame({ seq: 1000 + i * size, id: 1 + i, payload: payload(1, i * size, size), ...change(i) }),
  );
}

const froms = (frames: Uint8Array[], order: 'flow' | 'linux', more: Partial<Input> = {}): string =>
  runGro(
    frames.map((bytes) => ({ bytes, hash: 5, ...more })),
    [frames.length],
    { order },
  )
    .outputs.map((o) => o.from.join('+'))
    .join(' ');

const checksumOk = (bytes: Uint8Array): boolean => {
  const d = new Dissection();
  dissect(bytes, 0, bytes.length, LINK_ETHERNET, d);
  return l4ChecksumOk(bytes, d);
};

describe('Gro', () => {
  it('catalogues and numbers agree', () => {
    for (const [prefix, names] of [
      ['FLUSH_', FLUSH_REASONS],
      ['PASS_', PASS_REASONS],
    ] as const) {
      const numbers = Object.entries(reasons).filter(([k, v]) => k.startsWith(prefix) && typeof v === 'number');
      expect(numbers.length).toBe(names.length);
      for (const [key, value] of numbers) {
        expect(names[value as number].toUpperCase().replaceAll('-', '_')).toBe(key.slice(prefix.length));
      }
    }
    expect(Object.keys(FLUSHES)).toEqual(FLUSH_REASONS);
    expect(Object.keys(PASSES)).toEqual(PASS_REASONS);
    // lanes keep room for 32 flush reasons
    expect(FLUSH_REASONS.length).toBeLessThanOrEqual(32);
  });

  it('refuses options that cannot be', () => {
    const bytes = new Uint8Array(64);
    const make = (options: object): Gro =>
      new Gro(
        bytes,
        createPlainKernels(bytes),
        new PacketTable(1),
        { deliver() {} },
        { take: () => -1, trim() {} },
        options,
      );
    for (const bad of [
      { order: 'both' },
      { buckets: 3 },
      { buckets: 0 },
      { heldPerBucket: 0 },
      { maxSize: 524281 },
      { maxSize4: 1.5 },
    ]) {
      expect(() => make(bad)).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_OPTION' }));
    }
    make({ order: 'linux', buckets: 16, heldPerBucket: 4, maxSize: 1500 });
  });

  it('a bad checksum overtakes its flow in Linux, not in flow order', () => {
    const frames = train(5, 100, (i) => ({ badTcp: i === 2 }));
    expect(froms(frames, 'linux')).toBe('2 0+1 3+4');
    expect(froms(frames, 'flow')).toBe('0+1 2 3+4');
  });

  it('so do IP options, bad IP checksums, and fragments by their address pair', () => {
    for (const odd of [
      { ipOptions: true },
      { badIp: true },
      { fragment: 0 },
      { fragment: 3, sport: 1 },
    ] as Partial<FrameSpec>[]) {
      const frames = train(3, 100, (i) => (i === 1 ? odd : {}));
      expect(froms(frames, 'linux')).toBe('1 0 2');
      expect(froms(frames, 'flow')).toBe('0 1 2');
    }
  });

  it('in flow order another protocol between the same hosts flushes nothing', () => {
    const frames = train(3, 100, (i) => (i === 1 ? { proto: 1, seq: 0 } : i === 2 ? { seq: 1100, id: 2 } : {}));
    expect(froms(frames, 'flow')).toBe('1 0+2');
  });

  it('a flow that changes its hash, VLAN, MAC or flow label keeps its order in flow order', () => {
    const frames = train(4, 100, (i) => ({ mac: i === 2 ? 9 : 1, flags: i === 2 ? 0x18 : 0x10 }));
    expect(froms(frames, 'linux')).toBe('2 0+1 3');
    expect(froms(frames, 'flow')).toBe('0+1 2 3');
  });

  it('clear packets never merge with decrypted ones, SAs by option only', () => {
    const inputs = train(4, 100).map((bytes, i) => ({ bytes, hash: 5, sa: [1, 2, 0, 0][i] }));
    const run = (acrossSas: boolean): string =>
      runGro(inputs, [4], { acrossSas })
        .outputs.map((o) => o.from.join('+'))
        .join(' ');
    expect(run(true)).toBe('0+1 2+3');
    expect(run(false)).toBe('0 1 2+3');
  });

  it('VLAN tags that were stripped must be equal, priority included; without a tag is another thing than tag 0', () => {
    const inputs = train(6, 100).map((bytes, i) => ({
      bytes,
      hash: 5,
      tci: [undefined, undefined, 0, 0, 0x2000, 0x2000][i],
    }));
    expect(runGro(inputs, [6]).outputs.map((o) => o.from.join('+'))).toEqual(['0+1', '2+3', '4+5']);
    const mixed = [0, 2, 4, 1, 3, 5].map((i) => inputs[i]);
    const apart = runGro(mixed, [6], { order: 'linux' }).outputs.map((o) => o.from.join('+'));
    expect(apart).toEqual(['0+3', '1+4', '2+5']);
  });

  it('the size limit counts tags that are in the frame', () => {
    // 20 + 32 + n * 100 bytes from the IP header on
    for (const [vlan, maxSize, first] of [
      [[], 353, 3],
      [[], 352, 2],
      [[7], 356, 2],
      [[7], 357, 3],
      [[7, 8], 360, 2],
      [[7, 8], 361, 3],
    ] as const) {
      const inputs = train(5, 100, () => ({ vlan: [...vlan] })).map((bytes) => ({ bytes }));
      expect(runGro(inputs, [5], { maxSize }).outputs[0].segments).toBe(first);
      expect(runGro(inputs, [5], { maxSize4: maxSize }).outputs[0].segments).toBe(first);
    }
  });

  it('makes right checksums of odd sizes, and right ones only of right ones', () => {
    for (const size of [1, 2, 99, 100, 333]) {
      const { outputs } = runGro(
        train(9, size).map((bytes) => ({ bytes })),
        [9],
      );
      expect(outputs.map((o) => o.segments)).toEqual([9]);
      expect(checksumOk(outputs[0].bytes)).toBe(true);
    }
    const damaged = train(5, 100, (i) => ({ badTcp: i === 3 }));
    const { outputs } = runGro(
      damaged.map((bytes) => ({ bytes })),
      [5],
      { verify: false },
    );
    expect(outputs.map((o) => o.segments)).toEqual([5]);
    expect(checksumOk(outputs[0].bytes)).toBe(false);
  });

  it('bulk transfers are work of the kernel alone, to their last segment', () => {
    for (const v6 of [false, true]) {
      for (const last of [{ flags: 0x18 }, { flags: 0x11 }, {}]) {
        const frames = train(100, 1400, (i) => ({ v6, ...(i === 99 ? last : {}) }));
        const { outputs, taken } = runGro(
          frames.map((bytes) => ({ bytes, hash: 9 })),
          [60, 40],
        );
        expect(outputs.map((o) => o.segments)).toEqual([46, 14, 40]);
        expect(taken).toBe(100);
      }
    }
    // Nine flows in one bucket: the oldest gives way.
    const many = Array.from({ length: 90 }, (_, i) => {
      const bytes = frame({ sport: 2000 + (i % 9), seq: Math.floor(i / 9) * 100, payload: payload(1, 0, 100) });
      return { bytes, hash: 8 * (i % 9) };
    });
    const { taken, gro } = runGro(many, [90]);
    expect(taken).toBe(90);
    expect(gro.flushes[reasons.FLUSH_EVICTED]).toBe(82);
  });

  it('goes on without merging when there is no scratch', () => {
    const inputs = train(6, 100).map((bytes) => ({ bytes }));
    const { outputs, gro } = runGro(inputs, [6], {}, 78);
    expect(outputs.map((o) => o.segments)).toEqual([6]);
    const none = runGro(inputs, [6], {}, 10);
    expect(none.outputs.map((o) => o.from.join())).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(none.gro.flushes[reasons.FLUSH_SCRATCH]).toBe(5);
    expect(gro.flushes[reasons.FLUSH_POLL]).toBe(1);
  });

  it('counts why', () => {
    const odd: [Partial<FrameSpec>, number][] = [
      [{ ttl: 3 }, reasons.FLUSH_IP_TTL],
      [{ tos: 4 }, reasons.FLUSH_IP_TOS],
      [{ df: false }, reasons.FLUSH_IP_DF],
      [{ id: 77 }, reasons.FLUSH_IP_ID],
      [{ evil: true }, reasons.FLUSH_IP_RESERVED],
      [{ trailer: 4 }, reasons.FLUSH_IP_LENGTH],
      [{ ack: 1 }, reasons.FLUSH_TCP_ACK],
      [{ window: 1 }, reasons.FLUSH_TCP_WINDOW],
      [{ flags: 0x50 }, reasons.FLUSH_TCP_FLAGS],
      [{ flags: 0x90 }, reasons.FLUSH_TCP_CWR],
      [{ reserved: 1 }, reasons.FLUSH_TCP_OFFSET],
      [{ options: [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 9] }, reasons.FLUSH_TCP_OPTIONS],
      [{ seq: 5 }, reasons.FLUSH_TCP_SEQUENCE],
      [{ payload: new Uint8Array(0) }, reasons.FLUSH_EMPTY],
      [{ payload: new Uint8Array(101) }, reasons.FLUSH_LARGER],
    ];
    for (const [spec, reason] of odd) {
      const { outputs, gro } = runGro(
        train(3, 100, (i) => (i === 2 ? spec : {})).map((bytes) => ({ bytes })),
        [3],
      );
      expect([outputs.map((o) => o.from.join('+')).join(' '), gro.flushes[reason], FLUSH_REASONS[reason]]).toEqual([
        '0+1 2',
        1,
        FLUSH_REASONS[reason],
      ]);
    }
    const last: [Partial<FrameSpec>, number][] = [
      [{ flags: 0x18 }, reasons.FLUSH_PUSH],
      [{ flags: 0x19 }, reasons.FLUSH_FIN],
      [{ payload: new Uint8Array(9) }, reasons.FLUSH_SHORT],
    ];
    for (const [spec, reason] of last) {
      const { outputs, gro } = runGro(
        train(3, 100, (i) => (i === 2 ? spec : {})).map((bytes) => ({ bytes })),
        [3],
      );
      expect([outputs[0].segments, gro.flushes[reason], gro.merged]).toEqual([3, 1, 2]);
    }
  });
});
