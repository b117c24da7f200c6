import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { watchFiles } from '../../src/io/watch-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'rxsteer-watch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('tells of files that are written anew, renamed into place, and that come back; of each once', async () => {
  const [one, two, other] = ['one', 'two', 'other'].map((name) => join(folder, name));
  writeFileSync(one, '1');
  writeFileSync(two, '2');
  let heard: () => void = () => {};
  let times = 0;
  const stop = watchFiles([one, two], () => {
    times++;
    heard();
  });
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      heard = resolve;
    });
  const changes = [
    () => writeFileSync(one, '1, longer'),
    () => {
      writeFileSync(other, '2, renamed');
      renameSync(other, two);
    },
    () => {
      rmSync(one);
      setTimeout(() => writeFileSync(one, '1, back'), 250);
    },
  ];
  for (const change of changes) {
    const told = next();
    change();
    await told;
  }
  expect(times).toBe(changes.length);
  stop();
});
