import { fact, type NicProfile } from './profile.ts';

const LIB = 'drivers/net/ethernet/intel/ice/ice_lib.c, default_rss_cfgs';

export const ICE: NicProfile = {
  name: 'ice',
  title: 'Intel E810, driver ice, with the COMMS package',
  variant: 'plain',
  keyLengths: [52],
  table: { sizes: [512, 2048, 128, 64], size: () => 512 },
  hfuncs: ['toeplitz'],
  xfrms: ['none', 'symmetric-xor'],
  fields: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sd', esp: 'fn', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sdfn' },
  tunnels: 0,
  approximate: [
    {
      classes: ['esp'],
      says: 'that the SPI is hashed is known, where it stands in the input is not; shown at its beginning',
    },
  ],
  facts: {
    key: fact(
      'verified',
      '52 bytes. 40 bytes and twelve zeros hash the same.',
      'ice.h, ICE_VSIQF_HKEY_ARRAY_SIZE; mOS issue 17',
    ),
    table: fact(
      'verified',
      'Sizes of 64 (VF), 128, 512 and 2048; which of them a PF has depends on its capabilities: look with ethtool -x, then give --table-size.',
      'ice_adminq_cmd.h, enum ice_lut_size',
    ),
    tcp: fact('verified', 'Addresses and ports.', LIB),
    udp: fact('verified', 'Addresses and ports.', LIB),
    sctp: fact('verified', 'Addresses.', LIB),
    esp: fact(
      'verified',
      'The SPI alone, without addresses; only with the COMMS package: where that is missing the driver goes on silently, and it is addresses (esp=sd).',
      `${LIB}; 86006f996346`,
    ),
    ah: fact('verified', 'Has no profile of its own: addresses.', LIB),
    natt: fact('verified', 'Linux sets up no profile for it: UDP. The device could (DPDK has NAT_T_ESP).', LIB),
    fragments: fact('memory', 'Addresses alone.', 'not confirmed'),
    tunnels: fact(
      'memory',
      'The outer packet. With a tunnel device of Linux the inner headers may be hashed: --level inner shows that.',
      'not confirmed',
    ),
    symmetry: fact('documented', 'Off; xfrm symmetric-xor from 6.8 on.', 'ethtool ABI, RXH_XFRM_SYM_XOR'),
    ethtool: fact(
      'verified',
      'Letters of TCP, UDP and SCTP (and of GTP, which is not modelled). Other types are refused.',
      'ice_ethtool.c, ice_parse_hdrs and ice_parse_hash_flds',
    ),
  },
};
