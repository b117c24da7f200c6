/** Records that the kernel makes of frames hold what dissection and hash of the dispatcher say, however many of a kind come together. */
import { describe, expect, it } from 'vitest';
import { createKernels } from '../../src/kernels/create.ts';
import { makeCore } from '../../src/receiver/core.ts';
import { resolveOptions } from '../../src/receiver/options.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { randomNumbers } from '../support/corpus.ts';
import { bytesOf, esp, ethernet, ipv4, ipv6, tcp, udp } from '../support/frames.ts';

/** Words of a record: `src/kernels/assembly/plan.ts`. */
const RECORD_WORDS = 16;
const RECORDS = 32;
const HASH = 3;
const CLASS = 4;
const PLACES = 5;
const STOP = 6;
const VLAN = 12;
const QUEUE = 13;

const KINDS = ['tcp', 'udp', 'esp', 'natt'] as const;

function frameOf(random: (below: number) => number, kind: number): Uint8Array {
  const port = (): number => random(0xffff) + 1;
  const ports = { sport: port(), dport: port() };
  const payload = [
    () => tcp(ports),
    () => udp(ports),
    () => esp(random(0x7fffffff)),
    () => udp({ sport: port(), dport: 4500, payload: esp(random(0x7fffffff) + 1) }),
  ][kind & 3]();
  const proto = [6, 17, 50, 17][kind & 3];
  const packet =
    kind & 4
      ? ipv6({ src: `2001:db8::${random(0xffff).toString(16)}`, dst: 'fe80::1:2', proto, payload })
      : ipv4({ src: `10.${random(256)}.${random(256)}.1`, dst: `192.0.2.${random(256)}`, proto, payload });
  return bytesOf(ethernet({ payload: packet, ...(kind & 8 ? { vlans: [random(4096)] } : {}) }));
}

describe.each([
  ['ports and SPIs', {}],
  ['addresses alone', { tcp: 'sd', udp: 'sd', esp: 'sd', natt: 'sd' }],
  ['SPIs, but no ports', { udp: 'sd', tcp: 'sd' }],
])('groups of frames, hashed by %s', (_, fields) => {
  const options = resolveOptions({
    queues: 5,
    inline: true,
    rss: { key: Uint8Array.from({ length: 40 }, (_, i) => (i * 73 + 29) & 255), tableSize: 97, fields },
    consumer: { onPackets() {} },
  });
  const { bytes, memory, control, options: resolved } = makeCore(options);
  const steerer = new Steerer(resolved.steerer);
  const { classify } = createKernels(memory, bytes);
  const words = new Uint32Array(memory.buffer);
  const { staged, address } = control.plan;
  const records = words[(address >> 2) + RECORDS] >> 2;
  const d = new Dissection();

  const check = (frames: readonly Uint8Array[], first: number): void => {
    let at = resolved.layout.windows.offset;
    frames.forEach((frame, i) => {
      bytes.set(frame, at);
      staged.offsets[first + i] = at;
      staged.lengths[first + i] = frame.length;
      at += frame.length + 1;
    });
    const columns = [staged.offsets, staged.lengths, staged.wireLengths, staged.seconds, staged.nanos];
    const [o, l, w, s, n] = columns.map((column) => column.byteOffset);
    const end = first + frames.length;
    expect(classify!(address, o, l, w, s, n, first, end, 7)).toBe(end);
    frames.forEach((frame, i) => {
      const off = staged.offsets[first + i];
      const cls = dissect(bytes, off, off + frame.length, 1, d);
      const queue = steerer.steer(bytes, d);
      const record = words.subarray(records + i * RECORD_WORDS, records + (i + 1) * RECORD_WORDS);
      expect([record[HASH], record[CLASS] & 255, record[PLACES], record[STOP], record[VLAN], record[QUEUE]]).toEqual([
        steerer.hash >>> 0,
        cls,
        (d.l3 - off) | ((d.l4 - off) << 16),
        d.end - off,
        d.vlan,
        queue,
      ]);
    });
  };

  for (let kind = 0; kind < 8; kind++) {
    it(`1 to 32 of one kind: ${KINDS[kind & 3]}${kind & 4 ? 6 : 4}`, () => {
      const random = randomNumbers(kind + 1);
      for (let n = 1; n <= 32; n++)
        check(
          Array.from({ length: n }, () => frameOf(random, kind)),
          n % 3,
        );
    });
  }

  it('mixed, from few kinds to all', () => {
    const random = randomNumbers(2026);
    for (let round = 0; round < 300; round++) {
      const kinds = Array.from({ length: 1 + random(6) }, () => random(16));
      const frames = Array.from({ length: 1 + random(32) }, () => frameOf(random, kinds[random(kinds.length)]));
      check(frames, random(9));
    }
  });
});
