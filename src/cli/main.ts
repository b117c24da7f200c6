#!/usr/bin/env node
import { RxSteerError } from '../errors.ts';
import { helpText } from './help.ts';

/** What the process ends with: all well; an invariant failed, a file is damaged or there is no answer; usage or unreadable input. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Runs a subcommand with its arguments; resolves with the exit code. */
type Command = (args: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  analyze: async () => (await import('./analyze.ts')).analyzeCommand,
  bench: async () => (await import('./bench.ts')).benchCommand,
  gro: async () => (await import('./gro.ts')).groCommand,
  hash: async () => (await import('./hash.ts')).hashCommand,
  key: async () => (await import('./key.ts')).keyCommand,
  lab: async () => (await import('./lab.ts')).labCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
};

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(helpText('rxsteer'));
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new RxSteerError(
      'ERR_RXSTEER_USAGE',
      `there is no command '${name}'; expected ${Object.keys(COMMANDS).join(' or ')} (see rxsteer --help)`,
    );
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(helpText(name));
    return EXIT_OK;
  }
  return (await command())(rest);
}

/** A reader that closes the pipe early (`| head`) has seen enough. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_OK);
  throw error;
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (!(error instanceof RxSteerError)) throw error;
    process.stderr.write(`rxsteer: ${error.message} [${error.code}]\n`);
    process.exitCode = error.code === 'ERR_RXSTEER_CAPTURE_DAMAGED' ? EXIT_FAILED : EXIT_USAGE;
  },
);
