import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, runTsx } from './support/run.ts';

const names = readdirSync(join(ROOT, 'examples')).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('-consumer.ts'),
);

describe('examples', () => {
  it('there is the one that `npm run demo` shows', () => {
    expect(names).toContain('demo.ts');
  });

  it.for(names)('%s runs, says something, and complains of nothing', { timeout: 90_000 }, async (name) => {
    const { code, stdout, stderr } = await runTsx(`examples/${name}`);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim()).not.toBe('');
  });
});
