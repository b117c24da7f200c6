/** The process of one point: `measure-point.ts NAME full|quick`; prints its row as JSON. */
import { FULL_GROWTH, measurePoint, QUICK_GROWTH } from './point.ts';
import { points } from './points.ts';

const [name, effort] = process.argv.slice(2);
const point = points.find((one) => one.name === name);
if (point === undefined) throw new Error(`there is no ${name}`);
process.stdout.write(`${JSON.stringify(await measurePoint(point, effort === 'quick' ? QUICK_GROWTH : FULL_GROWTH))}\n`);
