/** Limits, sequence numbers and rates of failures, at their very boundaries. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP_ICV, DROP_REPLAY, DROP_SA_EXPIRED, DROP_SHORT } from '../../../src/counters.ts';
import {
  AhOpener,
  createSa,
  F_GATE,
  FACTS_SHIFT,
  gateOf,
  LifeClock,
  OPEN_DUMMY,
  OPEN_OK,
  type Sa,
  type SaConfig,
  SaLife,
  SaLifeState,
  type SaLimits,
  SaState,
  sealAh,
} from '../../../src/esp/index.ts';
import { tcp } from '../../support/packets.ts';
import { Bench, hexKey, saConfig, sealed } from '../support.ts';

const GCM = { aead: 'aes-gcm', key: hexKey(20) };
const THRESHOLDS = { authenticationFailures: 3, replays: 2, sequence: 0.9 };

/** State whose gates are those of the SAs. */
function stateOf(sas: readonly Sa[]): SaState {
  const state = SaState.create(sas);
  sas.forEach((sa, slot) => {
    state.facts[(slot << FACTS_SHIFT) + F_GATE] = gateOf(sa, THRESHOLDS) | 0;
  });
  return state;
}

const benchOf = (w: World, sa: Sa): Bench => new Bench([sa], { life: w.life }, undefined, w.state);

/** SAs with their lives, a clock that the test moves, and what was told. */
class World {
  readonly told: string[] = [];
  readonly lives: SaLifeState;
  readonly life: SaLife;
  readonly state: SaState;
  now = 5000;
  readonly clock: LifeClock = new LifeClock(false, () => this.now);

  constructor(sas: readonly Sa[], start = 5000) {
    this.lives = SaLifeState.create(sas, start);
    this.state = stateOf(sas);
    const sink = {
      limit: (sa: number, isHard: boolean, unit: string) => this.told.push(`${sa} ${isHard ? 'hard' : 'soft'} ${unit}`),
      sequence: (sa: number) => this.told.push(`${sa} sequence`),
      failures: (sa: number, kind: number, count: number) =>
        this.told.push(`${sa} ${kind === 0 ? 'icv' : 'replay'} ${count}`),
    };
    this.life = new SaLife(this.state, this.lives, this.clock, sink, THRESHOLDS);
  }

  at(now: number): void {
    this.now = now;
    this.clock.tick();
  }
}

function world(more: Partial<SaConfig>): {
  sa: Sa;
  world: World;
  bench: Bench;
  send: (n: number, length?: number) => number;
} {
  const sa = createSa(saConfig(GCM, more));
  const w = new World([sa]);
  const bench = benchOf(w, sa);
  return { sa, world: w, bench, send: (n, length = 10) => bench.open(sealed(sa, n, length)) };
}

/** Bytes that AES-GCM encrypts for a payload: with two of trailer, to a multiple of four. */
const ciphertext = (payload: number): number => (payload + 2 + 3) & ~3;

describe('limits', () => {
  it('soft packets: the event comes with the packet that reaches it, once', () => {
    const { world: w, send } = world({ limits: { soft: { packets: 3 } } });
    for (let n = 1; n <= 6; n++) {
      expect(send(n)).toBe(OPEN_OK);
      expect(w.told).toEqual(n < 3 ? [] : ['0 soft packets']);
      expect(w.lives.stage(0)).toBe(n < 3 ? 'mature' : 'dying');
    }
  });

  it('hard packets: exactly so many are accepted, and then nothing is looked at any more', () => {
    const { sa, world: w, bench, send } = world({ limits: { hard: { packets: 3 } } });
    expect([1, 2, 3].map((n) => send(n))).toEqual([OPEN_OK, OPEN_OK, OPEN_OK]);
    expect(w.told).toEqual(['0 hard packets']);
    const top = bench.state.top(0);
    const forged = sealed(sa, 5, 10);
    forged[20] ^= 1;
    // A good one, a replay, a forged and a short one: the SA is as if it were not there.
    expect([send(4), send(1), bench.open(forged), bench.open(forged.subarray(0, 12))]).toEqual(
      Array.from({ length: 4 }, () => DROP_SA_EXPIRED),
    );
    expect(bench.state.top(0)).toBe(top);
    expect(w.lives.refused(0)).toBe(4);
    expect(bench.state.counts(0)).toMatchObject({ packets: 7, opened: 3, failed: { icv: 0, replay: 0, short: 0 } });
    expect(w.lives.stage(0)).toBe('dead');
  });

  it('what is not authentic, or a replay, uses nothing up', () => {
    const { sa, bench, send } = world({ limits: { hard: { packets: 2, bytes: 1000 } } });
    const forged = sealed(sa, 9, 900);
    forged[30] ^= 1;
    for (let i = 0; i < 50; i++) expect(bench.open(forged)).toBe(DROP_ICV);
    expect(bench.open(forged.subarray(0, 10))).toBe(DROP_SHORT);
    expect(send(1)).toBe(OPEN_OK);
    for (let i = 0; i < 50; i++) expect(send(1)).toBe(DROP_REPLAY);
    expect(send(2)).toBe(OPEN_OK);
    expect(send(3)).toBe(DROP_SA_EXPIRED);
  });

  it('dummies count', () => {
    const { sa, bench, send } = world({ limits: { hard: { packets: 2 } } });
    expect(bench.open(sealed(sa, 1, 40, 59))).toBe(OPEN_DUMMY);
    expect([send(2), send(3)]).toEqual([OPEN_OK, DROP_SA_EXPIRED]);
  });

  it.each([
    ['reached exactly', 0, [OPEN_OK, OPEN_OK, DROP_SA_EXPIRED]],
    ['one byte more', 1, [OPEN_OK, OPEN_OK, DROP_SA_EXPIRED]],
    ['one byte less', -1, [OPEN_OK, DROP_SA_EXPIRED, DROP_SA_EXPIRED]],
  ])('hard bytes, %s: no packet goes beyond them', (_, more, verdicts) => {
    const bytes = 2 * ciphertext(100) + more;
    const { world: w, send } = world({ limits: { hard: { bytes } } });
    expect([1, 2, 3].map((n) => send(n, 100))).toEqual(verdicts);
    expect(w.told).toEqual(['0 hard bytes']);
    expect(w.lives.used(0).bytes).toBeLessThanOrEqual(bytes);
  });

  it('soft bytes', () => {
    const { world: w, send } = world({ limits: { soft: { bytes: 2 * ciphertext(100) } } });
    send(1, 100);
    expect(w.told).toEqual([]);
    send(2, 100);
    expect(w.told).toEqual(['0 soft bytes']);
  });

  it('seconds, to the millisecond', () => {
    const { world: w, send } = world({ limits: { soft: { seconds: 10 }, hard: { seconds: 20 } } });
    w.at(14_999);
    expect(send(1)).toBe(OPEN_OK);
    expect(w.told).toEqual([]);
    w.at(15_000);
    expect(send(2)).toBe(OPEN_OK);
    expect(w.told).toEqual(['0 soft seconds']);
    w.at(24_999);
    expect(send(3)).toBe(OPEN_OK);
    w.at(25_000);
    expect(send(4)).toBe(DROP_SA_EXPIRED);
    expect(w.told).toEqual(['0 soft seconds', '0 hard seconds']);
  });

  it('seconds in packet time count from the first authentic packet', () => {
    const sa = createSa(saConfig(GCM, { limits: { hard: { seconds: 1 } } }));
    const lives = SaLifeState.create([sa]);
    const state = stateOf([sa]);
    const clock = new LifeClock(true);
    const sink = { limit: () => {}, sequence: () => {}, failures: () => {} };
    const bench = new Bench([sa], { life: new SaLife(state, lives, clock, sink, THRESHOLDS) }, undefined, state);
    clock.packet(100, 0);
    const forged = sealed(sa, 1, 10);
    forged[20] ^= 1;
    expect(bench.open(forged)).toBe(DROP_ICV);
    clock.packet(200, 500_000_000);
    expect(bench.open(sealed(sa, 1, 10))).toBe(OPEN_OK);
    // A time that goes back does not bring the life back.
    clock.packet(201, 499_999_999);
    clock.packet(150, 0);
    expect(bench.open(sealed(sa, 2, 10))).toBe(OPEN_OK);
    clock.packet(201, 500_000_000);
    expect(bench.open(sealed(sa, 3, 10))).toBe(DROP_SA_EXPIRED);
  });

  it('another lane finds them as they are, and tells nothing twice', () => {
    const sa = createSa(saConfig(GCM, { limits: { soft: { packets: 1 }, hard: { packets: 2 } } }));
    const w = new World([sa]);
    const other = new World([sa]);
    const life = new SaLife(
      w.state,
      w.lives,
      other.clock,
      { limit: (n, hard) => w.told.push(`again ${n} ${hard}`), sequence: () => {}, failures: () => {} },
      THRESHOLDS,
    );
    expect(w.life.accepts(0, 1, 0, 10)).toBe(true);
    expect(life.accepts(0, 2, 0, 10)).toBe(true);
    expect([w.life.refuses(0), life.refuses(0)]).toEqual([true, true]);
    expect(w.told).toEqual(['0 soft packets', 'again 0 true']);
  });

  it('AH: bytes are those of the whole packet', () => {
    const packet = tcp(100);
    const auth = { auth: 'hmac-sha256', authKey: hexKey(32) };
    const plain = createSa({ ...saConfig(auth), proto: 'ah', mode: 'transport' });
    const sealedOne = sealAh(plain, 1, packet);
    const sa = createSa({
      ...saConfig(auth),
      proto: 'ah',
      mode: 'transport',
      limits: { hard: { bytes: 2 * sealedOne.length } },
    });
    const w = new World([sa]);
    const bytes = new Uint8Array(4096);
    const ah = new AhOpener(bytes, [sa], w.state, w.life);
    const verdicts = [1, 2, 3].map((n) => {
      bytes.set(sealAh(sa, n, packet));
      return ah.open(0, 0, 20, sealedOne.length);
    });
    expect(verdicts).toEqual([OPEN_OK, OPEN_OK, DROP_SA_EXPIRED]);
    expect(w.told).toEqual(['0 hard bytes']);
  });

  it('as a naive count says, whatever comes', () => {
    const limit = fc.record(
      { packets: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 1, max: 900 }) },
      { requiredKeys: [] },
    );
    const packet = fc.record({ step: fc.integer({ min: 0, max: 3 }), length: fc.nat(120), bad: fc.boolean() });
    fc.assert(
      fc.property(limit, limit, fc.array(packet, { maxLength: 24 }), (soft, hard, packets) => {
        const limits: SaLimits = {
          soft: {
            ...(soft.packets === undefined ? {} : { packets: Math.min(soft.packets, hard.packets ?? 99) }),
            ...(soft.bytes === undefined ? {} : { bytes: Math.min(soft.bytes, hard.bytes ?? 9999) }),
          },
          hard,
        };
        const { sa, world: w, bench } = world({ limits });
        let number = 1;
        let [count, sum] = [0, 0];
        let dead = false;
        const seen = new Set<number>();
        for (const { step, length, bad } of packets) {
          number += step;
          const one = sealed(sa, number, length);
          if (bad) one[one.length - 1] ^= 1;
          let wanted = OPEN_OK;
          if (dead) wanted = DROP_SA_EXPIRED;
          else if (seen.has(number)) wanted = DROP_REPLAY;
          else if (bad) wanted = DROP_ICV;
          else {
            seen.add(number);
            if (sum + ciphertext(length) > (hard.bytes ?? Number.POSITIVE_INFINITY)) wanted = DROP_SA_EXPIRED;
            else {
              count++;
              sum += ciphertext(length);
            }
            dead =
              wanted === DROP_SA_EXPIRED || count === hard.packets || sum === (hard.bytes ?? Number.POSITIVE_INFINITY);
          }
          expect(bench.open(one)).toBe(wanted);
        }
        // Without limits nothing is counted.
        expect(w.lives.used(0)).toEqual(
          sa.limits === undefined ? { packets: 0, bytes: 0 } : { packets: count, bytes: sum },
        );
        const isSoft =
          count >= (limits.soft?.packets ?? Number.POSITIVE_INFINITY) ||
          sum >= (limits.soft?.bytes ?? Number.POSITIVE_INFINITY);
        expect(w.told.some((one) => one.startsWith('0 soft'))).toBe(isSoft);
        expect(w.told.some((one) => one.startsWith('0 hard'))).toBe(dead);
      }),
    );
  });
});

describe('sequence numbers near their end', () => {
  const near = Math.ceil(0.9 * 2 ** 32);

  it('32 bits: told at 90 %, and the last one is accepted, nothing behind it', () => {
    const { world: w, send } = world({});
    expect(send(near - 1)).toBe(OPEN_OK);
    expect(w.told).toEqual([]);
    expect(send(near)).toBe(OPEN_OK);
    expect(w.told).toEqual(['0 sequence']);
    expect(send(0xffffffff)).toBe(OPEN_OK);
    // It does not begin again: 0 and 1 lie left of the window.
    expect([send(0), send(1), send(0xffffffff)]).toEqual([DROP_REPLAY, DROP_REPLAY, DROP_REPLAY]);
    expect(w.told.slice(0, 1)).toEqual(['0 sequence']);
  });

  it('64 bits: told by the high half, and the last one is accepted, nothing behind it', () => {
    const high = BigInt(near) << 32n;
    const sa = createSa(saConfig(GCM, { esn: true, initialSeq: `0x${(high - 3n).toString(16)}` }));
    const w = new World([sa]);
    const bench = benchOf(w, sa);
    const send = (n: bigint): number => bench.open(sealed(sa, n, 10));
    expect(send(high - 1n)).toBe(OPEN_OK);
    expect(w.told).toEqual([]);
    expect([send(high), send(high + 1n)]).toEqual([OPEN_OK, OPEN_OK]);
    expect(w.told).toEqual(['0 sequence']);
    const end = createSa(saConfig(GCM, { esn: true, initialSeq: '0xfffffffffffffffd' }));
    const last = benchOf(new World([end]), end);
    const at = (n: bigint): number => last.open(sealed(end, n, 10));
    expect([at(2n ** 64n - 2n), at(2n ** 64n - 1n)]).toEqual([OPEN_OK, OPEN_OK]);
    expect([at(0n), at(1n), at(2n ** 64n - 1n)]).toEqual([DROP_REPLAY, DROP_REPLAY, DROP_REPLAY]);
    expect(last.state.top(0)).toBe(2n ** 64n - 1n);
  });

  it('also of an SA with limits; not by a forged number', () => {
    const { sa, world: w, bench, send } = world({ limits: { hard: { packets: 10 } } });
    const forged = sealed(sa, near, 10);
    forged[20] ^= 1;
    expect(bench.open(forged)).toBe(DROP_ICV);
    expect(w.told).toEqual([]);
    expect(send(near)).toBe(OPEN_OK);
    expect(w.told).toEqual(['0 sequence']);
  });
});

describe('failures above a rate', () => {
  it('so many within a second, once in each', () => {
    const { sa, world: w, bench } = world({});
    const forged = sealed(sa, 1, 10);
    forged[20] ^= 1;
    const fail = (): number => bench.open(forged);
    fail();
    fail();
    w.at(6000);
    // The second is over: two of the first and two of this one are none too many.
    fail();
    fail();
    expect(w.told).toEqual([]);
    w.at(6999);
    fail();
    fail();
    expect(w.told).toEqual(['0 icv 3']);
    w.at(7000);
    for (let i = 0; i < 10; i++) fail();
    expect(w.told).toEqual(['0 icv 3', '0 icv 3']);
  });

  it('replays apart from forgeries', () => {
    const { world: w, send } = world({});
    send(1);
    send(1);
    expect(w.told).toEqual([]);
    send(1);
    expect(w.told).toEqual(['0 replay 2']);
  });
});
