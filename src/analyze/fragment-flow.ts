/** The flow that a fragmented datagram would be of, were it whole: its first fragment has the ports, or the SPI. */
import { CLASS_AH4, CLASS_ESP4, CLASS_IKE4, CLASS_NATT4, CLASS_SCTP4, CLASS_TCP4, CLASS_UDP4 } from '../counters.ts';
import { AH_SPI } from '../wire/ah.ts';
import { u16, u32 } from '../wire/bytes.ts';
import type { Dissection } from '../wire/dissection.ts';
import { PROTO_AH, PROTO_ESP, PROTO_SCTP, PROTO_TCP, PROTO_UDP } from '../wire/protocols.ts';
import { UDP_DPORT, UDP_HEADER } from '../wire/udp.ts';
import { FLOW_KIND, FLOW_OUTER, FLOW_PORTS } from './unit-key.ts';

const CLASS_OF: ReadonlyMap<number, number> = new Map([
  [PROTO_TCP, CLASS_TCP4],
  [PROTO_UDP, CLASS_UDP4],
  [PROTO_SCTP, CLASS_SCTP4],
  [PROTO_ESP, CLASS_ESP4],
  [PROTO_AH, CLASS_AH4],
]);

/**
 * Fills `whole` from the first fragment in the record, whose own flow is `key`. False: what it is of cannot be told.
 */
export function readWhole(bytes: Uint8Array, d: Dissection, key: Int32Array, whole: Int32Array): boolean {
  const { l4, end, fragNext } = d;
  let cls = CLASS_OF.get(fragNext);
  let at = l4 + (fragNext === PROTO_AH ? AH_SPI : 0);
  if (cls === undefined || end - at < 4) return false;
  if (cls === CLASS_UDP4 && isNatt(bytes, d)) {
    if (end - l4 < UDP_HEADER + 4) return false;
    const esp = u32(bytes, l4 + UDP_HEADER) !== 0;
    cls = esp ? CLASS_NATT4 : CLASS_IKE4;
    if (esp) at = l4 + UDP_HEADER;
  }
  whole.set(key);
  whole[FLOW_OUTER] = cls === CLASS_NATT4 ? u32(bytes, l4) : 0;
  whole[FLOW_PORTS] = u32(bytes, at);
  whole[FLOW_KIND] = cls | (d.cls & 1) | (fragNext << 8);
  return true;
}

function isNatt(bytes: Uint8Array, d: Dissection): boolean {
  return u16(bytes, d.l4) === d.nattPort || u16(bytes, d.l4 + UDP_DPORT) === d.nattPort;
}

/** Turns a flow of whole packets, in `key`, into that of its fragments, whose class is `fragment`. */
export function fragmentsOf(key: Int32Array, fragment: number): void {
  const kind = key[FLOW_KIND];
  key[FLOW_PORTS] = 0;
  key[FLOW_OUTER] = 0;
  key[FLOW_KIND] = (fragment & ~1) | (kind & 1) | (kind & ~0xff);
}
