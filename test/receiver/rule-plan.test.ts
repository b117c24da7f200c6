import { describe, expect, it } from 'vitest';
import { FrameBatch } from '../../src/capture/frame-batch.ts';
import { DROP_REASONS, DROP_RULE } from '../../src/counters.ts';
import { makeCore } from '../../src/receiver/core.ts';
import { resolveOptions } from '../../src/receiver/options.ts';
import { fillRules, ruleCapacity } from '../../src/receiver/rule-plan.ts';
import { parseRule } from '../../src/steer/rule.ts';
import { RuleTable } from '../../src/steer/rule-table.ts';
import { randomNumbers } from '../support/corpus.ts';
import { esp, ethernet, ipv4 } from '../support/frames.ts';

const tableOf = (rules: readonly string[]): RuleTable => new RuleTable(rules.map(parseRule));

describe('the place of rules in the control memory', () => {
  it('has room for 4,096 rules of the largest kind, and for all that there are at first', () => {
    const random = randomNumbers(5);
    const part = (): string => random(0x10000).toString(16);
    const address = (): string => Array.from({ length: 8 }, part).join(':');
    const ends = (): string => `src-ip ${address()} m ${address()} dst-ip ${address()} m ${address()}`;
    const largest = tableOf(
      Array.from(
        { length: 4096 },
        () => `flow-type ip6 ${ends()} l4data 1 m ${random(0xffff)} vlan 5 tclass 3 action 0`,
      ),
    );
    expect(largest.words.byteLength).toBeLessThanOrEqual(ruleCapacity(undefined));
    const many = tableOf(Array.from({ length: 65536 }, (_, i) => `flow-type esp4 spi ${i} action 0`));
    expect(many.words.byteLength).toBeGreaterThan(ruleCapacity(undefined));
    expect(ruleCapacity(many)).toBe(many.words.byteLength);
  });

  it('is filled with one set of rules after another; one that finds no room leaves its classes to the dispatcher', () => {
    const buffer = new SharedArrayBuffer(4096);
    const drops = new Float64Array(buffer, 0, DROP_REASONS.length);
    const place = { offset: 1024, length: 3072 };
    const few = tableOf(['flow-type esp4 spi 5 action 1']);
    const others = tableOf(['flow-type tcp4 dst-port 5 action 1', 'flow-type udp4 action 2']);
    for (const table of [few, others, few]) {
      expect(fillRules(buffer, place, drops, table)).toBe(1024);
      const words = new Int32Array(buffer, 1024, table.words.length);
      expect(words[22]).toBe(8 * DROP_RULE);
      words[22] = 0;
      expect(words).toEqual(table.words);
    }
    const many = tableOf(Array.from({ length: 200 }, (_, i) => `flow-type esp4 spi ${i} action 0`));
    expect(fillRules(buffer, place, drops, many)).toBe(0);
    expect(fillRules(buffer, place, drops, undefined)).toBe(0);
  });

  it('takes 65,536 rules, and packets find them', () => {
    // Drawn, so that some of the last find their first four slots taken.
    const random = randomNumbers(9);
    const spis = Array.from({ length: 65536 }, () => random(2 ** 32));
    const rules = Array.from({ length: 65536 }, (_, i) => `flow-type esp4 spi ${spis[i]} action ${i % 3} loc ${i}`);
    const { bytes, dispatcher, options } = makeCore(
      resolveOptions({ queues: 3, inline: true, rss: { rules }, consumer: { onPackets() {} } }),
    );
    const { offset } = options.layout.windows;
    const batch = new FrameBatch(1000, bytes.buffer, offset);
    for (let i = 0; i < 1000; i++) {
      const spi = spis[65535 - 3 * i];
      const frame = ethernet({ payload: ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 50, payload: esp(spi) }) });
      const at = offset + 0x10000 + 128 * i;
      bytes.set(frame, at);
      batch.offsets[i] = at;
      batch.lengths[i] = frame.length;
    }
    batch.count = 1000;
    batch.linkType = 1;
    expect(dispatcher.pushBatch(batch, 0)).toBe(1000);
    expect([...dispatcher.placed]).toEqual([1000, 0, 0]);
  });
});
