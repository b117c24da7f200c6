/**
 * What differs between the kernels that GRO is held to. Each was run on the same bursts (`test/captures/gro`); stable releases of
 * one line agree.
 */
import { optionError } from '../errors.ts';

export const LINUX_VERSIONS = ['linux-6.1', 'linux-6.12', 'linux-6.18', 'linux-7.2'] as const;
export type LinuxVersion = (typeof LINUX_VERSIONS)[number];

/** TCP segments with CWR: only the first of a run may have it (to 6.12); none of a run (6.18); compared like any flag (7.2). */
export const CWR_FIRST = 0;
export const CWR_NEVER = 1;
export const CWR_COMPARED = 2;

export interface LinuxRules {
  readonly cwr: number;
  /**
   * Up to 6.12 an IPv4 ID that stays the same needs DF, inner and outer header share one mode of counting, and the ID of an outer
   * header with DF is not looked at. Since 6.18 the IDs of both headers count or stay each for itself, whatever DF says.
   */
  readonly idNeedsDf: boolean;
  /** 6.1: the ID of an outer header without DF counts, even when the inner one stays the same. */
  readonly outerIdCounts: boolean;
  /** Up to 6.18 an IPv6 packet above 64 KiB gets a jumbo option; since 7.2 its payload length is 0 and nothing is put in. */
  readonly jumboOption: boolean;
  /** Since 6.3 IPv4 packets may be above 64 KiB too; before, `maxSize` is one limit for both. */
  readonly bigIpv4: boolean;
}

const RULES: Readonly<Record<LinuxVersion, LinuxRules>> = {
  'linux-6.1': {
    cwr: CWR_FIRST,
    idNeedsDf: true,
    outerIdCounts: true,
    jumboOption: true,
    bigIpv4: false,
  },
  'linux-6.12': {
    cwr: CWR_FIRST,
    idNeedsDf: true,
    outerIdCounts: false,
    jumboOption: true,
    bigIpv4: true,
  },
  'linux-6.18': {
    cwr: CWR_NEVER,
    idNeedsDf: false,
    outerIdCounts: false,
    jumboOption: true,
    bigIpv4: true,
  },
  'linux-7.2': {
    cwr: CWR_COMPARED,
    idNeedsDf: false,
    outerIdCounts: false,
    jumboOption: false,
    bigIpv4: true,
  },
};

export const LINUX_DEFAULT: LinuxVersion = 'linux-6.18';

/** @throws RxSteerError `ERR_RXSTEER_OPTION`: no such version */
export function linuxRules(option: string, version: string): LinuxRules {
  if (!Object.hasOwn(RULES, version)) throw optionError(option, LINUX_VERSIONS.join(' or '), version);
  return RULES[version as LinuxVersion];
}
