/** Addresses, protocol and ports of a packet, for those who key their state by flow. */
import { CLASS_AH4, CLASS_ESP4, CLASS_FRAGMENT4, CLASS_NONIP } from '../counters.ts';
import { addressText, endpointText } from './address.ts';
import { u16 } from './bytes.ts';
import { IPV4_SRC } from './ipv4.ts';
import { IPV6_SRC } from './ipv6.ts';
import { PROTO_TCP, PROTO_UDP } from './protocols.ts';

/** A reused record. */
export class Tuple {
  family: 4 | 6 = 4;
  /** The first 4 bytes, or 16, are the address. */
  readonly src: Uint8Array = new Uint8Array(16);
  readonly dst: Uint8Array = new Uint8Array(16);
  protocol = 0;
  /** 0 for what has none: fragments, ESP, ICMP. */
  sport = 0;
  dport = 0;

  /** `tcp 10.0.0.1:80 > 10.0.0.2:1234`, for people. */
  toString(): string {
    const size = this.family === 4 ? 4 : 16;
    const ports = this.sport !== 0 || this.dport !== 0;
    const end = (address: Uint8Array, port: number): string => {
      const text = addressText(address, 0, size);
      return ports ? endpointText(text, port) : text;
    };
    const name =
      this.protocol === PROTO_TCP ? 'tcp' : this.protocol === PROTO_UDP ? 'udp' : `protocol ${this.protocol}`;
    return `${name} ${end(this.src, this.sport)} > ${end(this.dst, this.dport)}`;
  }
}

/** Fills `out` from a packet of class `cls`, dissected before. False, and `out` as it was, without an IP header. */
export function readTuple(
  bytes: Uint8Array,
  cls: number,
  l3: number,
  l4: number,
  protocol: number,
  out: Tuple,
): boolean {
  if (cls <= CLASS_NONIP) return false;
  const v6 = (cls & 1) !== 0;
  const size = v6 ? 16 : 4;
  const from = l3 + (v6 ? IPV6_SRC : IPV4_SRC);
  for (let i = 0; i < size; i++) {
    out.src[i] = bytes[from + i];
    out.dst[i] = bytes[from + size + i];
  }
  out.family = v6 ? 6 : 4;
  out.protocol = protocol;
  const family = cls & ~1;
  const ports = family !== CLASS_ESP4 && family !== CLASS_AH4 && family < CLASS_FRAGMENT4;
  out.sport = ports ? u16(bytes, l4) : 0;
  out.dport = ports ? u16(bytes, l4 + 2) : 0;
  return true;
}
