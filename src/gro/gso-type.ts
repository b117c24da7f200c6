import { P_OFF } from '../memory/packet-table.ts';
import { CWR_FIRST, LINUX_DEFAULT, type LinuxVersion, linuxRules } from './linux.ts';
import { G_KIND, K_UDP, K_V6, kindL4 } from './row.ts';

const TCP_FLAGS = 13;
const TCP_CWR = 0x80;

/** What a super-packet is segmented as: Linux's `SKB_GSO_TCPV4`, `_TCPV6`, `_UDP_L4`; with `_TCP_ECN` where CWR is on the first segment alone. */
export type GsoType = 'tcpv4' | 'tcpv6' | 'udp_l4' | 'tcpv4+ecn' | 'tcpv6+ecn';

/** The type of the super-packet whose row begins at word `b`; of a tunnel the type of what is inside. */
export function gsoType(bytes: Uint8Array, w: Int32Array, b: number, as: LinuxVersion = LINUX_DEFAULT): GsoType {
  const kind = w[b + G_KIND];
  if ((kind & K_UDP) !== 0) return 'udp_l4';
  const type = (kind & K_V6) !== 0 ? 'tcpv6' : 'tcpv4';
  const flags = bytes[w[b + P_OFF] + kindL4(kind) + TCP_FLAGS];
  return linuxRules('as', as).cwr === CWR_FIRST && (flags & TCP_CWR) !== 0 ? `${type}+ecn` : type;
}
