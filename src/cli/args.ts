import { type ParseArgsConfig, parseArgs } from 'node:util';
import { RxSteerError, shown } from '../errors.ts';

export type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

/** What `parseArgs` makes of the arguments of a command. */
export type ParsedArgs<O extends OptionsConfig> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true; strict: true }>
>;

/**
 * Reads the arguments of a command.
 *
 * @throws RxSteerError `ERR_RXSTEER_USAGE`: an unknown option, a missing or superfluous value
 */
export function readArgs<O extends OptionsConfig>(args: readonly string[], options: O): ParsedArgs<O> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's sentences say what is wrong and name the option; what follows the first one is advice about `--`.
    const [first] = (error as Error).message.split(/\.\s/);
    throw usageError(first);
  }
}

export function usageError(message: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_USAGE', message);
}

/**
 * A whole number from the command line, decimal or 0x.
 *
 * @throws RxSteerError `ERR_RXSTEER_USAGE`
 */
export function wholeNumber(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw usageError(`--${option}: expected a whole number from ${min} to ${max}, got ${shown(text)}`);
  }
  return value;
}

/**
 * One of a few words from the command line.
 *
 * @throws RxSteerError `ERR_RXSTEER_USAGE`
 */
export function oneOf<T extends string>(option: string, text: string | undefined, words: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const word = words.find((w) => w === text);
  if (word === undefined) throw usageError(`--${option}: expected ${words.join(' or ')}, got ${shown(text)}`);
  return word;
}
