import { DROP_EXCLUDED } from '../counters.ts';
import {
  F_FROM_ESP,
  F_HASH_VALID,
  P_CLS,
  P_FLAGS,
  P_HASH,
  P_SA,
  P_SEGS,
  P_UNIT,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import type { FlowTable } from '../steer/flow-table.ts';
import type { Batch } from './batch.ts';
import { C_DROPS, C_HANDOVERS, C_POLLS } from './counters.ts';
import type { Handover } from './handover.ts';
import type { SaAffinity } from './sa-affinity.ts';

export interface OutletParts {
  readonly lane: number;
  readonly table: PacketTable;
  readonly batch: Batch;
  readonly counters: Float64Array;
  /** 1 at the class numbers that are not delivered. */
  readonly excluded: Uint8Array;
  /** Absent: no RFS. */
  readonly flows?: FlowTable;
  readonly affinity?: SaAffinity;
  /** Order group of each SA. */
  readonly units: Int32Array;
  readonly handover?: Handover;
  /** Flows that come out of ESP go to the lane that has claimed them. */
  readonly twoStage: boolean;
}

/** Where finished packets leave a lane: to its consumer, or to the lane of theirs. */
export class Outlet {
  /** What comes now came from another lane: it stays. */
  foreign = false;
  private readonly parts: OutletParts;
  private readonly w: Int32Array;

  constructor(parts: OutletParts) {
    this.parts = parts;
    this.w = parts.table.w;
  }

  /** GRO's sink: the row is finished. */
  deliver(row: number): void {
    const { excluded, counters, flows, batch } = this.parts;
    const { w } = this;
    const b = row << ROW_SHIFT;
    if (excluded[w[b + P_CLS]] === 1) {
      counters[C_DROPS + DROP_EXCLUDED] += w[b + P_SEGS];
    } else if (
      flows === undefined ||
      (w[b + P_FLAGS] & F_FROM_ESP) === 0 ||
      this.foreign ||
      !this.leaves(flows, row, b)
    ) {
      batch.push(row);
    }
  }

  /** An SA of these order groups has gone: what was learnt of them begins anew. */
  forgetUnits(units: Iterable<number>): void {
    const { affinity } = this.parts;
    if (affinity !== undefined) for (const unit of units) affinity.forget(unit);
  }

  /** Hands a row over. `nested`: it is ESP, and its SA the other lane's. */
  handOver(row: number, to: number, nested: boolean): void {
    const { handover, counters } = this.parts;
    handover!.send(row, to, nested);
    counters[C_HANDOVERS]++;
  }

  /** Whether the row's flow is another lane's; then it has been handed over. */
  private leaves(flows: FlowTable, row: number, b: number): boolean {
    const { lane, affinity, handover, twoStage } = this.parts;
    const { w } = this;
    const wanted = (w[b + P_FLAGS] & F_HASH_VALID) !== 0 ? flows.lane(w[b + P_HASH]) : -1;
    if (wanted >= 0 && affinity !== undefined) this.note(affinity, b, wanted);
    if (!twoStage || handover === undefined) return false;
    const to = handover.route(row, wanted);
    if (to === lane) return false;
    this.handOver(row, to, false);
    return true;
  }

  /**
   * The row's flow is wanted by a lane. What came out of ESP inside ESP is this lane's whoever wants it: the inner SA stays here, so
   * its flows would come back if the outer one went away.
   */
  private note(affinity: SaAffinity, b: number, wanted: number): void {
    const { lane, units, counters } = this.parts;
    const { w } = this;
    const unit = w[b + P_UNIT] - 1;
    const nested = units[w[b + P_SA] - 1] !== unit;
    affinity.note(unit, nested ? lane : wanted, counters[C_POLLS]);
  }
}
