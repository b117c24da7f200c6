/** Rules and frames from few values, so that many rules match many frames. */
import { parseRule } from '../../src/steer/rule.ts';
import { RuleTable } from '../../src/steer/rule-table.ts';
import { shadowedRules } from '../../src/steer/shadowed-rule.ts';
import * as f from './frames.ts';

type Random = (below: number) => number;

const ADDRESSES = {
  4: ['10.0.0.1', '10.0.1.2', '10.1.0.1', '192.168.7.9', '255.255.255.255'],
  6: ['2001:db8::1', '2001:db8::1:2', '2001:db9::1', 'fe80::2:3', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
} as const;
const ADDRESS_MASKS = {
  4: ['0.0.0.255', '0.0.255.255', '255.255.0.0', '255.255.255.255', '0.255.0.255'],
  6: ['::ffff', '::ffff:ffff', 'ffff::', '::1:0:0:0', 'ffff:ffff:ffff:ffff::'],
} as const;
const PORTS = [1, 2, 443, 4500, 0x8001, 0xffff];
const SPIS = [1, 0x1001, 0x10001, 0xdeadbeef, 0xc0ffee01, 0xffffffff];
const TYPES = ['tcp', 'udp', 'sctp', 'esp', 'ah', 'natt', 'ip'];

/** Rules of all flow types, shapes and actions (queues below 4, drops, context 1), some without a location. */
export function randomRules(random: Random, count: number): string[] {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];
  const locations = Array.from({ length: 2 * count }, (_, i) => i);
  // What is drawn once is not drawn again.
  const location = (): number => locations.splice(random(locations.length), 1)[0];
  return Array.from({ length: count }, () => {
    const family = pick([4, 6] as const);
    const type = pick(TYPES);
    let text = `flow-type ${type}${family}`;
    const field = (name: string, values: readonly (string | number)[], masks: readonly (string | number)[]): void => {
      if (random(3) !== 0) return;
      text += ` ${name} ${pick(values)}`;
      if (random(3) === 0) text += ` m ${pick(masks)}`;
    };
    field('src-ip', ADDRESSES[family], ADDRESS_MASKS[family]);
    field('dst-ip', ADDRESSES[family], ADDRESS_MASKS[family]);
    field(family === 4 ? 'tos' : 'tclass', [0, 0xb8, 0x2e], [3, 0xfc, 0xff]);
    field('vlan', [0, 5, 0x2005, 0xffff], [0xf000, 0x0fff, 0xffff]);
    if (['esp', 'ah', 'natt'].includes(type)) field('spi', SPIS, [1, 0xffff, 0xff000000]);
    else if (type !== 'ip' || random(2) === 0) {
      field('src-port', PORTS, [1, 0xff, 0xfffe]);
      field('dst-port', PORTS, [1, 0xff, 0xfffe]);
    } else field(pick(['l4data', 'spi']), [0x11941194, ...SPIS], [0xffff, 0xffff0000, 0xffffffff]);
    if (type === 'ip') field('l4proto', [6, 17, 50, 253], [1, 0xff]);
    const action = random(12);
    text += action === 0 ? ' action -1' : action === 1 ? ' context 1' : ` action ${action & 3}`;
    return random(4) === 0 ? text : `${text} loc ${location()}`;
  });
}

/** As `randomRules`, without those that can never match; fewer, and all with locations. */
export function reachableRules(random: Random, count: number): string[] {
  const { rules } = new RuleTable(randomRules(random, count).map(parseRule));
  const gone = new Set(shadowedRules(rules).map(({ rule }) => rule));
  return rules
    .filter((rule) => !gone.has(rule))
    .map(({ text, location }) => (text.includes(' loc ') ? text : `${text} loc ${location}`));
}

/** Ethernet frames, some tagged, of all classes. */
export function randomFrames(random: Random, count: number): Uint8Array[] {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];
  return Array.from({ length: count }, () => {
    const ports = { sport: pick(PORTS), dport: pick(PORTS) };
    const esp = f.esp(pick(SPIS));
    const natt = { sport: 4500, dport: 4500 };
    const [proto, payload] = pick<() => [number, Uint8Array]>([
      () => [6, f.tcp(ports)],
      () => [6, f.tcp(ports)],
      () => [17, f.udp({ ...ports, payload: f.filler(24) })],
      () => [50, esp],
      () => [50, esp],
      () => [17, f.udp({ ...natt, payload: esp })],
      () => [17, f.udp({ ...natt, payload: pick([f.bytesOf(0, 0, 0, 0, f.filler(8)), f.bytesOf(0xff)]) })],
      () => [51, f.ah(pick(SPIS))],
      () => [132, f.sctp(ports.sport, ports.dport)],
      () => [253, f.filler(random(6))],
    ])();
    const six = random(2) === 0;
    const [src, dst] = [pick(ADDRESSES[six ? 6 : 4]), pick(ADDRESSES[six ? 6 : 4])];
    const tos = pick([0, 0, 0xb8, 0x2e]);
    const fragment = random(20) === 0;
    const options = random(20) === 0;
    const packet = six
      ? f.ipv6({ src, dst, proto, payload, trafficClass: tos, ...(options ? { exts: [f.ext(60)] } : {}) })
      : f.ipv4({ src, dst, proto, payload, tos, mf: fragment, ...(options ? { options: f.filler(8) } : {}) });
    return f.ethernet({ payload: packet, vlans: pick([[], [], [0], [5], [0x2005], [5, 6]]) });
  });
}
