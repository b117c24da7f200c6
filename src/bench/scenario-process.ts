/** The process of one bar: none trains or spoils the optimiser for another. Gets scenario and effort as JSON, sends its row. */
import { measureReceive } from './receive.ts';
import type { HistogramEffort } from './row.ts';
import type { Scenario } from './scenario.ts';
import { measureTls } from './tls.ts';

// What is made for a scenario goes with its process, also when somebody ends that, or the one that started it.
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.once(signal, () => process.exit(128 + number));
}
process.once('disconnect', () => process.exit());

const [scenario, effort] = process.argv.slice(2).map((text) => JSON.parse(text)) as [Scenario, HistogramEffort];
const measure = scenario.kind === 'tls' ? measureTls : measureReceive;
const row = await measure(scenario, effort);
process.send!(row, () => process.disconnect());
