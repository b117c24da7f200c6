/** The process of one traffic: none trains or spoils the optimiser for another. Gets options and effort as JSON, sends its result. */
import { measureSteady, type SteadyEffort } from './measure.ts';
import type { SteadyOptions } from './traffic.ts';

const [options, effort] = process.argv.slice(2).map((text) => JSON.parse(text)) as [SteadyOptions, SteadyEffort];
const result = await measureSteady(options, effort);
process.send!(result, () => process.disconnect());
