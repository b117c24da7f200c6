/** What can still be told about packets that the dissection gave up on. Nothing outside `[l3, end)` is read. */

const TCP_HEADER = 20;

/** Whether a whole TCP header, options included, stands at `l4`. */
export function tcpIsWhole(view: DataView, l4: number, end: number): boolean {
  if (end - l4 < TCP_HEADER) return false;
  const length = (view.getUint8(l4 + 12) >> 4) << 2;
  return length >= TCP_HEADER && length <= end - l4;
}

/** 4 or 6 when the addresses of an IP header at `l3` are there to be read, else 0. */
export function addressFamily(view: DataView, l3: number, end: number): number {
  if (end - l3 < 20) return 0;
  const version = view.getUint8(l3) >> 4;
  if (version === 4) return 4;
  return version === 6 && end - l3 >= 40 ? 6 : 0;
}
