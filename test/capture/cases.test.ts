/** Captures that the Linux kernel and scapy wrote: as many packets as their manifest says. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/capture/index.ts';
import { hex, reference } from './reference.ts';

interface Entry {
  file: string;
  frames?: { frames?: number };
}

// the checkout's own selection, and the whole collection where it lies beside the checkout
describe.each(['../captures/esp', '../../../shared/cases/esp'])('captures of %s', (place) => {
  const folder = fileURLToPath(new URL(`${place}/`, import.meta.url));
  const there = existsSync(`${folder}manifest.json`);
  if (!there) console.log(`skipped: no captures at ${place}`);
  const entries: Entry[] = there ? JSON.parse(readFileSync(`${folder}manifest.json`, 'utf8')).captures : [];

  it.skipIf(!there)('has captures', () => expect(entries.length).toBeGreaterThan(0));
  for (const { file, frames } of entries) {
    it(file, () => {
      const bytes = readFileSync(folder + file);
      const records = [...readCapture(bytes)].map((record) => ({ ...record, bytes: hex(record.bytes) }));
      if (frames?.frames !== undefined) expect(records).toHaveLength(frames.frames);
      expect({ records }).toEqual(reference(bytes));
    });
  }
});
