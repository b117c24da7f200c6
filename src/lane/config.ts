import type { CryptoName, LifeThresholds, PolicyConfig } from '../esp/index.ts';
import type { Xfrm } from '../hash/fields.ts';
import type { FlowHasherOptions } from '../hash/flow-hasher.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import type { FrameLayout } from '../memory/frame-memory.ts';
import type { HandoverPlaces } from './handover-rings.ts';

/** Where things lie in the frame memory behind the frames: what threads share beside them. Addresses in bytes. */
export interface ControlPlaces {
  /** Word that is not 0 when the lanes shall end. */
  readonly stop: number;
  /** Per lane: its ring, its counters, its table of unknown SPIs. */
  readonly rings: readonly number[];
  readonly counters: readonly number[];
  readonly unknownSpis: readonly number[];
  /** The hash key (`SharedKey`). */
  readonly key: number;
  /** Per lane: which generation of the key it has come to. */
  readonly keySeen: readonly number[];
  /** The table of claims, with RFS. */
  readonly flows: number;
  /** Per lane: where it asks for SAs to be moved. */
  readonly mailboxes: readonly number[];
  /** Rings between lanes, with ESP and more than one lane. */
  readonly handover: HandoverPlaces | undefined;
  /** Order group of each SA; owners of order groups (`owners.ts`); table of SAs, their state, their lives and selectors. */
  readonly units: number;
  readonly owners: number;
  readonly saTable: number;
  readonly saState: number;
  readonly saLife: number;
  readonly selectors: number;
}

/** Receive flow steering, as lanes and dispatcher go by it. */
export interface RfsConfig {
  /** Entries of the table of claims. */
  readonly entries: number;
  /** Flows that come out of ESP are handed to the lane that has claimed them. */
  readonly twoStage: boolean;
  /** SAs move to the lane of their flows. */
  readonly saAffinity: boolean;
  /** Flows move only when what their lane has of them is delivered. */
  readonly inOrder: boolean;
}

/** When SAs are told of. */
export interface EspEvents extends LifeThresholds {
  /** Events of a kind that a lane tells in a second. */
  readonly perSecond: number;
}

/** What a lane is made from: plain data that can be sent to a thread. */
export interface LaneConfig {
  readonly lane: number;
  readonly lanes: number;
  /** Frames, and behind them the control memory. */
  readonly memory: WebAssembly.Memory;
  readonly layout: FrameLayout;
  readonly places: ControlPlaces;
  /** Slots of the ring, a power of two. */
  readonly slots: number;
  /** The dispatcher marks the ends of polls; without it a poll ends when the ring is empty or 64 packets are taken. */
  readonly deterministic: boolean;
  readonly nattPort: number;
  /** How inner flows are hashed; the key is in shared memory. */
  readonly fields: Readonly<Record<string, string>>;
  readonly xfrm: Xfrm;
  readonly hfunc: Hfunc;
  /** How the dispatcher hashes, where that is another way. */
  readonly outside: Omit<FlowHasherOptions, 'key'> | undefined;
  readonly level: 'outer' | 'inner';
  /** Absent: ESP is delivered as it came. */
  readonly esp?: {
    /** SAs and selectors at a time, at most. */
    readonly maxSas: number;
    readonly maxSelectors: number;
    /** `SaRecords`: what SAs are, with their keys. */
    readonly records: SharedArrayBuffer;
    readonly deliverUnknown: boolean;
    /** Absent: anything may come in clear. */
    readonly policy?: readonly PolicyConfig[];
    /** The fastest crypto backend that may be used; absent: any. */
    readonly crypto?: CryptoName;
    readonly events: EspEvents;
  };
  readonly fragments?: { readonly timeoutMs: number };
  readonly rfs?: RfsConfig;
  readonly gro?: { readonly order: 'flow' | 'linux'; readonly maxSize: number };
  /** 1 at the class numbers that are not delivered. */
  readonly excluded: Uint8Array;
}

/** Most packets of a poll, as Linux's NAPI. */
export const POLL_BUDGET = 64;
