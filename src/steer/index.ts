/** Steering: from a dissected packet to a queue. */
export * from './indirection.ts';
export * from './steerer.ts';
