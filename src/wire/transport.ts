/** What follows an IP header: gives the packet its class. */
import {
  BAD_ESP_SHORT,
  BAD_L4_LENGTH,
  BAD_L4_SHORT,
  BAD_NONE,
  CLASS_AH4,
  CLASS_ESP4,
  CLASS_IKE4,
  CLASS_KEEPALIVE4,
  CLASS_MALFORMED,
  CLASS_NATT4,
  CLASS_OTHER4,
  CLASS_SCTP4,
  CLASS_TCP4,
  CLASS_UDP4,
} from '../counters.ts';
import { AH_SPI, checkAh } from './ah.ts';
import { u32 } from './bytes.ts';
import type { Dissection } from './dissection.ts';
import { ESP_HEADER } from './esp.ts';
import { PROTO_AH, PROTO_ESP, PROTO_SCTP, PROTO_TCP, PROTO_UDP } from './protocols.ts';
import { TCP_HEADER, TCP_OFFSET } from './tcp.ts';
import { NATT_KEEPALIVE, UDP_HEADER, UDP_LENGTH } from './udp.ts';

// Copies: V8 folds a constant of the module itself, but loads and checks an imported or exported one at every use.
const IS_TCP = CLASS_TCP4;
const IS_UDP = CLASS_UDP4;
const IS_ESP = CLASS_ESP4;
const IS_NATT = CLASS_NATT4;
const IS_OTHER = CLASS_OTHER4;
const TCP = PROTO_TCP;
const UDP = PROTO_UDP;
const ESP = PROTO_ESP;
const TCP_BYTES = TCP_HEADER;
const TCP_DATA_OFFSET = TCP_OFFSET;
const UDP_BYTES = UDP_HEADER;
const UDP_LENGTH_AT = UDP_LENGTH;
const ESP_BYTES = ESP_HEADER;

/** Common header of SCTP: ports, verification tag, checksum (RFC 9260 section 3.1). */
const SCTP_HEADER = 12;

/**
 * Classifies the packet from `l4` to `end`; `six` is 0 or 1. The caller has cleaned the record and set `l3` and `truncated`.
 * Sets the rest and returns the class.
 */
export function transport(
  bytes: Uint8Array,
  l4: number,
  end: number,
  proto: number,
  six: number,
  out: Dissection,
): number {
  out.l4 = l4;
  out.end = end;
  out.proto = proto;
  const present = (end - l4) | 0;
  let cls = 0;
  if (proto === TCP) {
    if (present < TCP_BYTES) return bad(out, BAD_L4_SHORT);
    const length = (bytes[l4 + TCP_DATA_OFFSET] >> 4) << 2;
    // captures cut at 64 bytes have no room for options: only a whole packet's data offset must fit
    if (length < TCP_BYTES || (length > present && out.truncated === 0)) return bad(out, BAD_L4_LENGTH);
    cls = IS_TCP;
  } else if (proto === UDP) {
    if (present < UDP_BYTES) return bad(out, BAD_L4_SHORT);
    let length = (bytes[l4 + UDP_LENGTH_AT] << 8) | bytes[l4 + UDP_LENGTH_AT + 1];
    if (length < UDP_BYTES) {
      // a jumbogram has 0 here (RFC 2675 section 4)
      if (length !== 0 || six === 0) return bad(out, BAD_L4_LENGTH);
      length = present;
    }
    if (length > present) {
      out.truncated = 1;
      out.dirty = 1;
    }
    cls = IS_UDP;
    const port = out.nattPort;
    if (((bytes[l4 + 2] << 8) | bytes[l4 + 3]) === port || ((bytes[l4] << 8) | bytes[l4 + 1]) === port) {
      // ESP, IKE behind four zero bytes, keepalives of one byte (RFC 3948 section 2)
      const esp = (l4 + UDP_BYTES) | 0;
      const payload = (Math.min(length, present) - UDP_BYTES) | 0;
      if (length === UDP_BYTES + 1 && payload === 1 && bytes[esp] === NATT_KEEPALIVE) {
        cls = CLASS_KEEPALIVE4;
      } else if (payload >= 4 && (bytes[esp] | bytes[esp + 1] | bytes[esp + 2] | bytes[esp + 3]) === 0) {
        cls = CLASS_IKE4;
      } else {
        if (payload < ESP_BYTES) return bad(out, BAD_ESP_SHORT);
        out.spi = u32(bytes, esp);
        out.esp = esp;
        out.dirty = 1;
        cls = IS_NATT;
      }
    }
  } else if (proto === ESP) {
    if (present < ESP_BYTES) return bad(out, BAD_ESP_SHORT);
    out.spi = u32(bytes, l4);
    out.esp = l4;
    out.dirty = 1;
    cls = IS_ESP;
  } else if (proto === PROTO_AH) {
    const verdict = checkAh(bytes, l4, end);
    if (verdict !== BAD_NONE) return bad(out, verdict);
    out.spi = u32(bytes, l4 + AH_SPI);
    out.dirty = 1;
    cls = CLASS_AH4;
  } else if (proto === PROTO_SCTP) {
    if (present < SCTP_HEADER) return bad(out, BAD_L4_SHORT);
    cls = CLASS_SCTP4;
  } else {
    cls = IS_OTHER;
  }
  cls |= six;
  out.cls = cls;
  return cls;
}

/** Malformed behind a sound IP header: what is known of that header stays. */
function bad(out: Dissection, reason: number): number {
  out.cls = CLASS_MALFORMED;
  out.reason = reason;
  out.dirty = 1;
  return CLASS_MALFORMED;
}
