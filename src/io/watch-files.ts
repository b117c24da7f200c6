import { statSync } from 'node:fs';

/** How often files are looked at, in milliseconds. */
const INTERVAL = 200;

/**
 * Calls back when one of the files has become another one: written anew in place, or replaced. A file must have been the same at two
 * looks, so that half of it is seldom read; one that is gone for a moment is waited for. Looking at files works on any file system, and
 * with editors that write a new one and rename it. Keeps no process alive.
 *
 * @returns ends it
 */
export function watchFiles(paths: readonly string[], changed: () => void): () => void {
  let told = paths.map(signature);
  let before = told;
  const timer = setInterval(() => {
    const now = paths.map(signature);
    const isStill = now.every((one, i) => one === before[i] && one !== undefined);
    before = now;
    if (!isStill || now.every((one, i) => one === told[i])) return;
    told = now;
    changed();
  }, INTERVAL);
  timer.unref();
  return () => clearInterval(timer);
}

/** What differs between two states of a file; undefined: it is not there. */
function signature(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats && `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs}`;
}
