import { TUNNELS_IP } from '../../wire/tunnel.ts';
import { fact, type NicProfile } from './profile.ts';

const RSS = 'drivers/net/ethernet/mellanox/mlx5/core/en/rss.c, rss_default_config';

export const MLX5: NicProfile = {
  name: 'mlx5',
  title: 'NVIDIA ConnectX-4 and newer, driver mlx5_core',
  variant: 'plain',
  keyLengths: [40],
  table: {
    sizes: [256, 512, 1024, 2048, 128],
    size: (queues) => Math.min(2048, Math.max(256, 2 ** Math.ceil(Math.log2(2 * queues)))),
  },
  hfuncs: ['toeplitz'],
  xfrms: ['symmetric-or-xor', 'none'],
  fields: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sd', esp: 'sdfn', ah: 'sdfn', natt: 'udp', ip: 'sd' },
  settable: { tcp: 'sdfn', udp: 'sdfn' },
  tunnels: TUNNELS_IP,
  approximate: [
    {
      classes: ['esp', 'ah'],
      says: 'that addresses and SPI are hashed is known, how is not, under the symmetric mode above all; shown as if the halves of the SPI were ports',
    },
  ],
  facts: {
    key: fact('verified', 'ethtool takes 40 bytes, no more and no less.', 'DPDK usertools/dpdk-rss-flows.py; en/rss.c'),
    table: fact(
      'verified',
      'The power of two from twice the channels on, 256 at least; kernels before that rule had 128. DPDK takes N entries if N is a power of two, else 512.',
      'core/en/rqt.c, mlx5e_rqt_size; DPDK usertools/dpdk-rss-flows.py',
    ),
    tcp: fact('verified', 'Addresses and ports.', RSS),
    udp: fact('verified', 'Addresses and ports.', RSS),
    sctp: fact('verified', 'Has no traffic type of its own: addresses, as any IP.', RSS),
    esp: fact('verified', 'Addresses and SPI, on by default, IPv4 and IPv6.', RSS),
    ah: fact('verified', 'Addresses and SPI, on by default, IPv4 and IPv6.', RSS),
    natt: fact('memory', 'Not looked into: UDP. There is no traffic type for it in that table.', RSS),
    fragments: fact('memory', 'Addresses alone.', 'not confirmed'),
    tunnels: fact(
      'memory',
      'The inner packet of GRE and IP in IP where the firmware can (inner_ft_support), the outer one of VXLAN and its like.',
      'core/en/rss.c, inner_ft_support; which protocols: not confirmed',
    ),
    symmetry: fact(
      'verified',
      'On by default; newer kernels show it as symmetric-or-xor, and xfrm none turns it off.',
      'core/en/rss.c, mlx5e_rss_params_init; core/en_ethtool.c, RXH_XFRM_SYM_OR_XOR; 5ebfb4cc3048',
    ),
    ethtool: fact(
      'documented',
      'Letters of TCP and UDP. Those of esp, ah and sctp are refused. hfunc xor is 8 bits wide and stands in reverse in the index: not modelled.',
      'netdev, answer on mlx5 and esp4, 2021; core/en_ethtool.c',
    ),
  },
};
