/** Cases of the corpus that are not run here, each with its reason. First match wins. */
export const OUT_OF_REACH: readonly (readonly [RegExp, string])[] = [
  [/^gro_off$/, 'GRO switched off: nothing to run'],
  [
    /^poll_timeout/,
    'gro_flush_timeout by kernel timers: test/lane/flush-timeout.test.ts has it by the clock of packets',
  ],
  [/^tcp_fraglist/, 'rx-gro-list: another way of merging, which keeps every header'],
  [/^esp_nooffload/, 'esp4_offload unloaded: ESP is opened behind GRO'],
];
