import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { oneOf, readArgs, wholeNumber } from '../../src/cli/args.ts';
import { progressLine } from '../../src/cli/progress.ts';
import { DEFAULT_QUEUES, steeringOptions } from '../../src/cli/steering-options.ts';
import { microsoftKey, symmetricKey } from '../../src/hash/keys.ts';

describe('arguments', () => {
  it('are numbers in decimal or 0x, within bounds', () => {
    expect(wholeNumber('n', undefined, 1, 9)).toBeUndefined();
    expect(wholeNumber('n', '7', 1, 9)).toBe(7);
    expect(wholeNumber('spi', '0xFFFFffff', 0, 0xffffffff)).toBe(0xffffffff);
    for (const text of ['', ' ', '-1', '+1', '1.5', '1e3', '0x', '0b1', '10', 'NaN', '٣']) {
      expect(() => wholeNumber('n', text, 1, 9), text).toThrow(
        expect.objectContaining({
          code: 'ERR_RXSTEER_USAGE',
          message: expect.stringMatching(/^--n: .* from 1 to 9, got "/),
        }),
      );
    }
  });

  it('are one of a few words', () => {
    expect(oneOf('w', undefined, ['a'])).toBeUndefined();
    expect(oneOf('w', 'b', ['a', 'b'])).toBe('b');
    expect(() => oneOf('w', 'c', ['a', 'b'])).toThrow('--w: expected a or b, got "c"');
  });

  it('say what is wrong in one sentence', () => {
    const read = (...args: string[]): unknown =>
      readArgs(args, { flag: { type: 'boolean' }, text: { type: 'string' } });
    expect(read('--flag', '--text', 'x', 'y')).toMatchObject({ values: { flag: true, text: 'x' }, positionals: ['y'] });
    for (const args of [['--bogus'], ['--text'], ['--flag=1'], ['--text', '--flag']]) {
      expect(() => read(...args)).toThrow(
        expect.objectContaining({ code: 'ERR_RXSTEER_USAGE', message: expect.stringMatching(/^[^\n]+$/) }),
      );
    }
  });
});

describe('steering options', () => {
  it('have the defaults of ethtool vocabulary', () => {
    expect(steeringOptions({})).toMatchObject({ queues: DEFAULT_QUEUES, key: microsoftKey(), fields: {} });
  });

  it('read fields and tables', () => {
    const options = steeringOptions({
      'rx-flow-hash': ['esp=sd', 'tcp4=sdfn'],
      indir: 'weight:1,2',
      'table-size': '64',
    });
    expect(options).toMatchObject({
      fields: { esp4: 'sd', esp6: 'sd', tcp4: 'sdfn' },
      indirection: { weight: [1, 2] },
      tableSize: 64,
    });
  });
});

describe('saved output of ethtool', () => {
  const file = (text: string): string => {
    const path = join(mkdtempSync(join(tmpdir(), 'rxsteer-')), 'nic.txt');
    writeFileSync(path, text);
    return path;
  };
  const nic = file(
    [
      'RX flow hash indirection table for eth0 with 8 RX ring(s):',
      '    0:      7     6',
      'RSS hash key:',
      `${'6d:5a:'.repeat(20).slice(0, -1)}`,
      'IPSEC ESP over IPV4 flows use these fields for computing Hash flow key:',
      'IP SA',
      '',
      'Filter: 4',
      '\tRule Type: TCP over IPv4',
      '\tAction: Direct to queue 5',
    ].join('\n'),
  );

  it('is what steering starts from', () => {
    expect(steeringOptions({ ethtool: [nic] })).toMatchObject({
      queues: 8,
      indirection: [7, 6],
      key: symmetricKey(),
      fields: { esp4: 's' },
      rules: ['flow-type tcp4 action 5 loc 4'],
    });
  });

  it('gives way to options; rules add up', () => {
    const rule = 'flow-type udp4 action 1';
    const options = steeringOptions({
      ethtool: [nic],
      queues: '9',
      hkey: 'microsoft',
      indir: 'equal:3',
      'rx-flow-hash': ['esp=fn'],
      rule: [rule],
    });
    expect(options).toMatchObject({
      queues: 9,
      key: microsoftKey(),
      indirection: { equal: 3 },
      fields: { esp4: 'fn' },
    });
    const both = { ethtool: [nic], 'rx-flow-hash': ['ah-esp=sdfn'] };
    expect(steeringOptions(both).fields).toMatchObject({ esp4: 'sdfn', ah6: 'sdfn' });
    expect(options.rules).toEqual(['flow-type tcp4 action 5 loc 4', rule]);
  });

  it('is refused by line', () => {
    const path = file('RSS hash key:\nzz\n');
    expect(() => steeringOptions({ ethtool: [path] })).toThrow(`${path} line 2: expected a key as bytes with colons`);
  });
});

describe('the progress line', () => {
  const stream = (isTTY: boolean): { written: string[] } & NodeJS.WriteStream => {
    const written: string[] = [];
    return { isTTY, written, write: (text: string) => written.push(text) > 0 } as never;
  };

  it('is nothing where there is no terminal', () => {
    const pipe = stream(false);
    const line = progressLine(pipe);
    line.update(1, 2);
    line.end();
    expect(pipe.written).toEqual([]);
  });

  it('is not drawn at once, and leaves nothing behind', async () => {
    const terminal = stream(true);
    const line = progressLine(terminal);
    line.update(1, 2);
    expect(terminal.written).toEqual([]);
    line.end();
    expect(terminal.written).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 220));
    line.update(1_500_000, 3_000_000);
    const [text] = terminal.written;
    expect(text.startsWith('\r1.50 MB of 3.00 MB, ')).toBe(true);
    expect(text.endsWith(' s left \u001b[K')).toBe(true);
    line.end();
    expect(terminal.written[1]).toBe('\r\u001b[K');
  });
});
