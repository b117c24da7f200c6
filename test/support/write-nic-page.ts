import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nicPage } from './nic-page.ts';
import { ROOT } from './run.ts';

writeFileSync(join(ROOT, 'docs', 'nic-profiles.md'), nicPage());
