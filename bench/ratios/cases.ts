/** What CI keeps an eye on: one case of each stage, none of them with more than one thread or a library that may be missing. */
import type { Case } from '../harness.ts';
import { questions } from '../questions.ts';

const WATCHED: readonly (readonly [question: string, name: string])[] = [
  ['hash', 'toeplitz_v4'],
  ['classify', 'classify_64_mix_kernel'],
  ['kernels', 'checksum_1468_wasm'],
  ['ring', 'ring_same_thread'],
  ['dispatch', 'dispatch_mix_burst256'],
  ['gro', 'gro_16flow_verify'],
  ['esp', 'open_gcm256_1400_node'],
  ['lane', 'lane_clear_16flows'],
  ['lane', 'lane_esp_null_16flows'],
  ['reassembly', 'fragment'],
];

export const watched: readonly Case[] = WATCHED.map(([question, name]) => {
  const found = questions.get(question)?.find((c) => c.name === name);
  if (found === undefined) throw new Error(`there is no case ${name} in ${question}`);
  return found;
});
