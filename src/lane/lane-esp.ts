import { Ahead, AhOpener, Crypto, EspOpener, importSas, SaSelectors, SaState, SaTable } from '../esp/index.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Scratch } from '../memory/scratch.ts';
import type { Dissection } from '../wire/dissect.ts';
import type { LaneConfig } from './config.ts';
import { EspStage, MODES } from './esp-stage.ts';
import { UnknownSpis } from './unknown-spis.ts';

/** What the lane's ESP shares with the rest of it. */
export interface LaneEspParts {
  readonly d: Dissection;
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  readonly scratch: Scratch;
}

/** What a lane knows of SAs, and opens their packets with. */
export class LaneEsp {
  readonly stage: EspStage;
  readonly crypto: Crypto;

  constructor(config: LaneConfig, esp: NonNullable<LaneConfig['esp']>, parts: LaneEspParts) {
    const { places, lane } = config;
    const { buffer } = config.memory;
    const { bytes, kernels } = parts;
    const sas = importSas(esp.sas);
    const state = new SaState(buffer, places.saState, sas);
    this.crypto = new Crypto(esp.crypto);
    const { burst } = this.crypto;
    const ahead = burst && new Ahead(bytes, config.layout.lanes[lane].ahead.offset, burst);
    this.stage = new EspStage({
      ...parts,
      opener: new EspOpener(bytes, sas, state, {
        backend: this.crypto,
        kernels,
        ...(ahead === undefined ? {} : { ahead }),
      }),
      ah: new AhOpener(bytes, sas, state),
      table: new SaTable(buffer, places.saTable, sas.length),
      modes: Uint8Array.from(sas, (sa) => MODES.indexOf(sa.mode)),
      units: esp.units,
      owners: new Int32Array(buffer).subarray(places.owners >> 2),
      unknown: new UnknownSpis(buffer, places.unknownSpis[lane]),
      deliverUnknown: esp.deliverUnknown,
      lane,
      selectors: SaSelectors.of(sas),
      trusted: Uint8Array.from(sas, (sa) => (sa.trustIcv ? 1 : 0)),
      joins: config.fragments !== undefined,
    });
  }
}
