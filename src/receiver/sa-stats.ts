import type { CryptoName, SaMode, SaProto, SaStage } from '../esp/index.ts';

/** A security association, and what it has done. */
export interface SaStats {
  /** What `batch.sa(i)` calls it. When it is gone, another SA may be called so. */
  readonly id: number;
  readonly spi: number;
  readonly proto: SaProto;
  readonly src: string | undefined;
  readonly dst: string;
  readonly transform: string;
  /** What opens its packets: `ipsec-mb`, `openssl` or `node`. */
  readonly crypto: CryptoName;
  readonly mode: SaMode;
  readonly natt: boolean;
  /** Checksums of what comes by it are not verified. */
  readonly trustIcv: boolean;
  readonly queue?: number;
  readonly group?: string;
  readonly packets: number;
  /** Authentic and well formed; dummies not counted. */
  readonly opened: number;
  readonly dummy: number;
  /** `expired`: came when a hard limit was reached. */
  readonly failed: {
    readonly icv: number;
    readonly replay: number;
    readonly short: number;
    readonly padding: number;
    readonly expired: number;
  };
  /** `dying` from a soft limit on, `dead` from a hard one on (RFC 2367 section 1.3). */
  readonly life: SaStage;
}

/** What SAs have done together that are gone. */
export interface FormerSas {
  /** How many they were. */
  readonly sas: number;
  readonly packets: number;
  readonly opened: number;
  readonly dummy: number;
  readonly failed: SaStats['failed'];
  /** Payload of what was opened. */
  readonly bytes: number;
}
