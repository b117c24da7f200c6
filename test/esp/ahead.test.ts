/** Packets that are opened together come out as those that are opened one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP_ICV } from '../../src/counters.ts';
import { AHEAD_BYTES, AHEAD_PACKETS, Ahead, EspOpener, OPEN_OK, type Sa, SaState } from '../../src/esp/index.ts';
import { makeBackend, native } from './crypto/backends.ts';
import { everySa, sealed, title } from './support.ts';

const SLOT = 512;
const SLOTS = 64;
const AHEAD_AT = SLOTS * SLOT;
const TARGET = AHEAD_AT + AHEAD_BYTES;
const MEMORY = TARGET + SLOT;
const all = everySa().filter((sa) => sa.transform.auth !== 'none');

/** An opener with and without a look ahead, and memory for packets in slots. */
class Lane {
  readonly bytes = new Uint8Array(new SharedArrayBuffer(MEMORY));
  readonly state: SaState;
  readonly opener: EspOpener;
  readonly ends = new Int32Array(SLOTS);

  constructor(sas: readonly Sa[], ahead: boolean, contexts = 1024) {
    const backend = makeBackend('ipsec-mb', contexts)!;
    const single = makeBackend('node')!;
    this.state = SaState.create(sas);
    this.opener = new EspOpener(this.bytes, sas, this.state, {
      backend: { cipher: (sa) => single.cipher(sa), ...(backend.burst === undefined ? {} : { burst: backend.burst }) },
      ...(ahead ? { ahead: new Ahead(this.bytes, AHEAD_AT, backend.burst!) } : {}),
    });
  }

  lay(slot: number, packet: Uint8Array): void {
    this.bytes.set(packet, slot * SLOT);
    this.ends[slot] = slot * SLOT + packet.length;
  }

  look(from: number, to: number, sas: readonly number[]): void {
    this.opener.forgetAhead();
    for (let slot = from; slot < to; slot++) this.opener.lookAhead(sas[slot], slot * SLOT, this.ends[slot]);
    this.opener.runAhead();
  }

  open(slot: number, sa: number): string {
    const verdict = this.opener.open(sa, slot * SLOT, this.ends[slot], TARGET, SLOT);
    if (verdict !== OPEN_OK) return String(verdict);
    const payload = this.bytes.subarray(TARGET, TARGET + this.opener.length);
    return `${this.opener.nextHeader} ${Buffer.from(payload).toString('hex')}`;
  }
}

describe.runIf(native.includes('ipsec-mb'))('looking ahead', () => {
  it('changes nothing: verdicts, payloads, windows, counters', () => {
    const packet = fc.record({
      sa: fc.nat(3),
      sequence: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 60, max: 400 })),
      length: fc.integer({ min: 0, max: 200 }),
      flip: fc.option(fc.nat(), { freq: 4 }),
      cut: fc.option(fc.integer({ min: 1, max: 40 }), { freq: 12 }),
      dummy: fc.boolean(),
    });
    const run = fc.record({
      sas: fc.array(fc.constantFrom(...all), { minLength: 4, maxLength: 4 }),
      packets: fc.array(packet, { minLength: 8, maxLength: SLOTS }),
      window: fc.integer({ min: 1, max: AHEAD_PACKETS + 4 }),
      contexts: fc.constantFrom(1, 2, 1024),
    });
    fc.assert(
      fc.property(run, ({ sas, packets, window, contexts }) => {
        const plain = new Lane(sas, false);
        const ahead = new Lane(sas, true, contexts);
        packets.forEach(({ sa, sequence, length, flip, cut, dummy }, slot) => {
          const esp = sealed(sas[sa], sas[sa].initialSeq + BigInt(sequence), length, dummy ? 59 : 4);
          if (flip !== null) esp[4 + ((flip >> 3) % (esp.length - 4))] ^= 1 << (flip & 7);
          for (const lane of [plain, ahead]) lane.lay(slot, esp.subarray(0, esp.length - (cut ?? 0)));
        });
        const owners = packets.map(({ sa }) => sa);
        for (let from = 0; from < packets.length; from += window) {
          const to = Math.min(from + window, packets.length);
          ahead.look(from, to, owners);
          for (let slot = from; slot < to; slot++) {
            expect(ahead.open(slot, owners[slot])).toBe(plain.open(slot, owners[slot]));
          }
        }
        sas.forEach((sa, i) => {
          expect(ahead.state.counts(i), title(sa)).toEqual(plain.state.counts(i));
          expect(ahead.state.top(i)).toBe(plain.state.top(i));
        });
      }),
      { numRuns: 300 },
    );
  });

  const taken = all.filter((sa) => makeBackend('ipsec-mb')!.burst!.takes(sa));

  it.each(taken.map((sa) => ({ sa, name: title(sa) })))(
    '$name: forged ones leave nothing, the others open',
    ({ sa }) => {
      const lane = new Lane([sa], true);
      const owners = new Array<number>(AHEAD_PACKETS).fill(0);
      for (let slot = 0; slot < AHEAD_PACKETS; slot++) {
        const esp = sealed(sa, sa.initialSeq + BigInt(slot + 1), slot * 7);
        if (slot % 2 === 1) esp[8 + ((slot * 11) % (esp.length - 8))] ^= 0x20;
        lane.lay(slot, esp);
      }
      lane.look(0, AHEAD_PACKETS, owners);
      for (let slot = 0; slot < AHEAD_PACKETS; slot++) {
        const at = AHEAD_AT + slot * (AHEAD_BYTES / AHEAD_PACKETS);
        if (slot % 2 === 1) expect(lane.bytes.subarray(at, at + 300).every((byte) => byte === 0)).toBe(true);
        const opened = lane.open(slot, 0);
        if (slot % 2 === 1) expect(opened).toBe(String(DROP_ICV));
        else
          expect(opened).toBe(
            `4 ${Buffer.from(Uint8Array.from({ length: slot * 7 }, (_, i) => i * 7)).toString('hex')}`,
          );
      }
    },
  );

  it('is forgotten with the frames that it was about', () => {
    const [sa] = taken;
    const lane = new Lane([sa], true);
    const owners = new Array<number>(20).fill(0);
    for (let slot = 0; slot < 20; slot++) lane.lay(slot, sealed(sa, sa.initialSeq + BigInt(slot + 1), 40));
    lane.look(0, 20, owners);
    lane.opener.forgetAhead();
    const forged = sealed(sa, sa.initialSeq + 1n, 40);
    forged[30] ^= 1;
    lane.lay(0, forged);
    expect(lane.open(0, 0)).toBe(String(DROP_ICV));
    expect(lane.open(1, 0)).toMatch(/^4 /);
  });

  it('takes what is too long one by one', () => {
    const sa = taken.find((one) => one.transform.cipher === 'aes-ccm')!;
    const bytes = new Uint8Array(new SharedArrayBuffer(AHEAD_BYTES + 400_000));
    const backend = makeBackend('ipsec-mb')!;
    const ahead = new Ahead(bytes, 0, backend.burst!);
    const key = backend.burst!.key(sa);
    ahead.add(0, key, AHEAD_BYTES, AHEAD_BYTES + 40_000, 0);
    expect(ahead.count).toBe(0);
    for (let i = 0; i < 40; i++) ahead.add(0, key, AHEAD_BYTES + i, AHEAD_BYTES + i + 100, 0);
    expect(ahead.count).toBe(AHEAD_PACKETS);
  });
});
