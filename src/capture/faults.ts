import { RxSteerError } from '../errors.ts';
import { linkTypeList } from './link-types.ts';

/** A file that is none of the formats that are read. */
export function notACapture(why: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_CAPTURE_FORMAT', `expected a pcap or pcapng capture, but ${why}`, { offset: 0 });
}

/** A record that contradicts itself: `damaged(1234, 'its block length 7 is no multiple of 4')`. */
export function damaged(offset: number, why: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_CAPTURE_DAMAGED', `the record at byte ${offset} is damaged: ${why}`, { offset });
}

/** A record that the end of the file cuts off. */
export function cutOff(offset: number, there: number): RxSteerError {
  const why = `the capture breaks off inside the record at byte ${offset}, of which only ${there} bytes are there`;
  return new RxSteerError('ERR_RXSTEER_CAPTURE_DAMAGED', why, { offset });
}

/** Frames of a link layer that cannot be dissected. */
export function unsupportedLink(offset: number, linkType: number): RxSteerError {
  const why = `link type ${linkType} is not supported; those that are: ${linkTypeList()}`;
  return new RxSteerError('ERR_RXSTEER_CAPTURE_FORMAT', why, { offset });
}

/** A capture of a version that nobody has defined. */
export function unsupportedVersion(offset: number, format: string, version: string, expected: string): RxSteerError {
  const why = `expected version ${expected} of ${format}, got ${version}`;
  return new RxSteerError('ERR_RXSTEER_CAPTURE_FORMAT', why, { offset });
}
