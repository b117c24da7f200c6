import { fact, type NicProfile } from './profile.ts';

const ETHTOOL = 'drivers/net/ethernet/amazon/ena/ena_ethtool.c';
const TOOL = 'amzn-ec2-ena-utilities, ena-toeplitz/toeplitz_calc.py';

export const ENA: NicProfile = {
  name: 'ena',
  title: 'Amazon ENA of the fifth generation and newer (c5n, m5n, c6gn ..), driver of Linux from 2.6 on',
  variant: 'reversed',
  keyLengths: [40],
  table: { sizes: [128], size: () => 128 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { tcp: 'sdfn', udp: 'sdfn', ip: 'sd', ether: 'm' },
  tunnels: 0,
  facts: {
    key: fact(
      'documented',
      '40 bytes, as ethtool -x shows them. The device reverses them, Linux does not reverse them first, and the hash starts as ffffffff; until its key is set, a driver before 2.6 starts as 0. DPDK and FreeBSD set it up as plain Toeplitz, instances of the fourth generation have another, fixed key and order the ends: neither is modelled.',
      `${TOOL}; amzn-drivers issue 169; ${ETHTOOL}, ena_set_rxfh`,
    ),
    table: fact('documented', '128 entries.', 'amzn-drivers issue 80'),
    tcp: fact(
      'verified',
      'Addresses and ports.',
      'drivers/net/ethernet/amazon/ena/ena_com.c, ena_com_set_default_hash_ctrl',
    ),
    udp: fact(
      'verified',
      'Addresses and ports.',
      'drivers/net/ethernet/amazon/ena/ena_com.c, ena_com_set_default_hash_ctrl',
    ),
    sctp: fact('verified', 'Has no type: addresses, as any IP.', `${ETHTOOL}, ena_set_rss_hash`),
    esp: fact('verified', 'Has no type: addresses, as any IP.', `${ETHTOOL}, ena_set_rss_hash; amzn-drivers issue 256`),
    ah: fact('verified', 'Has no type: addresses, as any IP.', `${ETHTOOL}, ena_set_rss_hash`),
    natt: fact('documented', 'Not looked into: UDP.', `${ETHTOOL}: its types are TCP, UDP, IP and others`),
    fragments: fact('memory', 'Addresses: IPv4 fragments are a type of their own.', '422e21e7619b'),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact(
      'documented',
      'Off. The driver asks the device to sort addresses and ports (enabled_input_sort); as who makes it says, only the fourth generation does.',
      `${TOOL}; ena_com.c, ena_com_set_hash_ctrl`,
    ),
    ethtool: fact(
      'verified',
      'tcp, udp, ip and ether, with letters s, d, f, n and m, as far as the instance allows; esp, ah and sctp are refused (EOPNOTSUPP). hfunc crc32 is not the usual one: not modelled, nor is what is hashed of frames that are no IP.',
      `${ETHTOOL}, ena_set_rss_hash; amzn-drivers issue 109`,
    ),
  },
};
