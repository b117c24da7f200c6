/** docs/nic-profiles.md, made of the profiles themselves: `npm run docs:nics` writes it, a test compares. */
import { AS_UDP, spellOut } from '../../src/hash/fields.ts';
import { CONFIDENCES, NIC_PROFILES, type NicProfile, TOPICS, type Topic } from '../../src/steer/nic/index.ts';
import { TUNNELS_ALL, TUNNELS_IP, TUNNELS_MPLS, TUNNELS_PPPOE, TUNNELS_UDP } from '../../src/wire/tunnel.ts';

const NAMES: Record<Topic, string> = {
  key: 'Hash key',
  table: 'Indirection table',
  tcp: 'TCP',
  udp: 'UDP',
  sctp: 'SCTP',
  esp: 'ESP',
  ah: 'AH',
  natt: 'ESP in UDP',
  fragments: 'Fragments',
  tunnels: 'Tunnels',
  symmetry: 'Symmetry',
  ethtool: 'ethtool may set',
};

const TUNNELS: readonly (readonly [kind: number, name: string])[] = [
  [TUNNELS_IP, 'IP in IP, GRE'],
  [TUNNELS_UDP, 'VXLAN and its like'],
  [TUNNELS_MPLS, 'MPLS'],
  [TUNNELS_PPPOE, 'PPPoE'],
];

export function nicPage(): string {
  const confidences = Object.entries(CONFIDENCES).map(([name, says]) => `- *${name}*: ${says}.`);
  return `${[
    '# NIC profiles',
    '<!-- Written by `npm run docs:nics` from src/steer/nic. Do not edit. -->',
    `A profile makes rxsteer hash as a device does: \`rss: { nic: 'mlx5' }\` for a receiver, \`--nic mlx5\` on the command line. It
gives the defaults of key length, table, fields, transformation and tunnels. What is said explicitly (\`--hkey\`, \`--rx-flow-hash\`,
\`--table-size\`, \`--indir\`, \`--xfrm\`, \`--level\`, \`--ethtool FILE\`) goes before them where the device can have it, and is refused with
what the device takes where it cannot.`,
    `\`\`\`console
$ npm run -s rxsteer -- hash --nic ice --src 10.0.0.1 --dst 10.0.0.2 --spi 0x100 --queues 8
$ npm run -s rxsteer -- hash --nic ixgbe --rx-flow-hash udp4=sdfn --src 10.0.0.1 --dst 10.0.0.2 --sport 1 --dport 2 --proto udp
\`\`\``,
    `A key is yours to give: a device's own is random at each start, and \`ethtool -x\` shows it (mostly). Without one it is Microsoft's,
filled up with zeros to the length of the device. In a receiver an SA stays in its owner's lane whatever a profile hashes, and
fragments are reassembled before they are steered, unless \`fragments: false\` says otherwise. What is not plain Toeplitz of
addresses and ports or SPI of the outer packet is steered without the dispatcher's kernel, so slower.`,
    `Every fact has its source and says how sure it is:\n\n${confidences.join('\n')}`,
    overview(),
    ...NIC_PROFILES.map(section),
  ].join('\n\n')}\n`;
}

function overview(): string {
  const head = [
    'Profile',
    'Key bytes',
    'Table',
    'TCP',
    'UDP',
    'SCTP',
    'ESP',
    'AH',
    'ESP in UDP',
    'Symmetric',
    'Inner packet of',
  ];
  const rows = NIC_PROFILES.map((profile) => [
    `[\`${profile.name}\`](#${profile.name})`,
    keys(profile),
    tables(profile),
    ...['tcp', 'udp', 'sctp', 'esp', 'ah', 'natt'].map((base) => letters(profile, base)),
    symmetry(profile),
    tunnels(profile),
  ]);
  return `Letters are ethtool's: addresses \`s\` \`d\`, ports or SPI \`f\` \`n\`, VLAN \`v\`, protocol \`t\`; two sets are IPv4's and IPv6's. In
fragments no device sees ports.\n\n${table([head, ...rows])}`;
}

function section(profile: NicProfile): string {
  const caveats = (profile.approximate ?? []).map(
    ({ classes, says }) => `**Not bit for bit${classes === undefined ? '' : ` (${classes.join(', ')})`}**: ${says}.`,
  );
  const values: Record<string, string> = { key: keys(profile), table: tables(profile), tunnels: tunnels(profile) };
  for (const base of ['tcp', 'udp', 'sctp', 'esp', 'ah', 'natt']) values[base] = letters(profile, base);
  values.fragments = letters(profile, 'ip');
  values.symmetry = symmetry(profile);
  const rows = TOPICS.map((topic) => {
    const { says, source, confidence } = profile.facts[topic];
    return [NAMES[topic], values[topic] ?? '', says, source, confidence];
  });
  return [
    `## ${profile.name}`,
    `${profile.title}.`,
    ...caveats,
    table([['', 'Model', 'Device', 'Source', 'Sure'], ...rows]),
  ].join('\n\n');
}

function keys({ keyLengths }: NicProfile): string {
  const least = Math.min(...keyLengths);
  const most = Math.max(...keyLengths);
  return least === most ? String(least) : `${least} to ${most}`;
}

function tables({ table: { sizes, size, scaled } }: NicProfile): string {
  const usual = size(4) === size(5) ? String(size(4)) : 'one a queue';
  const all = 'most' in sizes ? `up to ${sizes.most}` : [...sizes].sort((a, b) => a - b).join(', ');
  return `${usual === all ? usual : `${usual} (${all})`}${scaled ? ', high bits' : ''}`;
}

function letters(profile: NicProfile, base: string): string {
  const fields = spellOut(profile.fields);
  const four = fields.get(`${base}4`)!;
  const six = fields.get(`${base}6`)!;
  if (four === AS_UDP) return 'as UDP';
  return four === six ? `\`${four}\`` : `\`${four}\`, \`${six}\``;
}

function symmetry({ variant, xfrms }: NicProfile): string {
  return variant === 'flow-dissector' ? 'its own' : xfrms[0];
}

function tunnels({ tunnels: kinds }: NicProfile): string {
  if (kinds === 0) return 'none';
  if (kinds === TUNNELS_ALL) return 'all';
  return TUNNELS.filter(([kind]) => (kinds & kind) !== 0)
    .map(([, name]) => name)
    .join(', ');
}

function table(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows.map((row) => `| ${row.join(' | ')} |`);
  return [head, `|${rows[0].map(() => '---').join('|')}|`, ...body].join('\n');
}
