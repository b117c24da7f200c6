import {
  AhOpener,
  type Crypto,
  EspOpener,
  F_SELECTORS,
  FACTS_SHIFT,
  LifeClock,
  PeerWatch,
  type Sa,
  SaLifeState,
  SaSelectors,
  SaState,
  type SaTable,
  SelectorRoom,
} from '../esp/index.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { EspStage } from '../lane/esp-stage.ts';
import { SaReporter } from '../lane/sa-reporter.ts';
import { UNKNOWN_SPIS_BYTES, UnknownSpis } from '../lane/unknown-spis.ts';
import { UnknownWatch } from '../lane/unknown-watch.ts';
import type { Scratch } from '../memory/scratch.ts';
import type { Dissection } from '../wire/dissect.ts';

export interface MachineEspParts {
  readonly sas: readonly Sa[];
  readonly table: SaTable;
  readonly crypto: Crypto;
  readonly d: Dissection;
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  readonly scratch: Scratch;
}

/** What opens the ESP of a `GroMachine`: all SAs are one lane's, their lives have no end, and nobody is told of anything. */
export function machineEsp({ sas, table, crypto, ...parts }: MachineEspParts): EspStage {
  const state = SaState.create(sas);
  const life = SaLifeState.create(sas);
  const clock = new LifeClock(true);
  const source = { at: (slot: number): Sa => sas[slot] };
  const reporter = new SaReporter({ sas: source, state, life, clock, perSecond: 0 });
  const count = sas.reduce((sum, { selectors }) => sum + SelectorRoom.count(selectors), 0);
  const selectors = new ArrayBuffer(SaSelectors.bytes(count));
  const room = new SelectorRoom(selectors, 0, count);
  sas.forEach((sa, slot) => {
    state.facts[(slot << FACTS_SHIFT) + F_SELECTORS] = room.put(sa.selectors);
  });
  return new EspStage({
    ...parts,
    opener: new EspOpener(parts.bytes, source, state, { backend: crypto, kernels: parts.kernels }),
    ah: new AhOpener(parts.bytes, source, state),
    table,
    state,
    units: Int32Array.from(sas, (_, i) => i),
    owners: new Int32Array(sas.length),
    unknown: new UnknownWatch(new UnknownSpis(new ArrayBuffer(UNKNOWN_SPIS_BYTES), 0), clock, 0, () => {}),
    peers: new PeerWatch(life, state, clock, reporter),
    reporter,
    deliverUnknown: true,
    lane: 0,
    selectors: new SaSelectors(selectors, 0, count),
    joins: false,
  });
}
