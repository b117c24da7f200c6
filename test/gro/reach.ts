/** Cases of the corpus that GRO does not run here, each with its reason. First match wins. */
export const OUT_OF_REACH: readonly (readonly [RegExp, string])[] = [
  [/^gro_off$/, 'GRO switched off: nothing to run'],
  [/^poll_timeout/, 'gro_flush_timeout: packets held over polls, by kernel timers'],
  [/^tcp_fraglist/, 'rx-gro-list: another way of merging, which keeps every header'],
  [/^st_(ipip|ip6ip6)_/, 'tunnels: IP in IP'],
  [/^tun_/, 'tunnels: VXLAN, Geneve, GRE, IP in IP, MPLS, PPPoE'],
  [/^udp_(fwd|sock|list)/, 'UDP coalescing'],
  [/^esp_/, 'ESP: decrypted first, which the lane does'],
];
