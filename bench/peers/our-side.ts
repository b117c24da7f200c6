/** Our side: `our-side.ts QUESTION CASE` measures one repeat for each line of its input (seconds). See `side.ts`. */
import { createInterface } from 'node:readline';
import { FULL, repeat } from '../harness.ts';
import { questions } from '../questions.ts';
import type { Ready } from './side.ts';

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const [question, name] = process.argv.slice(2);
const found = questions.get(question)?.find((c) => c.name === name);
if (found === undefined) {
  say({ skipped: `this machine has no ${name}` } satisfies Ready);
} else {
  const round = await found.make(FULL);
  say({ ready: true, version: `Node ${process.versions.node}` } satisfies Ready);
  for await (const line of createInterface({ input: process.stdin })) {
    const { ns, items, dropped } = await repeat(round, Number(line), found.long === true);
    say({ ns, items, dropped });
  }
  await round.close?.();
}
