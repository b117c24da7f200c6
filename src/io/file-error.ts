import { RxSteerError } from '../errors.ts';

/** `fileError('read', 'a.pcap', cause)`: what was tried, on which file, and what the system said. */
export function fileError(verb: string, path: string, cause: unknown): RxSteerError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new RxSteerError('ERR_RXSTEER_FILE', `cannot ${verb} ${path}: ${said}`, { cause });
}
