import { checkInteger, optionError } from '../errors.ts';
import { type GroOptions as EngineOptions, GRO_MAX_SIZE } from '../gro/index.ts';
import { groSettings } from '../gro/options.ts';
import type { LaneGro } from '../lane/config.ts';

export interface GroOptions
  extends Pick<
    EngineOptions,
    'order' | 'as' | 'maxSize' | 'maxSize4' | 'udp' | 'acrossSas' | 'buckets' | 'heldPerBucket'
  > {
  /**
   * Clear tunnels (VXLAN, Geneve, GUE, GRE, IP in IP, by their standard ports), in clear or out of ESP: `off` (default) leaves them alone; `keep`
   * merges inner flows inside their outer headers, as Linux's GRO does; `decap` takes the tunnel off first, and the consumer gets the inner
   * flow: `batch.tunnel(i)` and `batch.tunnelId(i)` say by what it came.
   */
  readonly tunnels?: 'off' | 'keep' | 'decap';
  /**
   * What chooses the bucket of what came out of ESP or a tunnel: the inner flow (`inner`, default), or as in Linux the hash that the outer
   * packet came with (`outer`), so that all inner flows of an SA share one.
   */
  readonly bucketBy?: 'inner' | 'outer';
  /**
   * Milliseconds that packets may be held over the ends of polls, to be merged with what comes next: Linux's `gro_flush_timeout`, 0 to 1,000.
   * Default 0: everything held comes out with each poll. `drain` waits for it. Not with `deterministic`, nor with `rfs`.
   */
  readonly flushTimeout?: number;
}

const KNOWN: ReadonlySet<string> = new Set([
  'order',
  'as',
  'maxSize',
  'maxSize4',
  'udp',
  'acrossSas',
  'buckets',
  'heldPerBucket',
  'tunnels',
  'bucketBy',
  'flushTimeout',
]);
/** No super-packet would be made of full-size segments below this. */
const LEAST_SIZE = 1024;
const TIMEOUT_MAX = 1000;

/**
 * @param isTimed polls end as packets come, and flows stay in their lanes
 * @throws RxSteerError `ERR_RXSTEER_OPTION`
 */
export function groOptions(options: GroOptions | false | undefined, isTimed: boolean): LaneGro | undefined {
  if (options === false) return undefined;
  const gro = options ?? {};
  if (typeof gro !== 'object' || gro === null || Array.isArray(gro))
    throw optionError('gro', 'false or an object', gro);
  for (const name of Object.keys(gro)) {
    if (!KNOWN.has(name)) throw optionError('gro', `options that there are, not '${name}'`, gro);
  }
  const { tunnels = 'off', flushTimeout = 0, ...rest } = gro;
  if (typeof flushTimeout !== 'number' || !(flushTimeout >= 0 && flushTimeout <= TIMEOUT_MAX)) {
    throw optionError('gro.flushTimeout', `milliseconds from 0 to ${TIMEOUT_MAX}`, flushTimeout);
  }
  if (flushTimeout > 0 && !isTimed) {
    throw optionError('gro.flushTimeout', "0 when 'deterministic' or 'rfs' is set", flushTimeout);
  }
  if (tunnels !== 'off' && tunnels !== 'keep' && tunnels !== 'decap') {
    throw optionError('gro.tunnels', '"off", "keep" or "decap"', tunnels);
  }
  if (gro.maxSize !== undefined) checkInteger('gro.maxSize', gro.maxSize, LEAST_SIZE, GRO_MAX_SIZE);
  if (gro.maxSize4 !== undefined) checkInteger('gro.maxSize4', gro.maxSize4, LEAST_SIZE, GRO_MAX_SIZE);
  const engine: EngineOptions = { ...rest, tunnels: tunnels === 'keep' };
  // Whoever asks for something that cannot be hears of it here, and not in a lane's thread.
  groSettings(engine);
  return { engine, decap: tunnels === 'decap', flushTimeout };
}
