import { RxSteerError } from '../errors.ts';
import { type Consumer, type ConsumerContext, type ConsumerFactory, isConsumer } from '../lane/consumer.ts';
import { importModule } from './import-module.ts';

/**
 * Loads a consumer module and makes the consumer of a lane.
 *
 * @throws RxSteerError `ERR_RXSTEER_CONSUMER`
 */
export async function loadConsumer(url: string, context: ConsumerContext): Promise<Consumer> {
  let factory: unknown;
  try {
    factory = (await importModule(url)).default;
  } catch (cause) {
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: ${url} could not be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (typeof factory !== 'function') {
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: ${url} has no default export that is a function`);
  }
  let consumer: unknown;
  try {
    consumer = await (factory as ConsumerFactory)(context);
  } catch (cause) {
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: ${url} threw: ${messageOf(cause)}`, { cause });
  }
  if (!isConsumer(consumer)) {
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: what ${url} returned has no onPackets(batch)`);
  }
  return consumer;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
