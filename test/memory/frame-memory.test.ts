import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors.ts';
import {
  BLOCK_SIZE,
  createFrameMemory,
  defaultMemory,
  layoutFrames,
  MAX_FRAME,
  type Region,
} from '../../src/memory/frame-memory.ts';

const MIB = 1 << 20;
const least = (lanes: number): number => 65536 + 8 * MIB + lanes * 17 * MIB;

describe('layoutFrames', () => {
  it.each([
    [1, least(1)],
    [1, least(1) + BLOCK_SIZE - 1],
    [4, defaultMemory(4)],
    [16, defaultMemory(16)],
    [100, 2 ** 31],
  ])('lays %i lanes out in %i bytes, no part over another', (lanes, bytes) => {
    const layout = layoutFrames(bytes, lanes);
    const regions: Region[] = [layout.staging, layout.fragments, layout.windows];
    for (const lane of layout.lanes)
      regions.push(lane.arena, lane.scratch, lane.contiguous, lane.fragments, lane.table);
    expect(layout.lanes.length).toBe(lanes);
    regions.sort((a, b) => a.offset - b.offset);
    // The first page is never used: an offset of 0 is a mistake that shows.
    let end = 65536;
    for (const { offset, length } of regions) {
      expect(offset).toBeGreaterThanOrEqual(end);
      expect(length).toBeGreaterThan(0);
      end = offset + length;
    }
    expect(end).toBeLessThanOrEqual(bytes);
    expect(layout.windows.length % BLOCK_SIZE).toBe(0);
    expect(layout.windows.length).toBeGreaterThanOrEqual(4 * BLOCK_SIZE);
    expect(layout.staging.length).toBeGreaterThanOrEqual(MAX_FRAME);
  });

  it('leaves less than a block unused', () => {
    const bytes = defaultMemory(3);
    const layout = layoutFrames(bytes, 3);
    const last = layout.lanes[2].table;
    expect(bytes - last.offset - last.length).toBeLessThan(BLOCK_SIZE + MIB);
  });

  it.each([
    [4, least(4) - 1],
    [4, 0],
    [1, 2 ** 31 + 65536],
    [1, 1.5],
    [1, Number.NaN],
    // Too many lanes for 2 GiB, whatever is asked for.
    [200, 2 ** 31],
  ])('refuses %i lanes in %d bytes', (lanes, bytes) => {
    expect(() => layoutFrames(bytes, lanes)).toThrow(
      expect.objectContaining({
        code: 'ERR_RXSTEER_OPTION',
        message: expect.stringMatching(`^memory: expected bytes from ${least(lanes)} .*, got ${bytes}$`),
      }),
    );
  });
});

describe('createFrameMemory', () => {
  it('is shared, as large as asked for, and cannot grow', () => {
    const memory = createFrameMemory(3 * 65536 - 10);
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(memory.buffer.byteLength).toBe(3 * 65536);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  it('says what could not be had', () => {
    expect(ERRORS).toHaveProperty('ERR_RXSTEER_MEMORY');
    expect(() => createFrameMemory(2 ** 40)).toThrow(
      expect.objectContaining({
        code: 'ERR_RXSTEER_MEMORY',
        message: expect.stringContaining('1048576 MiB'),
      }),
    );
  });
});
