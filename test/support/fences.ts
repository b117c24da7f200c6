/** Finds the code in documents and docstrings, and makes it runnable against the source tree. */

/** A fenced block: ` ```ts no-run `, ` ```js file=consumer.js `, ` ```console exact `. */
export interface Fence {
  /** Where it was found, and the line of its first fence mark. */
  readonly source: string;
  readonly line: number;
  readonly language: string;
  readonly words: readonly string[];
  readonly body: string;
}

const CODE: ReadonlySet<string> = new Set(['ts', 'js', 'typescript', 'javascript', 'mjs']);
const CONSOLE: ReadonlySet<string> = new Set(['console', 'sh']);
const COMMAND = '$ npm run -s rxsteer';

/** All fenced blocks of a Markdown text, indented ones too; a fence that is never closed is an error. */
export function fencesOf(source: string, text: string): Fence[] {
  const found: Fence[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const open = /^(\s*)(`{3,})\s*([^`]*)$/.exec(lines[i] ?? '');
    if (!open) continue;
    const [, indent = '', ticks = '', info = ''] = open;
    const line = i + 1;
    const body: string[] = [];
    for (i++; i < lines.length && lines[i]?.trim() !== ticks; i++) body.push(lines[i]!.replace(indent, ''));
    if (i === lines.length) throw new Error(`${source}:${line}: this fence is never closed`);
    const [language = '', ...words] = info.trim().split(/\s+/);
    found.push({ source, line, language, words, body: body.join('\n') });
  }
  return found;
}

/**
 * The fences of the `@example`s in a source file's docstrings. An example without a fence would be shown as code and never
 * run, so it is an error.
 */
export function examplesOf(source: string, text: string): Fence[] {
  const found: Fence[] = [];
  for (const comment of text.matchAll(/\/\*\*.*?\*\//gs)) {
    const before = text.slice(0, comment.index).split('\n').length - 1;
    const plain = comment[0].replace(/\*\/$/, '').replace(/^[ \t]*\/?\*+ ?/gm, '');
    let line = before;
    for (const part of plain.split(/^(?=@)/m)) {
      if (/^@example\b/.test(part)) {
        const fences = fencesOf(source, part);
        if (fences.length === 0) throw new Error(`${source}:${line + 1}: this @example has no fence`);
        for (const fence of fences) found.push({ ...fence, line: line + fence.line });
      }
      line += part.split('\n').length - 1;
    }
  }
  return found;
}

/** Whether it is a program to run, or a file that one beside it needs. */
export function isCode(fence: Fence): boolean {
  return CODE.has(fence.language) && !fence.words.includes('no-run');
}

/** The name a fence gives to its text (`file=consumer.ts`): such a one is written and not run. */
export function fileName(fence: Fence): string | undefined {
  return fence.words.find((word) => word.startsWith('file='))?.slice('file='.length);
}

/** The ending of the file that a fence is written to. */
export function extensionOf(fence: Fence): 'ts' | 'js' {
  return fence.language.startsWith('t') ? 'ts' : 'js';
}

/** The command lines of a console fence, continuation lines joined, and what is shown below each. */
export function commandsOf(fence: Fence): { command: string; output: string }[] {
  if (!CONSOLE.has(fence.language) || fence.words.includes('no-run') || !fence.body.startsWith(COMMAND)) return [];
  const commands: { command: string; output: string }[] = [];
  for (const line of fence.body.replaceAll('\\\n', ' ').split('\n')) {
    if (line.startsWith('$ ')) commands.push({ command: line.slice(2), output: '' });
    else commands.at(-1)!.output += `${line}\n`;
  }
  return commands;
}

/** The `exports` of package.json. */
export type Exports = Record<string, string | { readonly default: string }>;

/**
 * Lets a program that imports the package import its source, `up` being the way from the program to the root.
 *
 * @throws Error when the package does not export what is imported.
 */
export function withSource(code: string, exports: Exports, up: string): string {
  return code.replace(
    /(\b(?:from|import)\s*\(?\s*)(['"])rxsteer(\/[\w./-]+)?\2/g,
    (_all, lead, quote, subpath = '') => {
      const target = exports[`.${subpath}`];
      if (!target) throw new Error(`the package does not export .${subpath}`);
      const built = typeof target === 'string' ? target : target.default;
      return `${lead}${quote}${built.replace(/^\.\/(dist\/)?/, up).replace(/\.js$/, '.ts')}${quote}`;
    },
  );
}
