/** Steering: from a dissected packet to a queue. */
export * from './context.ts';
export * from './ethtool.ts';
export * from './indirection.ts';
export * from './nic/index.ts';
export * from './options.ts';
export * from './rule-table.ts';
export * from './steerer.ts';
