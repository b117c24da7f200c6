/** Writes fences to a folder of the checkout, so that packages resolve, and runs them against the source tree. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { commandsOf, type Exports, extensionOf, type Fence, fileName, withSource } from './fences.ts';
import { ROOT, run, runTsx } from './run.ts';

export const EXPORTS: Exports = (createRequire(import.meta.url)('../../package.json') as { exports: Exports }).exports;

/** From a fence's file to the root of the checkout. */
export const UP = '../../../../../';

export interface FenceRunner {
  /** Writes a fence beside the others of its document, which may import it by name. Returns its path. */
  place(fence: Fence): string;
  /** Runs a program; the complaint is empty when it went well. */
  complaint(fence: Fence): Promise<string>;
  /** Runs the commands of a console fence; those of one marked `exact` must print what stands below them. */
  commandComplaint(fence: Fence): Promise<string>;
  /** Type errors of the TypeScript that was placed. */
  typeErrors(): Promise<string>;
  remove(): void;
}

/** Each runner has a folder of its own: test files run at the same time. */
export function createFenceRunner(name: string): FenceRunner {
  const folder = join(ROOT, 'node_modules/.cache/rxsteer-fences', name);

  const place = (fence: Fence): string => {
    const beside = join(folder, fence.source.replace(/\W+/g, '-'));
    const path = join(beside, fileName(fence) ?? `line-${fence.line}.${extensionOf(fence)}`);
    mkdirSync(beside, { recursive: true });
    writeFileSync(join(beside, 'package.json'), '{ "type": "module" }\n');
    writeFileSync(path, withSource(fence.body, EXPORTS, UP));
    return path;
  };

  return {
    place,

    async complaint(fence) {
      const { code, stderr } = await runTsx(place(fence));
      return code === 0 ? '' : `${fence.source}:${fence.line} ended with ${code}\n${stderr}`;
    },

    async commandComplaint(fence) {
      for (const { command, output } of commandsOf(fence)) {
        const where = `${fence.source}:${fence.line}: ${command}`;
        const { code, stdout, stderr } = await run('sh', ['-c', command]);
        if (code !== 0) return `${where}: ended with ${code}\n${stderr}`;
        const differs = fence.words.includes('exact') && stdout.trimEnd() !== output.trimEnd();
        if (differs) return `${where}: printed\n${stdout}`;
      }
      return '';
    },

    async typeErrors() {
      const options = { declaration: false, isolatedDeclarations: false, noUnusedLocals: false };
      const config = {
        extends: '../../../../tsconfig.json',
        compilerOptions: { ...options, noUnusedParameters: false, moduleDetection: 'force' },
        include: ['**/*.ts'],
        exclude: [],
      };
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const { code, stdout } = await run(process.execPath, [tsc, '-p', folder], { timeout: 120_000 });
      return code === 0 ? '' : stdout;
    },

    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
