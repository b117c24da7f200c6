import type { FlowHasher } from '../hash/flow-hasher.ts';
import { F_HASH_VALID, P_FLAGS, P_HASH, type PacketTable, ROW_SHIFT } from '../memory/packet-table.ts';
import { SharedKey } from '../memory/shared-key.ts';
import { Dissection } from '../wire/dissect.ts';
import { innermostOf } from '../wire/tunnel.ts';
import { flowHasher } from './claims.ts';
import type { LaneConfig } from './config.ts';

/** Hashes what came out of ESP, with the key that the lane has come to. */
export class InnerHasher {
  private readonly config: LaneConfig;
  private readonly key: SharedKey;
  private hasher: FlowHasher;
  /** Told of each hasher that is taken. */
  private told: (hasher: FlowHasher) => void = () => {};
  private generation: number;
  /** Which generation of the key this lane has come to, for the program. */
  private readonly seen: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly table: PacketTable;
  private readonly d: Dissection;
  /** Record of the innermost packet, with steering level `inner`. */
  private readonly inner: Dissection | undefined;

  /** @param d the record of the packet that was opened last */
  constructor(config: LaneConfig, bytes: Uint8Array, table: PacketTable, d: Dissection) {
    const { buffer } = config.memory;
    this.config = config;
    this.key = new SharedKey(buffer, config.places.key);
    this.seen = new Int32Array(buffer, config.places.keySeen[config.lane], 1);
    this.generation = this.key.generation;
    this.hasher = flowHasher(config, this.key);
    this.bytes = bytes;
    this.table = table;
    this.d = d;
    this.inner = config.level === 'inner' ? new Dissection() : undefined;
    Atomics.store(this.seen, 0, this.generation);
  }

  /** Whether there is another key to go over to. */
  get isBehind(): boolean {
    return this.generation !== this.key.generation;
  }

  /** Takes the new key. The hashes of flows become others. */
  adopt(): void {
    this.generation = this.key.generation;
    this.hasher = flowHasher(this.config, this.key);
    this.told(this.hasher);
    Atomics.store(this.seen, 0, this.generation);
  }

  /** Tells somebody how flows are hashed: as of now, and from then on. */
  tell(told: (hasher: FlowHasher) => void): void {
    this.told = told;
    told(this.hasher);
  }

  /** Gives a row the hash of its own flow. */
  hash(row: number): void {
    const { d, inner, bytes, hasher } = this;
    const { w } = this.table;
    const b = row << ROW_SHIFT;
    w[b + P_HASH] = hasher.hash(bytes, inner === undefined ? d : innermostOf(bytes, d, inner));
    if (hasher.valid) w[b + P_FLAGS] |= F_HASH_VALID;
  }
}
