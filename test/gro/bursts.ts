/** Random bursts for properties: a few flows, mostly in order, with everything that makes GRO flush, pass or keep apart. */
import fc from 'fast-check';
import { type FrameSpec, frame, PLAIN, payload } from './frames.ts';
import type { Input } from './rig.ts';

export interface Burst {
  inputs: Input[];
  /** Of each input: the flow it belongs to, -1 for what is no TCP of it. */
  flows: number[];
  payloads: Uint8Array[];
  polls: number[];
}

interface Flow {
  spec: FrameSpec;
  hash: number;
  sa: number;
  mss: number;
  fixedId: boolean;
}

/** What a step does. One letter fields change the flow for good, the others one frame. */
const ODD = [
  'short',
  'long',
  'empty',
  'psh',
  'fin',
  'syn',
  'rst',
  'urg',
  'ece',
  'cwr',
  'noack',
  'fin-empty',
  'ack',
  'window',
  'options',
  'no-options',
  'ttl',
  'tos',
  'df',
  'id-mode',
  'id-skip',
  'gap',
  'back',
  'again',
  'bad-tcp',
  'bad-ip',
  'ip-options',
  'fragment',
  'trailer',
  'length',
  'evil',
  'urgent',
  'reserved',
  'hash',
  'label',
  'ext',
  'ext-byte',
  'vlan',
  'mac',
  'sa',
  'other',
  'mss',
  'one',
] as const;
type Odd = (typeof ODD)[number];

interface Step {
  flow: number;
  odd: Odd | 'data';
  n: number;
}

const step = (flows: number, oddness: number): fc.Arbitrary<Step> =>
  fc.record({
    flow: fc.nat(flows - 1),
    odd: fc.oneof(
      { weight: 100 - oddness, arbitrary: fc.constant('data' as const) },
      { weight: oddness, arbitrary: fc.constantFrom(...ODD) },
    ),
    n: fc.nat(255),
  });

/** `oddness`: how many of 100 steps are not just the next segment. `hashes`: false gives every frame hash 0. */
export function bursts(maxFlows: number, maxFrames: number, oddness: number, only?: Odd[]): fc.Arbitrary<Burst> {
  return fc
    .record({
      flows: fc.integer({ min: 1, max: maxFlows }),
      hashed: fc.boolean(),
      v6: fc.nat(),
      odd: fc.constantFrom(0, oddness, oddness),
    })
    .chain(({ flows, hashed, v6, odd }) =>
      fc
        .record({
          steps: fc.array(step(flows, odd), { minLength: 1, maxLength: maxFrames, size: 'max' }),
          poll: fc.constantFrom(64, 64, 13, 3),
        })
        .map(({ steps, poll }) =>
          build(
            flows,
            hashed,
            v6,
            only ? steps.map((s) => (only.includes(s.odd as Odd) ? s : { ...s, odd: 'data' as const })) : steps,
            poll,
          ),
        ),
    );
}

function build(count: number, hashed: boolean, v6: number, steps: Step[], poll: number): Burst {
  const flows: Flow[] = Array.from({ length: count }, (_, i) => ({
    spec: {
      ...PLAIN,
      v6: ((v6 >> (i & 7)) & 1) === 1,
      host: 1 + (i & 1),
      sport: 40000 + (i >> 1),
      seq: (0xffffff00 + i * 100) | 0,
      id: 0xfffe - i,
    },
    hash: hashed ? Math.imul(i + 1, 0x9e3779b1) ^ (i << 1) : 0,
    sa: 0,
    mss: 20 + (i % 5),
    fixedId: i % 3 === 2,
  }));
  const burst: Burst = { inputs: [], flows: [], payloads: [], polls: [] };
  for (const s of steps) {
    const one = emit(flows[s.flow], s, s.flow);
    burst.inputs.push(one.input);
    burst.flows.push(s.odd === 'other' ? -1 : s.flow * 2 + (one.input.sa ? 1 : 0));
    burst.payloads.push(one.payload);
  }
  for (let left = steps.length; left > 0; left -= poll) burst.polls.push(Math.min(left, poll));
  return burst;
}

function emit(f: Flow, s: Step, flow: number): { input: Input; payload: Uint8Array } {
  const p = f.spec;
  const once: Partial<FrameSpec> = {};
  let length = f.mss;
  let advance = true;
  let hash = f.hash;
  switch (s.odd) {
    case 'data':
      break;
    case 'short':
      length = 1 + (s.n % (f.mss - 1));
      break;
    case 'one':
      length = 1;
      break;
    case 'long':
      length = f.mss + 1 + (s.n & 3);
      break;
    case 'empty':
      length = 0;
      break;
    case 'psh':
      once.flags = 0x18;
      break;
    case 'fin':
      once.flags = 0x11 | (s.n & 8);
      break;
    case 'fin-empty':
      once.flags = 0x11;
      length = 0;
      break;
    case 'syn':
      once.flags = 0x12;
      break;
    case 'rst':
      once.flags = 0x14;
      break;
    case 'urg':
      once.flags = 0x30;
      break;
    case 'ece':
      p.flags ^= 0x40;
      break;
    case 'cwr':
      once.flags = p.flags | 0x80;
      break;
    case 'noack':
      p.flags ^= 0x10;
      break;
    case 'ack':
      p.ack += s.n + 1;
      break;
    case 'window':
      p.window ^= 1 + s.n;
      break;
    case 'options':
      p.options = [1, 1, 8, 10, 0, 0, 1, s.n, 0, 0, 2, 0];
      break;
    case 'no-options':
      p.options = p.options.length === 0 ? PLAIN.options : [];
      break;
    case 'ttl':
      p.ttl ^= 1 + s.n;
      break;
    case 'tos':
      p.tos = (p.tos ^ (1 + s.n)) & 0xff;
      break;
    case 'df':
      p.df = !p.df;
      break;
    case 'id-mode':
      f.fixedId = !f.fixedId;
      break;
    case 'id-skip':
      p.id = (p.id + s.n) & 0xffff;
      break;
    case 'gap':
      p.seq = (p.seq + s.n + 1) | 0;
      break;
    case 'back':
      p.seq = (p.seq - s.n - 1) | 0;
      break;
    case 'again':
      advance = false;
      break;
    case 'bad-tcp':
      once.badTcp = true;
      break;
    case 'bad-ip':
      once.badIp = true;
      break;
    case 'ip-options':
      once.ipOptions = true;
      break;
    case 'fragment':
      once.fragment = s.n & 3;
      break;
    case 'trailer':
      once.trailer = 1 + (s.n & 31);
      break;
    case 'length':
      once.lengthOff = (s.n & 63) - 60;
      break;
    case 'evil':
      once.evil = true;
      break;
    case 'urgent':
      once.urgent = s.n;
      break;
    case 'reserved':
      p.reserved ^= 1 + (s.n & 7);
      break;
    case 'hash':
      hash = s.n & 1 ? hash ^ 8 : hash ^ (s.n << 1);
      break;
    case 'label':
      once.flowLabel = s.n;
      break;
    case 'ext':
      p.ext = [[], [0], [60], [0, 43], [43, 60]][s.n % 5];
      break;
    case 'ext-byte':
      once.extByte = s.n;
      break;
    case 'vlan':
      once.vlan = [[], [5], [6], [5, 6]][s.n & 3];
      break;
    case 'mac':
      once.mac = s.n;
      break;
    case 'sa':
      f.sa = f.sa === 0 ? 1 + (s.n & 1) : 0;
      break;
    case 'other':
      once.proto = s.n & 1 ? 17 : 1;
      break;
    case 'mss':
      f.mss = 2 + (s.n & 31);
      break;
  }
  const data = payload(flow, p.seq, length);
  const bytes = frame({ ...p, ...once, payload: data });
  if (advance) p.seq = (p.seq + length) | 0;
  if (!f.fixedId) p.id = (p.id + 1) & 0xffff;
  return { input: { bytes, hash, sa: f.sa }, payload: data };
}
