/**
 * The catalogue of coded errors. A code is stable, its text is not. Bad packets never end here: they are counted
 * (see `counters.ts`). `docs/errors.md` lists the same codes; a test compares both ways.
 */
export const ERRORS = {
  ERR_RXSTEER_OPTION: 'An option has a value that it cannot have.',
  ERR_RXSTEER_KEY: 'A hash key has a wrong length or is not hexadecimal.',
  ERR_RXSTEER_FIELDS: 'Hash field letters or a flow type that ethtool does not know, or that do not go together.',
  ERR_RXSTEER_INDIRECTION: 'An indirection table that cannot be filled as asked.',
  ERR_RXSTEER_RULE: 'An ntuple rule that cannot be understood, or not be kept.',
  ERR_RXSTEER_ETHTOOL: 'Saved output of ethtool that cannot be understood.',
  ERR_RXSTEER_ADDRESS: 'A text that is no IP address.',
  ERR_RXSTEER_SA: 'A security association with a missing, unknown or wrongly sized part.',
  ERR_RXSTEER_SA_DUPLICATE: 'Two security associations with the same destination and SPI.',
  ERR_RXSTEER_SA_NOT_FOUND: 'There is no security association with this destination and SPI.',
  ERR_RXSTEER_SA_CAPACITY: 'There is no room for so many security associations, or selectors of theirs.',
  ERR_RXSTEER_SA_STATE: 'A snapshot of security associations that cannot be gone on with.',
  ERR_RXSTEER_CRYPTO: 'A crypto backend that was asked for cannot be used here.',
  ERR_RXSTEER_SA_FILE: 'A file of security associations that cannot be understood.',
  ERR_RXSTEER_CAPTURE_FORMAT: 'A file that is no pcap or pcapng capture, or has a link type that is not supported.',
  ERR_RXSTEER_CAPTURE_DAMAGED: 'A capture that breaks off or contradicts itself; the offset says where.',
  ERR_RXSTEER_FILE: 'A file that cannot be opened, read or written.',
  ERR_RXSTEER_MEMORY: 'The frame memory cannot be reserved.',
  ERR_RXSTEER_CONSUMER: 'A consumer that is no module with a default function, or no object with onPackets.',
  ERR_RXSTEER_CLOSED: 'The receiver is closed.',
  ERR_RXSTEER_TIMEOUT: 'Something did not finish within the time given.',
  ERR_RXSTEER_USAGE: 'The command line does not read as its help says.',
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Every error that rxsteer throws on purpose: a stable `code`, and a sentence that says what was expected and what came. */
export class RxSteerError extends Error {
  readonly code: ErrorCode;
  /** Where in a file the fault lies, in bytes, when the error is about a file. */
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, details: { cause?: unknown; offset?: number } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RxSteerError';
    this.code = code;
    this.offset = details.offset;
  }
}

/** How a received value is shown in an error: short, typed, one line. Never call it with key material. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'function') return `a function`;
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'no prototype'})`;
  return String(value);
}

/** The error of an option whose value cannot be: `optionError('queues', 'an integer from 1 to 256', 0)`. */
export function optionError(option: string, expected: string, got: unknown): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_OPTION', `${option}: expected ${expected}, got ${shown(got)}`);
}

/** Returns `value` when it is an integer within the bounds; throws {@link optionError} when not. */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw optionError(option, `an integer from ${min} to ${max}`, value);
  }
  return value;
}
