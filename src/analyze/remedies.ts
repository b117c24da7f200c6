/** What can be changed where, as commands. */
import { AS_UDP } from '../hash/fields.ts';
import { NIC_PROFILES, nicProfile } from '../steer/nic/index.ts';
import type { NicProfile } from '../steer/nic/profile.ts';
import type { HeavyUnit, Remedy } from './report.ts';

/** Stands for the device in commands, as in ethtool's manual. */
const DEV = 'DEV';

/** Whether a device hashes the SPI of ESP: as it comes, when asked to, or not at all. `spray`: only together with sequence numbers. */
export type SpiAbility = 'default' | 'settable' | 'spray' | 'none';

export function spiAbility(profile: NicProfile): SpiAbility {
  const { fields, settable } = profile;
  const now = fields.esp ?? fields.esp4 ?? '';
  if (now.includes('f') && now.includes('n')) return 'default';
  if (settable === 'all') return 'settable';
  const allowed = Object.hasOwn(settable, 'esp') ? settable.esp : [];
  const can =
    typeof allowed === 'string'
      ? allowed.includes('f') && allowed.includes('n')
      : allowed.some((letters) => letters.includes('f') && letters.includes('n'));
  if (!can) return 'none';
  return profile.variant === 'spi-sequence' ? 'spray' : 'settable';
}

function names(ability: SpiAbility): string {
  return NIC_PROFILES.filter(({ name, variant }) => name !== 'rxsteer' && variant !== 'flow-dissector')
    .filter((profile) => spiAbility(profile) === ability)
    .map(({ name }) => name)
    .join(', ');
}

const RPS: readonly string[] = [
  `ethtool -K ${DEV} rxhash off`,
  `for q in /sys/class/net/${DEV}/queues/rx-*; do echo MASK > $q/rps_cpus; done`,
];

/** The ways to have the SPI hashed, the device's own first. `families`: 4 and 6, as far as there is ESP of them. */
export function hashSpi(
  nic: string | null,
  families: readonly string[],
  gain: Partial<Remedy>,
  pinned: readonly HeavyUnit[],
): Remedy[] {
  const commands = families.map((family) => `ethtool -N ${DEV} rx-flow-hash esp${family} sdfn`);
  const profile = nic === null ? undefined : nicProfile(nic);
  const ability = profile === undefined ? undefined : spiAbility(profile);
  const remedies: Remedy[] = [];
  if (ability === undefined) {
    remedies.push({
      says: `Hash the SPI in the NIC: ${names('default')} do by themselves, ${names('settable')} when asked; ${names('none')} cannot. ${names('spray')} would hash sequence numbers with it and reorder every SA: leave it off there.`,
      ...gain,
      commands,
    });
  } else if (ability === 'settable') {
    remedies.push({ says: `Let ${nic} hash the SPI.`, ...gain, commands });
  } else if (ability === 'spray') {
    remedies.push({
      says: `${nic} could hash the SPI only together with the sequence number, which reorders every SA: leave it off.`,
      commands: [],
    });
  } else if (ability === 'none') {
    remedies.push({
      says: `${nic} does not hash the SPI, and ethtool cannot tell it to (docs/nic-profiles.md).`,
      commands: [],
    });
  }
  if (ability !== 'default' && profile?.variant !== 'flow-dissector') {
    remedies.push({
      says: 'Let Linux spread the packets in software (RPS): its own hash sees the SPI (scenario linux-rps shows it). It keeps to a hash of the NIC that the driver says is of ports; without rxhash there is none.',
      commands: RPS,
    });
    const rules = pinned.map((unit, i) => `ethtool -N ${DEV} flow-type ${unit.class} spi ${unit.spi} action ${i}`);
    if (rules.length > 0) {
      remedies.push({
        says: 'Or pin the heaviest SAs to queues by rules, where the NIC takes rules for ESP.',
        commands: rules,
      });
    }
  }
  return remedies;
}

/** What helps ESP in UDP between the same two ports. */
export function spreadNatt(gain: Partial<Remedy>): Remedy[] {
  const looksInside = NIC_PROFILES.filter(
    ({ name, fields }) => name !== 'rxsteer' && fields.natt !== undefined && fields.natt !== AS_UDP,
  );
  return [
    {
      says: 'Give each SA a source port of its own: strongSwan 6.0.2 with per_cpu_sas = encap does (Linux 6.13 and newer), and then the 4-tuple is enough.',
      ...gain,
      commands: ['swanctl.conf: connections.NAME.encap = yes, connections.NAME.children.CHILD.per_cpu_sas = encap'],
    },
    {
      says: `${looksInside.length === 0 ? 'No driver of Linux that is known here' : `Only ${looksInside.map(({ name }) => name).join(', ')}`} looks for the SPI in UDP, nor does RPS; ice and i40e can with DPDK and their packages for ESP.`,
      commands: [],
    },
    {
      says: 'Where there is no NAT on the path, do without encapsulation: plain ESP has its SPI where ports stand.',
      commands: ['swanctl.conf: connections.NAME.encap = no'],
    },
  ];
}

export function splitSa(queues: number, before: number, after: number): Remedy[] {
  return [
    {
      says: `Negotiate an SA for each CPU (RFC 9611: Linux 6.13, strongSwan 6.0.2), and have their SPIs hashed, or with "encap" their UDP ports. With ${queues} equal SAs in place of each heavy one the bound falls:`,
      before,
      after,
      commands: ['swanctl.conf: connections.NAME.children.CHILD.per_cpu_sas = yes'],
    },
    {
      says: 'Or several child SAs with narrower traffic selectors: a flow stays in its SA, and the SAs spread.',
      commands: [],
    },
    {
      says: 'One SA cannot be spread without reordering it. What is left is to make its one queue cheaper: crypto offload, AES-GCM, larger packets (MTU).',
      commands: [],
    },
  ];
}

/** A queue of its own for one clear flow. */
export function isolateFlow(unit: HeavyUnit, queues: number): Remedy[] {
  const type = unit.class;
  const rule =
    /^(tcp|udp|sctp)[46]$/.test(type) && unit.sport !== undefined
      ? [
          `ethtool -N ${DEV} flow-type ${type} src-ip ${unit.src} dst-ip ${unit.dst} src-port ${unit.sport} dst-port ${unit.dport} action ${queues - 1}`,
        ]
      : [];
  const inner = [4, 41, 47].includes(unit.proto) || [4789, 6081, 2152].includes(unit.dport ?? 0);
  return [
    ...(inner
      ? [
          {
            says: 'It is a tunnel: hash the packets inside, where the NIC can. --level inner shows what that gives.',
            commands: [],
          },
        ]
      : []),
    {
      says: 'No hash splits a flow. Give it a queue of its own, so that others do not wait behind it, and keep the others off that queue.',
      commands: rule.length > 0 && queues > 1 ? [...rule, `ethtool -X ${DEV} equal ${queues - 1}`] : rule,
    },
    { says: 'Or let its sender use several connections.', commands: [] },
  ];
}

/** The greatest number of queues up to `queues` that divides a table. */
export function fitTable(size: number, queues: number, gain: Partial<Remedy>): Remedy[] {
  let fitting = queues;
  while (size % fitting !== 0) fitting--;
  return [
    {
      says: `Use a number of queues that divides the ${size} entries, for example ${fitting}`,
      ...gain,
      commands: [`ethtool -L ${DEV} combined ${fitting}`, `ethtool -X ${DEV} equal ${fitting}`],
    },
    { says: 'Or a larger table, where the NIC has one: the overhang shrinks with its size.', commands: [] },
  ];
}

export function changeKey(gain: Partial<Remedy>): Remedy[] {
  return [
    {
      says: 'Take a key without a period: a random one, or one that is tuned for SPIs. What needs both directions on one queue is served by xfrm symmetric-or-xor, which does not touch ESP worse than this key does.',
      ...gain,
      commands: [`ethtool -X ${DEV} hkey $(rxsteer key generate --spread spi)`],
    },
  ];
}
