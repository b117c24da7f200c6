/** The sum of steering: flow hash, then indirection table, then queue. */
import { checkInteger, RxSteerError } from '../errors.ts';
import type { FlowFields, Xfrm } from '../hash/fields.ts';
import { FlowHasher } from '../hash/flow-hasher.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import { microsoftKey } from '../hash/keys.ts';
import type { Dissection } from '../wire/dissection.ts';
import { type Indirection, type IndirectionOption, makeIndirection, TABLE_MAX, TABLE_SIZE } from './indirection.ts';

export interface SteererOptions {
  /** Queues, 1 to 2048. */
  queues: number;
  /** 16 to 64 bytes. Default: Microsoft's key, which everyone knows; facing strangers, take `randomKey()`. */
  key?: Uint8Array;
  xfrm?: Xfrm;
  /** Default `toeplitz`; the others use no key. */
  hfunc?: Hfunc;
  /** Entries of the table, 1 to 2048. Default 128, or the length of an `indirection` that is an array. */
  tableSize?: number;
  /** Default: equal over all queues. */
  indirection?: IndirectionOption;
  /** Letters at flow types, for example `{ esp4: 'sd' }`. */
  fields?: FlowFields;
}

export class Steerer {
  /** Hash of the last packet (int32); 0 when it had none. */
  hash = 0;
  readonly queues: number;
  readonly hasher: FlowHasher;
  readonly indirection: Indirection;

  /**
   * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_INDIRECTION`
   */
  constructor(options: SteererOptions) {
    const queues = checkInteger('queues', options.queues, 1, TABLE_MAX);
    const { key = microsoftKey(), xfrm, hfunc, fields, tableSize, indirection = { equal: queues } } = options;
    if (tableSize !== undefined) checkInteger('tableSize', tableSize, 1, TABLE_MAX);
    this.queues = queues;
    this.hasher = new FlowHasher({ key, xfrm, hfunc, fields });
    this.indirection = makeIndirection(indirection, tableSize ?? TABLE_SIZE);
    if (tableSize !== undefined && this.indirection.size !== tableSize) {
      throw new RxSteerError(
        'ERR_RXSTEER_INDIRECTION',
        `indirection: expected ${tableSize} entries, as tableSize says, got ${this.indirection.size}`,
      );
    }
    const at = this.indirection.entries.findIndex((queue) => queue >= queues);
    if (at >= 0) {
      throw new RxSteerError(
        'ERR_RXSTEER_INDIRECTION',
        `indirection entry ${at}: expected a queue below ${queues}, got ${this.indirection.entries[at]}`,
      );
    }
  }

  /** Whether the last packet had a hash: 0 or 1. A hash of 0 may be valid. */
  get valid(): number {
    return this.hasher.valid;
  }

  /** The queue of the packet that `d` describes. Packets without a hash go to queue 0, as on a NIC. */
  steer(bytes: Uint8Array, d: Dissection): number {
    const hasher = this.hasher;
    const hash = hasher.hash(bytes, d);
    this.hash = hash;
    return hasher.valid === 0 ? 0 : this.indirection.queue(hash);
  }
}
