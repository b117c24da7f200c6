/** A dissector for tests: slow, over slices and a DataView, and a reader past the end throws. Shares no code with `src/wire`. */
import type { MALFORMED_REASONS } from '../../src/counters.ts';

export interface ReferenceFacts {
  /** Name of the class. */
  class: string;
  reason: string;
  l3: number;
  l4: number;
  end: number;
  proto: number;
  spi: number;
  esp: number;
  truncated: number;
  vlan: number;
  etherType: number;
  fragOff: number;
  fragMore: number;
  fragId: number;
  fragNext: number;
  fragHdr: number;
  fragPrev: number;
}

class Bad extends Error {
  readonly reason: (typeof MALFORMED_REASONS)[number];
  constructor(reason: (typeof MALFORMED_REASONS)[number]) {
    super(reason);
    this.reason = reason;
  }
}

/** Bytes from `start` on that know where they are; reading outside throws what was asked for. */
class Reader {
  readonly view: DataView;
  readonly start: number;
  constructor(data: Uint8Array, start: number) {
    this.view = new DataView(data.slice().buffer);
    this.start = start;
  }
  get length(): number {
    return this.view.byteLength;
  }
  need(n: number, reason: (typeof MALFORMED_REASONS)[number]): void {
    if (this.length < n) throw new Bad(reason);
  }
  part(from: number, to: number = this.length): Reader {
    if (from > to || to > this.length) throw new Error('reference: part outside');
    return new Reader(new Uint8Array(this.view.buffer, from, to - from), this.start + from);
  }
}

const zero = (): ReferenceFacts => ({
  class: 'malformed',
  reason: 'none',
  l3: 0,
  l4: 0,
  end: 0,
  proto: 0,
  spi: 0,
  esp: 0,
  truncated: 0,
  vlan: 0,
  etherType: 0,
  fragOff: 0,
  fragMore: 0,
  fragId: 0,
  fragNext: 0,
  fragHdr: 0,
  fragPrev: 0,
});

/** What `dissect` should find; offsets are relative to the frame. For malformed packets only class and reason count. */
export function referenceDissect(frame: Uint8Array, linkType: number, nattPort: number = 4500): ReferenceFacts {
  const facts = zero();
  try {
    facts.class = link(new Reader(frame, 0), linkType, facts, nattPort);
  } catch (error) {
    if (!(error instanceof Bad)) throw error;
    return { ...zero(), reason: error.reason };
  }
  return facts;
}

function link(r: Reader, linkType: number, facts: ReferenceFacts, nattPort: number): string {
  if (r.length === 0) throw new Bad('empty');
  const headers: Record<number, [number, number]> = { 1: [14, 12], 113: [16, 14], 276: [20, 0] };
  if (linkType in headers) {
    const [length, at] = headers[linkType];
    r.need(length, 'link-short');
    return network(r.part(length), r.view.getUint16(at), facts, nattPort);
  }
  if (linkType === 0 || linkType === 108) {
    r.need(4, 'link-short');
    const family = [r.view.getUint32(0, true), r.view.getUint32(0, false)].find((f) => f < 256);
    const type = family === 2 ? 0x800 : [10, 24, 28, 30].includes(family ?? 0) ? 0x86dd : 0;
    return network(r.part(4), type, facts, nattPort);
  }
  if (linkType === 228) return v4(r, facts, nattPort);
  if (linkType === 229) return v6(r, facts, nattPort);
  const version = r.view.getUint8(0) >> 4;
  if (version === 4) return v4(r, facts, nattPort);
  if (version === 6) return v6(r, facts, nattPort);
  throw new Bad('ip-version');
}

function network(r: Reader, type: number, facts: ReferenceFacts, nattPort: number, tags: number = 0): string {
  if ((type === 0x8100 || type === 0x88a8) && tags < 4) {
    r.need(4, 'link-short');
    if (tags === 0) facts.vlan = 0x10000 + r.view.getUint16(0);
    return network(r.part(4), r.view.getUint16(2), facts, nattPort, tags + 1);
  }
  if (type === 0x800) return v4(r, facts, nattPort);
  if (type === 0x86dd) return v6(r, facts, nattPort);
  Object.assign(facts, {
    etherType: type,
    l3: r.start,
    l4: r.start + r.length,
    end: r.start + r.length,
  });
  return 'nonip';
}

function v4(r: Reader, facts: ReferenceFacts, nattPort: number): string {
  r.need(20, 'ip-header-short');
  const first = r.view.getUint8(0);
  if (first >> 4 !== 4) throw new Bad('ip-version');
  const header = (first % 16) * 4;
  if (header < 20) throw new Bad('ip-header-length');
  r.need(header, 'ip-header-short');
  const total = r.view.getUint16(2);
  if (total > 0 && total < header) throw new Bad('ip-total-length');
  facts.truncated = total > r.length ? 1 : 0;
  const packet = r.part(0, total === 0 ? r.length : Math.min(total, r.length));
  const proto = r.view.getUint8(9);
  Object.assign(facts, { etherType: 0x800, l3: r.start, l4: r.start + header, end: r.start + packet.length, proto });
  const flags = r.view.getUint16(6);
  const offset = (flags % 0x2000) * 8;
  const more = (flags >> 13) % 2;
  if (offset === 0 && more === 0) return upper(packet.part(header), proto, '4', facts, nattPort);
  Object.assign(facts, {
    fragOff: offset,
    fragMore: more,
    fragId: r.view.getUint16(4),
    fragNext: proto,
    fragHdr: r.start,
  });
  return 'fragment4';
}

function v6(r: Reader, facts: ReferenceFacts, nattPort: number): string {
  r.need(40, 'ip-header-short');
  if (r.view.getUint8(0) >> 4 !== 6) throw new Bad('ip-version');
  let length = r.view.getUint16(4);
  let next = r.view.getUint8(6);
  if (length === 0 && next === 0) length = jumbo(r.part(40)) ?? 0;
  facts.truncated = length > r.length - 40 ? 1 : 0;
  let rest = r.part(40, Math.min(r.length, 40 + length));
  Object.assign(facts, { etherType: 0x86dd, l3: r.start, end: rest.start + rest.length });
  let pointer = r.start + 6;
  for (let n = 0; [0, 43, 44, 60].includes(next); n++) {
    if (n === 15) break;
    if (next === 44) {
      rest.need(8, 'fragment-bounds');
      const word = rest.view.getUint16(2);
      const offset = Math.floor(word / 8) * 8;
      if (offset !== 0 || word % 2 === 1) {
        const behind = rest.view.getUint8(0);
        Object.assign(facts, { l4: rest.start + 8, proto: behind, fragNext: behind });
        Object.assign(facts, {
          fragOff: offset,
          fragMore: word % 2,
          fragId: rest.view.getInt32(4),
          fragHdr: rest.start,
        });
        facts.fragPrev = pointer;
        return 'fragment6';
      }
    } else {
      rest.need(8, 'ip-extension');
    }
    const size = next === 44 ? 8 : (rest.view.getUint8(1) + 1) * 8;
    rest.need(size, 'ip-extension');
    pointer = rest.start;
    next = rest.view.getUint8(0);
    rest = rest.part(size);
  }
  Object.assign(facts, { l4: rest.start, proto: next });
  return upper(rest, next, '6', facts, nattPort);
}

function jumbo(r: Reader): number | undefined {
  if (r.length < 8) return undefined;
  const options = r.part(0, Math.min(r.length, (r.view.getUint8(1) + 1) * 8));
  try {
    for (let at = 2; at < options.length; ) {
      const kind = options.view.getUint8(at);
      if (kind === 0xc2) {
        const length = options.view.getUint32(at + 2);
        return options.view.getUint8(at + 1) === 4 && length > 65535 ? length : undefined;
      }
      at += kind === 0 ? 1 : 2 + options.view.getUint8(at + 1);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function upper(r: Reader, proto: number, family: string, facts: ReferenceFacts, nattPort: number): string {
  const is = (name: string): string => name + family;
  const secured = (name: string, at: number): string => {
    facts.spi = r.view.getInt32(at);
    if (name !== 'ah') facts.esp = r.start + at;
    return is(name);
  };
  if (proto === 6) {
    r.need(20, 'l4-short');
    const length = (r.view.getUint8(12) >> 4) * 4;
    if (length < 20 || (length > r.length && facts.truncated === 0)) throw new Bad('l4-length');
    return is('tcp');
  }
  if (proto === 132) {
    r.need(12, 'l4-short');
    return is('sctp');
  }
  if (proto === 50) {
    r.need(8, 'esp-short');
    return secured('esp', 0);
  }
  if (proto === 51) {
    r.need(12, 'l4-short');
    if (r.view.getUint8(1) === 0) throw new Bad('l4-length');
    return secured('ah', 4);
  }
  if (proto !== 17) return is('other');
  r.need(8, 'l4-short');
  let length = r.view.getUint16(4);
  if (length === 0 && family === '6') length = r.length;
  if (length < 8) throw new Bad('l4-length');
  if (length > r.length) facts.truncated = 1;
  if (r.view.getUint16(0) !== nattPort && r.view.getUint16(2) !== nattPort) return is('udp');
  const data = r.part(8, Math.min(length, r.length));
  if (length === 9 && data.length === 1 && data.view.getUint8(0) === 255) return is('keepalive');
  if (data.length >= 4 && data.view.getUint32(0) === 0) return is('ike');
  data.need(8, 'esp-short');
  return secured('natt', 8);
}

/**
 * What `innermost` should find, by cutting the inner packet out and dissecting it as a frame of its own; at most `depth` times.
 */
export function referenceInnermost(frame: Uint8Array, linkType: number, depth: number = 4): ReferenceFacts {
  let facts = referenceDissect(frame, linkType);
  for (let n = 0; n < depth; n++) {
    const inside = carried(frame, facts);
    if (inside === undefined || ['malformed', 'nonip'].includes(inside.class)) break;
    facts = inside;
  }
  return facts;
}

/** The IP packet, or Ethernet frame, that a dissected packet carries. */
function carried(frame: Uint8Array, facts: ReferenceFacts): ReferenceFacts | undefined {
  const r = new Reader(frame.slice(0, facts.end), 0);
  try {
    if (facts.class === 'nonip') return inFrame(r.part(facts.l3), facts);
    if (/^udp/.test(facts.class)) return inUdp(r.part(facts.l4));
    if (/^other/.test(facts.class)) return byProtocol(r.part(facts.l4), facts.proto);
  } catch (error) {
    // a DataView says so when something is not there, the reader when it was asked for
    if (!(error instanceof RangeError) && !(error instanceof Bad)) throw error;
  }
  return undefined;
}

/** The bytes of `r` as a frame of `linkType`; offsets in it become those of the whole. */
function cutOut(r: Reader, linkType: number): ReferenceFacts {
  const facts = referenceDissect(new Uint8Array(r.view.buffer), linkType);
  for (const name of ['l3', 'l4', 'end'] as const) facts[name] += r.start;
  if (/^(esp|natt)/.test(facts.class)) facts.esp += r.start;
  if (/^fragment/.test(facts.class)) facts.fragHdr += r.start;
  if (facts.class === 'fragment6') facts.fragPrev += r.start;
  return facts;
}

function ofVersion(r: Reader, ...versions: number[]): ReferenceFacts | undefined {
  return versions.includes(r.view.getUint8(0) >> 4) ? cutOut(r, 101) : undefined;
}

function inFrame(r: Reader, around: ReferenceFacts): ReferenceFacts | undefined {
  let inside: ReferenceFacts | undefined;
  if (around.etherType === 0x8847 || around.etherType === 0x8848) inside = behindLabels(r);
  if (around.etherType === 0x8864 && r.view.getUint16(0) === 0x1100) {
    const type = r.view.getUint16(6);
    const stop = 6 + r.view.getUint16(4);
    if (stop >= 8 && type === 0x21) inside = ofVersion(r.part(8, Math.min(stop, r.length)), 4);
    if (stop >= 8 && type === 0x57) inside = ofVersion(r.part(8, Math.min(stop, r.length)), 6);
  }
  return inside && { ...inside, vlan: around.vlan };
}

function behindLabels(r: Reader): ReferenceFacts | undefined {
  for (let n = 1; n <= 7; n++) {
    r.need(n * 4, 'l4-short');
    if (r.view.getUint8(n * 4 - 2) % 2 === 1) return ofVersion(r.part(n * 4), 4, 6);
  }
  return undefined;
}

function byProtocol(r: Reader, proto: number): ReferenceFacts | undefined {
  if (proto === 4) return ofVersion(r, 4);
  if (proto === 41) return ofVersion(r, 6);
  if (proto === 137) return behindLabels(r);
  if (proto !== 47) return undefined;
  const flags = r.view.getUint16(0);
  if (flags % 8 !== 0 || (flags & 0x4000) !== 0) return undefined;
  const words = [0x8000, 0x2000, 0x1000].filter((flag) => (flags & flag) !== 0).length;
  r.need(4 + words * 4, 'l4-short');
  return byEtherType(r.part(4 + words * 4), r.view.getUint16(2));
}

function byEtherType(r: Reader, type: number): ReferenceFacts | undefined {
  if (type === 0x0800) return ofVersion(r, 4);
  if (type === 0x86dd) return ofVersion(r, 6);
  if (type === 0x8847 || type === 0x8848) return behindLabels(r);
  if (type !== 0x6558) return undefined;
  const facts = cutOut(r, 1);
  if (facts.class !== 'nonip') return facts;
  return inFrame(r.part(facts.l3 - r.start), facts);
}

function inUdp(udp: Reader): ReferenceFacts | undefined {
  const length = udp.view.getUint16(4);
  const r = udp.part(8, length < 8 || length > udp.length ? udp.length : length);
  const first = r.view.getUint8(0);
  switch (udp.view.getUint16(2)) {
    case 4789:
      r.need(8, 'l4-short');
      return (first & 8) === 0 ? undefined : byEtherType(r.part(8), 0x6558);
    case 6081: {
      const size = 8 + (first % 64) * 4;
      r.need(size, 'l4-short');
      let at = 8;
      while (at < size) at += 4 + (r.view.getUint8(at + 3) % 32) * 4;
      if (first >= 64 || r.view.getUint8(1) >= 128 || at !== size) return undefined;
      return byEtherType(r.part(size), r.view.getUint16(2));
    }
    case 6080: {
      if (first >> 6 === 1) return ofVersion(r, 4, 6);
      const size = 4 + (first % 32) * 4;
      const flags = r.view.getUint16(2);
      r.need(size, 'l4-short');
      if (first >> 5 !== 0 || flags > 1 || size < 4 + flags * 4) return undefined;
      return byProtocol(r.part(size), r.view.getUint8(1));
    }
    case 2152:
      return inGtpu(r);
    default:
      return undefined;
  }
}

function inGtpu(r: Reader): ReferenceFacts | undefined {
  r.need(8, 'l4-short');
  const first = r.view.getUint8(0);
  if (first >> 4 !== 3 || r.view.getUint8(1) !== 255) return undefined;
  const stop = 8 + r.view.getUint16(2);
  let at = first % 8 === 0 ? 8 : 12;
  let next = (first & 4) === 0 ? 0 : r.view.getUint8(11);
  for (let n = 0; next !== 0; n++) {
    const units = r.view.getUint8(at);
    if (n === 8 || units === 0) return undefined;
    at += units * 4;
    next = r.view.getUint8(at - 1);
  }
  r.need(at, 'l4-short');
  return at > stop ? undefined : ofVersion(r.part(at, Math.min(stop, r.length)), 4, 6);
}
