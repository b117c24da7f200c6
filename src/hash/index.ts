/** Flow hashing: Toeplitz and other functions, keys (made, judged, and used to place flows), fields by ethtool's letters. */
export * from './fields.ts';
export * from './flow-hasher.ts';
export * from './generate-key.ts';
export * from './gf2.ts';
export { HFUNCS, type Hfunc } from './hfunc.ts';
export * from './key-map.ts';
export * from './keys.ts';
export * from './lint.ts';
export * from './place.ts';
export { randomKey } from './random-key.ts';
export * from './toeplitz.ts';
