/** Frames with their TCP and UDP checksums, inner and outer, set to 0: for comparisons with what only Linux has not finished. */
const TCP = 6;
const UDP = 17;
const IPIP = 4;
const IPV6 = 41;
const GRE = 47;

const STANDARD_PORTS: readonly number[] = [4789, 6081, 6080];

/**
 * Sets every TCP and UDP checksum in the Ethernet frame to 0, through VLAN tags, MPLS, PPPoE and tunnels, whether GRO knows of them or not.
 *
 * @param tunnelPorts UDP ports of VXLAN, Geneve and GUE beside the standard ones; -1: no other
 */
export function zeroL4Checksums(frame: Uint8Array, tunnelPorts: readonly number[]): void {
  ethernet(frame, 0, [...STANDARD_PORTS, ...tunnelPorts]);
}

const u16 = (frame: Uint8Array, at: number): number => (frame[at] << 8) | frame[at + 1];

function ethernet(frame: Uint8Array, at: number, ports: readonly number[]): void {
  if (frame.length - at >= 14) byType(frame, u16(frame, at + 12), at + 14, ports);
}

function byType(frame: Uint8Array, type: number, at: number, ports: readonly number[]): void {
  if (type === 0x8100 || type === 0x88a8) {
    if (frame.length - at >= 4) byType(frame, u16(frame, at + 2), at + 4, ports);
  } else if (type === 0x0800) ip4(frame, at, ports);
  else if (type === 0x86dd) ip6(frame, at, ports);
  else if (type === 0x6558) ethernet(frame, at, ports);
  else if (type === 0x8847 || type === 0x8848) labels(frame, at, ports);
  else if (type === 0x8864 && frame.length - at >= 8) session(frame, u16(frame, at + 6), at + 8, ports);
}

/** MPLS: nothing says what follows the last label; its first digit is an IP version. */
function labels(frame: Uint8Array, at: number, ports: readonly number[]): void {
  let inner = at;
  while (frame.length - inner >= 4 && (frame[inner + 2] & 1) === 0) inner += 4;
  inner += 4;
  if (frame.length <= inner) return;
  if (frame[inner] >> 4 === 4) ip4(frame, inner, ports);
  else if (frame[inner] >> 4 === 6) ip6(frame, inner, ports);
}

/** PPPoE, by the protocol number of PPP. */
function session(frame: Uint8Array, proto: number, at: number, ports: readonly number[]): void {
  if (proto === 0x0021) ip4(frame, at, ports);
  else if (proto === 0x0057) ip6(frame, at, ports);
}

function ip4(frame: Uint8Array, at: number, ports: readonly number[]): void {
  if (frame.length - at < 20 || frame[at] >> 4 !== 4 || (u16(frame, at + 6) & 0x1fff) !== 0) return;
  upper(frame, frame[at + 9], at + (frame[at] & 15) * 4, ports);
}

function ip6(frame: Uint8Array, at: number, ports: readonly number[]): void {
  if (frame.length - at < 40) return;
  let next = frame[at + 6];
  let l4 = at + 40;
  while ((next === 0 || next === 43 || next === 60 || next === 44) && frame.length - l4 >= 8) {
    if (next === 44 && (u16(frame, l4 + 2) & 0xfff8) !== 0) return;
    const length = next === 44 ? 8 : (frame[l4 + 1] + 1) * 8;
    next = frame[l4];
    l4 += length;
  }
  upper(frame, next, l4, ports);
}

function upper(frame: Uint8Array, proto: number, l4: number, ports: readonly number[]): void {
  const length = frame.length - l4;
  if (proto === TCP && length >= 20) frame.fill(0, l4 + 16, l4 + 18);
  else if (proto === UDP && length >= 8) {
    frame.fill(0, l4 + 6, l4 + 8);
    udpTunnel(frame, ports.indexOf(u16(frame, l4 + 2)) % 3, l4 + 8, ports);
  } else if (proto === IPIP) ip4(frame, l4, ports);
  else if (proto === IPV6) ip6(frame, l4, ports);
  else if (proto === GRE && length >= 4) {
    const flags = u16(frame, l4);
    const header = 4 + ((flags >> 15) & 1) * 4 + ((flags >> 13) & 1) * 4 + ((flags >> 12) & 1) * 4;
    byType(frame, u16(frame, l4 + 2), l4 + header, ports);
  }
}

/** `tunnel`: 0 VXLAN, 1 Geneve, 2 GUE. */
function udpTunnel(frame: Uint8Array, tunnel: number, at: number, ports: readonly number[]): void {
  if (frame.length - at < 8) return;
  if (tunnel === 0) ethernet(frame, at + 8, ports);
  else if (tunnel === 1) byType(frame, u16(frame, at + 2), at + 8 + (frame[at] & 0x3f) * 4, ports);
  else if (tunnel === 2) {
    if (frame[at] >> 6 === 1) upper(frame, frame[at] >> 4 === 6 ? IPV6 : IPIP, at, ports);
    else upper(frame, frame[at + 1], at + 4 + (frame[at] & 0x1f) * 4, ports);
  }
}
