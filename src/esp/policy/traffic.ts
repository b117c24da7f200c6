/**
 * What selectors look at in a packet, as numbers: one record, filled anew for each packet.
 */
import {
  CLASS_AH6,
  CLASS_ESP4,
  CLASS_FRAGMENT4,
  CLASS_KEEPALIVE6,
  CLASS_NATT4,
  CLASS_SCTP6,
  CLASS_TCP4,
  CLASS_UDP4,
} from '../../counters.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { isExtensionProto, PROTO_SCTP, PROTO_TCP, PROTO_UDP } from '../../wire/protocols.ts';
import { UDP_PORT_IKE } from '../../wire/udp.ts';

/** The ports: there are none; they cannot be seen, in a fragment or behind headers that are not walked. */
export const PORTS_NONE = -1;
export const PORTS_HIDDEN = -2;

export class Traffic {
  /** 4 or 6, or 0 for what is no IP. */
  family = 0;
  /** Words of the addresses, IPv4's in the first. */
  s0 = 0;
  s1 = 0;
  s2 = 0;
  s3 = 0;
  d0 = 0;
  d1 = 0;
  d2 = 0;
  d3 = 0;
  /** `PORTS_HIDDEN` when it cannot be seen either. */
  proto = 0;
  sport: number = PORTS_NONE;
  dport: number = PORTS_NONE;
  /** 1: what IPsec itself consists of (ESP, AH, IKE, keepalives). */
  keying = 0;

  /**
   * Reads a packet that has been dissected.
   *
   * @param l3 of an IP header
   * @param proto that of the dissection: of a fragment, what its header says
   */
  load(bytes: Uint8Array, cls: number, l3: number, l4: number, proto: number): void {
    const v6 = (cls & 1) === 1;
    this.keying = 0;
    this.proto = proto;
    if (cls < CLASS_TCP4) {
      this.family = 0;
      return;
    }
    if (v6) {
      this.family = 6;
      this.s0 = u32(bytes, l3 + 8);
      this.s1 = u32(bytes, l3 + 12);
      this.s2 = u32(bytes, l3 + 16);
      this.s3 = u32(bytes, l3 + 20);
      this.d0 = u32(bytes, l3 + 24);
      this.d1 = u32(bytes, l3 + 28);
      this.d2 = u32(bytes, l3 + 32);
      this.d3 = u32(bytes, l3 + 36);
    } else {
      this.family = 4;
      this.s0 = u32(bytes, l3 + 12);
      this.d0 = u32(bytes, l3 + 16);
    }
    if (cls <= CLASS_SCTP6 || (cls >= CLASS_NATT4 && cls <= CLASS_KEEPALIVE6)) {
      this.sport = u16(bytes, l4);
      this.dport = u16(bytes, l4 + 2);
      if (cls >= CLASS_NATT4 || ((cls & ~1) === CLASS_UDP4 && this.dport === UDP_PORT_IKE)) this.keying = 1;
      return;
    }
    const hidden = isExtensionProto(proto);
    if (hidden) this.proto = PORTS_HIDDEN;
    const hasPorts = proto === PROTO_TCP || proto === PROTO_UDP || proto === PROTO_SCTP;
    this.sport = hidden || ((cls & ~1) === CLASS_FRAGMENT4 && hasPorts) ? PORTS_HIDDEN : PORTS_NONE;
    this.dport = this.sport;
    if (cls >= CLASS_ESP4 && cls <= CLASS_AH6) this.keying = 1;
  }
}
