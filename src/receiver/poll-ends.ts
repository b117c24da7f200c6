import { POLL_BUDGET } from '../lane/config.ts';
import { D_CLASS, D_LEN, DF_MARK } from '../memory/descriptor.ts';
import type { RingProducer } from '../memory/ring.ts';
import type { DispatchPlan } from './plan.ts';

/**
 * A poll that only marks end may keep so much of what its frames lie in, or it would wait for packets that find no room: bytes
 * of its lane's arena, blocks that the reader has finished while it lasts.
 */
const POLL_BYTES = 1 << 20;
const POLL_BLOCKS = 2;

/** Where the polls of lanes end when the dispatcher says so: option `deterministic`. */
export class PollEnds {
  private readonly rings: readonly RingProducer[];
  /** Of each lane, since its poll began: packets, bytes copied to its arena, blocks finished. 1: its end is due. */
  private readonly packets: Int32Array;
  private readonly bytes: Int32Array;
  private readonly blocks: Int32Array;
  private readonly due: Int32Array;

  constructor(rings: readonly RingProducer[], plan: DispatchPlan) {
    this.rings = rings;
    this.packets = plan.pollPackets;
    this.bytes = plan.pollBytes;
    this.blocks = plan.pollBlocks;
    this.due = plan.due;
  }

  /** Whether the packet that is placed, `copied` bytes of it in the arena, ends its lane's poll. */
  isLast(lane: number, copied: number): boolean {
    this.bytes[lane] += copied;
    if (++this.packets[lane] < POLL_BUDGET && this.bytes[lane] < POLL_BYTES) return false;
    this.begin(lane);
    return true;
  }

  /** Ends the poll of a lane whose end is due. False: its ring is full. */
  mayGoOn(lane: number): boolean {
    return this.due[lane] === 0 || this.end(lane);
  }

  /** Ends the polls that have packets. False: a ring was full. */
  endAll(): boolean {
    let done = true;
    for (let lane = 0; lane < this.rings.length; lane++) {
      if (this.packets[lane] > 0 && !this.end(lane)) done = false;
    }
    return done;
  }

  /** Ends the polls whose end is due. */
  settle(): void {
    for (let lane = 0; lane < this.rings.length; lane++) if (this.due[lane] === 1) this.end(lane);
  }

  /** The reader has finished a block: no poll may last until all blocks wait for its end. */
  blockDone(): void {
    for (let lane = 0; lane < this.rings.length; lane++) {
      if (this.packets[lane] > 0 && ++this.blocks[lane] >= POLL_BLOCKS) this.due[lane] = 1;
    }
  }

  /** Ends a poll by a descriptor of its own. */
  private end(lane: number): boolean {
    const ring = this.rings[lane];
    const s = ring.claim();
    if (s < 0) return false;
    ring.words[s + D_CLASS] = DF_MARK << 8;
    ring.words[s + D_LEN] = 0;
    this.begin(lane);
    return true;
  }

  private begin(lane: number): void {
    this.packets[lane] = 0;
    this.bytes[lane] = 0;
    this.blocks[lane] = 0;
    this.due[lane] = 0;
  }
}
