import { fact, type NicProfile } from './profile.ts';

const ETHTOOL = 'drivers/net/ethernet/intel/igb/igb_ethtool.c';

export const IGB: NicProfile = {
  name: 'igb',
  title: 'Intel 82576, I350, I210, driver igb',
  variant: 'plain',
  keyLengths: [40],
  table: { sizes: [128], size: () => 128 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sd', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { udp: ['sd', 'sdfn'] },
  tunnels: 0,
  facts: {
    key: fact('memory', '40 bytes; ethtool neither shows nor sets it.', 'igb_main.c'),
    table: fact('verified', '128 entries.', `${ETHTOOL}, IGB_RETA_SIZE`),
    tcp: fact('documented', 'Addresses and ports.', 'igb_main.c, igb_setup_mrqc'),
    udp: fact(
      'documented',
      'Addresses, since fragments would be reordered otherwise; sdfn can be asked for.',
      'as ixgbe',
    ),
    sctp: fact('memory', 'Addresses.', 'as ixgbe'),
    esp: fact('memory', 'Addresses.', 'as ixgbe'),
    ah: fact('memory', 'Addresses.', 'as ixgbe'),
    natt: fact('documented', 'Not looked into: UDP.', 'RSS types of the device: IP, TCP, UDP'),
    fragments: fact('documented', 'Addresses alone.', 'Microsoft, RSS hashing types'),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact('memory', 'Off, and ethtool has no xfrm for it.', 'not confirmed'),
    ethtool: fact('memory', 'UDP: sd or sdfn. All others stay as they are.', 'as ixgbe'),
  },
};
