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
