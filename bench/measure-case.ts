/** The process of one case: `measure-case.ts QUESTION CASE full|quick`; prints its row as JSON. */
import { FULL, measure, QUICK } from './harness.ts';
import { questions } from './questions.ts';

const [question, name, effort] = process.argv.slice(2);
const found = questions.get(question)?.find((c) => c.name === name);
if (found === undefined) throw new Error(`there is no case ${name} in ${question}`);
process.stdout.write(`${JSON.stringify(await measure(found, effort === 'quick' ? QUICK : FULL))}\n`);
