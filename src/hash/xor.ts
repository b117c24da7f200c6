/**
 * The `xor` of `ethtool -X hfunc xor` and DPDK's SIMPLE_XOR, neither of which says more than its name. Here it is the XOR of
 * the input's 32-bit words in network order, the last one filled up with zeros: the widest reading. NICs differ: mlx5's is 8 bits
 * wide and its bits stand in reverse in the index (`MLX5_RX_HASH_FN_INVERTED_XOR8`, `mlx5e_bits_invert`), which is a matter
 * of a NIC profile, not of the hash.
 */

/** Hash of `len` bytes at `off`, as an int32. */
export function xorHash(bytes: Uint8Array, off: number, len: number): number {
  let hash = 0;
  for (let i = 0; i < len; i++) hash ^= bytes[off + i] << (24 - ((i & 3) << 3));
  return hash;
}
