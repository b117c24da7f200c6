import { describe, expect, it } from 'vitest';
import { CLASSES, MALFORMED_REASONS } from '../../src/counters.ts';
import { Dissection, dissect, dissectIp, isLinkType } from '../../src/wire/dissect.ts';
import { innermost } from '../../src/wire/tunnel.ts';
import {
  CAPTURES,
  captureFrames,
  GRO_CAPTURES,
  mutate,
  randomNumbers,
  type SampleFrame,
  SHARED_CAPTURES,
  sampleFrames,
} from '../support/corpus.ts';
import * as f from '../support/frames.ts';
import { type ReferenceFacts, referenceDissect, referenceInnermost } from './reference.ts';

const FIELDS = [
  'l3',
  'l4',
  'end',
  'proto',
  'spi',
  'esp',
  'truncated',
  'vlan',
  'etherType',
  'fragOff',
  'fragMore',
  'fragId',
  'fragNext',
  'fragHdr',
  'fragPrev',
] as const;
/** Absolute offsets, where they are not 0 for "none". */
const OFFSETS = ['l3', 'l4', 'end'] as const;
const OPTIONAL = ['esp', 'fragHdr', 'fragPrev'] as const;

const LEAD = 29;
const TAIL = 23;
/** Two places with different surroundings: what differs was read outside. */
const PLACES = [0x00, 0xff].map((poison) => ({ poison, bytes: new Uint8Array(LEAD + 70_000 + TAIL) }));
// one record for all, as in use: nothing may stay from the packet before
const d = new Dissection();

function facts(): number[] {
  return [d.cls, d.reason, ...FIELDS.map((name) => d[name])];
}

/** Dissects a frame between poison, twice, and checks what must hold for any bytes. Leaves the result in `d`. */
function dissectPoisoned(frame: Uint8Array, linkType: number, then?: (bytes: Uint8Array) => void): Uint8Array {
  let first: number[] = [];
  for (const { poison, bytes } of PLACES) {
    bytes.fill(poison, 0, LEAD + frame.length + TAIL);
    bytes.set(frame, LEAD);
    const cls = dissect(bytes, LEAD, LEAD + frame.length, linkType, d);
    if (cls !== d.cls) throw new Error(`returned ${cls}, recorded ${d.cls}`);
    then?.(bytes);
    const now = facts();
    if (first.length > 0 && now.join() !== first.join()) throw new Error(`reads outside: ${first} or ${now}`);
    first = now;
  }
  const end = LEAD + frame.length;
  const fail = (what: string): void => {
    throw new Error(`${what}: ${JSON.stringify(d)}`);
  };
  if (CLASSES[d.cls] === undefined || MALFORMED_REASONS[d.reason] === undefined) fail('no such class or reason');
  if ((d.cls === 0) !== (d.reason !== 0)) fail('a reason belongs to malformed alone');
  for (const name of OFFSETS) if (d[name] < LEAD || d[name] > end) fail(`${name} outside`);
  for (const name of OPTIONAL) if (d[name] !== 0 && (d[name] < LEAD || d[name] > end)) fail(`${name} outside`);
  if (d.l3 > d.l4 || d.l4 > d.end) fail('out of order');
  return PLACES[1].bytes;
}

const walk = (bytes: Uint8Array): void => {
  const cls = innermost(bytes, d);
  if (cls !== d.cls) throw new Error(`returned ${cls}, recorded ${d.cls}`);
};

function compare(frame: Uint8Array, linkType: number, name: string, inside: boolean = false): void {
  const expected = inside ? referenceInnermost(frame, linkType) : referenceDissect(frame, linkType);
  dissectPoisoned(frame, linkType, inside ? walk : undefined);
  const got: Partial<ReferenceFacts> = { class: CLASSES[d.cls], reason: MALFORMED_REASONS[d.reason] };
  const wanted: Partial<ReferenceFacts> = { class: expected.class, reason: expected.reason };
  if (expected.class !== 'malformed') {
    for (const field of FIELDS) {
      const relative =
        (OFFSETS as readonly string[]).includes(field) ||
        ((OPTIONAL as readonly string[]).includes(field) && d[field] !== 0);
      got[field] = d[field] - (relative ? LEAD : 0);
      wanted[field] = expected[field];
    }
    // offset 0 of the frame is a place and "none" at once in the reference
    if (expected.class === 'fragment4') got.fragHdr = d.fragHdr - LEAD;
  }
  if (JSON.stringify(got) !== JSON.stringify(wanted)) expect({ name, ...got }).toEqual({ name, ...wanted });
}

const samples = sampleFrames();
const captured = [...captureFrames(CAPTURES, 120), ...captureFrames(GRO_CAPTURES, 12)];

describe('dissect', () => {
  it('names the class of every sample', () => {
    const classes = new Map<string, string>();
    for (const { name, linkType, bytes } of samples.filter((s) => s.linkType === 1)) {
      dissectPoisoned(bytes, linkType);
      classes.set(name, CLASSES[d.cls] + (d.reason === 0 ? '' : ` ${MALFORMED_REASONS[d.reason]}`));
    }
    expect(Object.fromEntries(classes)).toMatchObject({
      tcp4: 'tcp4',
      'tcp4 with options': 'tcp4',
      'tcp6 data offset 4': 'malformed l4-length',
      'tcp4 data offset beyond': 'malformed l4-length',
      'udp4 port 500': 'udp4',
      'udp4 longer than IP': 'udp4',
      'udp4 length 0': 'malformed l4-length',
      'udp6 length 0': 'udp6',
      sctp6: 'sctp6',
      'esp4 SPI 0': 'esp4',
      ah6: 'ah6',
      natt4: 'natt4',
      'natt6 one port': 'natt6',
      'natt4 cut by the UDP length': 'malformed esp-short',
      'natt4 empty': 'malformed esp-short',
      'natt4 empty, padded': 'malformed esp-short',
      'ike4 of 4 bytes': 'ike4',
      'keepalive4, padded': 'keepalive4',
      'one byte that is no keepalive 4': 'malformed esp-short',
      icmp6: 'other6',
      'v4 options': 'tcp4',
      'v4 total length 0': 'tcp4',
      'v4 total length 19': 'malformed ip-total-length',
      'v4 total length beyond': 'tcp4',
      'v4 no DF': 'tcp4',
      'v4 first fragment': 'fragment4',
      'v4 last fragment': 'fragment4',
      'v6 extensions': 'tcp6',
      'v6 extensions and ESP': 'esp6',
      'v6 first fragment': 'fragment6',
      'v6 atomic fragment': 'tcp6',
      'v6 15 extensions': 'tcp6',
      'v6 16 extensions': 'other6',
      'v6 jumbo': 'tcp6',
      'v6 jumbo of a small length': 'malformed ip-extension',
      'v6 payload length 0': 'malformed l4-short',
      'v6 payload length beyond': 'tcp6',
      'v6 no next header': 'other6',
      ARP: 'nonip',
      LLC: 'nonip',
      // the class is the outer packet's
      mpls: 'nonip',
      pppoe: 'nonip',
      geneve4: 'udp4',
      gue6: 'udp6',
      gtpu4: 'udp4',
      'mpls in IP 4': 'other4',
      QinQ: 'tcp4',
      'four tags': 'tcp4',
      'five tags': 'nonip',
      'IPv4 announced, IPv6 inside': 'malformed ip-version',
    });
  });

  it('agrees with a dissector that works differently, on every truncation of every sample', () => {
    for (const { name, linkType, bytes } of samples) {
      for (let length = 0; length <= bytes.length; length++)
        compare(bytes.subarray(0, length), linkType, `${name}, ${length} bytes`);
    }
  });

  it('agrees on captures, whole and cut in the headers', () => {
    expect(captured.length).toBeGreaterThan(500);
    for (const { name, linkType, bytes } of captured) {
      compare(bytes, linkType, name);
      for (let length = 0; length < Math.min(bytes.length, 110); length += 3)
        compare(bytes.subarray(0, length), linkType, name);
    }
  });

  it('agrees on 100,000 mutations', () => {
    const random = randomNumbers(20240601);
    const pool: SampleFrame[] = [...samples, ...captured];
    for (let i = 0; i < 100_000; i++) {
      const { name, linkType, bytes } = pool[random(pool.length)];
      compare(mutate(bytes.subarray(0, 400), random), linkType, `${name}, mutation ${i}`);
    }
  }, 120_000);

  const shared = SHARED_CAPTURES.flatMap((folder) => captureFrames(folder, 3000));
  it.skipIf(shared.length === 0)(
    'agrees on captures beside the checkout (skipped where there are none)',
    () => {
      for (const { name, linkType, bytes } of shared) compare(bytes, linkType, name);
    },
    120_000,
  );

  it('marks what is cut, and keeps its class', () => {
    const payload = f.ipv4({
      src: '1.1.1.1',
      dst: '2.2.2.2',
      proto: 6,
      payload: f.tcp({ sport: 1, dport: 2, options: f.filler(12), payload: f.filler(99) }),
    });
    const frame = f.ethernet({ payload });
    dissect(frame, 0, 54, 1, d);
    expect([CLASSES[d.cls], d.truncated, d.end]).toEqual(['tcp4', 1, 54]);
    dissect(frame, 0, 53, 1, d);
    expect([CLASSES[d.cls], MALFORMED_REASONS[d.reason]]).toEqual(['malformed', 'l4-short']);
    dissect(frame, 0, frame.length, 1, d);
    expect([CLASSES[d.cls], d.truncated, d.end]).toEqual(['tcp4', 0, frame.length]);
  });

  it('the NAT-T port is a setting', () => {
    const payload = f.ipv4({
      src: '1.1.1.1',
      dst: '2.2.2.2',
      proto: 17,
      payload: f.udp({ sport: 9, dport: 14500, payload: f.esp(77) }),
    });
    const other = new Dissection();
    expect(CLASSES[dissectIp(payload, 0, payload.length, other)]).toBe('udp4');
    other.nattPort = 14500;
    expect(CLASSES[dissectIp(payload, 0, payload.length, other)]).toBe('natt4');
    expect([other.spi, other.esp]).toEqual([77, 28]);
  });

  it('frames of an unknown link type are nonip', () => {
    expect([isLinkType(1), isLinkType(105)]).toEqual([true, false]);
    dissect(f.filler(90), 0, 90, 105, d);
    expect(CLASSES[d.cls]).toBe('nonip');
  });

  it('innermost agrees too, on truncations and mutations of every tunnel and on captures', () => {
    const random = randomNumbers(7);
    const tunnels = samples.filter((s) => /^(vxlan|gre|ipip|6in|geneve|gue|gtpu|mpls|pppoe)/.test(s.name));
    for (const { name, linkType, bytes } of tunnels) {
      for (let length = 0; length <= bytes.length; length++)
        compare(bytes.subarray(0, length), linkType, `${name}, ${length} bytes`, true);
      for (let i = 0; i < 300; i++) compare(mutate(bytes, random), linkType, `${name}, mutation ${i}`, true);
      // further in than the bias of mutate reaches
      for (let i = 0; i < 300; i++) {
        const changed = bytes.slice();
        changed[random(bytes.length)] = [random(256), 0, 255][random(3)];
        compare(changed, linkType, `${name}, change ${i}`, true);
      }
    }
    for (const { name, linkType, bytes } of captured) compare(bytes, linkType, name, true);
  }, 120_000);
});
