/** Flow hashing: Toeplitz, keys, fields by ethtool's letters. */
export * from './fields.ts';
export * from './flow-hasher.ts';
export * from './keys.ts';
export * from './toeplitz.ts';
