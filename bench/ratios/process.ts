/** The process of one case: `process.ts CASE`; prints its ratio as JSON. */
import { watched } from './cases.ts';
import { CI_EFFORT, measureRatio } from './measure.ts';

const found = watched.find(({ name }) => name === process.argv[2]);
if (found === undefined) throw new Error(`there is no case ${process.argv[2]}`);
process.stdout.write(`${JSON.stringify(await measureRatio(found, CI_EFFORT))}\n`);
