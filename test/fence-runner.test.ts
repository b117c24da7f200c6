import { afterAll, describe, expect, it } from 'vitest';
import { createFenceRunner, EXPORTS, UP } from './support/fence-runner.ts';
import { commandsOf, examplesOf, fencesOf, isCode, withSource } from './support/fences.ts';

describe('the runner of fences', () => {
  const text = `
Text.

\`\`\`ts
import { ERRORS } from 'rxsteer';
import { twice } from './twice.js';
if (twice(Object.keys(ERRORS).length) !== 2) throw new Error('wrong');
\`\`\`

- indented

  \`\`\`js file=twice.js
  export const twice = (n) =>
    2 * n;
  \`\`\`

\`\`\`ts no-run
import 'rxsteer/nothing';
\`\`\`

\`\`\`console exact
$ npm run -s rxsteer -- hash \\
    --src 1.2.3.4
class tcp4
$ npm run -s rxsteer -- --help
\`\`\`

\`\`\`console
$ rm -rf /
\`\`\`
`;
  const fences = fencesOf('fixture.md', text);
  const runner = createFenceRunner('fixture');
  afterAll(() => runner.remove());

  it('finds fences with their lines, languages and words', () => {
    expect(fences.map(({ line, language, words }) => [line, language, ...words])).toEqual([
      [4, 'ts'],
      [12, 'js', 'file=twice.js'],
      [17, 'ts', 'no-run'],
      [21, 'console', 'exact'],
      [28, 'console'],
    ]);
    expect(fences[1]!.body).toBe('export const twice = (n) =>\n  2 * n;');
    expect(fences.filter(isCode).map(({ line }) => line)).toEqual([4, 12]);
  });

  it('runs only commands of rxsteer', () => {
    expect(fences.flatMap(commandsOf)).toEqual([
      { command: 'npm run -s rxsteer -- hash      --src 1.2.3.4', output: 'class tcp4\n' },
      { command: 'npm run -s rxsteer -- --help', output: '' },
    ]);
  });

  it('imports the source in place of the package, and only what is exported', () => {
    expect(withSource(`import { a } from "rxsteer/hash"; await import('rxsteer');`, EXPORTS, '../')).toBe(
      `import { a } from "../src/hash/index.ts"; await import('../src/index.ts');`,
    );
    expect(withSource(`import 'rxsteer/package.json'; // 'rxsteer'`, EXPORTS, '../')).toContain(
      "'../package.json'; //",
    );
    expect(() => withSource("import 'rxsteer/nothing';", EXPORTS, '../')).toThrow('does not export ./nothing');
  });

  it('runs what is right, and names what fails by document and line', { timeout: 60_000 }, async () => {
    const small = { ...fences[0]!, body: fences[0]!.body.replace("'rxsteer'", `'${UP}src/errors.ts'`) };
    runner.place(fences[1]!);
    expect(await runner.complaint({ ...small, body: small.body.replace('!== 2', '< 2') })).toBe('');
    expect(await runner.complaint({ ...small, body: small.body.replace('!== 2', '> 2') })).toMatch(
      /^fixture\.md:4 ended with 1\n.*Error: wrong/s,
    );
    expect(await runner.commandComplaint({ ...fences[3]!, words: [], body: '$ npm run -s rxsteer-nothing' })).toMatch(
      /^fixture\.md:21: npm run -s rxsteer-nothing: ended with 1\n/,
    );
    const exact = { ...fences[3]!, body: '$ npm run -s rxsteer-nothing || echo 7\n' };
    expect(await runner.commandComplaint({ ...exact, body: `${exact.body}7` })).toBe('');
    expect(await runner.commandComplaint({ ...exact, body: `${exact.body}8` })).toMatch(/echo 7: printed\n7\n$/);
  });

  it('finds the examples of docstrings, and refuses one that cannot run', () => {
    const example = (body: string): string => `const a = 1;\n/**\n * Adds.\n *\n${body} * @param a it\n */\nexport`;
    const good = ' * @example adding\n * ```ts\n * add(1);\n *   add(2);\n * ```\n';
    expect(examplesOf('a.ts', example(good))).toEqual([
      { source: 'a.ts', line: 6, language: 'ts', words: [], body: 'add(1);\n  add(2);' },
    ]);
    expect(() => examplesOf('a.ts', example(' * @example add(1)\n'))).toThrow('a.ts:5: this @example has no fence');
    expect(() => fencesOf('b.md', '```ts\nadd(1)')).toThrow('b.md:1: this fence is never closed');
  });
});
