import type { SaConfig } from '../esp/index.ts';
import type { Xfrm } from '../hash/fields.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import type { FrameLayout } from '../memory/frame-memory.ts';

/** Where things lie in the frame memory behind the frames: what threads share beside them. Addresses in bytes. */
export interface ControlPlaces {
  /** Word that is not 0 when the lanes shall end. */
  readonly stop: number;
  /** Per lane: its ring, its counters, its table of unknown SPIs. */
  readonly rings: readonly number[];
  readonly counters: readonly number[];
  readonly unknownSpis: readonly number[];
  /** Owner lane + 1 of each order group (0: none yet), table of SAs, state of SAs. */
  readonly owners: number;
  readonly saTable: number;
  readonly saState: number;
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
  /** The RSS key and fields, used for the hash of inner flows. */
  readonly key: Uint8Array;
  readonly fields: Readonly<Record<string, string>>;
  readonly xfrm: Xfrm;
  readonly hfunc: Hfunc;
  readonly level: 'outer' | 'inner';
  /** Absent: ESP is delivered as it came. `units`: order group of each SA. */
  readonly esp?: { readonly sas: readonly SaConfig[]; readonly units: Int32Array; readonly deliverUnknown: boolean };
  readonly fragments?: { readonly timeoutMs: number };
  readonly gro?: { readonly order: 'flow' | 'linux'; readonly maxSize: number };
  /** 1 at the class numbers that are not delivered. */
  readonly excluded: Uint8Array;
}

/** Most packets of a poll, as Linux's NAPI. */
export const POLL_BUDGET = 64;
