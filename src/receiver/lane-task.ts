import type { MessagePort } from 'node:worker_threads';
import type { SaCopy } from '../esp/index.ts';
import type { LaneConfig } from '../lane/config.ts';
import type { SaEvent } from '../lane/sa-events.ts';

/** What a lane's thread is started with. */
export interface LaneTask {
  readonly config: LaneConfig;
  /** URL of the consumer module. */
  readonly consumer: string;
  readonly data: unknown;
  readonly idle: 'async' | 'block';
  readonly port: MessagePort;
}

/** What a lane's task ends with when its consumer could not be made. An error that is sent would lose its code. */
export interface LaneFailure {
  readonly message: string;
}

/** What a lane's thread tells the receiver. */
export type FromLane =
  | { readonly kind: 'ready' }
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'sa'; readonly event: SaEvent }
  | { readonly kind: 'error'; readonly error: unknown }
  /** SAs are copied, as the message with this number asked. */
  | { readonly kind: 'copied'; readonly number: number; readonly copy: SaCopy | undefined }
  /** SAs are forgotten: the message with this number is done. */
  | { readonly kind: 'forgotten'; readonly number: number };

/** What the receiver tells a lane's thread. */
export type ToLane =
  /** For its consumer. */
  | { readonly kind: 'message'; readonly message: unknown }
  /** SAs of whose state a copy is wanted. */
  | { readonly kind: 'copy'; readonly number: number; readonly slots: Int32Array }
  /** SAs that have gone: their slots and order groups. */
  | {
      readonly kind: 'forget';
      readonly number: number;
      readonly slots: Int32Array;
      readonly units: Int32Array;
    };
