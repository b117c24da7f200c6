/** Flow hashing: Toeplitz and other functions, keys, fields by ethtool's letters. */
export * from './fields.ts';
export * from './flow-hasher.ts';
export { HFUNCS, type Hfunc } from './hfunc.ts';
export * from './keys.ts';
export * from './toeplitz.ts';
