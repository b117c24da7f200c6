import {
  Ahead,
  AhOpener,
  Crypto,
  copySas,
  EspOpener,
  LifeClock,
  PeerWatch,
  type Sa,
  type SaCopy,
  SaLife,
  SaLifeState,
  SaRecords,
  SaSelectors,
  SaState,
  SaTable,
  wipeSa,
} from '../esp/index.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Scratch } from '../memory/scratch.ts';
import type { Dissection } from '../wire/dissect.ts';
import type { LaneConfig } from './config.ts';
import { EspStage } from './esp-stage.ts';
import { laneOf } from './owners.ts';
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
  /** Where `AHEAD_WORDS_BYTES` are. */
  readonly aheadAt: number;
}

/** In front of what is opened ahead: room for a link header. */
const LINK_ROOM = 64;
/** Nothing is opened ahead in the last bytes of the scratch: what is not must find its room. */
const AHEAD_ROOM = 1 << 20;

/** What a lane knows of SAs, and opens their packets with. An SA is made of its record when its first packet comes. */
export class LaneEsp {
  readonly stage: EspStage;
  readonly crypto: Crypto;
  readonly clock: LifeClock;
  readonly ahead: Ahead | undefined;
  private readonly copied: (slots: Int32Array) => SaCopy;
  private readonly reporter: SaReporter;
  private readonly records: SaRecords;
  private readonly sas: (Sa | undefined)[];

  constructor(config: LaneConfig, esp: NonNullable<LaneConfig['esp']>, parts: LaneEspParts) {
    const { places, lane } = config;
    const { buffer } = config.memory;
    const { bytes, kernels, scratch } = parts;
    const words = new Int32Array(buffer);
    const state = new SaState(buffer, places.saState, esp.maxSas);
    this.records = new SaRecords(esp.records);
    this.sas = new Array<undefined>(esp.maxSas).fill(undefined);
    const sas = { at: (slot: number): Sa => this.sa(slot) };
    const { perSecond } = esp.events;
    const lives = new SaLifeState(buffer, places.saLife, esp.maxSas);
    const clock = new LifeClock(config.deterministic);
    const reporter = new SaReporter({ lane, sas, state, life: lives, clock, perSecond });
    const life = new SaLife(state, lives, clock, reporter, esp.events);
    this.clock = clock;
    const units = words.subarray(places.units >> 2);
    const owners = words.subarray(places.owners >> 2);
    this.copied = (slots) =>
      copySas(
        state,
        lives,
        slots.filter((slot) => laneOf(owners, units[slot]) === lane),
      );
    this.reporter = reporter;
    this.crypto = new Crypto(esp.crypto);
    const { burst } = this.crypto;
    const aheadAll = kernels.take !== undefined;
    const place = (length: number): number =>
      scratch.room < AHEAD_ROOM ? -1 : scratch.take(LINK_ROOM + length) + LINK_ROOM;
    const ahead = burst || aheadAll ? new Ahead(bytes, parts.aheadAt, burst, place) : undefined;
    this.ahead = ahead;
    this.stage = new EspStage({
      ...parts,
      opener: new EspOpener(bytes, sas, state, {
        backend: this.crypto,
        kernels,
        life,
        aheadAll,
        ...(ahead === undefined ? {} : { ahead }),
      }),
      ah: new AhOpener(bytes, sas, state, life),
      table: new SaTable(buffer, places.saTable, esp.maxSas),
      state,
      units,
      owners,
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
      selectors: new SaSelectors(buffer, places.selectors, esp.maxSelectors),
      joins: config.fragments !== undefined,
    });
  }

  /** A poll is over: time may have passed. @returns what is to be told of it */
  endPoll(): readonly SaEvent[] {
    this.clock.tick();
    return this.reporter.isEmpty ? NOTHING : this.reporter.take();
  }

  /** Copies the state of those of these SAs that are the lane's. */
  copy(slots: Int32Array): SaCopy {
    return this.copied(slots);
  }

  /** SAs have gone whose packets are all delivered: nothing of them stays here. */
  forget(slots: Iterable<number>): void {
    for (const slot of slots) {
      this.stage.forget(slot);
      const sa = this.sas[slot];
      if (sa !== undefined) wipeSa(sa);
      this.sas[slot] = undefined;
    }
  }

  /** The lane ends. */
  close(): void {
    this.crypto.close();
    for (const sa of this.sas) if (sa !== undefined) wipeSa(sa);
    this.sas.fill(undefined);
  }

  private sa(slot: number): Sa {
    this.sas[slot] ??= this.records.read(slot);
    return this.sas[slot];
  }
}
