/**
 * The flows of an account: found by their key in an open-addressing table that grows with them.
 * Keys lie side by side in one array: an Int32Array of its own for each flow would take 200 bytes more.
 */
import type { FlowDigest } from './flow-digest.ts';
import { isReported, KEY_HASH, KEY_LENGTH } from './flow-key.ts';
import type { TcpStream } from './stream.ts';

const NONE: readonly number[] = [];

/** What is known of one flow. Fields are numbers of one kind, and lists that rarely have more than one element. */
export class Flow {
  /** Place in the table. */
  readonly index: number;
  /** TCP or UDP: reports list it. */
  readonly reported: boolean;
  packets = 0;
  segments = 0;
  /** Highest packet number delivered; -1 before the first. */
  last = -1;
  /** Order units that it came by, and the highest number of each. */
  unit = -1;
  unitLast = -1;
  moreUnits: number[] | undefined = undefined;
  /** SPIs (unsigned) and queues that it came by. */
  spis: readonly number[] = NONE;
  queues: readonly number[] = NONE;
  /** TCP: the stream. */
  stream: TcpStream | undefined = undefined;
  /** UDP: payload bytes and, when asked for, their digest. */
  payloadBytes = 0;
  digest: FlowDigest | undefined = undefined;
  /** Digest that another account made (null: two did, which cannot be joined), whether bytes are missing in it, and its restarts. */
  foreign: string | null | undefined = undefined;
  incomplete = false;
  restarts = 0;

  constructor(index: number, reported: boolean) {
    this.index = index;
    this.reported = reported;
  }
}

export class FlowTable {
  readonly flows: Flow[] = [];
  /** The key of the flow at place `i` starts at `i * KEY_LENGTH`. */
  keys: Int32Array = new Int32Array(256 * KEY_LENGTH);
  private slots: Int32Array = new Int32Array(1024);

  /** The flow of a key, made when it is new. */
  at(key: Int32Array): Flow {
    const { slots, keys, flows } = this;
    const mask = slots.length - 1;
    let s = key[KEY_HASH] & mask;
    for (let next = slots[s]; next !== 0; next = slots[s]) {
      const k = (next - 1) * KEY_LENGTH;
      let i = KEY_HASH; // the hash first: it tells nearly all apart
      while (i >= 0 && keys[k + i] === key[i]) i--;
      if (i < 0) return flows[next - 1];
      s = (s + 1) & mask;
    }
    const flow = new Flow(flows.length, isReported(key));
    slots[s] = flows.push(flow);
    if (flows.length * KEY_LENGTH > keys.length) this.growKeys();
    this.keys.set(key, flow.index * KEY_LENGTH);
    if (flows.length * 2 > slots.length) this.growSlots();
    return flow;
  }

  private growKeys(): void {
    const keys = new Int32Array(this.keys.length * 2);
    keys.set(this.keys);
    this.keys = keys;
  }

  private growSlots(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let i = 0; i < this.flows.length; i++) {
      let s = this.keys[i * KEY_LENGTH + KEY_HASH] & mask;
      while (slots[s] !== 0) s = (s + 1) & mask;
      slots[s] = i + 1;
    }
    this.slots = slots;
  }
}

/** The list with `value` in it: the same one when it is there already. Lists stay as small as what they hold. */
export function including(list: readonly number[], value: number): readonly number[] {
  if (list.length === 0) return [value];
  return list.includes(value) ? list : list.concat(value);
}
