/** The causes, each with what shows it. Thresholds: docs/measures.md. */
import type { Evidence } from './evidence.ts';
import { rounded } from './measures.ts';
import { changeKey, fitTable, hashSpi, isolateFlow, splitSa, spreadNatt } from './remedies.ts';
import type { ScenarioReport, VerdictEntry } from './report.ts';
import { tableSkew } from './table-skew.ts';

/** A unit, or a scenario, is uneven from here on: a quarter over the fair share. */
const UNEVEN = 1.25;
/** A change helps when it lowers max over mean by a tenth. */
const HELPS = 1.1;
/** Share of packets out of place from which on a way of hashing sprays. */
const SPRAYED = 0.01;
/** The dice are to blame where the best hash is so much above what could be. */
const DICE = 1.5;
/** Shares of packets from which on fragments are a cause, and a note. */
const MANY_FRAGMENTS = 0.05;
const SOME_FRAGMENTS = 0.005;

/** An entry, and what it costs: by how much max over mean is above what could be. */
interface Found extends VerdictEntry {
  readonly cost: number;
}

/** All causes, the costliest first, then notes. */
export function findCauses(e: Evidence): VerdictEntry[] {
  const found = [
    oneSa(e),
    spiUnhashed(e),
    nattOnePort(e),
    ...periodicKeys(e),
    tableNotMultiple(e),
    elephant(e),
    fewUnits(e),
    fragments(e),
    unhashed(e),
    reordering(e),
  ].filter((entry) => entry !== undefined);
  if (!found.some(({ severity }) => severity === 'cause')) found.push(balanced(e));
  if (e.protectedShare === 0) found.push(noEsp());
  const rank = ({ severity }: Found): number => (severity === 'cause' ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || b.cost - a.cost).map(({ cost: _, ...entry }) => entry);
}

function mm(scenario: ScenarioReport | undefined): number {
  return scenario?.measures.packets.maxOverMean ?? 1;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function many(n: number, one: string): string {
  return `${n.toLocaleString('en-US')} ${one}${n === 1 ? '' : 's'}`;
}

function oneSa(e: Evidence): Found | undefined {
  const [sa] = e.report.sas.heaviest;
  if (sa === undefined || sa.packetShare * e.queues <= UNEVEN) return undefined;
  const { bound } = e.base.measures.packets;
  const rest = e.heavySas > 1 ? ` ${e.heavySas} SAs have more than a fair share each.` : '';
  return {
    cause: 'one-sa',
    severity: 'cause',
    says: `One SA is too heavy for one of ${e.queues} queues: ${sa.text} carries ${percent(sa.packetShare)} of all packets, ${(sa.packetShare * e.queues).toFixed(2)} times a fair share, and it must stay on one queue.${rest} No hash brings max/mean below ${bound.toFixed(2)}.`,
    evidence: {
      sa: sa.text,
      packetShare: sa.packetShare,
      byteShare: sa.byteShare,
      timesFairShare: rounded(sa.packetShare * e.queues),
      heavySas: e.heavySas,
      sas: e.report.sas.count,
      addressPairs: e.pairs,
      queues: e.queues,
      bound,
    },
    remedies: splitSa(e.queues, bound, rounded(e.boundIfSplit)),
    cost: sa.packetShare * e.queues - 1,
  };
}

/** Whether the ESP that there is is hashed without its SPI. */
function ignoresSpi({ fields }: ScenarioReport, families: readonly string[]): boolean {
  return families.some((family) => !/f.*n|n.*f/.test(fields[`esp${family}`] ?? ''));
}

function spiUnhashed(e: Evidence): Found | undefined {
  const { base, models } = e;
  const { spi } = models;
  if (spi === undefined || e.sasOfPair < 2 || !ignoresSpi(base, e.families)) return undefined;
  if (mm(base) < mm(spi) * HELPS) return undefined;
  const gain = { before: mm(base), after: mm(spi), scenario: spi.name };
  const pinned = e.report.flows.heaviest.filter(({ class: cls }) => /^esp[46]$/.test(cls)).slice(0, e.queues);
  return {
    cause: 'spi-unhashed',
    severity: 'cause',
    says: `The SPI is not hashed, so all SAs between two addresses share a queue: ${many(e.report.sas.count, 'SA')} come by ${many(e.pairs, 'pair')} of addresses (up to ${e.sasOfPair} by one), and the busiest of ${e.queues} queues has ${mm(base).toFixed(2)} times its fair share. With the SPI hashed it is ${mm(spi).toFixed(2)}.`,
    evidence: {
      sas: e.report.sas.count,
      addressPairs: e.pairs,
      mostSasOfAPair: e.sasOfPair,
      protectedShare: rounded(e.protectedShare),
      scenario: base.name,
      maxOverMean: mm(base),
      withSpi: mm(spi),
      idleQueues: base.measures.idleQueues,
      idleWithSpi: spi.measures.idleQueues,
    },
    remedies: hashSpi(base.nic, e.families, gain, pinned),
    cost: mm(base) - mm(spi),
  };
}

function nattOnePort(e: Evidence): Found | undefined {
  const { base, models } = e;
  const both = models['spi-natt'];
  if (both === undefined || e.nattSas < 2 || e.nattTuples >= e.nattSas) return undefined;
  const seesInside = ['4', '6'].every((family) => /f.*n|n.*f/.test(base.fields[`natt${family}`] ?? ''));
  if (seesInside) return undefined;
  const before = Math.min(mm(base), mm(models.spi));
  if (before < mm(both) * HELPS) return undefined;
  return {
    cause: 'natt-one-port',
    severity: 'cause',
    says: `ESP in UDP hides its SPIs behind the same ports: ${many(e.nattSas, 'SA')} come by ${many(e.nattTuples, 'pair')} of UDP endpoints, and all SAs of a pair share a queue. The busiest of ${e.queues} queues has ${mm(base).toFixed(2)} times its fair share; were the SPI behind UDP hashed, or were there a source port for each SA, it would be about ${mm(both).toFixed(2)}.`,
    evidence: {
      nattSas: e.nattSas,
      udpEndpointPairs: e.nattTuples,
      nattShare: rounded(e.nattShare),
      scenario: base.name,
      maxOverMean: mm(base),
      withSpiOfPlainEsp: mm(models.spi),
      withSpiBehindUdp: mm(both),
    },
    remedies: spreadNatt({ before: mm(base), after: mm(both), scenario: both.name }),
    cost: before - mm(both),
  };
}

function periodicKeys(e: Evidence): Found[] {
  const names = new Set<string>();
  return e.keys
    .filter(
      ({ scenario }) => scenario.queues.length === e.queues && !names.has(scenario.hkey) && names.add(scenario.hkey),
    )
    .map(({ scenario, other, says, id }) => {
      const gain = { before: mm(scenario), after: mm(other), scenario: other.name };
      const costs = gain.before > gain.after * 1.05;
      return {
        cause: 'periodic-key' as const,
        severity: costs ? ('cause' as const) : ('note' as const),
        says: `${says} ${
          costs
            ? `In scenario ${scenario.name} max/mean is ${gain.before.toFixed(2)}; with another key ${gain.after.toFixed(2)}.`
            : `This traffic does not suffer from it: max/mean ${gain.before.toFixed(2)}, with another key ${gain.after.toFixed(2)}.`
        }`,
        evidence: { finding: id, scenario: scenario.name, maxOverMean: gain.before, withAnotherKey: gain.after },
        remedies: changeKey(gain),
        cost: gain.before - gain.after,
      };
    });
}

function tableNotMultiple(e: Evidence): Found | undefined {
  let worst: { scenario: ScenarioReport; skew: number } | undefined;
  for (const scenario of e.baseAt) {
    const skew = tableSkew(scenario);
    if (skew > (worst?.skew ?? 1.02)) worst = { scenario, skew };
  }
  if (worst === undefined) return undefined;
  const { scenario, skew } = worst;
  const { size } = scenario.table;
  const n = scenario.queues.length;
  return {
    cause: 'table-not-multiple',
    severity: 'cause',
    says: `The table does not divide: ${size} entries over ${n} queues give some queues ${Math.ceil(size / n)} entries and others ${Math.floor(size / n)}, so that even a perfect hash gives the former ${skew.toFixed(3)} times the fair share.`,
    evidence: {
      scenario: scenario.name,
      tableSize: size,
      queues: n,
      unavoidable: rounded(skew),
      maxOverMean: mm(scenario),
    },
    remedies: fitTable(size, n, {}),
    cost: skew - 1,
  };
}

function elephant(e: Evidence): Found | undefined {
  const flow = e.heaviestClear;
  if (flow === undefined || flow.packetShare * e.queues <= UNEVEN) return undefined;
  const { bound } = e.base.measures.packets;
  return {
    cause: 'elephant',
    severity: 'cause',
    says: `One flow is too heavy for one of ${e.queues} queues: ${flow.text} carries ${percent(flow.packetShare)} of all packets, ${(flow.packetShare * e.queues).toFixed(2)} times a fair share. No hash brings max/mean below ${bound.toFixed(2)}.`,
    evidence: {
      flow: flow.text,
      packetShare: rounded(flow.packetShare),
      timesFairShare: rounded(flow.packetShare * e.queues),
      flows: e.report.flows.count,
      queues: e.queues,
      bound,
    },
    remedies: isolateFlow(flow, e.queues),
    cost: flow.packetShare * e.queues - 1,
  };
}

function fewUnits(e: Evidence): Found | undefined {
  const best = Math.min(...Object.values(e.models).map(mm), mm(e.base));
  const { bound } = e.base.measures.packets;
  if (best <= UNEVEN * bound) return undefined;
  // What has no hash is nothing to spread, and one that is too heavy is a cause of its own.
  const heavy = Math.max(
    unhashedShare(e),
    e.heaviestClear?.packetShare ?? 0,
    e.report.sas.heaviest[0]?.packetShare ?? 0,
  );
  if (heavy * e.queues > UNEVEN) return undefined;
  const remedies = [
    ...(e.protectedShare > 0
      ? [
          {
            says: 'Choose the SPIs so that they land where they shall: who receives by an SA chooses its SPI.',
            commands: [`rxsteer key place --src PEER --dst HERE --queues ${e.queues} --count ${e.queues}`],
          },
        ]
      : []),
    {
      says: 'Try other keys: with so little, one is as good as another, and some are better by luck.',
      commands: ['rxsteer key generate'],
    },
    {
      says: 'Or use fewer queues: dice are fairer among few.',
      commands: [`ethtool -L DEV combined ${Math.max(1, e.queues >> 1)}`],
    },
  ];
  return {
    cause: 'few-units',
    severity: best > DICE * bound ? 'cause' : 'note',
    says: `There is little to spread: ${many(e.units, 'unit')} that must each stay in order (flows, SAs), worth ${e.effectiveUnits.toFixed(1)} equal ones, fall on ${e.queues} queues as dice do. The best way of hashing leaves max/mean at ${best.toFixed(2)}; placed well, they could come down to ${bound.toFixed(2)}.`,
    evidence: {
      units: e.units,
      effectiveUnits: rounded(e.effectiveUnits),
      queues: e.queues,
      bestMaxOverMean: best,
      bound,
    },
    remedies,
    cost: best - bound,
  };
}

function fragments(e: Evidence): Found | undefined {
  if (e.fragmentShare < SOME_FRAGMENTS) return undefined;
  const { fragmentedFlows, fragments: apart } = e.base.measures.reordering;
  const many = e.fragmentShare >= MANY_FRAGMENTS;
  return {
    cause: 'fragments',
    severity: many ? 'cause' : 'note',
    says: `${percent(e.fragmentShare)} of the packets are fragments, which a device hashes by their addresses alone: those of a pair of addresses share a queue whatever is hashed otherwise.${fragmentedFlows > 0 ? ` ${fragmentedFlows} flows have fragments on another queue than their whole packets, which reorders them.` : ''}`,
    evidence: { fragmentShare: rounded(e.fragmentShare), flowsTorn: fragmentedFlows, datagramsAway: apart },
    remedies: [
      {
        says: 'Fragment before the tunnel, not the tunnel: a smaller MTU inside, and TCP kept to it.',
        commands: [
          'ip link set dev TUNNEL mtu 1400',
          'nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu',
        ],
      },
    ],
    cost: e.fragmentShare,
  };
}

function unhashedShare({ base, report }: Evidence): number {
  return base.unhashed / report.input.packets;
}

function unhashed(e: Evidence): Found | undefined {
  const share = unhashedShare(e);
  if (share * e.queues <= UNEVEN) return undefined;
  return {
    cause: 'unhashed',
    severity: 'cause',
    says: `${percent(share)} of the packets have no hash, since they are no IP (ARP, MPLS, PPPoE, ..) or malformed, and all go to queue 0.`,
    evidence: { unhashedShare: rounded(share), queues: e.queues, scenario: e.base.name },
    remedies: [
      {
        says: 'Where there is IP inside (MPLS, PPPoE), RPS looks into it, as some NICs do: --nic linux-rps and --level inner show what that gives.',
        commands: [],
      },
    ],
    cost: share * e.queues - 1,
  };
}

function reordering(e: Evidence): Found | undefined {
  const strays = (scenario: ScenarioReport): number => scenario.measures.reordering.strays;
  const worst = [e.base, ...e.given].reduce((a, b) => (strays(b) > strays(a) ? b : a));
  const { splitSas } = worst.measures.reordering;
  if (strays(worst) === 0 && splitSas === 0) return undefined;
  const share = strays(worst) / e.report.input.packets;
  return {
    cause: 'reordering',
    severity: splitSas > 0 && share > SPRAYED ? 'cause' : 'note',
    says: `In scenario ${worst.name} ${many(strays(worst), 'packet')} (${percent(share)}) go to another queue than the first one of their flow, and ${many(splitSas, 'SA')} land on several queues: packets overtake each other, and replay windows drop what comes too late.`,
    evidence: { scenario: worst.name, strays: strays(worst), splitSas },
    remedies: [
      {
        says: 'Hash nothing that changes between the packets of a flow: no sequence numbers, no flow labels, no VLAN IDs where they vary. A NAT that moves an SA to another port does so once in a while; a wide replay window bears that.',
        commands: ['swanctl.conf: connections.NAME.children.CHILD.replay_window = 2048'],
      },
    ],
    cost: share,
  };
}

function balanced(e: Evidence): Found {
  const { maxOverMean, bound } = e.base.measures.packets;
  return {
    cause: 'balanced',
    severity: 'note',
    says: `Nothing in the way of steering holds this traffic back: with scenario ${e.base.name} the busiest of ${e.queues} queues has ${maxOverMean.toFixed(2)} times its fair share, and ${bound.toFixed(2)} is the least there can be.`,
    evidence: { scenario: e.base.name, maxOverMean, bound, flows: e.report.flows.count, sas: e.report.sas.count },
    remedies: [],
    cost: 0,
  };
}

function noEsp(): Found {
  return {
    cause: 'no-esp',
    severity: 'note',
    says: 'There is no ESP or AH in the capture: how SPIs are hashed makes no difference to it.',
    evidence: { protectedShare: 0 },
    remedies: [],
    cost: -1,
  };
}
