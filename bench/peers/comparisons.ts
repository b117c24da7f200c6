/** Which of our cases stands beside which peer, and what the ratio shall be at most. */

export interface Peer {
  readonly name: 'dpdk' | 'openssl' | 'ipsec-mb' | 'c';
  /** The program of `src/`, its case, and the input of `inputs.ts`. */
  readonly program: string;
  readonly case: string;
  readonly input: string;
  /** The performance budget: ours over the peer's. Absent: none is set. */
  readonly target?: number;
}

export interface Comparison {
  /** A case of ours: its question and name. */
  readonly question: string;
  readonly case: string;
  readonly peers: readonly Peer[];
}

const dpdk = (program: string, name: string, input: string, target?: number): Peer => ({
  name: 'dpdk',
  program,
  case: name,
  input,
  ...(target === undefined ? {} : { target }),
});
const evp = (input: string, target?: number): Peer => ({ ...dpdk('evp', input, input, target), name: 'openssl' });
const plainC = (name: string, input: string): Peer => ({ ...dpdk('toeplitz', name, input), name: 'c' });
const ipsecMb: Peer = { name: 'ipsec-mb', program: 'ipsec_mb', case: 'gcm256', input: 'gcm256' };

/**
 * The peer puts 32 packets into one ring at a time. We put a burst into the rings of four lanes at once, so a burst of 128 is the same:
 * about 32 for each.
 */
export const comparisons: readonly Comparison[] = [
  {
    question: 'hash',
    case: 'toeplitz_v4',
    peers: [
      dpdk('toeplitz', 'gfni12', 'tuples12'),
      dpdk('toeplitz', 'softrss12', 'tuples12'),
      plainC('table12', 'tuples12'),
    ],
  },
  {
    question: 'hash',
    case: 'toeplitz_v6',
    peers: [
      dpdk('toeplitz', 'gfni36', 'tuples36'),
      dpdk('toeplitz', 'softrss36', 'tuples36'),
      plainC('table36', 'tuples36'),
    ],
  },
  { question: 'classify', case: 'classify_64_uniform_kernel', peers: [dpdk('steer', 'gfni', 'uniform', 1)] },
  { question: 'classify', case: 'classify_64_mix_kernel', peers: [dpdk('steer', 'gfni', 'mix', 1.5)] },
  {
    question: 'dispatch',
    case: 'dispatch_uniform_burst128',
    peers: [dpdk('steer', 'gfni_ring', 'uniform', 1.5), dpdk('steer', 'softrss_ring', 'uniform')],
  },
  { question: 'dispatch', case: 'dispatch_mix_burst128', peers: [dpdk('steer', 'gfni_ring', 'mix', 1.5)] },
  { question: 'gro', case: 'gro_1flow_good', peers: [dpdk('gro', 'tcp4', '1flow', 2)] },
  { question: 'gro', case: 'gro_16flow_good', peers: [dpdk('gro', 'tcp4', '16flows', 2)] },
  { question: 'gro', case: 'gro_1flow_verify', peers: [dpdk('gro', 'tcp4', '1flow')] },
  { question: 'gro', case: 'gro_16flow_verify', peers: [dpdk('gro', 'tcp4', '16flows')] },
  {
    question: 'esp',
    case: 'open_gcm256_1400_ipsec-mb',
    peers: [dpdk('esp', 'aesni_mb-gcm256', 'gcm256', 2), ipsecMb],
  },
  {
    question: 'esp',
    case: 'open_gcm256_1400_ipsec-mb_burst',
    peers: [dpdk('esp', 'aesni_mb-gcm256', 'gcm256', 2), ipsecMb],
  },
  {
    question: 'esp',
    case: 'open_gcm256_1400_openssl',
    peers: [evp('gcm256', 2), dpdk('esp', 'openssl-gcm256', 'gcm256')],
  },
  {
    question: 'esp',
    case: 'open_ccm128_1400_ipsec-mb_burst',
    peers: [dpdk('esp', 'aesni_mb-ccm128', 'ccm128'), evp('ccm128')],
  },
  { question: 'esp', case: 'open_ccm128_1400_openssl', peers: [evp('ccm128')] },
  {
    question: 'esp',
    case: 'open_chacha20poly1305_1400_ipsec-mb_burst',
    peers: [dpdk('esp', 'aesni_mb-chacha20poly1305', 'chacha20poly1305'), evp('chacha20poly1305')],
  },
  { question: 'esp', case: 'open_chacha20poly1305_1400_openssl', peers: [evp('chacha20poly1305')] },
  { question: 'esp', case: 'open_null_none_1400_node', peers: [dpdk('esp', 'null-null', 'null')] },
];
