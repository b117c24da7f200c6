/** All points, by the charts that `npm run bench -- growth NAME` takes. */
import { points as flows } from './flows.ts';
import { points as lanes } from './lanes.ts';
import type { Point } from './point.ts';
import { points as sas } from './sas.ts';
import { points as sizes } from './sizes.ts';

export const points: readonly Point[] = [...flows, ...sas, ...lanes, ...sizes];
