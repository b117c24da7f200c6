/**
 * What the flows of an analysis got, window by window, so that other scenarios need not see the packets again.
 *
 *     turns:  time | first entry          one each time that another window of time begins
 *     entries: flow | packets | bytes     a flow in a window
 *     firsts: offset | length | link type of each flow's first frame; loose: the same of frames without a flow
 */
import { Dissection, dissect } from '../wire/dissect.ts';
import type { Selection } from './selection.ts';
import type { Windows } from './windows.ts';

const FIRST = 3;

export class FlowLog {
  private flows = new Int32Array(1 << 12);
  private packets = new Uint32Array(1 << 12);
  private bytes = new Float64Array(1 << 12);
  private count = 0;
  private readonly turns: { seconds: number; nanos: number; from: number }[] = [];
  private readonly firsts: number[] = [];
  private readonly looseFrames: number[] = [];

  /** Another window begins with a packet of this time. */
  turn(seconds: number, nanos: number): void {
    this.turns.push({ seconds, nanos, from: this.count });
  }

  /** The window at hand is over: what `count` flows got in it. */
  window(flows: Int32Array, count: number, packets: Uint32Array, bytes: Float64Array): void {
    while (this.count + count > this.flows.length) this.grow();
    for (let i = 0; i < count; i++) {
      const flow = flows[i];
      this.flows[this.count] = flow;
      this.packets[this.count] = packets[flow];
      this.bytes[this.count] = bytes[flow];
      this.count++;
    }
  }

  /** The first frame of the next flow. */
  first(off: number, length: number, linkType: number): void {
    this.firsts.push(off, length, linkType);
  }

  /** A frame without a flow. */
  loose(off: number, length: number, linkType: number, wire: number, seconds: number, nanos: number): void {
    this.looseFrames.push(off, length, linkType, wire, seconds, nanos);
  }

  /** Lets other ways of hashing count all of it, each of which is steady for every class that there is. */
  play(bytes: Uint8Array, selections: readonly Selection[], windows: Windows): void {
    const d = new Dissection();
    for (let i = 0, flow = 0; i < this.firsts.length; i += FIRST, flow++) {
      const off = this.firsts[i];
      dissect(bytes, off, off + this.firsts[i + 1], this.firsts[i + 2], d);
      for (const selection of selections) selection.learn(bytes, d, flow);
    }
    this.turns.forEach(({ seconds, nanos, from }, turn) => {
      const to = this.turns[turn + 1]?.from ?? this.count;
      const window = windows.at(seconds, nanos);
      for (const { hashes, tallies } of selections) {
        for (const tally of tallies) {
          for (let i = from; i < to; i++) tally.hashed(hashes[this.flows[i]], this.packets[i], this.bytes[i], window);
        }
      }
    });
    for (let i = 0; i < this.looseFrames.length; i += 6) {
      const [off, length, linkType, wire, seconds, nanos] = this.looseFrames.slice(i, i + 6);
      dissect(bytes, off, off + length, linkType, d);
      const window = windows.at(seconds, nanos);
      for (const selection of selections) selection.packet(bytes, d, -1, false, wire, window);
    }
  }

  private grow(): void {
    const { flows, packets, bytes } = this;
    this.flows = new Int32Array(2 * flows.length);
    this.packets = new Uint32Array(2 * flows.length);
    this.bytes = new Float64Array(2 * flows.length);
    this.flows.set(flows);
    this.packets.set(packets);
    this.bytes.set(bytes);
  }
}
