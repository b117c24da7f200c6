/**
 * Bounded IP reassembly: RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722. The slow path.
 *
 * Rules, where the RFCs leave a choice:
 * - An exact duplicate (same offset, same length) is dropped alone, whatever it holds; any other overlap drops the whole
 *   datagram, and what still comes of it is refused until a timeout has passed since. So too for a fragment that
 *   contradicts the end of its datagram, or finds no room for itself.
 * - A fragment that is wrong in itself (size, bounds, cut off by the capture) is refused alone.
 * - Room is made by age. An address pair (within its SA) that would hold more than a quarter of the waiting memory or of
 *   the table loses its own oldest datagram; when all is taken, the oldest of all goes (entries of refused ones first). So
 *   a flood of one pair costs no other pair anything, and a flood of many costs those datagrams that take longer to
 *   arrive than the flood to fill the pool once. Linux refuses new datagrams over its threshold instead: there a flood
 *   that fills it once a timeout stops all reassembly (720 fragments in 30 s would do here).
 * - New datagrams leave a quarter of what they may have to those that have begun: else each fragment that completes one
 *   would push out the next.
 * - Datagrams wait 30 s over IPv4 (as Linux) and 60 s over IPv6 (RFC 8200), from their first fragment.
 * - The IP header of the fragment at offset 0 stays, options included. ECN marks of the others are not merged into it
 *   (RFC 3168 section 5.3 would). IPv6 needs no upper-layer header in the first fragment (RFC 7112 does): the dissection
 *   of the result tells.
 */
import { DROP_FRAGMENT_INVALID, DROP_FRAGMENT_LIMIT, DROP_FRAGMENT_OVERLAP } from '../counters.ts';
import { checkInteger } from '../errors.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Dissection } from '../wire/dissection.ts';
import {
  D_BYTES,
  D_COUNT,
  D_FIRST,
  D_HEADER,
  D_LAST,
  D_LINK,
  D_PREVIOUS,
  D_PROTOCOL,
  D_REFUSED,
  D_TOTAL,
  Datagrams,
} from './datagrams.ts';
import { Pairs } from './pairs.ts';
import { CHUNK, CHUNK_SHIFT, FragmentPool } from './pool.ts';

/** Result of `add`: the fragment waits. */
export const FRAGMENT_HELD = 0;
/** Result of `add`: its datagram is complete. */
export const FRAGMENT_COMPLETE = 1;
/** Result of `add`, plus the drop reason: refused. */
export const FRAGMENT_REFUSED = 2;

/** Room that the largest datagram needs, with 256 bytes for link-layer headers. */
const LARGEST = 65535 + 40 + 256;

export interface ReassemblerOptions {
  /** Datagrams open at once, refused ones included; 1 to 65536, default 1024. */
  maxDatagrams?: number;
  /** Fragments of one datagram that may wait; 2 to 8192, default 128 (65,535 bytes at an MTU of 576 are 119). */
  maxFragments?: number;
  /** How long IPv4 datagrams wait, in milliseconds; default 30,000. */
  timeoutMs?: number;
  /** How long IPv6 datagrams wait, in milliseconds; default 60,000. */
  timeoutMs6?: number;
}

export class Reassembler {
  /** Fragments waiting. */
  held = 0;
  /** Fragments that went down with the last `add`: 0 unless it refused; else 1, or all of its datagram and itself. */
  lost = 0;
  /** Fragments of other datagrams that the last `add` evicted to make room: `fragment-limit`, whatever it returned. */
  evicted = 0;
  /** The last complete datagram: absolute offset of its frame, offset of its IP header, bytes of the frame, packets joined. */
  outOffset = 0;
  outL3 = 0;
  outLength = 0;
  outFragments = 0;

  private readonly bytes: Uint8Array;
  private readonly kernels: Kernels;
  private readonly pool: FragmentPool;
  private readonly open: Datagrams;
  private readonly maxFragments: number;
  private readonly timeout4: number;
  private readonly timeout6: number;
  private readonly pairs: Pairs;
  /** What one address pair may hold: chunks, and datagrams. */
  private readonly mostChunks: number;
  private readonly mostOpen: number;
  /** Chunks that a new datagram leaves free: of all, and of what its pair may hold. */
  private readonly reserve: number;
  private readonly pairReserve: number;
  // Of a waiting fragment, at its first chunk: place in the datagram, payload bytes, header bytes in front (offset 0 only), next one.
  private readonly fragOff: Int32Array;
  private readonly fragLen: Int32Array;
  private readonly fragHeader: Int32Array;
  private readonly fragNext: Int32Array;

  /**
   * @param bytes the whole frame memory
   * @param kernels copy and checksum over the same memory
   * @param pool the part of it that is for reassembly alone, in bytes; half holds what waits, half what is complete
   * @throws RxSteerError `ERR_RXSTEER_OPTION` when an option is out of bounds or the pool too small for one datagram.
   */
  constructor(
    bytes: Uint8Array,
    kernels: Kernels,
    pool: { offset: number; length: number },
    options: ReassemblerOptions = {},
  ) {
    checkInteger('pool.offset + pool.length', pool.offset + pool.length, 0, bytes.length);
    this.bytes = bytes;
    this.kernels = kernels;
    this.pool = new FragmentPool(pool.offset, pool.length);
    this.open = new Datagrams(checkInteger('maxDatagrams', options.maxDatagrams ?? 1024, 1, 65536));
    this.maxFragments = checkInteger('maxFragments', options.maxFragments ?? 128, 2, 8192);
    this.timeout4 = checkInteger('timeoutMs', options.timeoutMs ?? 30_000, 1, 3_600_000);
    this.timeout6 = checkInteger('timeoutMs6', options.timeoutMs6 ?? 60_000, 1, 3_600_000);
    this.pairs = new Pairs(this.open.capacity);
    // at least a datagram of as many fragments as are allowed
    this.mostChunks = Math.max(this.pool.chunks >> 2, Math.min(this.pool.chunks, this.maxFragments));
    this.reserve = this.pool.chunks >> 2;
    this.pairReserve = this.mostChunks >> 2;
    this.mostOpen = Math.max(1, this.open.capacity >> 2);
    this.fragOff = new Int32Array(this.pool.chunks);
    this.fragLen = new Int32Array(this.pool.chunks);
    this.fragHeader = new Int32Array(this.pool.chunks);
    this.fragNext = new Int32Array(this.pool.chunks);
  }

  /** Whether there is room for a complete datagram of any size. A caller with backpressure waits for `release` until there is. */
  get ready(): boolean {
    return this.pool.fits(LARGEST);
  }

  /**
   * Takes a packet of class fragment. Its bytes are copied: the frame may go when this returns.
   * @param d its dissection
   * @param frameOff where its frame starts: the bytes up to the IP header are the link-layer header that is kept
   * @param sa a number of the SA, 0 for clear: fragments of different SAs are never joined
   * @param seconds time of arrival, never running back; `expire` with the same time comes first
   * @returns `FRAGMENT_HELD`, `FRAGMENT_COMPLETE`, or `FRAGMENT_REFUSED` + drop reason (counters.ts)
   */
  add(d: Dissection, frameOff: number, sa: number, seconds: number, nanos: number): number {
    const { bytes, open } = this;
    this.evicted = 0;
    this.advance(seconds, nanos);
    const v6 = bytes[d.l3] >>> 4 === 6;
    const payload = v6 ? d.fragHdr + 8 : d.l3 + ((bytes[d.l3] & 15) << 2);
    const length = d.end - payload;
    const offset = d.fragOff;
    const end = offset + length;
    if (d.truncated !== 0 || length <= 0 || end > 65535 || (d.fragMore !== 0 && (length & 7) !== 0)) {
      return this.refuse(DROP_FRAGMENT_INVALID);
    }
    const header = offset === 0 ? (v6 ? d.fragHdr : payload) - frameOff : 0;
    const chunks = (header + length + CHUNK - 1) >> CHUNK_SHIFT;

    let entry = open.find(bytes, d, v6, sa);
    const fresh = entry < 0;
    if (fresh) entry = this.begin(v6);
    const w = open.w;
    const b = open.row(entry);
    if (w[b + D_REFUSED] >= 0) return this.refuse(w[b + D_REFUSED]);

    // Its place among those that wait. Behind the last is the usual one; else from the front, at most `maxFragments` steps.
    let before = w[b + D_LAST];
    let after = -1;
    if (before >= 0 && this.fragOff[before] >= offset) {
      before = -1;
      after = w[b + D_FIRST];
      while (this.fragOff[after] < offset) {
        before = after;
        after = this.fragNext[after];
      }
    }
    if (after >= 0 && this.fragOff[after] === offset && this.fragLen[after] === length) {
      return this.refuse(DROP_FRAGMENT_OVERLAP);
    }
    if (
      (before >= 0 && this.fragOff[before] + this.fragLen[before] > offset) ||
      (after >= 0 && this.fragOff[after] < end)
    ) {
      return this.refuseAll(entry, DROP_FRAGMENT_OVERLAP);
    }
    const total = w[b + D_TOTAL];
    if (d.fragMore === 0) {
      // Nothing may lie behind the final fragment; `after` being there, or another end, contradicts it.
      if (after >= 0 || (total >= 0 && total !== end)) return this.refuseAll(entry, DROP_FRAGMENT_INVALID);
      w[b + D_TOTAL] = end;
    } else if (total >= 0 && end >= total) {
      return this.refuseAll(entry, DROP_FRAGMENT_INVALID);
    }
    if (w[b + D_COUNT] >= this.maxFragments) return this.refuseAll(entry, DROP_FRAGMENT_LIMIT);
    if (!this.makeRoom(entry, chunks, fresh)) return this.refuseAll(entry, DROP_FRAGMENT_LIMIT);
    const first = this.pool.take(chunks);
    this.pairs.chunks[this.pairs.of(entry)] += chunks;

    if (offset === 0) {
      w[b + D_HEADER] = header;
      w[b + D_LINK] = d.l3 - frameOff;
      w[b + D_PREVIOUS] = v6 ? d.fragPrev - frameOff : 0;
      w[b + D_PROTOCOL] = d.fragNext;
      if (header > 0) this.store(first, 0, frameOff, header);
    }
    this.store(first, header, payload, length);
    this.fragOff[first] = offset;
    this.fragLen[first] = length;
    this.fragHeader[first] = header;
    this.fragNext[first] = after;
    if (before < 0) w[b + D_FIRST] = first;
    else this.fragNext[before] = first;
    if (after < 0) w[b + D_LAST] = first;
    w[b + D_COUNT]++;
    w[b + D_BYTES] += length;
    this.held++;
    this.lost = 0;
    // Nothing overlaps and nothing lies behind the end, so as many bytes as the total are all bytes.
    return w[b + D_BYTES] === w[b + D_TOTAL] ? this.complete(entry) : FRAGMENT_HELD;
  }

  /** The bytes of a complete datagram may be used again. */
  release(outOffset: number): void {
    this.pool.release(outOffset);
  }

  /** Drops the datagrams that have waited too long; returns how many fragments were lost (`fragment-timeout`). */
  expire(seconds: number, nanos: number): number {
    this.advance(seconds, nanos);
    const { open } = this;
    let lost = 0;
    for (let list = 0; list < 4; list++) {
      const limit = this.open.clock[0] - ((list & 1) === 0 ? this.timeout4 : this.timeout6);
      for (let e = open.head(list); e >= 0 && open.time[e] <= limit; e = open.head(list)) lost += this.forget(e);
    }
    return lost;
  }

  /** End of input: drops all that waits; returns how many fragments were lost (`fragment-timeout`). */
  flush(): number {
    const { open } = this;
    let lost = 0;
    for (let list = 0; list < 4; list++) {
      for (let e = open.head(list); e >= 0; e = open.head(list)) lost += this.forget(e);
    }
    return lost;
  }

  private advance(seconds: number, nanos: number): void {
    const now = seconds * 1000 + nanos / 1e6;
    const { clock } = this.open;
    if (now > clock[0]) clock[0] = now;
  }

  /** The entry of a new datagram, for which an older one may have to go. */
  private begin(v6: boolean): number {
    const { open, pairs } = this;
    const pair = pairs.at(open.pairHash());
    if (pairs.count[pair] >= this.mostOpen) this.evict(pairs.longest(pair, -1));
    let entry = open.insert(v6);
    if (entry < 0) {
      const refused = open.longestRefused();
      if (refused >= 0) this.forget(refused);
      else this.evict(open.longestWaiting(-1));
      entry = open.insert(v6);
    }
    pairs.link(entry, pair);
    return entry;
  }

  /** Evicts others until there is room for `chunks` of a datagram. False: it alone holds too much. */
  private makeRoom(entry: number, chunks: number, fresh: boolean): boolean {
    const { open, pairs, pool, mostChunks } = this;
    const pair = pairs.of(entry);
    const most = fresh ? mostChunks - this.pairReserve : mostChunks;
    while (pairs.chunks[pair] + chunks > most) {
      const oldest = pairs.longest(pair, entry);
      if (oldest < 0) break;
      this.evict(oldest);
    }
    if (pairs.chunks[pair] + chunks > mostChunks) return false;
    const spare = fresh ? this.reserve : 0;
    while (pool.free - chunks < spare) {
      const oldest = open.longestWaiting(entry);
      if (oldest < 0) break;
      this.evict(oldest);
    }
    return pool.free >= chunks;
  }

  private evict(entry: number): void {
    this.evicted += this.forget(entry);
  }

  private refuse(reason: number): number {
    this.lost = 1;
    return FRAGMENT_REFUSED + reason;
  }

  /** Refuses the fragment at hand and, with it, its datagram. */
  private refuseAll(entry: number, reason: number): number {
    this.lost = 1 + this.drop(entry);
    this.open.refuse(entry, reason);
    return FRAGMENT_REFUSED + reason;
  }

  private forget(entry: number): number {
    const lost = this.drop(entry);
    this.open.remove(entry);
    return lost;
  }

  /** Ends the waiting of a datagram, and gives its chunks back; returns how many fragments that were. Of a refused one: nothing. */
  private drop(entry: number): number {
    const w = this.open.w;
    const b = this.open.row(entry);
    if (w[b + D_REFUSED] >= 0) return 0;
    const pair = this.pairs.of(entry);
    for (let f = w[b + D_FIRST]; f >= 0; ) {
      const next = this.fragNext[f];
      this.pairs.chunks[pair] -= this.pool.give(f);
      f = next;
    }
    this.pairs.unlink(entry);
    const count = w[b + D_COUNT];
    w[b + D_FIRST] = -1;
    w[b + D_LAST] = -1;
    w[b + D_COUNT] = 0;
    this.held -= count;
    return count;
  }

  /** Copies `length` bytes at `source` into a chain of chunks, from byte `at` of the chain on. */
  private store(first: number, at: number, source: number, length: number): void {
    const { pool, kernels } = this;
    let chunk = first;
    let into = at;
    for (; into >= CHUNK; into -= CHUNK) chunk = pool.next[chunk];
    let from = source;
    for (let left = length; left > 0; chunk = pool.next[chunk]) {
      const n = Math.min(left, CHUNK - into);
      kernels.copy(pool.chunkOffset(chunk) + into, from, n);
      from += n;
      left -= n;
      into = 0;
    }
  }

  /** Makes the datagram contiguous, with the header of its first fragment rewritten. */
  private complete(entry: number): number {
    const { pool, kernels, bytes } = this;
    const w = this.open.w;
    const b = this.open.row(entry);
    const header = w[b + D_HEADER];
    const link = w[b + D_LINK];
    const total = w[b + D_TOTAL];
    const v6 = this.open.isV6(entry);
    const ipLength = header - link + total - (v6 ? 40 : 0);
    if (ipLength > 65535) return this.refuseWaiting(entry, DROP_FRAGMENT_INVALID);
    const target = pool.place(header + total);
    if (target < 0) return this.refuseWaiting(entry, DROP_FRAGMENT_LIMIT);

    let to = target;
    for (let f = w[b + D_FIRST]; f >= 0; f = this.fragNext[f]) {
      let left = this.fragHeader[f] + this.fragLen[f];
      for (let chunk = f; left > 0; chunk = pool.next[chunk]) {
        const n = Math.min(left, CHUNK);
        kernels.copy(to, pool.chunkOffset(chunk), n);
        to += n;
        left -= n;
      }
    }
    const l3 = target + link;
    if (v6) {
      bytes[l3 + 4] = ipLength >>> 8;
      bytes[l3 + 5] = ipLength;
      bytes[target + w[b + D_PREVIOUS]] = w[b + D_PROTOCOL];
    } else {
      bytes[l3 + 2] = ipLength >>> 8;
      bytes[l3 + 3] = ipLength;
      bytes[l3 + 6] &= 0xc0; // MF and the offset go; DF of the first fragment stays
      bytes[l3 + 7] = 0;
      bytes[l3 + 10] = 0;
      bytes[l3 + 11] = 0;
      const sum = ~kernels.checksum(l3, header - link);
      bytes[l3 + 10] = sum >>> 8;
      bytes[l3 + 11] = sum;
    }
    this.outOffset = target;
    this.outL3 = l3;
    this.outLength = header + total;
    this.outFragments = this.forget(entry);
    return FRAGMENT_COMPLETE;
  }

  /** As `refuseAll`, when the fragment at hand waits already. */
  private refuseWaiting(entry: number, reason: number): number {
    this.lost = this.drop(entry);
    this.open.refuse(entry, reason);
    return FRAGMENT_REFUSED + reason;
  }
}
