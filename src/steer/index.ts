/** Steering: from a dissected packet to a queue. */
export * from './ethtool.ts';
export * from './indirection.ts';
export * from './rule-table.ts';
export * from './steerer.ts';
