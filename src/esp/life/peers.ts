/**
 * Where an SA's packets come from: outer source and, in UDP, its port. A NAT may map them anew at any time (RFC 3948 section 5); who
 * sends back must learn of it. Only a packet that is authentic and the newest of its SA says where the peer is: an old one may have
 * come late, by the old way.
 */
import { u32 } from '../../wire/bytes.ts';
import type { SaState } from '../sa-state.ts';
import type { LifeClock } from './clock.ts';
import { RATE_MS } from './life.ts';
import { L_PEER, L_PEER_SINCE, type SaLifeState } from './life-state.ts';

/** An outer source: 4 or 16 bytes, and the UDP port, 0 without UDP. */
export interface PeerAddress {
  readonly address: Uint8Array;
  readonly port: number;
}

export interface PeerSink {
  /** The peer of an SA has moved. False: it was not told, and is to be told again. */
  moved(sa: number, from: PeerAddress, to: PeerAddress): boolean;
}

const V4 = 4 << 16;
const V6 = 6 << 16;

export class PeerWatch {
  private readonly life: SaLifeState;
  private readonly state: SaState;
  private readonly clock: LifeClock;
  private readonly sink: PeerSink;

  constructor(life: SaLifeState, state: SaState, clock: LifeClock, sink: PeerSink) {
    this.life = life;
    this.state = state;
    this.clock = clock;
    this.sink = sink;
  }

  /**
   * Looks at the source of an authentic packet.
   *
   * @param l3 where its outer IP header begins
   * @param port source port in UDP, or 0
   * @param low and `high`: halves of its sequence number
   */
  look(sa: number, bytes: Uint8Array, l3: number, port: number, low: number, high: number): void {
    const w = this.life.words;
    const p = this.life.wordsAt(sa) + L_PEER;
    const isV4 = bytes[l3] >> 4 === 4;
    const at = l3 + (isV4 ? 12 : 8);
    if (w[p] === (isV4 ? V4 : V6) + port && w[p + 1] === u32(bytes, at)) {
      if (isV4) return;
      if (w[p + 2] === u32(bytes, at + 4) && w[p + 3] === u32(bytes, at + 8) && w[p + 4] === u32(bytes, at + 12))
        return;
    }
    this.change(sa, bytes, at, isV4, port, low, high);
  }

  /** What was told last stays, until another place is told: so the last move is never held back for good. */
  private change(
    sa: number,
    bytes: Uint8Array,
    at: number,
    isV4: boolean,
    port: number,
    low: number,
    high: number,
  ): void {
    const { words: w, doubles } = this.life;
    const p = this.life.wordsAt(sa) + L_PEER;
    if (w[p] !== 0) {
      if (!this.state.isTop(sa, low, high)) return;
      const since = this.life.at(sa) + L_PEER_SINCE;
      const { now } = this.clock;
      if (now - doubles[since] < RATE_MS) return;
      doubles[since] = now;
      const to = { address: bytes.slice(at, at + (isV4 ? 4 : 16)), port };
      if (!this.sink.moved(sa, this.last(p), to)) return;
    }
    w[p] = (isV4 ? V4 : V6) + port;
    for (let i = 0; i < (isV4 ? 1 : 4); i++) w[p + 1 + i] = u32(bytes, at + 4 * i);
  }

  private last(p: number): PeerAddress {
    const w = this.life.words;
    const address = new Uint8Array(w[p] >> 16 === 4 ? 4 : 16);
    const view = new DataView(address.buffer);
    for (let i = 0; i < address.length; i += 4) view.setInt32(i, w[p + 1 + (i >> 2)]);
    return { address, port: w[p] & 0xffff };
  }
}
