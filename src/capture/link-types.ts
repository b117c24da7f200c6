// https://www.tcpdump.org/linktypes.html

export const LINK_NULL = 0;
export const LINK_ETHERNET = 1;
/** LINKTYPE_RAW as BSD and Linux kernels number it. */
export const LINK_RAW_BSD = 12;
/** LINKTYPE_RAW as OpenBSD numbers it. */
export const LINK_RAW_OPENBSD = 14;
export const LINK_RAW = 101;
export const LINK_LOOP = 108;
export const LINK_SLL = 113;
export const LINK_IPV4 = 228;
export const LINK_IPV6 = 229;
export const LINK_SLL2 = 276;

/** Link types that can be dissected, with their names. */
export const LINK_TYPES: ReadonlyMap<number, string> = new Map([
  [LINK_NULL, 'NULL'],
  [LINK_ETHERNET, 'ETHERNET'],
  [LINK_RAW_BSD, 'RAW'],
  [LINK_RAW_OPENBSD, 'RAW'],
  [LINK_RAW, 'RAW'],
  [LINK_LOOP, 'LOOP'],
  [LINK_SLL, 'LINUX_SLL'],
  [LINK_IPV4, 'IPV4'],
  [LINK_IPV6, 'IPV6'],
  [LINK_SLL2, 'LINUX_SLL2'],
]);

/** `'0, 1, 12, ...'`, for errors. */
export function linkTypeList(): string {
  return [...LINK_TYPES.keys()].join(', ');
}
