/**
 * One way of hashing, shared by all scenarios that differ in tables and queues alone. Nearly all flows have one hash for all
 * their packets: it is kept with the flow, and the packets of a window are counted at once. Where the hash hangs on more than the
 * flow (tunnels that are entered, VLAN IDs, flow labels, TEIDs, sequence numbers, rules), each packet is hashed.
 */
import { CLASS_AH6, CLASS_ESP4, CLASS_NONIP, CLASS_OTHER4, CLASS_UDP6, CLASSES } from '../counters.ts';
import { AS_UDP } from '../hash/fields.ts';
import type { FlowHasher } from '../hash/flow-hasher.ts';
import { DROPPED, type Steerer } from '../steer/steerer.ts';
import { Dissection } from '../wire/dissection.ts';
import { innermostOf, TUNNELS_UDP } from '../wire/tunnel.ts';
import type { Tally } from './tally.ts';

/** Letters of fields that may differ between the packets of a flow. */
const CHANGING = /[vlme]/;

/** Flow types of classes that have another name. */
const TYPE_OF: Readonly<Record<string, string>> = { ike: 'udp', keepalive: 'udp', fragment: 'ip', other: 'ip' };

function lettersOf(base: string, family: string, fields: Readonly<Record<string, string>>): string {
  const letters = fields[(TYPE_OF[base] ?? base) + family] ?? '';
  return letters === AS_UDP ? (fields[`udp${family}`] ?? '') : letters;
}

export class Selection {
  readonly tallies: Tally[] = [];
  /** Of each flow its hash, or that of its first packet; where rules decide, the queue. */
  readonly hashes: Int32Array;
  /** At class numbers: 1 where all packets of a flow hash alike, and have a hash. */
  readonly steady: Uint8Array;
  /** Whether any class is not steady. */
  readonly unsteady: boolean;
  private readonly steerer: Steerer;
  private readonly hasher: FlowHasher;
  /** Bits at class numbers: letter r. */
  private readonly discarded: number;
  private readonly inner = new Dissection();
  private valid = 0;

  /**
   * @param steerer of the first of its scenarios
   * @param fields letters in force, at flow types
   * @param limit of flows
   */
  constructor(steerer: Steerer, fields: Readonly<Record<string, string>>, limit: number) {
    this.steerer = steerer;
    this.hasher = steerer.hasher;
    this.discarded = steerer.hasher.discarded;
    this.hashes = new Int32Array(limit);
    this.steady = Uint8Array.from(CLASSES, (name, cls) => (this.isSteady(cls, name, fields) ? 1 : 0));
    this.unsteady = this.steady.some((steady, cls) => cls > CLASS_NONIP && steady === 0);
  }

  private isSteady(cls: number, name: string, fields: Readonly<Record<string, string>>): boolean {
    const { steerer, hasher } = this;
    if (cls <= CLASS_NONIP || steerer.rules !== undefined || hasher.ways[cls] === 0) return false;
    if (((this.discarded >> cls) & 1) !== 0) return false;
    const family = name.slice(-1);
    if (CHANGING.test(lettersOf(name.slice(0, -1), family, fields))) return false;
    if ((cls | 1) === CLASS_UDP6 && fields[`gtpu${family}`] !== undefined) return false;
    if (steerer.nic?.variant === 'spi-sequence' && cls >= CLASS_ESP4 && cls <= CLASS_AH6) return false;
    // Flow labels.
    if (steerer.nic?.variant === 'flow-dissector') return false;
    if ((cls | 1) === CLASS_UDP6) return (steerer.tunnels & TUNNELS_UDP) === 0;
    return cls < CLASS_OTHER4 || steerer.tunnels === 0;
  }

  /** Keeps the hash of a flow whose class is steady. */
  learn(bytes: Uint8Array, d: Dissection, flow: number): void {
    this.hashes[flow] = this.hasher.hash(bytes, d);
  }

  /** The queue that the kept hash of a flow means in a scenario, or {@link DROPPED}. */
  queueOf(tally: Tally, flow: number, cls: number): number {
    const hash = this.hashes[flow];
    if (this.steerer.rules !== undefined) return hash;
    if (((this.discarded >> cls) & 1) !== 0) return DROPPED;
    return this.hasher.ways[cls] === 0 ? 0 : tally.indirection.queue(hash);
  }

  /** Counts one packet by itself. `flow`: its index, or -1; `isFirst`: of its flow. */
  packet(bytes: Uint8Array, d: Dissection, flow: number, isFirst: boolean, length: number, window: number): void {
    const { steerer, tallies, hashes } = this;
    if (steerer.rules !== undefined) {
      const queue = steerer.steer(bytes, d);
      if (flow >= 0 && isFirst) hashes[flow] = queue;
      const [tally] = tallies;
      if (flow >= 0 && hashes[flow] !== queue) tally.stray(flow);
      if (queue === DROPPED) tally.dropped++;
      else if (steerer.matched < 0 && steerer.valid === 1) tally.hashed(steerer.hash, 1, length, window);
      else {
        if (steerer.matched < 0) tally.unhashed++;
        tally.placed(queue, 1, length, window);
      }
      return;
    }
    const hash = this.hashOf(bytes, d);
    if (((this.discarded >> d.cls) & 1) !== 0) {
      for (const tally of tallies) tally.dropped++;
      return;
    }
    if (flow >= 0 && isFirst) hashes[flow] = hash;
    const strays = flow >= 0 && hashes[flow] !== hash;
    for (const tally of tallies) {
      if (this.valid === 0) {
        tally.unhashed++;
        tally.placed(0, 1, length, window);
        continue;
      }
      tally.hashed(hash, 1, length, window);
      if (strays && tally.indirection.queue(hash) !== tally.indirection.queue(hashes[flow])) tally.stray(flow);
    }
  }

  /** The queue of a packet in a scenario, or {@link DROPPED}. */
  queueOfPacket(tally: Tally, bytes: Uint8Array, d: Dissection): number {
    if (this.steerer.rules !== undefined) return this.steerer.steer(bytes, d);
    if (((this.discarded >> d.cls) & 1) !== 0) return DROPPED;
    const hash = this.hashOf(bytes, d);
    return this.valid === 0 ? 0 : tally.indirection.queue(hash);
  }

  private hashOf(bytes: Uint8Array, d: Dissection): number {
    const { steerer, hasher } = this;
    const seen = steerer.tunnels === 0 ? d : innermostOf(bytes, d, this.inner, steerer.tunnels);
    const hash = hasher.hash(bytes, seen);
    this.valid = hasher.valid;
    return hash;
  }
}
