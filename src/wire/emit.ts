/** Smallest packets of a flow: what `hash` hashes when it is given a tuple, so that it goes the way of every packet. */
import { checkInteger, optionError, RxSteerError } from '../errors.ts';
import { parseAddress } from './address.ts';
import { AH_HEADER, emitAh } from './ah.ts';
import { put16 } from './bytes.ts';
import { setL4Checksum } from './checksum.ts';
import { dissectIp } from './dissect-ip.ts';
import { Dissection } from './dissection.ts';
import { ESP_HEADER, emitEsp } from './esp.ts';
import { emitIpv4, IPV4_HEADER } from './ipv4.ts';
import { emitIpv6, IPV6_HEADER } from './ipv6.ts';
import { PROTO_AH, PROTO_ESP, PROTO_EXPERIMENT, PROTO_SCTP, PROTO_TCP, PROTO_UDP } from './protocols.ts';
import { emitTcp, TCP_FLAG_ACK, TCP_HEADER } from './tcp.ts';
import { emitUdp, UDP_HEADER, UDP_PORT_NATT } from './udp.ts';

export type TupleProto = 'tcp' | 'udp' | 'sctp' | 'esp' | 'ah' | 'ip';

/** A flow as text and numbers. */
export interface TupleOptions {
  /** IP addresses, both of one family. */
  src: string;
  dst: string;
  /** Ports, both or neither, 0 to 65535. */
  sport?: number;
  dport?: number;
  /** SPI, 0 to 0xffffffff. */
  spi?: number;
  /** Default: esp with an SPI, tcp with ports, ip (addresses alone) with neither. */
  proto?: TupleProto;
  /** ESP in UDP: needs an SPI; ports default to 4500. */
  natt?: boolean;
}

/** A packet from its IP header on, and what {@link dissectIp} makes of it. */
export interface TupleFrame {
  bytes: Uint8Array;
  dissection: Dissection;
}

/**
 * Builds the smallest packet of a flow.
 *
 * @throws RxSteerError `ERR_RXSTEER_ADDRESS`, `ERR_RXSTEER_OPTION`
 */
export function tupleFrame(options: TupleOptions): TupleFrame {
  const src = parseAddress(options.src);
  const dst = parseAddress(options.dst);
  if (src.length !== dst.length) {
    throw new RxSteerError('ERR_RXSTEER_ADDRESS', 'expected src and dst of one family, got IPv4 and IPv6');
  }
  const proto = protoOf(options);
  const l4 = src.length === 4 ? IPV4_HEADER : IPV6_HEADER;
  const number = options.natt ? PROTO_UDP : PROTO_NUMBERS[proto];
  const length = LENGTHS[proto] + (options.natt ? UDP_HEADER : 0);
  const bytes = new Uint8Array(l4 + length);
  if (src.length === 4) emitIpv4(bytes, 0, src, dst, number, l4 + length);
  else emitIpv6(bytes, 0, src, dst, number, length);

  const sport = options.sport ?? UDP_PORT_NATT;
  const dport = options.dport ?? UDP_PORT_NATT;
  const spi = options.spi ?? 0;
  if (options.natt) emitUdp(bytes, l4, sport, dport, length);
  if (proto === 'tcp') emitTcp(bytes, l4, sport, dport, 0, 0, TCP_FLAG_ACK);
  else if (proto === 'udp') emitUdp(bytes, l4, sport, dport, length);
  else if (proto === 'esp') emitEsp(bytes, l4 + length - ESP_HEADER, spi, 1);
  else if (proto === 'ah') emitAh(bytes, l4, PROTO_TCP, spi, 1, AH_ICV);
  else if (proto === 'sctp') {
    put16(bytes, l4, sport);
    put16(bytes, l4 + 2, dport);
  }
  if (number === PROTO_TCP || number === PROTO_UDP) setL4Checksum(bytes, 0, l4, bytes.length, number);

  const dissection = new Dissection();
  // ports of the tuple are plain UDP unless it says NAT-T, whatever their numbers
  dissection.nattPort = options.natt ? sport : -1;
  dissectIp(bytes, 0, bytes.length, dissection);
  return { bytes, dissection };
}

const AH_ICV = 12;
const PROTO_NUMBERS: Record<TupleProto, number> = {
  tcp: PROTO_TCP,
  udp: PROTO_UDP,
  sctp: PROTO_SCTP,
  esp: PROTO_ESP,
  ah: PROTO_AH,
  ip: PROTO_EXPERIMENT,
};
const LENGTHS: Record<TupleProto, number> = {
  tcp: TCP_HEADER,
  udp: UDP_HEADER,
  sctp: 12,
  esp: ESP_HEADER,
  ah: AH_HEADER + AH_ICV,
  ip: 0,
};

function protoOf(options: TupleOptions): TupleProto {
  const { sport, dport, spi, natt } = options;
  const ports = sport !== undefined || dport !== undefined;
  const proto = options.proto ?? (spi !== undefined || natt ? 'esp' : ports ? 'tcp' : 'ip');
  if (!Object.hasOwn(LENGTHS, proto)) throw optionError('proto', Object.keys(LENGTHS).join(', '), proto);
  if (natt && proto !== 'esp') throw optionError('natt', 'proto esp with it', proto);
  const wantsSpi = proto === 'esp' || proto === 'ah';
  // behind UDP an SPI of 0 is the marker of IKE
  if (wantsSpi) checkInteger('spi', spi, natt ? 1 : 0, 0xffffffff);
  else if (spi !== undefined) throw optionError('spi', `none with proto ${proto}`, spi);
  if (wantsSpi ? natt && ports : proto !== 'ip') {
    checkInteger('sport', sport, 0, 0xffff);
    checkInteger('dport', dport, 0, 0xffff);
  } else if (ports) {
    throw optionError(sport === undefined ? 'dport' : 'sport', `none with proto ${proto}`, sport ?? dport);
  }
  return proto;
}
