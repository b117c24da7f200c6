/** The process of one bar: none trains or spoils the optimiser for another. Gets scenario and effort as JSON, sends its row. */
import { measureReceive } from './receive.ts';
import type { HistogramEffort } from './row.ts';
import type { Scenario } from './scenario.ts';
import { measureTls } from './tls.ts';

const [scenario, effort] = process.argv.slice(2).map((text) => JSON.parse(text)) as [Scenario, HistogramEffort];
const measure = scenario.kind === 'tls' ? measureTls : measureReceive;
const row = await measure(scenario, effort);
process.send!(row, () => process.disconnect());
