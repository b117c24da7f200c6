import { fact, type NicProfile } from './profile.ts';

const ETHTOOL = 'drivers/net/vmxnet3/vmxnet3_ethtool.c';

export const VMXNET3: NicProfile = {
  name: 'vmxnet3',
  title: 'VMware vmxnet3, version 6 and newer',
  variant: 'plain',
  keyLengths: [40],
  table: { sizes: [128, 32], size: () => 128 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sd', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { udp: ['sd', 'sdfn'], esp: ['sd', 'sdfn'], ah: ['sd', 'sdfn'] },
  together: [
    ['esp4', 'ah4'],
    ['esp6', 'ah6'],
  ],
  tunnels: 0,
  approximate: [
    { classes: ['ah'], says: 'ESP and AH have one setting; whether the SPI of AH is then hashed too is not known' },
  ],
  facts: {
    key: fact('memory', '40 bytes; ethtool neither shows nor sets it.', `${ETHTOOL}, vmxnet3_set_rss refuses a key`),
    table: fact(
      'verified',
      'Four times the greatest number of queues: 128, and 32 in drivers before version 6.',
      'vmxnet3_int.h, VMXNET3_RSS_IND_TABLE_SIZE',
    ),
    tcp: fact('verified', 'Addresses and ports; nothing else can be set.', `${ETHTOOL}, vmxnet3_set_rss_hash_opt`),
    udp: fact(
      'memory',
      'Addresses, unless the hypervisor says otherwise; sdfn can be asked for.',
      `${ETHTOOL}, VMXNET3_RSS_FIELDS_UDPIP4`,
    ),
    sctp: fact('verified', 'Addresses.', `${ETHTOOL}, vmxnet3_set_rss_hash_opt`),
    esp: fact(
      'verified',
      'Addresses, unless the hypervisor says otherwise; sdfn can be asked for: over IPv4 from device version 4 on, over IPv6 from 6 on.',
      `${ETHTOOL}; 79d124bb36c0`,
    ),
    ah: fact('verified', 'Has one setting with ESP.', `${ETHTOOL}, vmxnet3_set_rss_hash_opt`),
    natt: fact('memory', 'Not looked into: UDP.', 'not confirmed'),
    fragments: fact('memory', 'Addresses alone.', 'not confirmed'),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact('memory', 'Off.', 'not confirmed'),
    ethtool: fact(
      'verified',
      'udp, esp and ah: sd or sdfn. Others stay as they are.',
      `${ETHTOOL}, vmxnet3_set_rss_hash_opt`,
    ),
  },
};
