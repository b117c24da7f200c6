import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RxSteerError } from '../errors.ts';
import { fileError } from '../io/file-error.ts';
import { labPage } from '../report/page/lab-page.ts';
import { readArgs, usageError, wholeNumber } from './args.ts';
import { labModules } from './lab-modules.ts';
import { serveLab } from './lab-server.ts';

const OPTIONS = {
  port: { type: 'string' },
  out: { type: 'string' },
} as const;

/** `rxsteer lab`: the page where knobs are turned, served to this machine, or written as files. */
export async function labCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  const [capture, more] = positionals;
  if (more !== undefined) throw usageError(`lab takes one capture at most, got '${more}' too`);
  const port = wholeNumber('port', values.port, 0, 65535) ?? 0;
  if (values.out !== undefined) {
    if (capture !== undefined) throw usageError('--out writes the page alone: a capture is dropped on it');
    await writeLab(values.out);
    return 0;
  }
  if (capture !== undefined) checkCapture(capture);
  const server = await serveLab(port, capture).catch((cause: unknown) => {
    throw new RxSteerError('ERR_RXSTEER_FILE', `cannot listen on port ${port}: ${(cause as Error).message}`, { cause });
  });
  process.stdout.write(`${server.url}\n`);
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  await server.close();
  return 0;
}

function checkCapture(path: string): void {
  try {
    if (!statSync(path).isFile()) throw new Error('it is no regular file');
  } catch (cause) {
    throw fileError('read', path, cause);
  }
}

/** The page and its modules as files, for any web server. */
async function writeLab(folder: string): Promise<void> {
  const files = new Map(await labModules()).set('index.html', labPage());
  for (const [path, text] of files) {
    const target = join(folder, path);
    try {
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
    } catch (cause) {
      throw fileError('write', target, cause);
    }
  }
  process.stdout.write(`${files.size} files in ${basename(folder)}\n`);
}
