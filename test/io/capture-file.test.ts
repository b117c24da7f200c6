import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BlockPool, createBlockPool } from '../../src/io/blocks.ts';
import { type CaptureBatchesOptions, captureBatches } from '../../src/io/capture-file.ts';
import { frame, PcapngFile, pcapFile } from '../capture/build.ts';
import { random, randomCapture } from '../capture/random.ts';
import { hex, type PlainRecord, reference } from '../capture/reference.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxsteer-io-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function readAll(paths: string[], pool: BlockPool, options?: CaptureBatchesOptions): Promise<PlainRecord[]> {
  const records: PlainRecord[] = [];
  for await (const batch of captureBatches(paths, pool, options)) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i]!;
      const block = pool.offset(batch.block);
      expect(at >= block && at + batch.lengths[i]! <= block + pool.blockSize).toBe(true);
      records.push({
        linkType: batch.linkType,
        seconds: batch.seconds[i]!,
        nanos: batch.nanos[i]!,
        wireLength: batch.wireLengths[i]!,
        bytes: hex(pool.bytes.subarray(at, at + batch.lengths[i]!)),
      });
    }
  }
  return records;
}

/** A pool over shared memory whose blocks come back late, and only to those who wait; it keeps account of who has what. */
function latePool(blocks: number, blockSize: number): BlockPool & { held: Set<number>; taken: number } {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  const free = Array.from({ length: blocks }, (_, i) => i);
  const waiting: ((block: number) => void)[] = [];
  return {
    bytes,
    blockSize,
    held: new Set<number>(),
    taken: 0,
    offset: (block) => 100 + block * blockSize,
    take() {
      this.taken++;
      const block = free.pop();
      if (block !== undefined) {
        this.held.add(block);
        return block;
      }
      return new Promise((resolve) =>
        waiting.push((given) => {
          this.held.add(given);
          resolve(given);
        }),
      );
    },
    done(block) {
      if (!this.held.delete(block)) throw new Error(`block ${block} was given back twice`);
      setTimeout(() => {
        // whoever still looks at these frames is shown up
        bytes.fill(0xee, this.offset(block), this.offset(block) + blockSize);
        const next = waiting.shift();
        if (next) next(block);
        else free.push(block);
      }, 1);
    },
  };
}

describe('captureBatches', () => {
  it.each([1, 2, 3])('reads files through %i blocks that come back late', async (blocks) => {
    for (let seed = 0; seed < 8; seed++) {
      const next = random(seed * 7 + blocks);
      const files = Array.from({ length: 1 + next(3) }, () => randomCapture(next));
      const paths = files.map((bytes, i) => save(`${blocks}-${seed}-${i}.cap`, bytes));
      const expected = files.flatMap((bytes) => reference(bytes).records);
      const pool = latePool(blocks, 1600 + next(4000));
      expect(await readAll(paths, pool)).toEqual(expected);
      expect(pool.held.size).toBe(0);
    }
  });

  it('keeps the bytes of a block until it says that it is done with it', async () => {
    const frames = Array.from({ length: 100 }, (_, i) => ({ bytes: frame(100, i) }));
    const path = save('blocks.pcap', pcapFile(frames));
    const pool = createBlockPool({ blocks: 20, blockSize: 1000 });
    const given: number[] = [];
    const done = pool.done.bind(pool);
    pool.done = (block) => void given.push(block);
    const seen: [number, number][] = [];
    for await (const batch of captureBatches([path], pool, { capacity: 3 })) {
      expect(given).not.toContain(batch.block);
      for (let i = 0; i < batch.count; i++) seen.push([batch.offsets[i]!, batch.lengths[i]!]);
    }
    expect(seen.map(([at, length]) => pool.bytes.slice(at, at + length))).toEqual(frames.map(({ bytes }) => bytes));
    expect(given.length).toBeGreaterThanOrEqual(12);
    expect(new Set(given).size).toBe(given.length);
    for (const block of given) done(block);
  });

  it('reads the files again as often as it is told, and says how far it is', async () => {
    const path = save('loop.pcap', pcapFile([{ bytes: frame(60) }, { bytes: frame(61) }]));
    const size = 24 + 16 + 60 + 16 + 61;
    const progress: number[][] = [];
    const onProgress = (read: number, total: number): void => void progress.push([read, total]);
    const records = await readAll([path, path], createBlockPool(), { loop: 3, onProgress });
    expect(records.map((record) => record.wireLength)).toEqual(Array(6).fill([60, 61]).flat());
    expect(progress[0]).toEqual([size, 6 * size]);
    expect(progress.at(-1)).toEqual([6 * size, 6 * size]);
  });

  it('goes on where a damaged file begins, after all before it, and names the file', async () => {
    const good = save('good.pcap', pcapFile([{ bytes: frame(60) }]));
    const bytes = pcapFile([{ bytes: frame(60) }, { bytes: frame(60) }]);
    const bad = save('bad.pcap', bytes.subarray(0, bytes.length - 1));
    const pool = latePool(2, 1000);
    let count = 0;
    const read = async (): Promise<void> => {
      for await (const batch of captureBatches([good, bad], pool)) count += batch.count;
    };
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CAPTURE_DAMAGED',
      offset: 100,
      message: `${bad}: the capture breaks off inside the record at byte 100, of which only 75 bytes are there`,
    });
    expect(count).toBe(2);
    expect(pool.held.size).toBe(0);
  });

  it('refuses a record that no block holds', async () => {
    const path = save('large.pcap', pcapFile([{ bytes: frame(60) }, { bytes: frame(1000) }]));
    expect(await readAll([path], createBlockPool({ blockSize: 1016 }))).toHaveLength(2);
    await expect(readAll([path], createBlockPool({ blockSize: 1015 }))).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CAPTURE_DAMAGED',
      offset: 100,
    });
  });

  it('passes over what is larger than a block when nobody needs it', async () => {
    const file = new PcapngFile().section().interface().unknown(77, 9000).enhanced(0, 1n, frame(9));
    expect(await readAll([save('skip.pcapng', file.bytes())], createBlockPool({ blockSize: 256 }))).toHaveLength(1);
  });

  it('refuses files that are missing, empty or directories, before it reads any', async () => {
    const good = save('first.pcap', pcapFile([{ bytes: frame(60) }]));
    const missing = join(folder, 'missing.pcap');
    const error = await captureBatches([good, missing], createBlockPool())
      .next()
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ERR_RXSTEER_FILE', cause: { code: 'ENOENT' } });
    expect(error.message).toContain(`cannot read ${missing}: ENOENT`);
    mkdirSync(join(folder, 'dir'), { recursive: true });
    await expect(readAll([join(folder, 'dir')], createBlockPool())).rejects.toMatchObject({ code: 'ERR_RXSTEER_FILE' });
    const empty = save('empty.pcap', new Uint8Array(0));
    await expect(readAll([empty], createBlockPool())).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CAPTURE_FORMAT',
      message: `${empty}: expected a pcap or pcapng capture, but the file is empty`,
    });
    await expect(readAll([good], createBlockPool(), { loop: 0 })).rejects.toMatchObject({ code: 'ERR_RXSTEER_OPTION' });
  });

  it('gives its block back when the consumer stops early', async () => {
    const path = save('early.pcap', pcapFile([{ bytes: frame(60) }, { bytes: frame(61) }]));
    const pool = latePool(1, 1000);
    for await (const batch of captureBatches([path], pool, { capacity: 1 })) {
      expect(batch.count).toBe(1);
      expect(pool.held.size).toBe(1);
      break;
    }
    expect(pool.held.size).toBe(0);
  });

  it('ends by its signal: before, between two batches, and while it waits for a block', async () => {
    const path = save('abort.pcap', pcapFile(Array.from({ length: 9 }, (_, i) => ({ bytes: frame(60 + i) }))));
    const reason = new Error('enough');
    await expect(readAll([path], createBlockPool(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const between = new AbortController();
    const batches = captureBatches([path], createBlockPool(), { capacity: 1, signal: between.signal });
    await batches.next();
    between.abort(reason);
    await expect(batches.next()).rejects.toBe(reason);

    const waiting = new AbortController();
    const pool = createBlockPool({ blocks: 1 });
    const block = await pool.take();
    const next = captureBatches([path], pool, { signal: waiting.signal }).next();
    setTimeout(() => waiting.abort(reason), 5);
    await expect(next).rejects.toBe(reason);
    pool.done(block);
    // the block that came too late was given back
    expect(await pool.take()).toBe(block);
  });

  it.skipIf(process.platform === 'win32')('reads a pipe as it comes', async () => {
    const path = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    const frames = Array.from({ length: 300 }, (_, i) => ({ bytes: frame(60, i) }));
    const source = save('pipe.pcap', pcapFile(frames));
    const writer = spawn('sh', ['-c', `head -c 500 "${source}"; sleep 0.2; tail -c +501 "${source}"`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const feed = spawn('sh', ['-c', `cat > "${path}"`], { stdio: [writer.stdout, 'inherit', 'inherit'] });
    const counts: number[] = [];
    for await (const batch of captureBatches([path], createBlockPool({ blockSize: 4096 }))) counts.push(batch.count);
    expect(counts[0]).toBe(6);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(feed.pid).toBeGreaterThan(0);
    const again = readAll([path], createBlockPool(), { loop: 2 });
    await expect(again).rejects.toThrow('no regular file');
  });
});
