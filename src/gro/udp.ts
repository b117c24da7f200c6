/** GRO's rules for UDP: Linux's `udp_gro_receive_segment`. */
export const UDP_HEADER = 8;
/** Datagrams of a super-packet at most: `UDP_GRO_CNT_MAX`. */
export const UDP_MOST = 64;
