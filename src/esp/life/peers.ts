/**
 * Where an SA's packets come from: outer source and, in UDP, its port. A NAT may map them anew at any time (RFC 3948 section 5); who
 * sends back must learn of it. Only a packet that is authentic and the newest of its SA says where the peer is: an old one may have
 * come late, by the old way.
 */
import { u32 } from '../../wire/bytes.ts';
import type { SaState } from '../sa-state.ts';
import type { LifeClock } from './clock.ts';
import { RATE_MS } from './life.ts';
import { L_PEER, L_PEER_SINCE, PEER_V4, PEER_V6, type PeerAddress, type SaLifeState } from './life-state.ts';

export interface PeerSink {
  /** The peer of an SA has moved. False: it was not told, and is to be told again. */
  moved(sa: number, from: PeerAddress, to: PeerAddress): boolean;
}

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
    if (w[p] === (isV4 ? PEER_V4 : PEER_V6) + port && w[p + 1] === u32(bytes, at)) {
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
    const { life } = this;
    const length = isV4 ? 4 : 16;
    if (life.words[life.wordsAt(sa) + L_PEER] !== 0) {
      if (!this.state.isTop(sa, low, high)) return;
      const since = life.at(sa) + L_PEER_SINCE;
      const { now } = this.clock;
      if (now - life.doubles[since] < RATE_MS) return;
      life.doubles[since] = now;
      if (!this.sink.moved(sa, life.peer(sa)!, { address: bytes.slice(at, at + length), port })) return;
    }
    life.setPeer(sa, bytes, at, length, port);
  }
}
