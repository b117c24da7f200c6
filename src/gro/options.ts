import { checkInteger, optionError } from '../errors.ts';
import { LINUX_DEFAULT, type LinuxRules, type LinuxVersion, linuxRules } from './linux.ts';
import type { TunnelPorts } from './walk.ts';

/** What super-packets stay below unless more is asked for, and the most that can be: Linux's `GRO_LEGACY_MAX_SIZE` and `GRO_MAX_SIZE`. */
export const GRO_LEGACY_MAX_SIZE = 65_536;
export const GRO_MAX_SIZE = 524_280;

/** UDP ports of tunnels that are entered; `false`: none. */
export interface GroTunnelOptions {
  /** Default 4789. */
  readonly vxlan?: number | false;
  /** Default 6081. */
  readonly geneve?: number | false;
  /** Default 6080. */
  readonly gue?: number | false;
  /** GRE and IP in IP. Default true. */
  readonly ip?: boolean;
}

export interface GroOptions {
  /**
   * `flow` (default): packets of one flow (addresses and ports, clear or out of ESP) come out in the order they came in. `linux`: as
   * Linux, where a packet that cannot be compared (bad checksum, IP options, fragment) overtakes what is held of its flow, and nobody looks at
   * the length of UDP around a tunnel.
   */
  readonly order?: 'flow' | 'linux';
  /** The kernel whose rules hold where kernels differ. Default `linux-6.18`. */
  readonly as?: LinuxVersion;
  /** A power of two from 1 to 256. Default 8, as Linux. */
  readonly buckets?: number;
  /** 1 to 256. Default 8, as Linux. */
  readonly heldPerBucket?: number;
  /**
   * Bytes that a super-packet stays below, counted behind the Ethernet header: 1 to 524,280; default 65,536. Above that (BIG TCP) it is for
   * TCP outside tunnels only: an IPv4 length is 0 then, and IPv6 gets a jumbo option.
   */
  readonly maxSize?: number;
  /** The same for IPv4 alone. Default `maxSize`, but not above 65,536: as Linux, whose two settings go by these rules. */
  readonly maxSize4?: number;
  /**
   * What chooses the bucket of an inner flow of a tunnel that is kept: `inner` (default), its own addresses and ports; `outer`, the hash of the
   * packet, as in Linux: more than `heldPerBucket` flows of one tunnel may then merge little.
   */
  readonly bucketBy?: 'inner' | 'outer';
  /** Default true. False: checksums of TCP and UDP are not looked at (somebody did); a wrong one stays wrong in a super-packet. */
  readonly verify?: boolean;
  /** Default true: one inner flow merges across SAs, as in Linux (a rekey). */
  readonly acrossSas?: boolean;
  /**
   * Datagrams of one size become a super-packet: `off` (default, as Linux), `forwarding` (all of them, as `rx-udp-gro-forwarding`), or those to
   * these ports (as sockets with `UDP_GRO`).
   */
  readonly udp?: 'off' | 'forwarding' | readonly number[];
  /** Inner flows are merged inside their tunnels, the outer headers are kept. Default false: tunnels are left alone. */
  readonly tunnels?: boolean | GroTunnelOptions;
}

/** The options with all defaults, checked. */
export interface GroSettings {
  readonly isFlowOrder: boolean;
  readonly rules: LinuxRules;
  readonly buckets: number;
  readonly heldPerBucket: number;
  readonly maxSize: number;
  readonly maxSize4: number;
  readonly verify: boolean;
  readonly acrossSas: boolean;
  readonly innerBuckets: boolean;
  readonly udpAll: boolean;
  /** 1 at the ports whose datagrams are merged. */
  readonly udpPorts: Uint8Array;
  readonly udpLengths: boolean;
  readonly ipTunnels: boolean;
  readonly ports: TunnelPorts;
}

/** @throws RxSteerError `ERR_RXSTEER_OPTION` */
export function groSettings(options: GroOptions): GroSettings {
  const order = options.order ?? 'flow';
  if (order !== 'flow' && order !== 'linux') throw optionError('gro.order', "'flow' or 'linux'", order);
  const buckets = checkInteger('gro.buckets', options.buckets ?? 8, 1, 256);
  if ((buckets & (buckets - 1)) !== 0) throw optionError('gro.buckets', 'a power of two', buckets);
  const rules = linuxRules('gro.as', options.as ?? LINUX_DEFAULT);
  const maxSize = checkInteger('gro.maxSize', options.maxSize ?? GRO_LEGACY_MAX_SIZE, 1, GRO_MAX_SIZE);
  const legacy = Math.min(maxSize, GRO_LEGACY_MAX_SIZE);
  const maxSize4 = checkInteger('gro.maxSize4', options.maxSize4 ?? legacy, 1, GRO_MAX_SIZE);
  const { udp = 'off', tunnels = false, bucketBy = 'inner' } = options;
  if (bucketBy !== 'inner' && bucketBy !== 'outer') throw optionError('gro.bucketBy', '"inner" or "outer"', bucketBy);
  const ports = typeof tunnels === 'object' ? tunnels : {};
  const any = tunnels !== false;
  return {
    isFlowOrder: order === 'flow',
    rules,
    buckets,
    heldPerBucket: checkInteger('gro.heldPerBucket', options.heldPerBucket ?? 8, 1, 256),
    maxSize,
    maxSize4: rules.bigIpv4 ? maxSize4 : Math.min(maxSize4, legacy),
    verify: options.verify ?? true,
    acrossSas: options.acrossSas ?? true,
    innerBuckets: bucketBy === 'inner',
    udpAll: udp === 'forwarding',
    udpPorts: portSet(udp),
    udpLengths: order === 'flow',
    ipTunnels: any && (ports.ip ?? true),
    ports: {
      vxlan: any ? portOf('vxlan', ports.vxlan, 4789) : -1,
      geneve: any ? portOf('geneve', ports.geneve, 6081) : -1,
      gue: any ? portOf('gue', ports.gue, 6080) : -1,
    },
  };
}

function portOf(name: string, port: number | false | undefined, standard: number): number {
  return port === false ? -1 : checkInteger(`gro.tunnels.${name}`, port ?? standard, 1, 65_535);
}

function portSet(udp: 'off' | 'forwarding' | readonly number[]): Uint8Array {
  const ports = new Uint8Array(65_536);
  if (Array.isArray(udp)) for (const port of udp) ports[checkInteger('gro.udp', port, 1, 65_535)] = 1;
  else if (udp !== 'off' && udp !== 'forwarding') throw optionError('gro.udp', '"off", "forwarding" or ports', udp);
  return ports;
}
