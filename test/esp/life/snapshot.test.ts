/** The state of SAs, taken and gone on with: nothing is accepted twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkSnapshot,
  copySas,
  createSa,
  entriesFor,
  entriesOf,
  LifeClock,
  ReplayWindow,
  restoreSa,
  SA_STATE_SCHEMA,
  type Sa,
  SaLifeState,
  type SaSnapshot,
  SaState,
  TOLD_HARD,
} from '../../../src/esp/index.ts';
import { hexKey, saConfig } from '../support.ts';

const GCM = { aead: 'aes-gcm', key: hexKey(20) };
const clock = new LifeClock(false, () => 1_000_000);

class Node {
  readonly state: SaState;
  readonly lives: SaLifeState;
  readonly window: ReplayWindow;
  readonly sa: Sa;

  constructor(sa: Sa) {
    this.sa = sa;
    this.state = SaState.create([sa]);
    this.lives = SaLifeState.create([sa], clock.start);
    this.window = new ReplayWindow(this.state);
  }

  accepts(number: bigint): boolean {
    const low = Number(number & 0xffffffffn) | 0;
    return (
      this.window.check(0, low) &&
      BigInt(this.window.high >>> 0) === number >> 32n &&
      this.window.mark(0, low, this.window.high)
    );
  }

  snapshot(keys = false): SaSnapshot {
    const copy = copySas(this.state, this.lives, Int32Array.of(0));
    const taken = { schema: SA_STATE_SCHEMA, time: 0, sas: entriesOf(copy, [this.sa], clock, keys) };
    return checkSnapshot(JSON.parse(JSON.stringify(taken)));
  }

  restored(snapshot: SaSnapshot, jump: number): Node {
    const node = new Node(this.sa);
    restoreSa(node.state, node.lives, clock, 0, entriesFor([this.sa], snapshot, true)[0], jump);
    return node;
  }
}

const shape = fc.record({
  replayWindow: fc.constantFrom(32, 33, 63, 64, 100, 224, 1000, 8192),
  esn: fc.boolean(),
  start: fc.constantFrom(0n, 5n, 0xfffffff0n, 0xffffff00n),
  isHigh: fc.boolean(),
});
const nodeOf = (s: { replayWindow: number; esn: boolean; start: bigint; isHigh: boolean }): Node =>
  new Node(
    createSa(
      saConfig(GCM, {
        replayWindow: s.replayWindow,
        esn: s.esn,
        initialSeq: `0x${(s.start + (s.esn && s.isHigh ? 7n << 32n : 0n)).toString(16)}`,
      }),
    ),
  );
const steps = (most: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: -300, max: most }), { maxLength: 60 });

describe('a window that goes on elsewhere', () => {
  it('without a jump is the very same', () => {
    fc.assert(
      fc.property(shape, steps(300), steps(300), (s, before, after) => {
        const first = nodeOf(s);
        for (const step of before) first.accepts(first.state.top(0) + BigInt(step));
        const second = first.restored(first.snapshot(), 0);
        expect(second.state.top(0)).toBe(first.state.top(0));
        for (const step of after) {
          const number = first.state.top(0) + BigInt(step);
          if (number < 0n) continue;
          expect(second.accepts(number)).toBe(first.accepts(number));
        }
      }),
    );
  });

  it('with a jump accepts nothing that the first one accepts up to there, and everything behind it', () => {
    fc.assert(
      fc.property(shape, steps(300), steps(300), fc.integer({ min: 1, max: 20_000 }), (s, before, after, jump) => {
        const first = nodeOf(s);
        const accepted: bigint[] = [];
        const send = (number: bigint): void => {
          if (number >= 0n && first.accepts(number)) accepted.push(number);
        };
        for (const step of before) send(first.state.top(0) + BigInt(step));
        const snapshot = first.snapshot();
        const limit = first.state.top(0) + BigInt(jump);
        for (const step of after) {
          const number = first.state.top(0) + BigInt(step);
          if (number <= limit) send(number);
        }
        const second = first.restored(snapshot, jump);
        for (const number of accepted) expect(second.accepts(number)).toBe(false);
        const most = s.esn ? 1n << 64n : 1n << 32n;
        for (const more of [1n, 2n, 40n]) {
          if (limit + more < most) expect(second.accepts(limit + more)).toBe(true);
        }
      }),
    );
  });

  it.each([
    [false, 0xffffff00n, 1 << 20, 0xffffffffn],
    [true, 0xffffffffffffff00n, 1 << 20, 0xffffffffffffffffn],
  ])('a jump does not go beyond the last number (esn: %s)', (esn, start, jump, top) => {
    const first = new Node(createSa(saConfig(GCM, { esn, initialSeq: `0x${start.toString(16)}` })));
    const second = first.restored(first.snapshot(), jump);
    expect(second.state.top(0)).toBe(top);
    expect([top, 0n, 1n, top - 60n].map((number) => second.accepts(number))).toEqual([false, false, false, false]);
  });

  it('counters, life and peer go on; keys are there only when asked for', () => {
    const first = new Node(createSa(saConfig(GCM, { limits: { hard: { packets: 10 } } })));
    first.state.counters.set([9, 5, 1, 1, 1, 0, 1, 500]);
    const peer = { address: Uint8Array.of(192, 0, 2, 77), port: 4501 };
    first.lives.restore(0, { packets: 6, bytes: 700, start: 900_000, refused: 2, isOver: false, peer });
    const snapshot = first.snapshot();
    const [entry] = snapshot.sas;
    expect(entry.counters).toEqual({
      packets: 9,
      opened: 5,
      dummy: 1,
      icv: 1,
      replay: 1,
      short: 0,
      padding: 1,
      expired: 2,
      bytes: 500,
    });
    expect(entry).toMatchObject({
      spi: '0x00001001',
      life: { packets: 6, bytes: 700, isOver: false },
      peer: { address: '192.0.2.77', port: 4501 },
    });
    expect(Math.abs(Date.now() - 100_000 - entry.life.since!)).toBeLessThan(60_000);
    const second = first.restored(snapshot, 5);
    expect(second.state.counts(0)).toEqual(first.state.counts(0));
    expect(second.lives.used(0)).toEqual({ packets: 6, bytes: 700 });
    expect(second.lives.refused(0)).toBe(2);
    expect(second.lives.peer(0)).toEqual(peer);
    expect(second.lives.stage(0)).toBe('mature');

    expect(JSON.stringify(snapshot)).not.toContain(GCM.key.slice(0, 12));
    expect(first.snapshot(true).sas[0].config).toMatchObject({ transform: { key: GCM.key } });
  });

  it('an SA that is older than the machine where it goes on is as old there', () => {
    const booted = new LifeClock(false, () => 60_000);
    const lives = SaLifeState.create([createSa(saConfig(GCM, { limits: { hard: { seconds: 3600 } } }))]);
    const before = { packets: 0, bytes: 0, refused: 0, isOver: false };
    lives.restore(0, { ...before, start: booted.startOf(Date.now() - 3_590_000) });
    expect([lives.reached(0, 60_000), lives.reached(0, 75_000)]).toEqual([0, TOLD_HARD]);
    lives.restore(0, { ...before, start: new LifeClock(true).start });
    expect(lives.reached(0, Number.MAX_VALUE)).toBe(0);
  });

  it('an SA that is over stays so', () => {
    const first = new Node(createSa(saConfig(GCM, { limits: { hard: { packets: 1 } } })));
    first.lives.restore(0, { packets: 1, bytes: 9, start: 0, refused: 0, isOver: true });
    expect(first.restored(first.snapshot(), 1).lives.stage(0)).toBe('dead');
  });
});

describe('what is no snapshot to go on with', () => {
  const node = new Node(createSa(saConfig(GCM)));
  const good = node.snapshot();
  const entry = good.sas[0];
  const code = { code: 'ERR_RXSTEER_SA_STATE' };

  it.each([
    ['nothing', undefined, 'snapshot: expected an object, got undefined'],
    [
      'another schema',
      { ...good, schema: 'rxsteer.sas/1' },
      'snapshot.schema: expected "rxsteer.sa-state/1", got "rxsteer.sas/1"',
    ],
    ['no list', { ...good, sas: {} }, 'snapshot.sas: expected an array'],
    ['no top', { ...good, sas: [{ ...entry, top: '12' }] }, 'snapshot.sas[0].top: expected a sequence number'],
    ['a top of too many bits', { ...good, sas: [{ ...entry, top: '0x100000000' }] }, 'snapshot.sas[0].top: expected'],
    [
      'a window cut short',
      { ...good, sas: [{ ...entry, seen: 'ff' }] },
      'snapshot.sas[0].seen: expected 16 hex digits',
    ],
    ['a window that is none', { ...good, sas: [{ ...entry, seen: 'x'.repeat(16) }] }, 'snapshot.sas[0].seen: expected'],
    [
      'a negative count',
      { ...good, sas: [{ ...entry, counters: { ...entry.counters, icv: -1 } }] },
      'counters.icv: expected a count, got -1',
    ],
    ['a peer without address', { ...good, sas: [{ ...entry, peer: { port: 1 } }] }, 'snapshot.sas[0].peer.address'],
    ['something else', { ...good, sas: [{ ...entry, key: 'secret' }] }, 'snapshot.sas[0]: unknown property key'],
  ])('%s', (_, value, message) => {
    expect(() => checkSnapshot(value)).toThrow(
      expect.objectContaining({ ...code, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [
      'an SA that it lacks',
      [createSa(saConfig(GCM, { spi: 7 }))],
      good,
      'sas[0] (SPI 0x00000007): the snapshot has no such SA',
    ],
    ['an SA that is not there', [], good, 'snapshot: SPI 0x00001001, destination 10.0.0.2: there is no such SA'],
    [
      'a window of another size',
      [createSa(saConfig(GCM, { replayWindow: 128 }))],
      good,
      'replayWindow: expected 64, as in the snapshot, got 128',
    ],
    ['ESN', [createSa(saConfig(GCM, { esn: true }))], good, 'esn: expected false, as in the snapshot, got true'],
    ['one SA twice', [node.sa], { ...good, sas: [entry, entry] }, 'there are two of destination 10.0.0.2'],
  ])('%s', (_, sas, snapshot, message) => {
    expect(() => entriesFor(sas, snapshot, true)).toThrow(
      expect.objectContaining({ ...code, message: expect.stringContaining(message) }),
    );
  });
});
