import { describe, expect, it } from 'vitest';
import { parseRule, type Rule } from '../../src/steer/rule.ts';
import { RuleTable } from '../../src/steer/rule-table.ts';
import { shadowedRules } from '../../src/steer/shadowed-rule.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { randomNumbers } from '../support/corpus.ts';
import { randomFrames, randomRules } from '../support/rules.ts';

const shadowed = (...texts: string[]): string[] =>
  shadowedRules(new RuleTable(texts.map(parseRule)).rules).map(({ rule, by }) => `${rule.location} by ${by.location}`);

describe('rules that can never match', () => {
  it('ask for the same or more of the same type behind another', () => {
    expect(
      shadowed('flow-type tcp4 dst-port 443 action 1 loc 1', 'flow-type tcp4 dst-port 443 action 2 loc 2'),
    ).toEqual(['2 by 1']);
    expect(shadowed('flow-type tcp4 action 1 loc 1', 'flow-type tcp4 dst-port 443 action 2 loc 2')).toEqual(['2 by 1']);
    expect(
      shadowed(
        'flow-type esp4 src-ip 10.0.0.0 m 0.255.255.255 action 1 loc 3',
        'flow-type esp4 src-ip 10.9.9.9 spi 5 action 2 loc 4',
      ),
    ).toEqual(['4 by 3']);
  });

  it('or of any type behind one for all IP packets', () => {
    expect(shadowed('flow-type ip4 action 1 loc 1', 'flow-type udp4 dst-port 53 action 2 loc 9')).toEqual(['9 by 1']);
    expect(
      shadowed('flow-type ip4 src-ip 10.0.0.1 action 1 loc 1', 'flow-type esp4 src-ip 10.0.0.1 action 2 loc 9'),
    ).toEqual(['9 by 1']);
  });

  it('and no others', () => {
    expect(shadowed('flow-type tcp4 dst-port 443 action 1 loc 2', 'flow-type tcp4 action 2 loc 3')).toEqual([]);
    expect(shadowed('flow-type tcp4 action 1 loc 1', 'flow-type tcp6 action 2 loc 2')).toEqual([]);
    expect(shadowed('flow-type ip6 action 1 loc 1', 'flow-type tcp4 action 2 loc 2')).toEqual([]);
    expect(shadowed('flow-type tcp4 dst-port 1 action 1 loc 1', 'flow-type ip4 dst-port 1 action 2 loc 2')).toEqual([]);
    expect(shadowed('flow-type tcp4 dst-port 1 action 1 loc 1', 'flow-type tcp4 src-port 1 action 2 loc 2')).toEqual(
      [],
    );
  });

  it('are refused by name', () => {
    const rules = ['flow-type tcp4 action 1 loc 1', 'flow-type tcp4 dst-port 443 action 2 loc 2'];
    const make = (): Steerer => new Steerer({ queues: 4, rules });
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_RULE' }));
    expect(make).toThrow(/dst-port 443.*can never match: "flow-type tcp4 action 1 loc 1" at location 1/);
  });

  it('match no packet: what is found may be taken out', () => {
    const random = randomNumbers(11);
    const d = new Dissection();
    let found = 0;
    for (let set = 0; set < 30; set++) {
      const { rules } = new RuleTable(randomRules(random, 40).map(parseRule));
      const gone = new Set<Rule>(shadowedRules(rules).map(({ rule }) => rule));
      found += gone.size;
      const table = new RuleTable(rules);
      for (const frame of randomFrames(random, 200)) {
        dissect(frame, 0, frame.length, 1, d);
        const matched = table.match(frame, d);
        if (matched >= 0) expect(gone.has(table.rules[matched]), table.rules[matched].text).toBe(false);
      }
    }
    expect(found).toBeGreaterThan(100);
  });
});
