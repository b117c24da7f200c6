/**
 * Inbound AH, RFC 4302 section 3.4: lengths, replay check, integrity, replay mark. A verdict a packet, never an exception; what follows
 * the header is left where it is.
 */
import { DROP_ICV, DROP_REPLAY, DROP_SA_EXPIRED, DROP_SHORT } from '../../counters.ts';
import { AH_HEADER, ahLength, ahNext, ahSeq } from '../../wire/ah.ts';
import { FAILED_ICV, FAILED_REPLAY, type SaLife } from '../life/life.ts';
import { OPEN_OK, type SaSource } from '../open.ts';
import { ReplayWindow } from '../replay-window.ts';
import {
  F_GATE,
  F_LENGTHS,
  FACTS_SHIFT,
  SA_BYTES,
  SA_ICV,
  SA_OPENED,
  SA_PACKETS,
  SA_REPLAY,
  SA_SHORT,
  type SaState,
} from '../sa-state.ts';
import { AhAuthenticator } from './authenticator.ts';

/** The largest IP packet: a header of IPv6 in front of what 16 bits can tell. */
const MAX_PACKET = 65_575;

export class AhOpener {
  /** After a successful `open`: protocol of what follows AH, and where that begins. */
  nextHeader = 0;
  payload = 0;
  private readonly bytes: Uint8Array;
  private readonly sas: SaSource;
  private readonly facts: Int32Array;
  private readonly counters: Float64Array;
  private readonly replay: ReplayWindow;
  private readonly life: SaLife | undefined;
  private readonly authenticators: (AhAuthenticator | undefined)[];
  /** The packet that is checked: its changeable parts are zeroed, and nobody else writes here meanwhile. */
  private work: Uint8Array = new Uint8Array(0);

  /**
   * @param bytes the whole frame memory; all offsets are absolute in it
   * @param life limits of the SAs; absent: they live for ever
   */
  constructor(bytes: Uint8Array, sas: SaSource, state: SaState, life?: SaLife) {
    this.bytes = bytes;
    this.sas = sas;
    this.counters = state.counters;
    this.replay = new ReplayWindow(state);
    this.facts = state.facts;
    this.life = life;
    this.authenticators = new Array<undefined>(state.capacity).fill(undefined);
  }

  /** The SA has gone. */
  forget(sa: number): void {
    this.authenticators[sa] = undefined;
  }

  /**
   * Checks a packet.
   *
   * @param sa index of the SA
   * @param l3 and `ah`: where its IP header and AH begin; `end`: where it ends
   * @returns `OPEN_OK` or a drop reason
   */
  open(sa: number, l3: number, ah: number, end: number): number {
    const { bytes, counters, facts, replay, life } = this;
    const count = sa * 8;
    const f = sa << FACTS_SHIFT;
    counters[count + SA_PACKETS]++;
    if (facts[f + F_GATE] === 0 && life?.refuses(sa)) return DROP_SA_EXPIRED;
    const header = ahLength(bytes, ah);
    const lengths = facts[f + F_LENGTHS];
    // GMAC's IV is in the field of the ICV.
    const least = AH_HEADER + (lengths & 0xff) + ((lengths >> 8) & 0xff);
    // Whole words; over IPv6, and as Linux does over IPv4 too, whole pairs of words.
    const fits = header === ((least + 3) & -4) || header === ((least + 7) & -8);
    if (!fits || ah + header > end || end - l3 > MAX_PACKET) {
      counters[count + SA_SHORT]++;
      return DROP_SHORT;
    }
    const low = ahSeq(bytes, ah);
    if (!replay.check(sa, low)) return this.replayed(sa);
    const { high } = replay;
    if (this.work.length === 0) this.work = new Uint8Array(MAX_PACKET);
    const packet = this.work.subarray(0, end - l3);
    packet.set(bytes.subarray(l3, end));
    this.authenticators[sa] ??= new AhAuthenticator(this.sas.at(sa)!);
    const right = this.authenticators[sa].verify(packet, ah - l3, high);
    if (right === undefined) {
      counters[count + SA_SHORT]++;
      return DROP_SHORT;
    }
    if (!right) {
      counters[count + SA_ICV]++;
      life?.failed(sa, FAILED_ICV);
      return DROP_ICV;
    }
    if (!replay.mark(sa, low, high)) return this.replayed(sa);
    if (life?.accepts(sa, low, high, end - l3) === false) return DROP_SA_EXPIRED;
    this.nextHeader = ahNext(bytes, ah);
    this.payload = ah + header;
    counters[count + SA_OPENED]++;
    counters[count + SA_BYTES] += end - this.payload;
    return OPEN_OK;
  }

  private replayed(sa: number): number {
    this.counters[sa * 8 + SA_REPLAY]++;
    this.life?.failed(sa, FAILED_REPLAY);
    return DROP_REPLAY;
  }
}
