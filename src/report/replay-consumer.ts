/** The consumer of `replay` in a lane: accounts for flows there, or sends what was delivered to the program. */
import type { Batch } from '../lane/batch.ts';
import type { Consumer, ConsumerContext } from '../lane/consumer.ts';
import { accountBatch, type Delivery, packDelivery } from './delivery.ts';
import { FlowAccounts, type FlowAccountsState } from './flows.ts';

export interface ReplayConsumerData {
  /** Bytes are needed: send everything. */
  readonly send: boolean;
  /** SPI of each SA, in shared memory. */
  readonly spis: Int32Array;
  readonly nattPort: number;
}

export type FromReplayConsumer = Delivery | { readonly kind: 'accounts'; readonly state: FlowAccountsState };

/** Batches of a lane that may be on the way to the program. */
const MOST_SENT = 8;

export default function replayConsumer(context: ConsumerContext): Consumer {
  const { send, spis, nattPort } = context.data as ReplayConsumerData;
  return send ? sender(context) : accountant(context, spis, nattPort);
}

function accountant(context: ConsumerContext, spis: Int32Array, nattPort: number): Consumer {
  const accounts = new FlowAccounts({ digest: 'none', nattPort });
  return {
    onPackets: (batch) => accountBatch(accounts, batch, spis),
    close: () => context.post({ kind: 'accounts', state: accounts.export() } satisfies FromReplayConsumer),
  };
}

function sender(context: ConsumerContext): Consumer {
  let sent = 0;
  let room: (() => void) | undefined;
  return {
    onPackets(batch: Batch): void | Promise<void> {
      context.post(packDelivery(batch) satisfies FromReplayConsumer);
      if (++sent < MOST_SENT) return;
      return new Promise((resolve) => {
        room = resolve;
      });
    },
    /** The program has taken one. */
    onMessage(): void {
      sent--;
      room?.();
      room = undefined;
    },
  };
}
