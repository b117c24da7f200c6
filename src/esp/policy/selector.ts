/**
 * Selectors of traffic (RFC 4301 section 4.4.1.1): prefixes, protocol and ports, as people write them, and checked. Used for what
 * may come by an SA, and for what may come in clear.
 */

import { parseAddress } from '../../wire/address.ts';
import { isExtensionProto, PROTO_SCTP, PROTO_TCP, PROTO_UDP, protoNumber } from '../../wire/protocols.ts';

/** A port: a number, or a range such as `1024-65535`. */
export type PortConfig = number | string;

/** Which packets: what is absent may be anything. */
export interface SelectorConfig {
  /** Prefixes such as `10.1.0.0/16`, or addresses; of a list, any of them. */
  readonly src?: string | readonly string[];
  readonly dst?: string | readonly string[];
  /** A number, or tcp, udp, sctp, icmp, icmpv6, esp, ah, gre, ... */
  readonly proto?: number | string;
  /** Of TCP, UDP and SCTP: other protocols have no ports. */
  readonly sport?: PortConfig;
  readonly dport?: PortConfig;
  /** On either side, in place of `sport` and `dport`. */
  readonly ports?: PortConfig;
}

export const SELECTOR_PROPERTIES = ['src', 'dst', 'proto', 'sport', 'dport', 'ports'] as const;

/** A prefix: its address with the bits behind it at 0, and its length. */
export interface Prefix {
  readonly address: Uint8Array;
  readonly length: number;
}

/** A checked selector. */
export interface Selector {
  /** 0: either. */
  readonly family: 0 | 4 | 6;
  readonly src: Prefix | undefined;
  readonly dst: Prefix | undefined;
  /** -1: any. */
  readonly proto: number;
  readonly sport: readonly [low: number, high: number] | undefined;
  readonly dport: readonly [low: number, high: number] | undefined;
}

/** Makes the error about a property of a selector. */
export type SelectorFault = (property: string, expected: string, got: unknown) => Error;

/** The selectors that a description stands for: one for each pair of its prefixes, and two when `ports` says either side. */
export function parseSelector(config: SelectorConfig, fault: SelectorFault): Selector[] {
  const proto = config.proto === undefined ? -1 : protocol(config.proto, fault);
  const sport = ports('sport', config.sport, fault);
  const dport = ports('dport', config.dport, fault);
  const either = ports('ports', config.ports, fault);
  if (either !== undefined && (sport !== undefined || dport !== undefined)) {
    throw fault('ports', 'none beside sport and dport', config.ports);
  }
  const named = either !== undefined || sport !== undefined || dport !== undefined;
  if (named && proto !== -1 && proto !== PROTO_TCP && proto !== PROTO_UDP && proto !== PROTO_SCTP) {
    throw fault('proto', 'tcp, udp or sctp, or none, where ports are given', config.proto);
  }
  const sides: Pick<Selector, 'sport' | 'dport'>[] =
    either === undefined
      ? [{ sport, dport }]
      : [
          { sport: either, dport: undefined },
          { sport: undefined, dport: either },
        ];
  const out: Selector[] = [];
  for (const src of prefixes('src', config.src, fault)) {
    for (const dst of prefixes('dst', config.dst, fault)) {
      const family = src ?? dst;
      if (src !== undefined && dst !== undefined && src.address.length !== dst.address.length) {
        // Of lists, only prefixes of one family make a pair.
        if (Array.isArray(config.src) || Array.isArray(config.dst)) continue;
        throw fault('dst', 'a prefix of the IP version of src', config.dst);
      }
      const version = family === undefined ? 0 : family.address.length === 4 ? 4 : 6;
      for (const side of sides) out.push({ family: version, src, dst, proto, ...side });
    }
  }
  if (out.length === 0) throw fault('dst', 'a prefix of the IP version of one in src', config.dst);
  return out;
}

function protocol(value: unknown, fault: SelectorFault): number {
  const n = typeof value === 'string' ? protoNumber(value) : value;
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 0 || n > 255 || isExtensionProto(n)) {
    throw fault('proto', 'a number up to 255 or a name such as tcp, of no IPv6 extension header', value);
  }
  return n;
}

function ports(property: string, value: unknown, fault: SelectorFault): readonly [number, number] | undefined {
  if (value === undefined) return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value));
  const low = Number(match?.[1]);
  const high = Number(match?.[2] ?? match?.[1]);
  if (match === null || low > high || high > 65535 || (typeof value !== 'number' && typeof value !== 'string')) {
    throw fault(property, 'a port or a range such as "1024-65535"', value);
  }
  return [low, high];
}

function prefixes(property: string, value: unknown, fault: SelectorFault): (Prefix | undefined)[] {
  if (value === undefined) return [undefined];
  if (Array.isArray(value)) {
    if (value.length === 0) throw fault(property, 'at least one prefix', value);
    return value.map((one) => prefix(property, one, fault));
  }
  return [prefix(property, value, fault)];
}

function prefix(property: string, value: unknown, fault: SelectorFault): Prefix {
  const wrong = (): Error => fault(property, 'a prefix such as "10.1.0.0/16", or an address', value);
  const match = typeof value === 'string' ? /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) : null;
  if (match === null) throw wrong();
  let address: Uint8Array;
  try {
    address = parseAddress(match[1]);
  } catch {
    throw wrong();
  }
  const length = match[2] === undefined ? address.length * 8 : Number(match[2]);
  if (length > address.length * 8) throw wrong();
  const masked = address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))));
  return { address: masked, length };
}
