/** The files of cases, by the name that `npm run bench -- NAME` takes. */
import { cases as classify } from './classify.ts';
import { cases as dispatch } from './dispatch.ts';
import { cases as esp } from './esp.ts';
import { cases as flood } from './flood.ts';
import { cases as gro } from './gro.ts';
import type { Case } from './harness.ts';
import { cases as hash } from './hash.ts';
import { cases as kernels } from './kernels.ts';
import { cases as lane } from './lane.ts';
import { cases as laneEsp } from './lane-esp.ts';
import { cases as reassembly } from './reassembly.ts';
import { cases as replay } from './replay.ts';
import { cases as rfs } from './rfs.ts';
import { cases as ring } from './ring.ts';
import { cases as rules } from './rules.ts';
import { cases as sas } from './sas.ts';

export const questions: ReadonlyMap<string, readonly Case[]> = new Map([
  ['hash', hash],
  ['classify', classify],
  ['kernels', kernels],
  ['ring', ring],
  ['dispatch', dispatch],
  ['rules', rules],
  ['rfs', rfs],
  ['gro', gro],
  ['reassembly', reassembly],
  ['flood', flood],
  ['esp', esp],
  ['sas', sas],
  ['lane', lane],
  ['lane-esp', laneEsp],
  ['replay', replay],
]);
