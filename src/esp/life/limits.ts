import type { SaLimits } from '../sa-config.ts';

/** What can reach a limit. */
export type LimitUnit = 'packets' | 'bytes' | 'seconds';

/** Limits as they are compared with: infinite where there is none. */
export interface Limits {
  readonly softPackets: number;
  readonly softBytes: number;
  readonly softMs: number;
  readonly hardPackets: number;
  readonly hardBytes: number;
  readonly hardMs: number;
}

/** The limits of an SA; undefined when it has none. */
export function limitsOf(limits: SaLimits | undefined): Limits | undefined {
  if (limits === undefined) return undefined;
  const { soft, hard } = limits;
  const none = Number.POSITIVE_INFINITY;
  return {
    softPackets: soft?.packets ?? none,
    softBytes: soft?.bytes ?? none,
    softMs: 1000 * (soft?.seconds ?? none),
    hardPackets: hard?.packets ?? none,
    hardBytes: hard?.bytes ?? none,
    hardMs: 1000 * (hard?.seconds ?? none),
  };
}
