import {
  Ahead,
  AhOpener,
  Crypto,
  EspOpener,
  importSas,
  LifeClock,
  PeerWatch,
  SaLife,
  SaLifeState,
  SaSelectors,
  SaState,
  SaTable,
} from '../esp/index.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Scratch } from '../memory/scratch.ts';
import type { Dissection } from '../wire/dissect.ts';
import type { LaneConfig } from './config.ts';
import { EspStage, MODES } from './esp-stage.ts';
import type { SaEvent } from './sa-events.ts';
import { SaReporter } from './sa-reporter.ts';
import { UnknownSpis } from './unknown-spis.ts';
import { UnknownWatch } from './unknown-watch.ts';

const NOTHING: readonly SaEvent[] = [];

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
  readonly clock: LifeClock;
  private readonly reporter: SaReporter;

  constructor(config: LaneConfig, esp: NonNullable<LaneConfig['esp']>, parts: LaneEspParts) {
    const { places, lane } = config;
    const { buffer } = config.memory;
    const { bytes, kernels } = parts;
    const sas = importSas(esp.sas);
    const state = new SaState(buffer, places.saState, sas);
    const { perSecond } = esp.events;
    const lives = new SaLifeState(buffer, places.saLife, sas.length);
    const clock = new LifeClock(config.deterministic);
    const reporter = new SaReporter({ lane, sas, state, life: lives, clock, perSecond });
    const life = new SaLife(lives, sas, clock, reporter, esp.events);
    this.clock = clock;
    this.reporter = reporter;
    this.crypto = new Crypto(esp.crypto);
    const { burst } = this.crypto;
    const ahead = burst && new Ahead(bytes, config.layout.lanes[lane].ahead.offset, burst);
    this.stage = new EspStage({
      ...parts,
      opener: new EspOpener(bytes, sas, state, {
        backend: this.crypto,
        kernels,
        life,
        ...(ahead === undefined ? {} : { ahead }),
      }),
      ah: new AhOpener(bytes, sas, state, life),
      table: new SaTable(buffer, places.saTable, sas.length),
      modes: Uint8Array.from(sas, (sa) => MODES.indexOf(sa.mode)),
      units: esp.units,
      owners: new Int32Array(buffer).subarray(places.owners >> 2),
      unknown: new UnknownWatch(
        new UnknownSpis(buffer, places.unknownSpis[lane]),
        clock,
        perSecond,
        (event) => reporter.add(event),
        lane,
      ),
      peers: new PeerWatch(lives, state, clock, reporter),
      reporter,
      deliverUnknown: esp.deliverUnknown,
      lane,
      selectors: SaSelectors.of(sas),
      trusted: Uint8Array.from(sas, (sa) => (sa.trustIcv ? 1 : 0)),
      joins: config.fragments !== undefined,
    });
  }

  /** A poll is over: time may have passed. @returns what is to be told of it */
  endPoll(): readonly SaEvent[] {
    this.clock.tick();
    return this.reporter.isEmpty ? NOTHING : this.reporter.take();
  }
}
