import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Mailbox } from '../../src/memory/mailbox.ts';

/** Both ends, and the words that count what was sent and taken. */
function box(start = 0): { sender: Mailbox; receiver: Mailbox } {
  const buffer = new SharedArrayBuffer(64 + Mailbox.BYTES);
  const words = new Int32Array(buffer, 64);
  words[0] = start;
  words[16] = start;
  return { sender: new Mailbox(buffer, 64), receiver: new Mailbox(buffer, 64) };
}

it('a mailbox hands numbers over in their order, and is empty then', () => {
  const { sender, receiver } = box();
  expect(receiver.take()).toBeUndefined();
  for (const number of [7, 0, -1]) expect(sender.send(number)).toBe(true);
  expect([receiver.take(), receiver.take(), receiver.take(), receiver.take()]).toEqual([7, 0, -1, undefined]);
});

it('a mailbox refuses what it has no room for, and loses nothing by that', () => {
  const { sender, receiver } = box();
  for (let n = 0; n < 64; n++) expect(sender.send(n)).toBe(true);
  expect(sender.send(64)).toBe(false);
  expect(receiver.take()).toBe(0);
  expect(sender.send(65)).toBe(true);
  expect(sender.send(66)).toBe(false);
  expect(Array.from({ length: 65 }, () => receiver.take())).toEqual([
    ...Array.from({ length: 63 }, (_, i) => i + 1),
    65,
    undefined,
  ]);
});

it('a mailbox is a queue of 64, wherever its counts stand', () => {
  const step = fc.record({ send: fc.boolean(), times: fc.integer({ min: 1, max: 70 }) });
  // Around 0 and where 32 bits wrap.
  const start = fc.oneof(
    fc.constant(0),
    fc.integer({ min: -70, max: 70 }),
    fc.nat(300).map((n) => 0x7fffffff - n),
  );
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 20 }), (at, steps) => {
      const { sender, receiver } = box(at);
      const queue: number[] = [];
      let number = -5;
      for (const { send, times } of steps) {
        for (let n = 0; n < times; n++) {
          if (send) {
            expect(sender.send(number)).toBe(queue.length < 64);
            if (queue.length < 64) queue.push(number);
            number++;
          } else expect(receiver.take()).toBe(queue.shift());
        }
      }
    }),
  );
});
