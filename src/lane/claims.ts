import { checkInteger } from '../errors.ts';
import { FlowHasher } from '../hash/flow-hasher.ts';
import { SharedKey } from '../memory/shared-key.ts';
import { FlowTable } from '../steer/flow-table.ts';
import { hashTuple } from '../steer/tuple-hash.ts';
import type { Tuple } from '../wire/tuple.ts';
import type { LaneConfig } from './config.ts';

/** The hasher of a lane's flows, with the key that is in force. */
export function flowHasher({ fields, xfrm, hfunc }: LaneConfig, key: SharedKey): FlowHasher {
  return new FlowHasher({ key: key.read(), fields, xfrm, hfunc });
}

/** Claims flows by their addresses, protocol and ports. */
export class Claims {
  private readonly config: LaneConfig;
  private readonly key: SharedKey;
  private readonly flows: FlowTable | undefined;
  private generation = -1;
  /** Of what comes out of ESP, and of what comes in clear where that is hashed another way. */
  private hashers: readonly FlowHasher[] = [];

  constructor(config: LaneConfig) {
    const { memory, places, rfs, lanes } = config;
    this.config = config;
    this.key = new SharedKey(memory.buffer, places.key);
    this.flows = rfs === undefined ? undefined : new FlowTable(memory.buffer, places.flows, rfs.entries, lanes);
  }

  /**
   * Claims the flow whose packets have this tuple for a lane.
   *
   * @returns false without RFS, or when the flow has no hash
   * @throws RxSteerError `ERR_RXSTEER_OPTION`: there is no such lane
   */
  claim(tuple: Tuple, lane: number): boolean {
    checkInteger('lane', lane, 0, this.config.lanes - 1);
    if (this.flows === undefined) return false;
    const { generation } = this.key;
    if (generation !== this.generation) {
      const { outside } = this.config;
      const inside = flowHasher(this.config, this.key);
      this.hashers = outside === undefined ? [inside] : [inside, new FlowHasher({ ...outside, key: this.key.read() })];
      this.generation = generation;
    }
    let claimed = false;
    for (const hasher of this.hashers) {
      const hash = hashTuple(hasher, tuple);
      if (hash === undefined) continue;
      this.flows.claim(hash, lane);
      claimed = true;
    }
    return claimed;
  }
}
