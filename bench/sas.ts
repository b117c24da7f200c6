/** What does it cost to add, replace and remove SAs, and what do packets notice of it? */
import { createSa, type Sa } from '../src/esp/index.ts';
import { someSas } from './dispatch.ts';
import { espFrames } from './frames.ts';
import type { Case, Round } from './harness.ts';
import { drain, makeRig, place } from './rig.ts';

/** SAs that are changed in a round, and SAs that traffic is of. */
const CHANGED = 128;
const USED = 1000;
const BURST = 256;

/** SAs with keys, of no packet. */
function others(count: number, first = 0x80000000): Sa[] {
  const transform = { aead: 'aes-gcm', key: '0123456789abcdef'.repeat(5).slice(0, 72) };
  return Array.from({ length: count }, (_, i) =>
    createSa({ spi: first + i, dst: `203.0.113.${i & 3}`, mode: 'tunnel', transform }),
  );
}

/** Among so many others, as `receiver.sas` does it when lanes have nothing of them: with nobody to wait for. */
function changing(among: number, replaces: boolean): Round {
  const rig = makeRig({ sas: others(among, 0x1000) });
  const { sas } = rig;
  const some = others(CHANGED);
  sas.choose(some);
  const entries = replaces ? some.map((sa) => sas.add(sa)) : [];
  const size = sas.size;
  const run = (): number => {
    if (replaces) for (let i = 0; i < CHANGED; i++) sas.free(sas.replace(entries[i].sa));
    else {
      for (let i = 0; i < CHANGED; i++) entries[i] = sas.add(some[i]);
      for (let i = 0; i < CHANGED; i++) {
        sas.remove(entries[i]);
        sas.free(entries[i]);
      }
    }
    if (sas.size !== size) throw new Error('SAs are left');
    return sas.former.sas;
  };
  return { items: CHANGED, run };
}

/** Dispatch of ESP in bursts, with so many SAs added and as many removed around each. */
function dispatching(changes: number): Round {
  const used = someSas(USED);
  const rig = makeRig({ sas: used });
  const { dispatcher, consumers, sas } = rig;
  const batch = place(espFrames(64, used), rig.bytes, rig.options.layout.windows);
  const total = batch.count;
  const some = others(changes);
  sas.choose(some);
  const run = (): number => {
    let sum = 0;
    for (let from = 0; from < total; from = batch.count) {
      const entries = some.map((sa) => sas.add(sa));
      batch.count = Math.min(from + BURST, total);
      dispatcher.pushBatch(batch, from);
      for (const entry of entries) sas.remove(entry);
      for (const ring of consumers) sum = (sum + drain(ring)) | 0;
      for (const entry of entries) sas.free(entry);
    }
    return sum;
  };
  run();
  const placed = dispatcher.placed.reduce((a, b) => a + b);
  if (placed !== total) throw new Error(`${placed} of ${total} frames came to a lane`);
  return { items: total, run };
}

export const cases: readonly Case[] = [
  ...[1000, 100_000].flatMap((among) => [
    { name: `sa_add_remove_${among}`, bytes: 0, make: () => changing(among, false) },
    { name: `sa_replace_${among}`, bytes: 0, make: () => changing(among, true) },
  ]),
  { name: 'sa_dispatch', bytes: 64, make: () => dispatching(0) },
  { name: 'sa_dispatch_1_change', bytes: 64, against: 'sa_dispatch', make: () => dispatching(1) },
  { name: 'sa_dispatch_8_changes', bytes: 64, against: 'sa_dispatch', make: () => dispatching(8) },
];
