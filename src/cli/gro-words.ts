/** Options of `gro` and `replay` that say what is coalesced, and how far. */
import { GRO_MAX_SIZE, LINUX_VERSIONS, type LinuxVersion } from '../gro/index.ts';
import { oneOf, wholeNumber } from './args.ts';

export const PORT_MAX = 65_535;

export const GRO_WORDS = {
  as: { type: 'string' },
  udp: { type: 'string' },
  max: { type: 'string' },
  max4: { type: 'string' },
} as const;

interface GroWords {
  readonly as?: LinuxVersion;
  readonly udp?: 'off' | 'forwarding' | number[];
  readonly maxSize?: number;
  readonly maxSize4?: number;
}

/** @throws RxSteerError `ERR_RXSTEER_USAGE` */
export function groWords(values: { as?: string; udp?: string; max?: string; max4?: string }, least: number): GroWords {
  const as = oneOf('as', values.as, LINUX_VERSIONS);
  const maxSize = wholeNumber('max', values.max, least, GRO_MAX_SIZE);
  const maxSize4 = wholeNumber('max4', values.max4, least, GRO_MAX_SIZE);
  return {
    ...(as === undefined ? {} : { as }),
    ...(values.udp === undefined ? {} : { udp: wordOrNumbers('udp', values.udp, ['off', 'forwarding'], 1, PORT_MAX) }),
    ...(maxSize === undefined ? {} : { maxSize }),
    ...(maxSize4 === undefined ? {} : { maxSize4 }),
  };
}

/** Numbers with commas between them. @throws RxSteerError `ERR_RXSTEER_USAGE` */
export function numbers(option: string, text: string, min: number, max: number): number[] {
  return text.split(',').map((part) => wholeNumber(option, part.trim(), min, max) as number);
}

/** One of a few words, or numbers. @throws RxSteerError `ERR_RXSTEER_USAGE` */
export function wordOrNumbers<const T extends string>(
  option: string,
  text: string,
  words: readonly T[],
  min: number,
  max: number,
): T | number[] {
  const word = words.find((w) => w === text);
  if (word !== undefined) return word;
  if (!/\d/.test(text[0] ?? '')) oneOf(option, text, [...words, 'numbers with commas between them']);
  return numbers(option, text, min, max);
}
