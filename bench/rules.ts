/**
 * What do rules cost? The same traffic with none and with a thousand, in bursts of 256, all the way into the rings; every packet
 * matches one of them unless the name says otherwise. The row without rules comes first, and the others say how many times that.
 */
import { put16 } from '../src/wire/bytes.ts';
import { emitIpv4 } from '../src/wire/ipv4.ts';
import { dispatch, someSas } from './dispatch.ts';
import { espFrames, FRAMES } from './frames.ts';
import type { Case } from './harness.ts';
import { Random } from './random.ts';

const RULES = 1000;
const BURST = 256;
const QUEUES = 4;

interface Flow {
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly sport: number;
  readonly dport: number;
}

/** Flows that differ in every half of an address and in every port: no rule of one takes the packets of another. */
function flows(seed: number): Flow[] {
  const random = new Random(0x5eed5eed, seed);
  const halves = (): number[] => {
    const drawn = new Set<number>();
    while (drawn.size < RULES) drawn.add(random.below(65536));
    return [...drawn];
  };
  const [srcHigh, srcLow, dstHigh, dstLow, sports, dports] = Array.from({ length: 6 }, halves);
  const address = (high: number, low: number): Uint8Array => Uint8Array.of(high >> 8, high & 255, low >> 8, low & 255);
  return Array.from({ length: RULES }, (_, i) => ({
    src: address(srcHigh[i], srcLow[i]),
    dst: address(dstHigh[i], dstLow[i]),
    sport: sports[i],
    dport: dports[i],
  }));
}

/** 10,000 TCP segments of these flows in random order. */
function tcpFrames(of: readonly Flow[]): Uint8Array[] {
  const random = new Random(0x0f1e2d3c, 0x4b5a6978);
  return Array.from({ length: FRAMES }, () => {
    const { src, dst, sport, dport } = of[random.below(of.length)];
    const frame = new Uint8Array(64);
    put16(frame, 12, 0x0800);
    emitIpv4(frame, 14, src, dst, 6, 50);
    put16(frame, 34, sport);
    put16(frame, 36, dport);
    frame[46] = 0x50;
    return frame;
  });
}

/** What a rule says of its flow: five masks for the same packets. */
const SHAPES: readonly ((flow: Flow) => string)[] = [
  ({ src, dst, sport, dport }) => `src-ip ${src.join('.')} dst-ip ${dst.join('.')} src-port ${sport} dst-port ${dport}`,
  ({ src, dst, dport }) => `src-ip ${src.join('.')} dst-ip ${dst.join('.')} dst-port ${dport}`,
  ({ dst, dport }) => `dst-ip ${dst.join('.')} dst-port ${dport}`,
  ({ src, dst }) => `src-ip ${src.join('.')} m 0.0.0.255 dst-ip ${dst.join('.')}`,
  ({ dst }) => `dst-ip ${dst.join('.')}`,
];

/** Five masks that share no bit: nothing but a table of its own serves each. */
const APART: readonly ((flow: Flow) => string)[] = [
  ({ src }) => `src-ip ${src.join('.')}`,
  ({ dst }) => `dst-ip ${dst[0]}.${dst[1]}.0.0 m 0.0.255.255`,
  ({ dst }) => `dst-ip 0.0.${dst[2]}.${dst[3]} m 255.255.0.0`,
  ({ sport }) => `src-port ${sport}`,
  ({ dport }) => `dst-port ${dport}`,
];

const ruleOf = (says: string, i: number): string => `flow-type ${says} action ${i % QUEUES} loc ${i}`;
const tuples = (of: readonly Flow[]): string[] => of.map((flow, i) => ruleOf(`tcp4 ${SHAPES[0](flow)}`, i));
const shaped =
  (by: typeof SHAPES) =>
  (of: readonly Flow[]): string[] =>
    of.map((flow, i) => ruleOf(`tcp4 ${by[i % by.length](flow)}`, i));
const shapes = shaped(SHAPES);
const apart = shaped(APART);

const esp = (rules: boolean) => () => {
  const sas = someSas(RULES);
  const spis = sas.map(({ spi }, i) => ruleOf(`esp4 spi ${spi}`, i));
  return dispatch(espFrames(64, sas), BURST, { rules: rules ? spis : [] });
};
const tcp = (make: (of: readonly Flow[]) => string[], seed = 1) => {
  return () => dispatch(tcpFrames(flows(1)), BURST, { rules: make(flows(seed)) });
};

export const cases: readonly Case[] = [
  { name: 'rules_esp_none', bytes: 64, make: esp(false) },
  { name: 'rules_esp_1000_spis', bytes: 64, against: 'rules_esp_none', make: esp(true) },
  { name: 'rules_tcp_none', bytes: 64, make: tcp(() => []) },
  { name: 'rules_tcp_1000_tuples', bytes: 64, against: 'rules_tcp_none', make: tcp(tuples) },
  { name: 'rules_tcp_1000_in_5_shapes', bytes: 64, against: 'rules_tcp_none', make: tcp(shapes) },
  { name: 'rules_tcp_1000_in_5_tables', bytes: 64, against: 'rules_tcp_none', make: tcp(apart) },
  // Of other flows: next to no packet matches, and each is looked for everywhere.
  { name: 'rules_tcp_5_tables_unmatched', bytes: 64, against: 'rules_tcp_none', make: tcp(apart, 2) },
];
