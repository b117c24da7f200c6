import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nicPage } from '../../support/nic-page.ts';

it('docs/nic-profiles.md is what the profiles say (npm run docs:nics writes it)', () => {
  expect(readFileSync(new URL('../../../docs/nic-profiles.md', import.meta.url), 'utf8')).toBe(nicPage());
});
