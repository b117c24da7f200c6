import { CLASSES } from '../counters.ts';
import { INPUT_MAX } from '../hash/flow-hasher.ts';
import { approximationOf } from '../steer/nic/index.ts';
import { DROPPED, Steerer } from '../steer/steerer.ts';
import { hex } from '../wire/bytes.ts';
import { type TupleProto, tupleFrame } from '../wire/emit.ts';
import { oneOf, readArgs, usageError, wholeNumber } from './args.ts';
import { STEERING_OPTIONS, steeringOptions } from './steering-options.ts';

const OPTIONS = {
  ...STEERING_OPTIONS,
  src: { type: 'string' },
  dst: { type: 'string' },
  sport: { type: 'string' },
  dport: { type: 'string' },
  spi: { type: 'string' },
  proto: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const PROTOS: readonly (TupleProto | 'natt')[] = ['tcp', 'udp', 'sctp', 'esp', 'ah', 'natt', 'ip'];

/** `rxsteer hash`: the hash, table index and queue of one flow. */
export async function hashCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  if (positionals.length > 0) throw usageError(`hash takes no argument without an option, got '${positionals[0]}'`);
  const { src, dst } = values;
  if (src === undefined || dst === undefined) throw usageError('hash needs --src and --dst (see rxsteer hash --help)');
  const proto = oneOf('proto', values.proto, PROTOS);
  const steerer = new Steerer(steeringOptions(values));
  const { bytes, dissection } = tupleFrame({
    src,
    dst,
    sport: wholeNumber('sport', values.sport, 0, 0xffff),
    dport: wholeNumber('dport', values.dport, 0, 0xffff),
    spi: wholeNumber('spi', values.spi, 0, 0xffffffff),
    ...(proto === 'natt' ? { natt: true } : { proto }),
  });
  const queue = steerer.steer(bytes, dissection);
  const hash = steerer.hash >>> 0;
  const { hasher, indirection } = steerer.used;
  const input = new Uint8Array(INPUT_MAX);
  const length = hasher.input(bytes, dissection, input);
  const { rule, nic } = steerer;
  const cls = CLASSES[dissection.cls];
  const model = nic && approximationOf(nic, cls);
  const result = {
    schema: 'rxsteer.hash/1',
    ...(nic === undefined ? {} : { nic: nic.name }),
    class: cls,
    input: hex(input, 0, length),
    hash: `0x${hash.toString(16).padStart(8, '0')}`,
    index: indirection.index(hash),
    // The rule decides, not the hash; a queue that is null is none: the rule drops.
    queue: queue === DROPPED ? null : queue,
    ...(rule === undefined ? {} : { rule: { location: rule.location, text: rule.text } }),
    ...(model === undefined ? {} : { model }),
  };
  if (values.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else {
    const rows = [
      ...(nic === undefined ? [] : [['nic', nic.name]]),
      ['class', result.class],
      ['input', `${result.input} (${length} bytes)`],
      ['hash', result.hash],
      ['index', `${result.index} of ${indirection.size}`],
      ...(rule === undefined ? [] : [['rule', `${rule.text} (location ${rule.location})`]]),
      ['queue', queue === DROPPED ? 'none: dropped' : `${queue} of ${steerer.queues}`],
      ...(model === undefined ? [] : [['model', model]]),
    ];
    process.stdout.write(rows.map(([name, value]) => `${name.padEnd(7)}${value}\n`).join(''));
  }
  return 0;
}
