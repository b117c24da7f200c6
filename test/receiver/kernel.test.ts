/** The kernel that places batches does word by word what the dispatcher's own code does with the same frames. */

import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { FrameBatch } from '../../src/capture/frame-batch.ts';
import { DROP_RULE } from '../../src/counters.ts';
import { createSas, parseSaFile, type Sa } from '../../src/esp/index.ts';
import { seededKey, symmetricKey } from '../../src/hash/keys.ts';
import { D_CLASS, D_HASH, D_OFF, DESCRIPTOR_WORDS, DF_HASH_VALID } from '../../src/memory/descriptor.ts';
import { RingConsumer } from '../../src/memory/ring.ts';
import { type Core, makeCore } from '../../src/receiver/core.ts';
import { type ReceiverOptions, resolveOptions } from '../../src/receiver/options.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { CAPTURES, captureFrames, mutate, randomNumbers, type SampleFrame, sampleFrames } from '../support/corpus.ts';
import { esp as espOf, ethernet as ethernetOf, ipv4, tcp, udp } from '../support/frames.ts';
import { randomFrames, reachableRules } from '../support/rules.ts';

type Options = Omit<ReceiverOptions, 'consumer' | 'inline'>;

const AES = '00112233445566778899aabbccddeeff01020304';

/** SAs of SPIs that the samples and the captures have; the last one's destination is nobody's. */
const sas = createSas([
  ...parseSaFile(readFileSync(new URL('linux_many.sas.json', CAPTURES), 'utf8')),
  { spi: '0xdeadbeef', dst: '192.168.7.9', mode: 'tunnel', transform: { aead: 'aes-gcm', key: AES } },
  {
    spi: '0xc0ffee01',
    dst: 'fe80::2:3',
    mode: 'tunnel',
    encap: 'udp',
    transform: { aead: 'aes-gcm', key: AES },
    queue: 3,
  },
  { spi: '0xc0ffee01', dst: '10.9.9.9', mode: 'tunnel', transform: { aead: 'aes-gcm', key: AES } },
]);

/** SAs that only some of the frames of `randomFrames` belong to. */
const ruleSas = createSas(
  [
    ['0x1001', '10.0.0.1'],
    ['0xdeadbeef', '10.0.1.2'],
    ['0xc0ffee01', '2001:db8::1'],
  ].map(([spi, dst]) => ({ spi, dst, mode: 'tunnel', transform: { aead: 'aes-gcm', key: AES } })),
);

const SETTINGS: Record<string, Options> = {
  'the defaults': { queues: 4 },
  'addresses only, 5 queues, a table of 97': {
    queues: 5,
    rss: { tableSize: 97, fields: { tcp: 'sd', esp: 'sd', natt: 'sd' } },
  },
  'SAs, in deterministic polls': { queues: 4, full: 'wait', deterministic: true, esp: { sas } },
  'SAs, unknown SPIs delivered, another NAT-T port': {
    queues: 3,
    nattPort: 4501,
    esp: { sas: sas.slice(0, 80), onUnknownSpi: 'deliver' },
  },
  'fields that have to be gathered': { queues: 8, rss: { fields: { esp: 'fn', udp: 'sdf' } } },
  'a symmetric transform and key': { queues: 8, rss: { xfrm: 'symmetric-xor', key: symmetricKey() } },
  'sorted ends': { queues: 8, rss: { xfrm: 'sort' } },
  xor: { queues: 8, rss: { hfunc: 'xor' } },
  'crc32, under which a transform': { queues: 8, rss: { hfunc: 'crc32', xfrm: 'symmetric-or-xor' } },
  'xxh32, with SAs': { queues: 8, rss: { hfunc: 'xxh32' }, esp: { sas } },
  'rules, some of which drop, and SAs': {
    queues: 4,
    esp: { sas },
    rss: {
      rules: [
        'flow-type tcp4 dst-port 443 action 3',
        'flow-type tcp4 src-ip 10.0.0.0 m 0.255.255.255 action 1 loc 7',
        'flow-type esp4 spi 0xdeadbeef action 2',
        'flow-type esp6 action -1',
        'flow-type udp6 vlan 5 m 0xf000 context 2',
      ],
      contexts: { 2: { indirection: { equal: 2 }, key: symmetricKey() } },
    },
  },
  'letters v, t, l and r': {
    queues: 4,
    rss: { key: seededKey('letters', 52), fields: { tcp: 'sdfnvt', udp6: 'sdl', esp4: 'r' } },
  },
  'a rule for every packet': { queues: 4, rss: { rules: ['flow-type ip4 action 1', 'flow-type ip6 action 2'] } },
  'no fragments': { queues: 2, fragments: false },
  RFS: { queues: 4, rfs: {} },
  'RFS with rules, SAs, a table of 97 and 64 claims': {
    queues: 5,
    rfs: { entries: 64 },
    esp: { sas: sas.slice(0, 80), onUnknownSpi: 'deliver' },
    rss: { tableSize: 97, rules: ['flow-type udp4 action 1', 'flow-type tcp4 dst-port 443 action 2'] },
  },
  'RFS without order': { queues: 4, rfs: { allowReorder: true } },
};

function coreOf(options: Options): Core {
  // The key has to be the same for both.
  const rss = { key: Uint8Array.from({ length: 40 }, (_, i) => (i * 37 + 11) & 255), ...options.rss };
  return makeCore(resolveOptions({ ring: 4096, ...options, rss, inline: true, consumer: { onPackets() {} } }));
}

/** All words of all descriptors, lane by lane, but the place of the frame, which a copy has elsewhere. */
function descriptors({ control, options }: Core): number[][] {
  return control.places.rings.map((at) => {
    const ring = new RingConsumer(new Int32Array(control.buffer), at >> 2, options.slots);
    const out: number[] = [];
    for (let k = 0, n = ring.available(); k < n; k++) {
      const s = ring.slot(k);
      // The last three words are spare.
      for (let word = 0; word < DESCRIPTOR_WORDS - 3; word++) if (word !== D_OFF) out.push(ring.words[s + word]);
    }
    ring.take(ring.available());
    ring.release();
    return out;
  });
}

function counters({ dispatcher: d, control }: Core): Record<string, unknown> {
  const { packets, byteCount, joined, keepalives } = d;
  const arrays = {
    classes: d.classes,
    queuePackets: d.queuePackets,
    queueBytes: d.queueBytes,
    placed: d.placed,
    drops: d.drops,
    malformed: d.malformed,
    moves: control.plan.moves,
    unitTails: control.plan.unitTails,
  };
  return {
    packets,
    byteCount,
    joined,
    keepalives,
    ...Object.fromEntries(Object.entries(arrays).map(([k, v]) => [k, [...v]])),
  };
}

/** Puts frames into the windows; with `inPlace` the numbers of the batch as well. */
function batchOf(core: Core, frames: readonly Uint8Array[], inPlace: boolean): FrameBatch {
  const { offset } = core.options.layout.windows;
  const batch = inPlace ? new FrameBatch(frames.length, core.control.buffer, offset) : new FrameBatch(frames.length);
  let at = offset + FrameBatch.bytes(frames.length);
  frames.forEach((frame, i) => {
    core.bytes.set(frame, at);
    batch.offsets[i] = at;
    batch.lengths[i] = frame.length;
    batch.wireLengths[i] = frame.length;
    batch.seconds[i] = 1_700_000_000 + i;
    batch.nanos[i] = 999_999_999 - i;
    at += frame.length + 3;
  });
  batch.count = frames.length;
  batch.linkType = 1;
  return batch;
}

/** With `always` the kernel is tried for every frame, so that it is the one that is tested. */
function compare(options: Options, frames: readonly Uint8Array[], inPlace: boolean, always = true): void {
  const kernel = coreOf(options);
  if (always) (kernel.dispatcher as unknown as { aloneMax: number }).aloneMax = 1;
  const plain = coreOf(options);
  // Fewer than a ring holds at a time, over the ring's wrap and more than once through the same state.
  for (let from = 0; from < frames.length; from += 1000) {
    const some = frames.slice(from, from + 1000);
    const taken = kernel.dispatcher.pushBatch(batchOf(kernel, some, inPlace), 0);
    expect(taken).toBe(some.length);
    some.forEach((frame, i) => {
      expect(plain.dispatcher.push(frame, 1, 1_700_000_000 + i, 999_999_999 - i)).toBe(true);
    });
    kernel.dispatcher.mark();
    plain.dispatcher.mark();
    const words = descriptors(kernel);
    expect(words).toEqual(descriptors(plain));
    expect(counters(kernel)).toEqual(counters(plain));
    for (const core of [kernel, plain]) upset(core, words);
  }
}

/** SAs that are not there for now. */
const away = new WeakMap<Core, Sa[]>();

/** Some SAs go and come back, in other slots and order groups; some are replaced. The rings are empty. */
function renew(core: Core, random: (below: number) => number): void {
  const { sas } = core;
  const gone = away.get(core) ?? [];
  away.set(core, gone);
  for (const entry of [...sas.values()]) {
    const what = random(6);
    if (what === 0) {
      sas.remove(entry);
      sas.free(entry);
      gone.push(entry.sa);
    } else if (what === 1) sas.free(sas.replace(entry.sa));
  }
  for (let n = random(gone.length + 1); n > 0; n--) sas.add(gone.splice(random(gone.length), 1)[0]);
}

/** Claims flows that have come, changes SAs, and once swaps the table. */
function upset(core: Core, words: readonly number[][]): void {
  const { flows, placement, options, dispatcher } = core;
  const random = randomNumbers(dispatcher.packets);
  renew(core, random);
  // D_OFF, in front of it, is not among them.
  for (const lane of words) {
    for (let at = D_HASH - 1; at < lane.length; at += DESCRIPTOR_WORDS - 4) {
      if (random(3) === 0) flows?.claim(lane[at], random(options.queues));
    }
  }
  if (!placement.isSettled()) return;
  const { size } = placement.steerer.indirection;
  const indirection = Array.from({ length: size }, () => random(options.queues));
  placement.swap(new Steerer({ ...options.steerer, indirection }), false);
  // The kernel has no part in a transition; the rings are empty, so it is over. Buckets shall be looked at by the kernel.
  if (flows !== undefined) placement.isSettled();
}

describe('the dispatch kernel', () => {
  const ethernet = (frames: readonly SampleFrame[]): Uint8Array[] =>
    frames.flatMap(({ linkType, bytes }) => (linkType === 1 ? [bytes] : []));
  const samples = ethernet(sampleFrames());
  const captured = ethernet(captureFrames(CAPTURES, 300));
  const random = randomNumbers(2026);
  const damaged = Array.from({ length: 20_000 }, () => mutate(samples[random(samples.length)], random));

  for (const [name, options] of Object.entries(SETTINGS)) {
    it(`is used, and agrees on samples and captures: ${name}`, () => {
      expect((coreOf(options).dispatcher as unknown as { kernel: unknown }).kernel).toBeDefined();
      compare(options, [...samples, ...captured], true);
      compare(options, [...samples, ...captured], false);
      compare(options, [...samples, ...captured], false, false);
    });

    it(`agrees on 20,000 mutations: ${name}`, () => compare(options, damaged, true));
  }

  it('agrees on every truncation of every sample', () => {
    const cut = samples.flatMap((frame) => Array.from({ length: frame.length + 1 }, (_, n) => frame.slice(0, n)));
    compare(SETTINGS['SAs, in deterministic polls'], cut, true);
  });

  const contexts = { 1: { indirection: { equal: 2 }, key: symmetricKey() } };
  it.each([1, 3, 10, 50, 300, 1000])('agrees on frames that sets of %i rules of all kinds speak of', (size) => {
    const draw = randomNumbers(size);
    for (let set = 0; set < 8; set++) {
      const rules = reachableRules(draw, size);
      const frames = randomFrames(draw, 600);
      const esp =
        set % 2 === 0 ? {} : { esp: { sas: ruleSas, onUnknownSpi: set % 4 === 1 ? 'deliver' : 'drop' } as const };
      const waits = set % 3 === 0 ? ({ full: 'wait', deterministic: true } as const) : {};
      compare({ queues: 4, ...esp, ...waits, rss: { rules, contexts } }, frames, set % 2 === 0);
    }
  });

  it("takes what rules place and drop; what they send to a context is the dispatcher's", () => {
    const rules = [
      ...Array.from({ length: 1000 }, (_, i) => `flow-type tcp4 src-port ${i} action ${i & 3} loc ${i}`),
      'flow-type udp4 action -1',
      'flow-type esp4 context 0',
    ];
    const core = coreOf({ queues: 4, rss: { rules } });
    const own = vi.spyOn(core.dispatcher as unknown as { take(): boolean }, 'take');
    const push = (frame: Uint8Array): void => {
      core.dispatcher.pushBatch(
        batchOf(
          core,
          Array.from({ length: 5 }, () => frame),
          true,
        ),
        0,
      );
    };
    const of = (proto: number, payload: Uint8Array): Uint8Array =>
      ethernetOf({ payload: ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto, payload }) });
    push(of(6, tcp({ sport: 7, dport: 9 })));
    push(of(17, udp({ sport: 7, dport: 9 })));
    expect([core.dispatcher.placed[3], core.dispatcher.drops[DROP_RULE], own.mock.calls.length]).toEqual([5, 5, 0]);
    push(of(50, espOf(7)));
    expect(own.mock.calls.length).toBeGreaterThan(0);
  });

  it('is not used where the inner packet is hashed; descriptors are of the outer one all the same', () => {
    const inner = coreOf({ queues: 1, rss: { level: 'inner' } });
    expect((inner.dispatcher as unknown as { kernel: unknown }).kernel).toBeUndefined();
    compare({ queues: 4, rss: { level: 'inner' } }, samples, true);
    const outer = coreOf({ queues: 1 });
    for (const core of [inner, outer]) core.dispatcher.pushBatch(batchOf(core, samples, true), 0);
    // D_OFF, in front of the words that are left, is not among them.
    const hash = D_HASH - 1;
    const cls = D_CLASS - 1;
    const [innerWords, outerWords] = [inner, outer].map((core) => descriptors(core)[0]);
    const words = DESCRIPTOR_WORDS - 4;
    expect(innerWords.length).toBe(outerWords.length);
    let different = 0;
    for (let i = 0; i < innerWords.length; i += words) {
      if (innerWords[i + hash] !== outerWords[i + hash]) different++;
      for (const list of [innerWords, outerWords]) {
        list[i + hash] = 0;
        list[i + cls] &= ~(DF_HASH_VALID << 8);
      }
    }
    expect(innerWords).toEqual(outerWords);
    expect(different).toBeGreaterThan(40);
  });

  it('stops where a lane is full, and goes on from there', () => {
    const core = coreOf({ queues: 1, ring: 128, full: 'wait' });
    const frames = Array.from({ length: 300 }, () => samples[0]);
    const batch = batchOf(core, frames, true);
    const taken = core.dispatcher.pushBatch(batch, 0);
    expect(taken).toBe(128);
    descriptors(core);
    expect(core.dispatcher.pushBatch(batch, taken)).toBe(128);
    expect(core.dispatcher.packets).toBe(256);
  });
});
