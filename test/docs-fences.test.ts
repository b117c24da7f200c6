import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFenceRunner } from './support/fence-runner.ts';
import { commandsOf, examplesOf, extensionOf, type Fence, fencesOf, fileName, isCode } from './support/fences.ts';
import { ROOT } from './support/run.ts';

const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

function documents(): Fence[] {
  const names = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...names.sort().map((name) => `docs/${name}`)]
    .filter((name) => existsSync(join(ROOT, name)))
    .flatMap((name) => fencesOf(name, read(name)));
}

function docstrings(): Fence[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .flatMap((name) => examplesOf(`src/${name}`, read(`src/${name}`)));
}

const named = (fence: Fence): [string, Fence] => [`${fence.source}:${fence.line}`, fence];

describe('what the documents and docstrings show', () => {
  const runner = createFenceRunner('documents');
  const code = [...documents(), ...docstrings()].filter(isCode);
  const programs = code.filter((fence) => fileName(fence) === undefined).map(named);
  const commands = documents()
    .filter((fence) => commandsOf(fence).length > 0)
    .map(named);

  beforeAll(() => {
    runner.remove();
    for (const fence of code) runner.place(fence);
  });
  afterAll(() => runner.remove());

  it('has the right types', { timeout: 150_000 }, async () => {
    if (code.some((fence) => extensionOf(fence) === 'ts')) expect(await runner.typeErrors()).toBe('');
  });

  it.for(programs)('%s runs', { timeout: 90_000 }, async ([, fence]) => {
    expect(await runner.complaint(fence)).toBe('');
  });

  it.for(commands)('%s runs', { timeout: 180_000 }, async ([, fence]) => {
    expect(await runner.commandComplaint(fence)).toBe('');
  });
});
