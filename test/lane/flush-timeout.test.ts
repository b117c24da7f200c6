/**
 * `gro.flushTimeout`: what Linux does with `gro_flush_timeout` (cases `poll_timeout_*` of its corpus), by a clock that the test turns. Inline.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GroOptions } from '../../src/receiver/gro-options.ts';
import { resolveOptions } from '../../src/receiver/options.ts';
import { type FrameSpec, frame, payload } from '../gro/frames.ts';
import { closingFault, type Inline, inlineReceiver } from '../support/receivers.ts';

const MSS = 400;
const segment = (i: number, more: Partial<FrameSpec> = {}): Uint8Array =>
  frame({ seq: 1 + i * MSS, id: i, payload: payload(1, i * MSS, MSS), ...more });

const make = (gro: GroOptions, more: object = {}): Promise<Inline> =>
  inlineReceiver({ queues: 1, full: 'wait', gro, ...more });
/** One poll of these frames. */
const push = async ({ rx }: Inline, ...frames: Uint8Array[]): Promise<void> => {
  for (const f of frames) expect(rx.push(f)).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
};
const segments = ({ delivered }: Inline): number[] => delivered.map((d) => d.segments);
const flushes = ({ rx }: Inline): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(rx.stats().queues[0].flushes).filter(([, n]) => n > 0));

/** Nothing else than the clock of packets and the timer of inline lanes stands still. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function close(rig: Inline): Promise<void> {
  vi.useRealTimers();
  await rig.rx.close();
  expect(closingFault(rig.rx.stats())).toBeUndefined();
}

describe('flushTimeout', () => {
  it('0: each poll is flushed', async () => {
    const rig = await make({});
    await push(rig, segment(0));
    await push(rig, segment(1));
    expect(segments(rig)).toEqual([1, 1]);
    await close(rig);
  });

  it('polls that follow in time merge, and come out when it is over', async () => {
    const rig = await make({ flushTimeout: 40 });
    await push(rig, segment(0), segment(1), segment(2));
    vi.advanceTimersByTime(8);
    await push(rig, segment(3), segment(4), segment(5));
    expect(segments(rig)).toEqual([]);
    vi.advanceTimersByTime(31);
    expect(segments(rig)).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(segments(rig)).toEqual([6]);
    expect(flushes(rig)).toEqual({ timeout: 1 });
    await close(rig);
  });

  it('what comes later is another packet', async () => {
    const rig = await make({ flushTimeout: 1 });
    await push(rig, segment(0), segment(1), segment(2));
    vi.advanceTimersByTime(40);
    await push(rig, segment(3), segment(4), segment(5));
    vi.advanceTimersByTime(40);
    expect(segments(rig)).toEqual([3, 3]);
    await close(rig);
  });

  it('PSH ends a run at once, and what passes does not wait for what is held', async () => {
    const rig = await make({ flushTimeout: 40 });
    await push(rig, segment(0), segment(1), segment(2, { flags: 0x18 }));
    expect(segments(rig)).toEqual([3]);
    await push(rig, segment(3), frame({ sport: 9, payload: new Uint8Array(0) }));
    expect(segments(rig)).toEqual([3, 1]);
    expect(rig.delivered[1].number).toBe(4);
    vi.advanceTimersByTime(42);
    expect(segments(rig)).toEqual([3, 1, 1]);
    expect(rig.delivered[2].bytes).toEqual(segment(3));
    await close(rig);
  });

  it('frames are given back in time, whatever comes', async () => {
    const rig = await make({ flushTimeout: 1000 }, { ring: 128 });
    const whole = 2000;
    // A flow that never ends a run, and others that pass: more than ring, table and scratch hold together.
    for (let i = 0; i < whole; i++)
      await push(rig, i % 3 === 0 ? segment(i / 3) : frame({ sport: 9, payload: new Uint8Array(0) }));
    vi.advanceTimersByTime(1002);
    expect(rig.delivered.reduce((sum, d) => sum + d.segments, 0)).toBe(whole);
    const runs = rig.delivered.filter((d) => d.gsoSize > 0);
    expect(Math.max(...runs.map((d) => d.segments))).toBeGreaterThan(10);
    await close(rig);
  });

  it('a consumer that takes its time is not called while it has a batch', async () => {
    const rig = await make({ flushTimeout: 5 }, { onPackets: () => Promise.resolve() });
    await push(rig, segment(0), frame({ sport: 9, payload: new Uint8Array(0) }), segment(1));
    vi.useRealTimers();
    await rig.rx.drain();
    expect(segments(rig)).toEqual([1, 2]);
    await close(rig);
  });
});

it.each([
  [{ gro: { flushTimeout: -1 } }, 'gro.flushTimeout'],
  [{ gro: { flushTimeout: 1001 } }, 'gro.flushTimeout'],
  [{ gro: { flushTimeout: 1 }, deterministic: true, full: 'wait' as const }, 'deterministic'],
  [{ gro: { flushTimeout: 1 }, rfs: {} }, 'rfs'],
])('%j is refused', (options, text) => {
  expect(() => resolveOptions({ inline: true, consumer: { onPackets() {} }, ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_RXSTEER_OPTION', message: expect.stringContaining(text) }),
  );
});
