/** Packets made by hand for the tests of accounts. All start at their IP header. */

export function bytesOf(length: number, salt: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (i * 31 + (i >> 7) * 17 + salt * 11) & 0xff;
  return out;
}

export function ipv4(proto: number, payload: Uint8Array, source: number = 1, destination: number = 2): Uint8Array {
  const out = new Uint8Array(20 + payload.length);
  const v = new DataView(out.buffer);
  out[0] = 0x45;
  v.setUint16(2, out.length);
  out[8] = 64;
  out[9] = proto;
  v.setUint32(12, 0x0a000000 | source);
  v.setUint32(16, 0x0a000000 | destination);
  out.set(payload, 20);
  return out;
}

export function ipv6(proto: number, payload: Uint8Array, source: number = 1, destination: number = 2): Uint8Array {
  const out = new Uint8Array(40 + payload.length);
  const v = new DataView(out.buffer);
  out[0] = 0x60;
  v.setUint16(4, payload.length);
  out[6] = proto;
  out[7] = 64;
  v.setUint32(8, 0x20010db8);
  v.setUint32(20, source);
  v.setUint32(24, 0x20010db8);
  v.setUint32(36, destination);
  out.set(payload, 40);
  return out;
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

export function tcp(
  sport: number,
  dport: number,
  seq: number,
  flags: number,
  payload: Uint8Array,
  options: number = 0,
): Uint8Array {
  const out = new Uint8Array(20 + options + payload.length);
  const v = new DataView(out.buffer);
  v.setUint16(0, sport);
  v.setUint16(2, dport);
  v.setUint32(4, seq >>> 0);
  out[12] = ((20 + options) >> 2) << 4;
  out[13] = flags;
  out.fill(1, 20, 20 + options);
  out.set(payload, 20 + options);
  return out;
}

export function udp(sport: number, dport: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(8 + payload.length);
  const v = new DataView(out.buffer);
  v.setUint16(0, sport);
  v.setUint16(2, dport);
  v.setUint16(4, out.length);
  out.set(payload, 8);
  return out;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** An Ethernet frame in VXLAN, as UDP payload. */
export function vxlan(packet: Uint8Array, etherType: number = 0x0800): Uint8Array {
  const head = new Uint8Array(8 + 14);
  head[0] = 8;
  head[20] = etherType >> 8;
  head[21] = etherType & 0xff;
  return concat(head, packet);
}

export function gre(packet: Uint8Array, etherType: number): Uint8Array {
  return concat(new Uint8Array([0, 0, etherType >> 8, etherType & 0xff]), packet);
}
