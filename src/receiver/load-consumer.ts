import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { RxSteerError } from '../errors.ts';
import { type Consumer, type ConsumerContext, type ConsumerFactory, isConsumer } from '../lane/consumer.ts';

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
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: ${url} could not be loaded: ${why}`, { cause });
  }
  if (typeof factory !== 'function') {
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: ${url} has no default export that is a function`);
  }
  const consumer = await (factory as ConsumerFactory)(context);
  if (!isConsumer(consumer)) {
    throw new RxSteerError('ERR_RXSTEER_CONSUMER', `consumer: what ${url} returned has no onPackets(batch)`);
  }
  return consumer;
}

/**
 * Under tsx, a worker thread of Node 20 has its hook for `require` but not the one for `import`: TypeScript is required there.
 */
async function importModule(url: string): Promise<{ default?: unknown }> {
  try {
    return await import(url);
  } catch (error) {
    if ((error as NodeJS.ErrnoException)?.code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    return createRequire(import.meta.url)(fileURLToPath(url));
  }
}
