import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkLayers, readSources } from './support/layers.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('layers', () => {
  it('src/ and workers/ import only downward, without cycles', () => {
    expect(checkLayers(readSources(ROOT, ['src', 'workers']))).toEqual([]);
  });
});

/** The rule itself, on trees of a few lines. */
describe('the layer rule', () => {
  const check = (files: Record<string, string>): string[] => checkLayers(new Map(Object.entries(files)));
  const errors = { 'src/errors.ts': '' };

  it('accepts a lower row, the own folder, and what is allowed by name', () => {
    expect(
      check({
        ...errors,
        'src/index.ts': "export * from './receiver/a.ts';",
        'src/cli/main.ts': "import '../report/a.ts'; import './b.ts';",
        'src/cli/b.ts': "import '../io/a.ts';",
        'src/report/a.ts': '',
        'src/io/a.ts': "import 'node:fs';",
        'src/receiver/a.ts': "import 'piscina'; import '../errors.ts';",
        'workers/lane-worker.ts': "import '../src/receiver/a.ts'; import '../src/lane/a.ts';",
        'src/lane/a.ts': "import type { X } from '../wire/a.ts';",
        'src/wire/a.ts': "import '../errors.ts';",
        'src/kernels/build.ts': "import 'node:fs';",
      }),
    ).toEqual([]);
  });

  it.each([
    ['an upper row', { 'src/wire/a.ts': "import '../hash/a.ts';", 'src/hash/a.ts': '' }, 'hash is no layer below wire'],
    ['a sibling', { 'src/gro/a.ts': "import '../esp/a.ts';", 'src/esp/a.ts': '' }, 'esp is no layer below gro'],
    ['io', { 'src/receiver/a.ts': "import '../io/a.ts';", 'src/io/a.ts': '' }, 'io is no layer below receiver'],
    ['a type', { 'src/wire/a.ts': "import type { A } from '../hash/a.ts';", 'src/hash/a.ts': '' }, 'no layer below'],
    ['an export', { 'src/wire/a.ts': "export * from '../hash/a.ts';", 'src/hash/a.ts': '' }, 'no layer below'],
    ['import()', { 'src/wire/a.ts': "void import('../hash/a.ts');", 'src/hash/a.ts': '' }, 'no layer below'],
    ['analyze', { 'src/analyze/a.ts': "import '../lane/a.ts';", 'src/lane/a.ts': '' }, 'analyze uses only'],
    ['the command line', { 'src/index.ts': "import './cli/a.ts';", 'src/cli/a.ts': '' }, 'does not load the command'],
    ['a lane by a worker', { 'src/lane/a.ts': "import '../../workers/a.ts';", 'workers/a.ts': '' }, 'no layer below'],
    ['a missing file', { 'src/wire/a.ts': "import './b.ts';" }, 'which is not there'],
    ['an unknown folder', { 'src/util/a.ts': '' }, 'util stands in no row'],
    ['koffi', { 'src/esp/a.ts': "import koffi from 'koffi';" }, 'only src/native/ may import koffi'],
    ['node:', { 'src/hash/a.ts': "import fs from 'node:fs';" }, 'uses node:fs, and hash runs in browsers'],
    ['a bare builtin', { 'src/wire/a.ts': "import fs from 'fs';" }, 'uses fs, and wire runs in browsers'],
    ['a global', { 'src/capture/a.ts': 'export const a = Buffer.alloc(1);' }, 'uses Buffer, and capture runs'],
    [
      'node: at second hand',
      { 'src/steer/a.ts': "import '../memory/a.ts';", 'src/memory/a.ts': "import 'node:os';" },
      'src/steer/a.ts -> src/memory/a.ts uses node:os',
    ],
    [
      'a cycle',
      { 'src/wire/a.ts': "import './b.ts';", 'src/wire/b.ts': "import './a.ts';" },
      'cycle: src/wire/a.ts ->',
    ],
  ])('refuses %s', (_what, files, complaint) => {
    expect(check(files)).toEqual([expect.stringContaining(complaint)]);
  });

  it('takes no property for a global', () => {
    expect(check({ 'src/wire/a.ts': 'export const a = (x: { process: number }): number => x.process;' })).toEqual([]);
  });
});
