/**
 * The catalogue of events: what the data plane tells the program. None is per packet. Each has a diagnostics channel, but for the
 * messages of consumers, which are the program's own. `docs/events.md` lists the same names; a test compares both ways.
 */
export const EVENTS = {
  'soft-limit': 'rxsteer:sa:soft-limit',
  'hard-limit': 'rxsteer:sa:hard-limit',
  'sequence-limit': 'rxsteer:sa:sequence-limit',
  'authentication-failures': 'rxsteer:sa:authentication-failures',
  'replay-storm': 'rxsteer:sa:replay-storm',
  'peer-moved': 'rxsteer:sa:peer-moved',
  'bad-inner': 'rxsteer:sa:bad-inner',
  'unknown-spi': 'rxsteer:sa:unknown-spi',
  'consumer-error': 'rxsteer:lane:consumer-error',
  'lane-lost': 'rxsteer:lane:lost',
  message: undefined,
} as const;

export type EventName = keyof typeof EVENTS;
